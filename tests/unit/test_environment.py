"""One truth about what is installed: pyproject.toml, the lock and environment.yml agree."""

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from meshbench.testbed.lab import machine
from tests.fresh.machines import BEFOREHAND

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]


def locked() -> dict[str, Version]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): Version(version) for name, _, version in pins}


def test_the_lock_pins_everything_that_is_asked_for() -> None:
    pins = locked()
    for text in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]):
        wanted = Requirement(text)
        assert pins[canonicalize_name(wanted.name)] in wanted.specifier, text


def test_conda_users_get_the_same_packages_as_pip_users() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, pip, through_pip = environment["dependencies"]
    assert (pip, through_pip) == ("pip", {"pip": ["-r requirements.lock", "-e ."]})
    version = python.removeprefix("python=")
    assert f"{version}.0" in Requirement(f"python{PROJECT['requires-python']}").specifier


def test_the_snakefile_asks_for_no_newer_snakemake_than_the_locked_one() -> None:
    snakefile = (ROOT / "Snakefile").read_text(encoding="utf-8")
    [wanted] = re.findall(r'^min_version\("([\d.]+)"\)', snakefile, re.MULTILINE)
    assert Version(wanted) <= locked()["snakemake"]
    [asked] = [r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "snakemake"]
    assert wanted in asked.specifier


def test_ci_installs_and_new_machines_have_what_a_user_is_told_to_install_and_no_more() -> None:
    in_readme, done = (
        re.findall(r"apt-get install\s([^`\n]+)", (ROOT / file).read_text(encoding="utf-8"))
        for file in ("README.md", ".ci/run")
    )
    [words] = in_readme
    [options] = done
    installed = [word for word in options.split() if not word.startswith("-")]
    assert set(words.split()) == set(installed) == set(BEFOREHAND.split(","))


def test_setting_up_brings_every_program_that_the_lab_asks_for() -> None:
    brought = (ROOT / "apt-packages.txt").read_text(encoding="utf-8").splitlines()
    essential = {"mount", "util-linux"}
    assert set(machine.PACKAGES.values()) - essential <= set(brought)
