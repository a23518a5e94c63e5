"""Charts of one measure under every profile: a panel per profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import ByProfile


def draw(shown: ByProfile, data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    panels: dict[str, list[Group]] = {}
    for group in measured.groups(data, context, shown.measure):
        panels.setdefault(group.profile, []).append(group)
    return measured.draw(
        [[(profile, shown.measure, groups)] for profile, groups in panels.items()],
        context,
        log=shown.log,
    )


def caption(shown: ByProfile, data: Data, context: Context) -> str:
    """What is drawn, and the extremes of each profile."""
    groups = measured.groups(data, context, shown.measure)
    extremes = measured.told_extremes(groups, shown.measure)
    unsure = doubt.told(groups, data, context)
    return f"{shown.what} {strip.LEGEND_OF_MEANS} {measured.MEAN} {extremes} {unsure}"


def notes(shown: ByProfile, data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, shown.measure), context)
