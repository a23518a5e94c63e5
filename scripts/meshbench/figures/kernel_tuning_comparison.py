"""Kernel tunings of the bare link beside each other, by profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, strip
from meshbench.figures.base import Context, Data
from meshbench.figures.groups import Group
from meshbench.figures.measured import Measure

TITLE = "Kernel tunings on the bare link"
TABLES = ("measures",)
BENCHMARKS = ("tcp",)
VPN = "internal"
PARTS = (
    ("TCP, one link at a time", Measure("tcp", "send_rate", "Mbit/s", measured.MBIT)),
    ("retransmits", Measure("tcp", "retransmit_rate", "%", measured.PERCENT, bound=0.05)),
    (
        "TCP, all links at once, per link",
        Measure("tcp_parallel", "send_rate", "Mbit/s", measured.MBIT),
    ),
    ("Nix download", Measure("nix_cache", "copy_time", "s")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row of panels per profile that has any value, a row per tuning inside."""
    return measured.draw(
        [
            [(f"{profile}, {title}", measure, _groups(data, context, measure, profile))]
            for title, measure in PARTS
            for profile in context.profiles
            if _groups(data, context, measure, profile)
        ],
        context,
    )


def _groups(data: Data, context: Context, measure: Measure, profile: str) -> list[Group]:
    return [g for g in measured.groups(data, context, measure, [profile]) if g.vpn == VPN]


def caption(data: Data, context: Context) -> str:
    """What is drawn."""
    count = len(context.tunings)
    tunings = "one tuning only" if count == 1 else f"tunings {', '.join(context.tunings)}"
    return (
        f"The bare link under kernel settings of its own: {tunings}. {strip.LEGEND} {measured.MEAN}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    missing = (
        []
        if len(context.tunings) > 1
        else ["no tuned run among the data: there is nothing to compare with"]
    )
    groups = [
        g
        for _, measure in PARTS
        for profile in context.profiles
        for g in _groups(data, context, measure, profile)
    ]
    return [*missing, *measured.notes(groups, context)]
