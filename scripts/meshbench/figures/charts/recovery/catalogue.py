"""Figures about how systems come back from faults."""

from meshbench.figures.contract import Figure

_READ = ("recoveries", "measures")

FIGURES = (
    Figure(
        "recovery_times",
        "Recovery from faults",
        tables=_READ,
        benchmarks=("reconnect", "calibration"),
        together=True,
    ),
    Figure(
        "recovery_stages",
        "Recovery from faults in stages",
        tables=_READ,
        benchmarks=("reconnect", "calibration"),
        together=True,
    ),
)
