"""Figures about what TCP carries, and the windows it does it with."""

from meshbench.figures.contract import ANALYSED, CHART_FORMATS, TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import ByProfile, Measure

FIGURES = (
    Figure("tcp_throughput", "TCP goodput", tables=("throughput", *ANALYSED), benchmarks=("tcp",)),
    Figure(
        "throughput_profiles",
        "TCP goodput across profiles (Mbit/s)",
        tables=("throughput", *ANALYSED),
        benchmarks=("tcp",),
    ),
    Figure(
        "throughput_table",
        "TCP goodput in numbers",
        tables=("throughput", *ANALYSED),
        formats=TABLE_FORMATS,
        benchmarks=("tcp",),
    ),
    Figure(
        "tcp_impairment",
        "Single-stream TCP by profile",
        formats=TABLE_FORMATS,
        benchmarks=("tcp",),
        module="drawing.printed",
        of=ByProfile(
            Measure("tcp", "send_rate", "Mbit/s"), "Send rate of one TCP stream per direction."
        ),
    ),
    Figure("tcp_links", "TCP send rate of each link", benchmarks=("tcp",)),
    Figure("tcp_window", "TCP windows without impairment", benchmarks=("tcp",), first_profile=True),
    Figure(
        "tcp_window_table",
        "TCP windows in numbers",
        formats=TABLE_FORMATS,
        benchmarks=("tcp",),
        first_profile=True,
    ),
    Figure(
        "parallel_tcp",
        "Single-stream and simultaneous TCP",
        benchmarks=("tcp", "tcp_parallel"),
        together=True,
    ),
    Figure(
        "parallel_scaling",
        "Parallel TCP scaling",
        formats=TABLE_FORMATS,
        benchmarks=("tcp", "tcp_parallel"),
        together=True,
        first_profile=True,
    ),
    Figure(
        "parallel_flows",
        "Parallel TCP scaling by either counting",
        tables=("parallel", *ANALYSED),
        formats=CHART_FORMATS + TABLE_FORMATS,
        benchmarks=("tcp", "tcp_parallel"),
        together=True,
    ),
    Figure(
        "parallel_time",
        "Parallel TCP of each pair over time",
        tables=("seconds", "measures"),
        benchmarks=("tcp_parallel",),
        first_profile=True,
    ),
)
