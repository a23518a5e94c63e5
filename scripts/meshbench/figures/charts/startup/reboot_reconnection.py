"""When each peer first answered through the VPN after all hosts were rebooted at once."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import by_profile
from meshbench.figures.drawing.measured import Measure

TITLE = "Connection after a reboot"
TABLES = ("measures",)
BENCHMARKS = ("reboot",)
MEASURE = Measure("reboot", "connect_time", "s")
WHAT = "From the start of the check on a host until a peer answered through the VPN, after a reboot of all hosts; it includes the wait for the peers' hosts."


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, each with an axis of its own."""
    return by_profile.draw(data, context, MEASURE)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes of each profile."""
    return by_profile.caption(data, context, MEASURE, WHAT, higher_is_better=False)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return by_profile.notes(data, context, MEASURE)
