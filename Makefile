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
# Two processes; a file's tests stay in one, as what they share does.
SIDE_BY_SIDE := -n 2 --dist loadfile
# Without a home that one may write to, what pip, uv and Snakemake keep stays here.
ifndef XDG_CACHE_HOME
ifneq ($(shell [ -w ~/.cache -o ! -e ~/.cache -a -w ~ ] || echo none),)
export XDG_CACHE_HOME := $(CURDIR)/$(VENV)/cache
endif
endif

# Snakemake takes braces for wildcards, and a virtual environment cannot be in a folder with a colon.
ifneq (,$(findstring {,$(CURDIR))$(findstring },$(CURDIR))$(findstring :,$(CURDIR)))
$(error the folder $(CURDIR) has a brace or a colon in its name, which Snakemake or Python cannot work in: rename it)
endif

.PHONY: figures test claims checks plan lab-down clean-hosts lint types unit workflow lab fresh conformance performance fuzz format schema docs lock setup python packages help

figures: setup ## set everything up, measure what is missing, draw
	$(BIN)/snakemake --cores $(CORES) figures/all --configfile $(CONFIGFILE)

test: setup lint types unit-workflow-lab ## what CI runs

plan: setup ## cells in their order, what is reused, how long it takes
	$(BIN)/python -m meshbench --configfile $(CONFIGFILE) plan

claims: setup ## the thesis's 216 numbers recomputed from its data; fails while one differs
	$(BIN)/snakemake --cores $(CORES) claims --configfile config/published.yaml
	$(BIN)/python -m meshbench claims published $(CLAIMS) --queries config/claims/thesis.yaml

checks: setup ## the sanity rules' findings of a campaign (CAMPAIGN=quick)
	$(BIN)/python -m meshbench rules $(CAMPAIGN)

lab-down: setup ## take the lab away
	$(BIN)/python -m meshbench --configfile $(CONFIGFILE) lab down

clean-hosts: setup ## take everything of meshbench off your own hosts (CONFIGFILE's testbed, kind ssh)
	$(BIN)/python -m meshbench --configfile $(CONFIGFILE) hosts clean

setup: packages $(VENV)/ready ## the system packages and the Python environment

# Looked at before anything is installed.
python:
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11) and "meshbench needs Python 3.11 or newer (Debian 12, Ubuntu 24.04), and python3 is %d.%d" % sys.version_info[:2])'

# Only what is missing is installed, and only by root: a testbed of kind ssh needs none of it.
packages: python
	@missing=$$(dpkg-query -W -f '$${db:Status-Abbrev} $${Package}\n' $(APT) 2>/dev/null \
	    | awk '/^ii/ {print $$2}' | sort | comm -13 - <(printf '%s\n' $(APT) | sort)); \
	if [ -z "$$missing" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get > /dev/null; then \
	    apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $$missing; \
	else echo "not installed, and the lab needs them (as root: apt-get install):" $$missing >&2; fi

# In a virtual environment of its own, from the lock only; anew when its Python has gone or when it
# was made for another folder.
whole := $(shell $(BIN)/python -I -c 'import os, meshbench; \
    print(os.path.realpath(meshbench.__file__) == os.path.realpath("scripts/meshbench/__init__.py") or "")' 2> /dev/null)

$(VENV)/ready: requirements.lock pyproject.toml $(if $(whole),,FORCE) | packages
	@python3 -c 'import ensurepip, os, sys, sysconfig; \
	    sys.version_info < (3, 14) or os.stat(sysconfig.get_path("include") + "/Python.h")' 2> /dev/null \
	    || { echo "python3 cannot make the environment yet; as root: apt-get install python3-venv" \
	    "(from Python 3.14 on also gcc libc6-dev python3-dev)" >&2; exit 1; }
	python3 -m venv $(if $(whole),,--clear) $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps \
	    --requirement requirements.lock --editable .
	touch $@

FORCE:

lint: setup ## ruff, snakefmt, snakemake --lint, imports run downwards
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint
	$(BIN)/lint-imports --no-logo

types: setup ## mypy --strict
	$(BIN)/mypy

format: setup ## let the formatters have their way
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/snakefmt Snakefile rules

# The lab measures, so its tests have the machine for themselves; the others share two cores.
# The summaries once more at the end: libraries have things to say while the interpreter exits.
unit-workflow-lab: setup
	@mkdir -p build; set -o pipefail; status=0; \
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/unit tests/workflow | tee build/pytest.log || status=$$?; \
	$(BIN)/pytest tests/lab | tee build/lab.log || status=$$?; \
	tail -q -n 1 build/pytest.log build/lab.log; exit $$status

unit workflow: setup ## one kind of test
	$(BIN)/pytest $(SIDE_BY_SIDE) tests/$@

lab: setup ## those with real hosts
	$(BIN)/pytest tests/lab

fresh: setup ## what is committed here sets itself up on new machines of Debian and Ubuntu
	$(BIN)/pytest tests/fresh

conformance: setup ## all VPNs through every trouble, all benchmarks (hours; builds what is not there)
	MESHBENCH_FULL=1 $(BIN)/pytest tests/lab

performance: setup ## ratios on this machine, not part of CI
	$(BIN)/pytest -s tests/performance

fuzz: setup ## a thousand odd examples each: outputs of tools and daemons, records, published files and runs
	HYPOTHESIS_PROFILE=thorough $(BIN)/pytest tests/unit/test_tools_fuzz.py tests/unit/test_published_fuzz.py

schema: setup ## regenerate the JSON schemas of the configuration
	$(BIN)/python -m meshbench schema

docs: setup ## regenerate the pages of docs/ that are made from the code: VPNs, metrics, tables
	$(BIN)/python -m meshbench docs

lock: ## renew requirements.lock from pyproject.toml
	$(BIN)/uv pip compile -q --python-version 3.11 --extra dev pyproject.toml -o requirements.lock \
	    --no-annotate --custom-compile-command "make lock"

help: ## this text
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14
