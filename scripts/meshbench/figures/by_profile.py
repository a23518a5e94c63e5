"""What the figures of one measure under every profile share: a panel per profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, strip
from meshbench.figures.base import Context, Data
from meshbench.figures.groups import Group
from meshbench.figures.measured import Measure


def draw(data: Data, context: Context, measure: Measure, *, log: bool = False) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    panels: dict[str, list[Group]] = {}
    for group in measured.groups(data, context, measure):
        panels.setdefault(group.profile, []).append(group)
    return measured.draw(
        [[(profile, measure, groups)] for profile, groups in panels.items()], context, log=log
    )


def caption(
    data: Data, context: Context, measure: Measure, what: str, *, higher_is_better: bool
) -> str:
    """What is drawn, and the extremes of each profile."""
    groups = measured.groups(data, context, measure)
    extremes = measured.told_extremes(groups, measure, higher_is_better=higher_is_better)
    return f"{what} {strip.LEGEND_OF_MEANS} {measured.MEAN} {extremes}"


def notes(data: Data, context: Context, measure: Measure) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, measure), context)
