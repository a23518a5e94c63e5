"""Figures about what hosts spend to carry traffic."""

from meshbench.figures.contract import TABLE_FORMATS, Figure

FIGURES = (
    Figure(
        "cpu_cost",
        "CPU time per gigabyte against TCP goodput",
        tables=("measures", "host_resources"),
        benchmarks=("tcp",),
        first_profile=True,
    ),
    Figure(
        "vpn_threads",
        "Threads of each VPN while TCP runs",
        tables=("measures", "host_resources", "threads"),
        benchmarks=("tcp",),
        first_profile=True,
    ),
    Figure(
        "host_cost",
        "What hosts spend, in numbers",
        tables=("measures", "host_resources"),
        formats=TABLE_FORMATS,
        benchmarks=("tcp",),
        first_profile=True,
    ),
)
