"""Trouble of our own: told in a sentence, never a result; a full disk ends the run."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshbench.results import records
from meshbench.workflow import space
from tests.workflow.checkout import ROOT, Checkout

CAMPAIGN = (ROOT / "tests" / "workflow" / "killed.yaml").read_text(encoding="utf-8")
SLOW = json.dumps({"seconds_per_command": 0.3})
LIMIT_S = 240.0
ENOUGH = "120m"
"""For the sources, and for what a run may need."""


def test_a_failure_of_ours_is_told_in_a_sentence_and_its_traceback_is_in_the_log(
    tmp_path: Path,
) -> None:
    checkout = Checkout.make(tmp_path / "checkout", CAMPAIGN)
    ran = checkout.tries(MESHBENCH_FAKE=json.dumps({"unreachable": ["yuki"]}))
    assert ran.status != 0
    lines = ran.text.splitlines()
    failed = [line for line in lines if line.startswith("failed: ")]
    cell = "wireguard/stock/low/ping/1"
    log = f"logs/trial/measure/{cell}/{checkout.places()[cell].stem}.log"
    assert f"failed: measure wireguard low ping, round 1; log: {log}" in failed
    assert lines.count("yuki: no SSH to a fake host") == len(failed)
    for word in ("Traceback", "RuleException", "CalledProcessError", "Error in rule"):
        assert word not in ran.text
    assert "Traceback" in (checkout.path / log).read_text()
    assert checkout.records() == {}


def test_a_job_that_is_ended_by_a_signal_says_so(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout", CAMPAIGN)
    checkout.append(
        "scripts/bundle.py", "\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = checkout.call("snakemake", "--cores", "1", "bundle")
    assert done.returncode != 0
    assert "a job was ended by <Signals.SIGKILL: 9>" in done.stdout
    assert "failed: the figures' shared JavaScript; log: logs/trial/bundle.log" in done.stdout


def mounted(folder: Path, size: str) -> Iterator[Path]:
    """A disk of its own, for the length of a test."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "tiny", "40m")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    yield from mounted(tmp_path / "small", ENOUGH)


def test_a_disk_without_room_for_the_run_is_refused_before_it_starts(tiny: Path) -> None:
    checkout = Checkout.make(tiny / "checkout", CAMPAIGN)
    ran = checkout.tries()
    assert ran.status != 0
    needed = (space.RUN_BYTES + (4 + 1) * space.CELL_BYTES) / 1e6
    needs_mb = re.findall(
        r"^the disk of results/ has \d+ MB free and this run needs (\d+) MB: ",
        ran.text,
        re.MULTILINE,
    )
    assert needs_mb == [f"{needed:.0f}"]
    assert "Traceback" not in ran.text
    assert ran.jobs == ()
    assert checkout.records() == {}


def fill(folder: Path) -> Path:
    """Take all that a disk has left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(65_536))
        except OSError:
            pass
    return filler


def fill_up(*files: Path) -> None:
    """Take what is left of the last pages of files, so that nothing more can be written to them."""
    for file in files:
        with contextlib.suppress(OSError), file.open("ab", buffering=0) as stream:
            while True:
                stream.write(b"\n")


def test_a_disk_that_fills_up_ends_the_run_in_a_sentence(small: Path, tmp_path: Path) -> None:
    checkout = Checkout.make(small / "checkout", CAMPAIGN)
    words = [str(Path(sys.executable).parent / "snakemake"), "--cores", "1", "figures/all"]
    output = tmp_path / "output.txt"
    with output.open("w") as stream:
        process = subprocess.Popen(
            words, cwd=checkout.path, env=checkout.environment(MESHBENCH_FAKE=SLOW),
            stdout=stream, stderr=stream,
        )  # fmt: skip
    try:
        end = time.monotonic() + LIMIT_S
        while len(checkout.records()) < 1:
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < end, output.read_text()
            time.sleep(0.02)
        kept, filler = checkout.records(), fill(small)
        fill_up(*checkout.path.glob(".snakemake/log/*.log"))
        assert process.wait(LIMIT_S) != 0
    finally:
        process.kill()
        process.wait()
    text = output.read_text()
    assert text.count("The run ends here: the disk of results/ has 0 MB free") == 1
    assert "Traceback" not in text
    begun = re.findall(r"^\[.*\] (measure .*), about", text, re.MULTILINE)
    assert len(set(begun)) == len(kept) + 1, "no cell was begun after the one that failed"
    assert checkout.records() == kept
    for path in checkout.raw.rglob("*"):
        assert path.is_dir() or records.read(path)
    filler.unlink()
    checkout.run()
    assert kept.items() <= checkout.records().items()
