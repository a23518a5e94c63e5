"""Figures about QUIC, alone and beside UDP."""

from meshbench.figures.contract import TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import OVERLOAD_MODES, ByProfile, Measure, SideBySide

_QUIC = Measure("quic", "quic_goodput", "Mbit/s")
_ALONE_FIRST = ("single", "bidir")

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
            _QUIC,
            "QUIC goodput, sum over the client's processes.",
        ),
    ),
    Figure(
        "udp_quic",
        "UDP beside QUIC",
        benchmarks=("udp", "quic"),
        together=True,
        module="drawing.side_by_side",
        of=SideBySide(
            (
                (
                    "UDP, unlimited",
                    Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES),
                ),
                ("QUIC", _QUIC),
            ),
            "Goodput at the receiver of a UDP sender without a rate limit, and of QUIC, which "
            "retransmits and paces.",
        ),
    ),
    Figure(
        "transports",
        "TCP beside UDP beside QUIC",
        benchmarks=("tcp", "quic"),
        together=True,
        module="drawing.side_by_side",
        of=SideBySide(
            (
                ("TCP", Measure("tcp", "goodput", "Mbit/s", modes=_ALONE_FIRST)),
                ("UDP", Measure("udp", "udp_goodput", "Mbit/s", modes=_ALONE_FIRST)),
                ("QUIC", _QUIC),
            ),
            "Goodput at the receiver from source to target: of one TCP stream, of a UDP sender "
            "without a rate limit, and of QUIC. TCP and UDP alone where they were measured one "
            "direction at a time, else with the same in the other direction meanwhile; QUIC alone. The "
            "axes of TCP and QUIC have one scale, profile by profile; that of UDP, which does not "
            "give way, has its own.",
            stacked=True,
            one_scale=("TCP", "QUIC"),
        ),
    ),
)
