"""Figures about video over RIST."""

from meshbench.figures.contract import TABLE_FORMATS, Figure
from meshbench.figures.drawing.measure import ByProfile, Measure

_QUALITY = Measure("rist", "rist_quality", "%")

FIGURES = (
    Figure(
        "rist_quality", "RIST video without impairment", benchmarks=("rist",), first_profile=True
    ),
    Figure(
        "rist_time",
        "RIST video over time, before and after recovery",
        tables=("video", "measures"),
        benchmarks=("rist",),
    ),
    Figure(
        "rist_profiles",
        "RIST link quality by profile",
        benchmarks=("rist",),
        module="drawing.by_profile",
        of=ByProfile(
            _QUALITY,
            "Share of RIST packets that needed no recovery (not picture quality), mean over the seconds.",
        ),
    ),
    Figure(
        "rist_table",
        "RIST link quality by profile in numbers",
        formats=TABLE_FORMATS,
        benchmarks=("rist",),
        module="drawing.printed",
        of=ByProfile(_QUALITY, "Share of RIST packets that needed no recovery."),
    ),
)
