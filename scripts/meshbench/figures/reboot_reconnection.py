"""When each peer first answered through the VPN after all hosts were rebooted at once."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, strip
from meshbench.figures.base import Context, Data
from meshbench.figures.groups import Group
from meshbench.figures.measured import Measure

TITLE = "Connection after a reboot"
TABLES = ("measures",)
BENCHMARKS = ("reboot",)


MEASURE = Measure("reboot", "connect_time", "s")


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
            "From the start of the check on a host until a peer answered through the VPN, after a reboot of all hosts; it includes the wait for the peers' hosts.",
            strip.LEGEND,
            measured.MEAN,
            measured.told_extremes(groups, MEASURE, higher_is_better=False),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
