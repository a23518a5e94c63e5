"""RIST link quality of every system under every profile, in numbers."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, printed
from meshbench.figures.drawing.measured import Measure
from meshbench.figures.drawing.tabular import Table

TITLE = "RIST link quality by profile in numbers"
TABLES = ("measures",)
BENCHMARKS = ("rist",)
MEASURE = Measure("rist", "rist_quality", "%", measured.PERCENT)


def tabulate(data: Data, context: Context) -> Table:
    """A row per system, a column per profile."""
    return printed.by_profile(data, context, MEASURE, "percent", "\\percent")


def caption(data: Data, context: Context) -> str:
    """What the numbers are, and the extremes of each profile."""
    what = "Share of RIST packets that needed no recovery."
    return printed.caption(data, context, MEASURE, what, higher_is_better=True)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
