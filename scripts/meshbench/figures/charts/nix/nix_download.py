"""Time of one copy of the closure from the peer's binary cache under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import by_profile
from meshbench.figures.drawing.measured import Measure

TITLE = "Nix download time by profile"
TABLES = ("measures",)
BENCHMARKS = ("nix_cache",)
MEASURE = Measure("nix_cache", "copy_time", "s")
WHAT = "Time of one copy of the closure, mean of the timed copies. A copy that was cut off took longer than its limit."


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    return by_profile.draw(data, context, MEASURE, log=True)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes of each profile."""
    return by_profile.caption(data, context, MEASURE, WHAT, higher_is_better=False)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return by_profile.notes(data, context, MEASURE)
