"""Figures about what the network was asked to do to packets, and what it did."""

from meshbench.figures.contract import TABLE_FORMATS, Figure

FIGURES = (
    Figure(
        "impairment",
        "Impairment: achieved and asked for",
        tables=("impairment",),
        benchmarks=("calibration",),
        judged=False,
    ),
    Figure(
        "impairment_profiles",
        "Impairment profiles as configured",
        tables=("impairment_settings",),
        formats=TABLE_FORMATS,
        benchmarks=("ping", "tcp"),
        judged=False,
    ),
)
