"""Figures about what TCP sends again, and the reordering that it sees."""

from meshbench.figures.contract import ANALYSED, TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import ByProfile, Measure

FIGURES = (
    Figure(
        "tcp_retransmits", "TCP retransmits", tables=("retransmits", *ANALYSED), benchmarks=("tcp",)
    ),
    Figure(
        "retransmit_correlations",
        "Retransmits, windows and throughput",
        benchmarks=("tcp",),
        first_profile=True,
    ),
    Figure(
        "retransmit_parallel",
        "Retransmits of single-stream and simultaneous TCP",
        formats=TABLE_FORMATS,
        benchmarks=("tcp", "tcp_parallel"),
        together=True,
    ),
    Figure(
        "retransmit_profiles",
        "TCP retransmit rate by profile",
        formats=TABLE_FORMATS,
        benchmarks=("tcp",),
        module="drawing.printed",
        of=ByProfile(
            Measure("tcp", "retransmit_rate", "%"),
            "Segments sent again of estimated segments sent (bytes sent over that connection's MSS).",
        ),
    ),
    Figure(
        "reordering_seen",
        "Reordering seen by TCP",
        tables=("measures", "impairment_settings", *ANALYSED),
        benchmarks=("tcp",),
    ),
)
