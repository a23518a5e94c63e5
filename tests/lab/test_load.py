"""Programs beside the lab on its machine are noticed, and a lab alone is not accused."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshbench.results.records import Record
from meshbench.runner import marks
from meshbench.testbed.lab.lab import Lab
from tests.lab import support

BUSY_S = 60
"""A loop that a killed test leaves behind ends by itself."""
QUIET = 0.85
QUIET_LIMIT_S = 30.0


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """So many programs that only burn CPU time, as a browser or a compiler beside the lab would."""
    words = ["timeout", str(BUSY_S), "sh", "-c", "while :; do :; done"]
    # Not of this run, whose processes bear its mark.
    others = {key: value for key, value in os.environ.items() if not key.startswith("MESHBENCH")}
    running = [subprocess.Popen(words, env=others) for _ in range(loops)]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait()


def idle_share(window_s: float = 1.0) -> float:
    """How much of the CPUs' time nobody wants."""

    def ticks() -> list[int]:
        line = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
        return [int(word) for word in line.split()[1:9]]

    before = ticks()
    time.sleep(window_s)
    spent = [later - earlier for earlier, later in zip(before, ticks(), strict=True)]
    return (spent[3] + spent[4]) / sum(spent)


def wait_until_quiet() -> None:
    """Skip by name where others use this machine all the time: there is no lab alone on it then."""
    end = time.monotonic() + QUIET_LIMIT_S
    while (idle := idle_share()) < QUIET:
        if time.monotonic() > end:
            pytest.skip(f"others use this machine: idle {idle:.0%}, not {QUIET:.0%}")


def measured(store: Path) -> Record:
    return support.measured(support.job("internal", count=30, interval_s=0.1), store)


def load_marks(record: Record) -> list[str]:
    words = ("other programs took", "something waited", "meshbench itself")
    return [mark for mark in record.marks if mark.startswith(words)]


def test_busy_programs_beside_a_cell_are_marked(lab: Lab, store: Path) -> None:
    assert lab.running()
    # One more than there are CPUs, so that something always waits for one.
    with busy((os.cpu_count() or 2) + 1):
        record = measured(store)
    used = record.testbed.facts["cpu"]
    assert used["outside"] > marks.OUTSIDE, used
    assert any(mark.startswith("other programs took") for mark in load_marks(record)), used
    assert any(mark.startswith("something waited") for mark in load_marks(record)), used


@pytest.mark.flaky(reruns=2, reruns_delay=5)
def test_a_cell_that_has_the_machine_to_itself_is_not_marked(lab: Lab, store: Path) -> None:
    assert lab.running()
    measured(store)
    wait_until_quiet()
    record = measured(store)
    assert load_marks(record) == [], record.testbed.facts["cpu"]
