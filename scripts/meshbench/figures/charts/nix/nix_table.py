"""Nix download time of every system under every profile, in numbers."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, printed
from meshbench.figures.drawing.measured import Measure
from meshbench.figures.drawing.tabular import Table

TITLE = "Nix download time by profile in numbers"
TABLES = ("measures",)
BENCHMARKS = ("nix_cache",)
MEASURE = Measure("nix_cache", "copy_time", "s")


def tabulate(data: Data, context: Context) -> Table:
    """A row per system, a column per profile."""
    return printed.by_profile(data, context, MEASURE, "s", "\\second")


def caption(data: Data, context: Context) -> str:
    """What the numbers are, and the extremes of each profile."""
    what = "Time of one copy of the closure; one that was cut off took longer than its limit."
    return printed.caption(data, context, MEASURE, what, higher_is_better=False)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
