"""Time until the QUIC handshake was done, by profile, in numbers."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, printed
from meshbench.figures.drawing.measured import Measure
from meshbench.figures.drawing.tabular import Table

TITLE = "QUIC connection set-up by profile in numbers"
TABLES = ("measures",)
BENCHMARKS = ("quic",)
MEASURE = Measure("quic", "quic_connect", "ms")


def tabulate(data: Data, context: Context) -> Table:
    """A row per system, a column per profile."""
    return printed.by_profile(data, context, MEASURE, "ms", "\\milli\\second")


def caption(data: Data, context: Context) -> str:
    """What the numbers are, and the extremes of each profile."""
    what = "Until the QUIC handshake was done."
    return printed.caption(data, context, MEASURE, what, higher_is_better=False)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
