"""The Slurm profile: what it must say, and a real run through a queue where there is one."""

import importlib.util
import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshbench.workflow import hooks, summary
from tests.workflow.checkout import ROOT, Checkout, Ran

CAMPAIGN = """\
campaign: trial
testbed: fake
seed: 1
rounds: 1
vpns: [internal, wireguard]
profiles: [baseline]
figures: [rtt]
benchmarks:
  ping: {count: 5}
"""
SLURM = ("--workflow-profile", "profiles/slurm", "figures/all")
TESTBED_JOBS = 5
"""Two installed, one calibration, two cells."""
_ASKS = re.compile(
    r"^rule (\w+):\n(?:(?!^rule ).*\n)*?    resources:\n(?: +\w+=.*\n)*? +testbed=", re.MULTILINE
)


def profile(name: str) -> dict[str, Any]:
    text = (ROOT / "profiles" / name / "config.yaml").read_text(encoding="utf-8")
    settings: dict[str, Any] = yaml.safe_load(text)
    return settings


def rules_on_the_testbed() -> set[str]:
    files = (ROOT / "rules").glob("*.smk")
    return {rule for file in files for rule in _ASKS.findall(file.read_text(encoding="utf-8"))}


def test_exactly_the_rules_on_the_testbed_ask_for_its_licence_and_their_node() -> None:
    # Building takes the CPU that a lab measures with.
    assert rules_on_the_testbed() == hooks.TESTBED_RULES | {"package", "program"}
    asked = profile("slurm")["set-resources"]
    assert set(asked) == rules_on_the_testbed()
    for rule, resources in asked.items():
        # Quoted twice: Snakemake evaluates it as Python.
        words = resources["slurm_extra"].strip("'").split()
        assert words == ["--licenses=testbed:1", "--exclusive"], rule


def test_the_profile_says_whatever_the_default_one_says() -> None:
    queue = profile("slurm")
    assert {key: queue.get(key, "forgotten") for key in profile("default")} == profile("default")


def test_the_command_for_failed_cells_goes_to_the_queue_again() -> None:
    command = summary.again("--config rounds=1", hooks.manner(["--cores", "2", *SLURM, "-n"]))
    assert command == (
        "snakemake --workflow-profile profiles/slurm figures/all --config rounds=1 "
        "-R $(python -m meshbench failed --config rounds=1)"
    )
    assert hooks.manner(["--workflow-profile=a b"]) == "--workflow-profile 'a b'"
    assert hooks.manner(["--cores", "2", "figures/all"]) == summary.ONE_CORE


# --- through a queue ---------------------------------------------------------------------------


def said(*words: str) -> str:
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def lacking() -> str | None:
    """Why no run through Slurm can be tried here."""
    if not (shutil.which("sbatch") and shutil.which("scontrol")):
        return "Slurm is not installed (sbatch)"
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "the executor is not installed: uv pip install -e '.[slurm]'"
    if " is UP" not in said("scontrol", "ping"):
        return "no slurmctld answers"
    if "LicenseName=testbed" not in said("scontrol", "show", "licenses"):
        return "slurm.conf has no Licenses=testbed:1"
    return None


@dataclass(frozen=True, order=True)
class Job:
    """A Slurm job as squeue remembers it."""

    start: datetime
    end: datetime
    rule: str
    licences: str
    state: str


def jobs(folder: Path) -> list[Job]:
    """Every job that was submitted from a folder, in the order in which they ran."""
    lines = said("squeue", "--states=all", "--noheader", "--format=%Z|%S|%e|%k|%W|%T").splitlines()
    rows = [line.split("|") for line in lines]
    return sorted(
        Job(
            datetime.fromisoformat(start),
            datetime.fromisoformat(end),
            comment.removeprefix("rule_").partition("_wildcards_")[0],
            licences,
            state,
        )
        for at, start, end, comment, licences, state in rows
        if Path(at) == folder
    )


def through_slurm(checkout: Checkout, *words: str) -> Ran:
    return Ran.of_text(checkout.call("snakemake", *SLURM, *words))


def keys(value: Any, at: str = "") -> Iterable[str]:
    """Every path of keys in nested data: its shape."""
    if isinstance(value, dict):
        return {key for name, below in value.items() for key in keys(below, f"{at}.{name}")}
    if isinstance(value, list):
        return {key for below in value for key in keys(below, f"{at}[]")}
    return {at}


def shape(checkout: Checkout) -> dict[str, Iterable[str]]:
    return {cell: keys(json.loads(text)) for cell, text in checkout.records().items()}


def test_a_campaign_through_the_queue(tmp_path: Path) -> None:
    if reason := lacking():
        pytest.skip(reason)
    queued = Checkout.make(tmp_path / "queued", CAMPAIGN)
    # squeue remembers for a day, and a folder for tests may have had that name before.
    earlier = jobs(queued.path)
    ran = through_slurm(queued)
    assert ran.status == 0, ran.text
    # The end is the main process's, and comes once.
    assert ran.text.count("figures: figures/trial/") == 1

    mine = [job for job in jobs(queued.path) if job not in earlier]
    assert {job.state for job in mine} == {"COMPLETED"}
    licensed = [job for job in mine if job.rule in hooks.TESTBED_RULES]
    assert len(licensed) == TESTBED_JOBS
    assert {job.licences for job in licensed} == {"testbed:1"}
    assert {job.licences for job in mine if job not in licensed} == {"(null)"}
    overlaps = [
        (first, other) for first, other in combinations(mine, 2)
        if other.start < first.end and {first.rule, other.rule} & hooks.TESTBED_RULES
    ]  # fmt: skip
    assert overlaps == []

    again = through_slurm(queued)
    assert (again.status, again.jobs) == (0, ())
    assert "Nothing to be done" in again.text
    assert jobs(queued.path) == sorted([*earlier, *mine])

    local = Checkout.make(tmp_path / "local", CAMPAIGN)
    local.run()
    assert shape(queued) == shape(local)
