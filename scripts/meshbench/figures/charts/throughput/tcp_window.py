"""Largest congestion and send windows of single-stream TCP, at the first profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure

WINDOWS = (
    ("largest congestion window", Measure("tcp", "cwnd_max", "KiB")),
    ("largest send window", Measure("tcp", "snd_wnd_max", "KiB")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel for each window."""
    return measured.draw(
        [[(title, measure, _groups(data, context, measure))] for title, measure in WINDOWS], context
    )


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return measured.groups(data, context, measure, context.profiles[:1])


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    _, measure = WINDOWS[0]
    return " ".join(
        [
            f"Largest windows of the sender of one TCP stream at {context.profiles[0]}, in KiB of 1024 bytes.",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            measured.extremes(_groups(data, context, measure), measure),
            measured.unsure((window for _, window in WINDOWS), data, context, context.profiles[:1]),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(_groups(data, context, WINDOWS[0][1]), context)
