"""Figures about unlimited UDP, and about why it so often gives no value."""

from meshbench.figures.contract import TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import OVERLOAD_MODES, ByProfile, Measure

_GOODPUT = ByProfile(
    Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES),
    "UDP goodput at the receiver of a sender without a rate limit.",
)

FIGURES = (
    Figure(
        "udp_goodput",
        "UDP goodput by profile",
        benchmarks=("udp",),
        module="drawing.by_profile",
        of=_GOODPUT,
    ),
    Figure(
        "udp_table",
        "UDP goodput by profile in numbers",
        formats=TABLE_FORMATS,
        benchmarks=("udp",),
        module="drawing.printed",
        of=_GOODPUT,
    ),
    Figure("udp_impairment_heatmap", "UDP goodput across profiles (Mbit/s)", benchmarks=("udp",)),
    Figure(
        "udp_reasons",
        "UDP links without a value",
        tables=("links",),
        formats=TABLE_FORMATS,
        benchmarks=("udp",),
    ),
)
