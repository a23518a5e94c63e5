"""The run at a glance: where the time went, and what ended well."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import catalogue
from meshbench.figures.charts.campaign import success_rate, test_duration
from meshbench.figures.contract import Context, Data


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Both charts side by side, under one legend: with one each, resvg finds the SVG too deep."""
    colours = {**test_duration.colours(data, context), **success_rate.COLOURS}
    left = test_duration.chart(data, context, 250, colours)
    right = success_rate.chart(data, context, 270, colours)
    charts = [
        left.properties(title=catalogue.get("test_duration").title),
        right.properties(title=catalogue.get("success_rate").title),
    ]
    return alt.concat(*charts, columns=2, spacing=20, usermeta={"width": 760})


def caption(data: Data, context: Context) -> str:
    """Both captions."""
    return f"{test_duration.caption(data, context)} {success_rate.caption(data, context)}"


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is unknown of the times, and what failed."""
    unknown = [note for note in test_duration.notes(data, context) if "unknown" in note]
    return [*unknown, *success_rate.notes(data, context)]
