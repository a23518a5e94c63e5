"""Figures about packet sizes."""

from meshbench.figures.contract import Figure

FIGURES = (
    Figure(
        "packet_sizes",
        "What becomes of packets of each size (bytes)",
        tables=("packet_sizes",),
        benchmarks=("mtu",),
    ),
)
