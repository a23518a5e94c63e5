"""Link quality of the RIST stream under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import by_profile, measured
from meshbench.figures.drawing.measured import Measure

TITLE = "RIST link quality by profile"
TABLES = ("measures",)
BENCHMARKS = ("rist",)
MEASURE = Measure("rist", "rist_quality", "%", measured.PERCENT)
WHAT = "Share of RIST packets that needed no recovery (not picture quality), mean over the seconds."


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    return by_profile.draw(data, context, MEASURE)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes of each profile."""
    return by_profile.caption(data, context, MEASURE, WHAT, higher_is_better=True)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return by_profile.notes(data, context, MEASURE)
