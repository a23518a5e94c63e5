"""Single-stream TCP send rate of every system under every profile, in numbers."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, printed
from meshbench.figures.drawing.measured import Measure
from meshbench.figures.drawing.tabular import Table

TITLE = "Single-stream TCP by profile"
TABLES = ("measures",)
BENCHMARKS = ("tcp",)
MEASURE = Measure("tcp", "send_rate", "Mbit/s", measured.MBIT)


def tabulate(data: Data, context: Context) -> Table:
    """A row per system, a column per profile."""
    return printed.by_profile(data, context, MEASURE, "mbit_s", "\\mega\\bit\\per\\second")


def caption(data: Data, context: Context) -> str:
    """What the numbers are, and the extremes of each profile."""
    what = "Send rate of one TCP stream per direction."
    return printed.caption(data, context, MEASURE, what, higher_is_better=True)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
