"""Figures about what hosts spend to carry traffic."""

from meshbench.figures.contract import Figure

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
)
