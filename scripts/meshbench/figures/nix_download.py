"""Time of one copy of the closure from the peer's binary cache under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, strip
from meshbench.figures.base import Context, Data
from meshbench.figures.groups import Group
from meshbench.figures.measured import Measure

TITLE = "Nix download time by profile"
TABLES = ("measures",)
BENCHMARKS = ("nix_cache",)


MEASURE = Measure("nix_cache", "copy_time", "s")


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    return measured.draw(
        [[(profile, MEASURE, mine)] for profile, mine in _panels(data, context).items()],
        context,
        log=True,
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
            "Time of one copy of the closure, mean of the timed copies. A copy that was cut off took longer than its limit.",
            strip.LEGEND,
            measured.MEAN,
            measured.told_extremes(groups, MEASURE, higher_is_better=False),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
