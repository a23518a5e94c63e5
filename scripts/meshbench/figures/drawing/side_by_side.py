"""Charts of several measures beside each other: a row per profile, a column per measure."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.measure import SideBySide


def draw(shown: SideBySide, data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile, a column per measure, each with an axis of its own."""
    found = [measured.groups(data, context, measure) for _, measure in shown.parts]
    profiles = list(dict.fromkeys(group.profile for groups in found for group in groups))
    return measured.draw(
        [
            [
                (
                    f"{profile}, {title}",
                    measure,
                    [group for group in groups if group.profile == profile],
                )
                for (title, measure), groups in zip(shown.parts, found, strict=True)
            ]
            for profile in profiles
        ],
        context,
    )


def caption(shown: SideBySide, data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    sentences = [
        f"{title}: " + measured.told_extremes(measured.groups(data, context, measure), measure)
        for title, measure in shown.parts
    ]
    return " ".join([shown.what, strip.LEGEND_OF_MEANS, measured.MEAN, *sentences])


def notes(shown: SideBySide, data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, for each measure."""
    return [
        f"{title}: {note}"
        for title, measure in shown.parts
        for note in measured.notes(measured.groups(data, context, measure), context)
    ]
