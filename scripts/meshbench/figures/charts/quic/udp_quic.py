"""Goodput of unlimited UDP beside that of QUIC, which paces itself."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.measure import OVERLOAD_MODES, Measure

PARTS = (
    ("UDP, unlimited", Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES)),
    ("QUIC", Measure("quic", "quic_goodput", "Mbit/s")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile, a column per protocol."""
    found = [measured.groups(data, context, measure) for _, measure in PARTS]
    profiles = list(dict.fromkeys(group.profile for groups in found for group in groups))
    return measured.draw(
        [
            [
                (
                    f"{profile}, {title}",
                    measure,
                    [group for group in groups if group.profile == profile],
                )
                for (title, measure), groups in zip(PARTS, found, strict=True)
            ]
            for profile in profiles
        ],
        context,
    )


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    sentences = [
        f"{title}: " + measured.told_extremes(measured.groups(data, context, measure), measure)
        for title, measure in PARTS
    ]
    return " ".join(
        [
            "Goodput at the receiver of a UDP sender without a rate limit, and of QUIC, which retransmits and paces.",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            *sentences,
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, for both."""
    return [
        f"{title}: {note}"
        for title, measure in PARTS
        for note in measured.notes(measured.groups(data, context, measure), context)
    ]
