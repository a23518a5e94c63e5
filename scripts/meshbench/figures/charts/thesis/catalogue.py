"""Figures that argue with the thesis: Headscale above the bare link, and the kernel settings behind it."""

from meshbench.figures.contract import TABLE_FORMATS, Figure
from meshbench.results.records import BARE

_PAIR = (BARE, "headscale")

FIGURES = (
    Figure(
        "headscale_vs_internal",
        "Headscale and the bare link",
        benchmarks=("tcp", "tcp_parallel", "udp", "nix_cache"),
        systems=_PAIR,
    ),
    Figure(
        "headscale_gap_reversal",
        "Headscale over the bare link, by tuning",
        benchmarks=("tcp",),
        systems=_PAIR,
        tunings=2,
    ),
    Figure(
        "kernel_tuning_comparison",
        "Kernel tunings on the bare link",
        benchmarks=("tcp", "tcp_parallel", "nix_cache"),
        systems=("internal",),
        tunings=2,
    ),
    Figure(
        "kernel_tuning_internal",
        "Kernel tunings in numbers",
        formats=TABLE_FORMATS,
        benchmarks=("tcp", "tcp_parallel", "nix_cache"),
        systems=("internal",),
        tunings=2,
    ),
    Figure(
        "kernel_rtt_time",
        "RTT under load, as TCP sees it",
        tables=("intervals", "measures"),
        benchmarks=("tcp",),
        first_profile=True,
    ),
)
