"""Where the time of a job goes: every second to one part."""

import itertools

import pytest

from meshbench.results.records import Spent
from meshbench.runner.stopwatch import Stopwatch


def test_all_time_goes_to_the_part_that_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    times = itertools.accumulate([0, 1, 2, 4, 8], initial=100.0)
    monkeypatch.setattr("time.monotonic", lambda: next(times))
    next(times)
    watch = Stopwatch("opening_s")
    watch.turn("evidence_s")
    watch.turn("measuring_s")
    watch.turn("evidence_s")
    assert watch.read() == Spent(opening_s=1, evidence_s=10, measuring_s=4)
