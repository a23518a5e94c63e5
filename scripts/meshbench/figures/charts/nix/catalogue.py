"""Figures about downloads from a Nix binary cache."""

from meshbench.figures.contract import ANALYSED, TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import ByProfile, Measure

_TIME = Measure("nix_cache", "copy_time", "s")

FIGURES = (
    Figure(
        "nix_download",
        "Nix download time by profile",
        benchmarks=("nix_cache",),
        module="drawing.by_profile",
        of=ByProfile(
            _TIME,
            "Time of one copy of the closure, mean of the timed copies. A copy that was cut off took "
            "longer than its limit.",
            log=True,
        ),
    ),
    Figure(
        "nix_table",
        "Nix download time by profile in numbers",
        formats=TABLE_FORMATS,
        benchmarks=("nix_cache",),
        module="drawing.printed",
        of=ByProfile(
            _TIME,
            "Time of one copy of the closure; one that was cut off took longer than its limit.",
        ),
    ),
    Figure(
        "nix_progress",
        "Nix downloads over time",
        tables=("nix_progress", "measures", *ANALYSED),
        # An import has the times only.
        benchmarks=("nix_cache", "calibration"),
        together=True,
    ),
)
