"""Figures about what hosts spend to carry traffic."""

from meshbench.figures.contract import ANALYSED, TABLE_FORMATS, Figure

_MEASURED_HERE = ("tcp", "calibration")
"""Nobody sampled the hosts of what was imported."""

FIGURES = (
    Figure(
        "cpu_cost",
        "CPU time per gigabyte against TCP goodput",
        tables=("measures", "host_resources", *ANALYSED),
        benchmarks=_MEASURED_HERE,
        together=True,
        first_profile=True,
    ),
    Figure(
        "vpn_threads",
        "Threads of each VPN while TCP runs",
        tables=("measures", "host_resources", "threads"),
        benchmarks=_MEASURED_HERE,
        together=True,
        first_profile=True,
    ),
    Figure(
        "host_cost",
        "What hosts spend, in numbers",
        tables=("measures", "host_resources", *ANALYSED),
        formats=TABLE_FORMATS,
        benchmarks=_MEASURED_HERE,
        together=True,
        first_profile=True,
    ),
)
