"""Goodput of the unlimited UDP stream under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, strip
from meshbench.figures.base import Context, Data
from meshbench.figures.groups import Group
from meshbench.figures.measured import Measure

TITLE = "UDP goodput by profile"
TABLES = ("measures",)
BENCHMARKS = ("udp",)


MEASURE = Measure("udp", "udp_goodput", "Mbit/s", measured.MBIT)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    return measured.draw(
        [[(profile, MEASURE, mine)] for profile, mine in _panels(data, context).items()],
        context,
    )


def _panels(data: Data, context: Context) -> dict[str, list[Group]]:
    found: dict[str, list[Group]] = {}
    for group in measured.groups(data, context, MEASURE):
        found.setdefault(group.profile, []).append(group)
    return found


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes of each profile."""
    groups = measured.groups(data, context, MEASURE)
    return " ".join(
        [
            "UDP goodput at the receiver of a sender without a rate limit.",
            strip.LEGEND,
            measured.MEAN,
            measured.told_extremes(groups, MEASURE, higher_is_better=True),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
