"""Figures about campaigns that vary the hosts' kernel settings."""

from meshbench.figures.contract import Figure

FIGURES = (
    Figure(
        "tuning_factors",
        "What each kernel setting does",
        tables=("estimates", "effects", "factors"),
        benchmarks=("calibration",),
        tunings=2,
        judged=False,
    ),
)
