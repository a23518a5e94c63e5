"""Charts of several measures beside each other, of those that the campaign has."""

from collections.abc import Sequence
from dataclasses import replace

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure, SideBySide

Panel = tuple[str, Measure, Sequence[Group]]
_ACROSS = 2


def draw(of: SideBySide, data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile and a column per measure; stacked, a row per measure of two profiles."""
    parts = [
        (title, measure, measured.groups(data, context, measure))
        for title, measure in measured.planned(of.parts, data, context)
    ]
    profiles = list(dict.fromkeys(group.profile for *_, groups in parts for group in groups))
    rows = {
        profile: [
            (f"{profile}, {title}", measure, [g for g in groups if g.profile == profile])
            for title, measure, groups in parts
        ]
        for profile in profiles
    }
    if not of.stacked:
        return measured.draw(list(rows.values()), context)
    alike = [title in of.one_scale for title, *_ in parts]
    return measured.draw(_stacked([_on_one_scale(row, alike) for row in rows.values()]), context)


def _stacked(columns: Sequence[Sequence[Panel]]) -> list[list[Panel]]:
    """Two profiles beside each other, their panels below each other."""
    pairs = [columns[number : number + _ACROSS] for number in range(0, len(columns), _ACROSS)]
    return [list(row) for pair in pairs for row in zip(*pair, strict=True)]


def _on_one_scale(panels: Sequence[Panel], alike: Sequence[bool]) -> list[Panel]:
    """The same, with axes that go as far as the largest value of all panels that are to be alike."""
    largest = max(
        (
            point.value
            for (_, measure, groups), chosen in zip(panels, alike, strict=True)
            for group in groups
            if chosen
            for point in group.points("value", measure.scale)
        ),
        default=0.0,
    )
    return [
        (title, replace(measure, bound=largest) if chosen else measure, groups)
        for (title, measure, groups), chosen in zip(panels, alike, strict=True)
    ]


def caption(of: SideBySide, data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    parts = [
        (title, measure, measured.groups(data, context, measure))
        for title, measure in measured.planned(of.parts, data, context)
    ]
    sentences = [
        f"{title}: {measured.told_extremes(groups, measure)}" for title, measure, groups in parts
    ]
    unsure = doubt.told((group for *_, groups in parts for group in groups), data, context)
    return " ".join([of.what, strip.LEGEND_OF_MEANS, measured.MEAN, *sentences, unsure])


def notes(of: SideBySide, data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, for each."""
    return [
        f"{title}: {note}"
        for title, measure in measured.planned(of.parts, data, context)
        for note in measured.notes(measured.groups(data, context, measure), context)
    ]
