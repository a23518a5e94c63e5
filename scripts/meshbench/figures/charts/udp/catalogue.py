"""Figures about unlimited UDP, and about why it so often gives no value."""

from meshbench.figures.contract import ANALYSED, TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import OVERLOAD_MODES, ByProfile, Measure, SideBySide

_GOODPUT = ByProfile(
    Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES),
    "UDP goodput at the receiver of a sender without a rate limit.",
)
_MEASURED_HERE = ("udp", "calibration")
"""Of what was imported there is neither a search nor a counter of the hosts."""
_SEARCH = SideBySide(
    (
        ("search", Measure("udp", "udp_capacity", "Mbit/s")),
        ("overload", Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES)),
    ),
    "UDP goodput at the receiver: at the highest rate whose loss a search let pass (after RFC 9097), and of a "
    "sender without a rate limit, whose own host drops most of it.",
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
    Figure(
        "udp_loss_places",
        "Where UDP datagrams were lost",
        tables=("measures",),
        benchmarks=_MEASURED_HERE,
        together=True,
    ),
    Figure(
        "udp_search",
        "UDP: the rate that a search finds beside overload",
        benchmarks=_MEASURED_HERE,
        together=True,
        module="drawing.side_by_side",
        of=_SEARCH,
    ),
    Figure(
        "udp_sizes",
        "UDP payload, MTUs and MSS",
        tables=("measures", "links", *ANALYSED),
        formats=TABLE_FORMATS,
        benchmarks=("udp",),
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
