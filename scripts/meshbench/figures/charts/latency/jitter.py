"""Jitter of the round-trip time by the two definitions there are, under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure

PARTS = (
    ("between neighbours (IPDV)", Measure("ping", "rtt_ipdv", "ms", bound=0.1)),
    ("above the smallest (PDV)", Measure("ping", "rtt_pdv", "ms", bound=0.1)),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row of panels per profile, a panel per definition."""
    rows: dict[str, list[tuple[str, Measure, list[Group]]]] = {}
    for title, measure in PARTS:
        panels: dict[str, list[Group]] = {}
        for group in measured.groups(data, context, measure):
            panels.setdefault(group.profile, []).append(group)
        for profile, groups in panels.items():
            rows.setdefault(profile, []).append((f"{profile}: {title}", measure, groups))
    return measured.draw(list(rows.values()), context)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    (_, neighbours), _ = PARTS
    extremes = measured.told_extremes(measured.groups(data, context, neighbours), neighbours)
    return (
        "Left: mean difference in RTT between two requests in turn (RFC 3393). Right: how far the 95th "
        "percentile of the RTT lies above the smallest one (RFC 5481). Both of round trips, as ping "
        f"cannot tell one way from the other; one point per link and round. {measured.MEAN} {extremes} "
        + measured.unsure((measure for _, measure in PARTS), data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, PARTS[0][1]), context)
