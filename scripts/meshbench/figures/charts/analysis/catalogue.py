"""Figures about what may be said of the values: ranks, effects, drift, and how many rounds it takes."""

from meshbench.figures.contract import Figure

_MEASURED_HERE = ("calibration",)
"""An import of a single run has nothing to show of these."""

FIGURES = (
    Figure(
        "effects",
        "Every system against the bare link, round by round",
        tables=("estimates", "effects"),
        benchmarks=_MEASURED_HERE,
        rounds=2,
        judged=False,
    ),
    Figure(
        "controls",
        "The same twice, and what is known to differ",
        tables=("estimates", "controls"),
        benchmarks=_MEASURED_HERE,
        rounds=6,
        controls=True,
        judged=False,
    ),
    Figure(
        "placements",
        "What impairment at the sender does, against impairment on the way in",
        tables=("estimates", "effects"),
        benchmarks=_MEASURED_HERE,
        rounds=2,
        placements=2,
        judged=False,
    ),
    Figure(
        "rank_intervals",
        "Ranks and how sure they are",
        tables=("estimates", "ranks"),
        benchmarks=_MEASURED_HERE,
        rounds=2,
        judged=False,
    ),
    Figure(
        "drift",
        "From round to round",
        tables=("estimates", "effects", "measures", "changes", "brackets", "hosts"),
        benchmarks=_MEASURED_HERE,
        rounds=2,
        judged=False,
    ),
    Figure(
        "power",
        "Which difference so many rounds can show",
        tables=("estimates", "power"),
        benchmarks=_MEASURED_HERE,
        rounds=3,
        judged=False,
    ),
)
