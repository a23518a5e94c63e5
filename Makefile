# make figures: measure and draw · make test: lint, types and all tests · make help: the rest
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
CORES ?= 1
CONFIGFILE ?= config/config.yaml
CAMPAIGN ?= quick
CLAIMS ?= ../shared/data/thesis-claims.csv
APT := $(shell grep -v '^\#' apt-packages.txt)
SOURCES := scripts tests

.PHONY: figures test claims checks plan lab-down lint types unit workflow lab fuzz performance format schema cards lock setup help

figures: setup ## set everything up, measure what is missing, draw
	$(BIN)/snakemake --cores $(CORES) figures/all --configfile $(CONFIGFILE)

test: setup lint types unit-workflow-lab ## what CI runs

plan: setup ## cells in their order, what is reused, how long it takes
	$(BIN)/python -m meshbench --configfile $(CONFIGFILE) plan

claims: setup ## the thesis's 216 numbers recomputed from its data; fails while one differs
	$(BIN)/snakemake --cores $(CORES) claims --configfile config/published.yaml
	$(BIN)/python -m meshbench.checks claims published $(CLAIMS) --queries config/claims/thesis.yaml

checks: setup ## the sanity rules' findings of a campaign (CAMPAIGN=quick)
	$(BIN)/python -m meshbench.checks rules $(CAMPAIGN)

lab-down: setup ## take the lab away
	$(BIN)/python -m meshbench --configfile $(CONFIGFILE) lab down

setup: $(VENV)/ready .apt-ready ## the Python environment and the system packages

# In a virtual environment of its own, from the lock only.
$(VENV)/ready: requirements.lock pyproject.toml
	python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "meshbench needs Python 3.11 or newer")'
	python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --requirement requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

# Only what is missing is installed, and only by root: a testbed of kind ssh needs none of it.
.apt-ready: apt-packages.txt
	@missing=$$(dpkg-query -W -f '$${db:Status-Abbrev} $${Package}\n' $(APT) 2>/dev/null \
	    | awk '/^ii/ {print $$2}' | sort | comm -13 - <(printf '%s\n' $(APT) | sort)); \
	if [ -z "$$missing" ]; then touch $@; \
	elif [ "$$(id -u)" = 0 ]; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing && touch $@; \
	else echo "not installed: $$missing; the lab needs them (as root: apt-get install $$missing)"; fi

lint: setup ## ruff, snakefmt, snakemake --lint
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint

types: setup ## mypy --strict
	$(BIN)/mypy

format: setup ## let the formatters have their way
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/snakefmt Snakefile rules

# The summary once more at the end: libraries have things to say while the interpreter exits.
unit-workflow-lab: setup
	@mkdir -p build; set -o pipefail; \
	$(BIN)/pytest | tee build/pytest.log; status=$$?; tail -n 1 build/pytest.log; exit $$status

unit workflow lab: setup ## one kind of test
	$(BIN)/pytest tests/$@

fuzz: setup ## 1,000 odd examples of each kind of published file, and of whole runs up to their figures
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest tests/unit/test_published_fuzz.py

performance: setup ## ratios on this machine, not part of CI
	$(BIN)/pytest -s tests/performance

schema: setup ## regenerate the JSON schemas of the configuration
	$(BIN)/python -m meshbench schema

cards: setup ## regenerate docs/vpns.md from the drivers
	$(BIN)/python -m meshbench cards docs/vpns.md

lock: ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile -q --python-version 3.11 --extra dev pyproject.toml -o requirements.lock \
	    --no-annotate --custom-compile-command "make lock"

help: ## this text
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14
