"""Mean, largest and deviation of the round-trip time, at the first profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure

PARTS = (
    ("mean", Measure("ping", "rtt_avg", "ms")),
    ("largest of all replies", Measure("ping", "rtt_max", "ms")),
    ("deviation within a run", Measure("ping", "rtt_mdev", "ms")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel for each statistic, each with a logarithmic axis of its own."""
    return measured.draw(
        [[(title, measure, _groups(data, context, measure))] for title, measure in PARTS],
        context,
        log=True,
    )


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return measured.groups(data, context, measure, context.profiles[:1])


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    _, measure = PARTS[0]
    return " ".join(
        [
            f"Round-trip time by ICMP echo at {context.profiles[0]}: mean, largest single value and deviation.",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            measured.extremes(_groups(data, context, measure), measure),
            measured.unsure(
                (statistic for _, statistic in PARTS), data, context, context.profiles[:1]
            ),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(_groups(data, context, PARTS[0][1]), context)
