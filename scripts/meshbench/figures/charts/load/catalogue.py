"""Figures about latency under load."""

from meshbench.figures.contract import Figure
from meshbench.figures.drawing.measure import Measure, SideBySide

_PHASES = ("up", "down", "both")
_NAME = "latency_under_load"

FIGURES = (
    Figure(
        "under_load_time",
        "RTT over time while the link is idle and loaded",
        tables=("under_load_time", "measures"),
        benchmarks=(_NAME,),
    ),
    Figure(
        "added_delay",
        "Delay added by load",
        benchmarks=(_NAME,),
        module="charts.load.by_phase",
        of=SideBySide(
            tuple(
                (phase, Measure(_NAME, "added_delay_p95", "ms", modes=(f"{phase} inside",)))
                for phase in _PHASES
            ),
            "How far the 95th percentile of the RTT inside the tunnel lies above the median RTT of the "
            "idle tunnel while TCP fills it: up (the link's source sends), down, both at once.",
        ),
    ),
    Figure(
        "responsiveness",
        "Responsiveness under load",
        benchmarks=(_NAME,),
        module="charts.load.by_phase",
        of=SideBySide(
            tuple(
                (
                    phase,
                    Measure(_NAME, "round_trips_per_minute", "1/min", modes=(f"{phase} inside",)),
                )
                for phase in _PHASES
            ),
            "Round trips per minute inside the tunnel while TCP fills it, of ICMP echo without the slowest "
            "5 % (after draft-ietf-ippm-responsiveness): up (the link's source sends), down, both at once.",
        ),
    ),
)
