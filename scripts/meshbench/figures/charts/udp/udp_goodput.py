"""Goodput of the unlimited UDP stream under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import by_profile, measured
from meshbench.figures.drawing.measured import Measure

TITLE = "UDP goodput by profile"
TABLES = ("measures",)
BENCHMARKS = ("udp",)
MEASURE = Measure("udp", "udp_goodput", "Mbit/s", measured.MBIT)
WHAT = "UDP goodput at the receiver of a sender without a rate limit."


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    return by_profile.draw(data, context, MEASURE)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes of each profile."""
    return by_profile.caption(data, context, MEASURE, WHAT, higher_is_better=True)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return by_profile.notes(data, context, MEASURE)
