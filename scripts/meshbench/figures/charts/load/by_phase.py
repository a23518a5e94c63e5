"""Measures of the phases that a campaign has, beside each other."""

from collections.abc import Sequence
from dataclasses import replace

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import side_by_side, texts
from meshbench.figures.drawing.measure import SideBySide


def _measured(of: SideBySide, data: Data) -> SideBySide:
    """Without the phases of which no link has a row: they were not asked for."""
    modes = {
        row["mode"]
        for benchmark in {measure.benchmark for _, measure in of.parts}
        for row in data.rows("measures", benchmark=benchmark)
    }
    return replace(of, parts=tuple(part for part in of.parts if modes & set(part[1].modes)))


def draw(of: SideBySide, data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile and a column per phase."""
    if not (there := _measured(of, data)).parts:
        return texts.nothing("no phase with load was measured")
    return side_by_side.draw(there, data, context)


def caption(of: SideBySide, data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    return side_by_side.caption(_measured(of, data), data, context)


def notes(of: SideBySide, data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, for each."""
    return side_by_side.notes(_measured(of, data), data, context)
