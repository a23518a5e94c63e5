"""Goodput of several transport protocols beside each other, of those that the campaign has."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.measure import SideBySide


def draw(of: SideBySide, data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile, a column per protocol."""
    parts = measured.planned(of.parts, data, context)
    found = [measured.groups(data, context, measure) for _, measure in parts]
    profiles = list(dict.fromkeys(group.profile for groups in found for group in groups))
    return measured.draw(
        [
            [
                (
                    f"{profile}, {title}",
                    measure,
                    [group for group in groups if group.profile == profile],
                )
                for (title, measure), groups in zip(parts, found, strict=True)
            ]
            for profile in profiles
        ],
        context,
    )


def caption(of: SideBySide, data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    sentences = [
        f"{title}: " + measured.told_extremes(measured.groups(data, context, measure), measure)
        for title, measure in measured.planned(of.parts, data, context)
    ]
    return " ".join([of.what, strip.LEGEND_OF_MEANS, measured.MEAN, *sentences])


def notes(of: SideBySide, data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, for each."""
    return [
        f"{title}: {note}"
        for title, measure in measured.planned(of.parts, data, context)
        for note in measured.notes(measured.groups(data, context, measure), context)
    ]
