"""Figures about QUIC, alone and beside UDP."""

from meshbench.figures.contract import TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import ByProfile, Measure

FIGURES = (
    Figure("connection_setup", "QUIC connection set-up", benchmarks=("quic",)),
    Figure(
        "connection_setup_table",
        "QUIC connection set-up by profile in numbers",
        formats=TABLE_FORMATS,
        benchmarks=("quic",),
        module="drawing.printed",
        of=ByProfile(Measure("quic", "quic_connect", "ms"), "Until the QUIC handshake was done."),
    ),
    Figure(
        "quic_table",
        "QUIC goodput by profile in numbers",
        formats=TABLE_FORMATS,
        benchmarks=("quic",),
        module="drawing.printed",
        of=ByProfile(
            Measure("quic", "quic_goodput", "Mbit/s"),
            "QUIC goodput, sum over the client's processes.",
        ),
    ),
    Figure("udp_quic", "UDP beside QUIC", benchmarks=("udp", "quic"), together=True),
)
