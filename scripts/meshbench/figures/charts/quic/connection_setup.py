"""Time to connect and time to first byte over QUIC under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure

PARTS = (
    ("connected", Measure("quic", "quic_connect", "ms")),
    ("first byte", Measure("quic", "quic_ttfb", "ms")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile, a column per event; logarithmic."""
    profiles = list(dict.fromkeys(g.profile for g in measured.groups(data, context, PARTS[0][1])))
    return measured.draw(
        [
            [
                (f"{profile}, {title}", measure, _groups(data, context, measure, profile))
                for title, measure in PARTS
            ]
            for profile in profiles
        ],
        context,
        log=True,
    )


def _groups(data: Data, context: Context, measure: Measure, profile: str) -> list[Group]:
    return measured.groups(data, context, measure, [profile])


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    sentences = [
        f"{title.capitalize()}: "
        + measured.told_extremes(measured.groups(data, context, measure), measure)
        for title, measure in PARTS
    ]
    return " ".join(
        [
            "Until the QUIC handshake was done and until the stream's first byte, mean over the client's processes.",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            *sentences,
            measured.unsure((measure for _, measure in PARTS), data, context),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, PARTS[0][1]), context)
