"""The run at a glance: where the time went, and what ended well."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import success_rate, test_duration
from meshbench.figures.base import Context, Data
from meshbench.figures.findings import Concern

TITLE = "Test execution overview"
TABLES = ("overhead", "links")
BENCHMARKS = ("ping", "tcp")
CONCERN = Concern(())


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Both charts side by side, under one legend: with one each, resvg finds the SVG too deep."""
    colours = {**test_duration.COLOURS, **success_rate.COLOURS}
    charts = [
        test_duration.chart(data, context, 250, colours).properties(title=test_duration.TITLE),
        success_rate.chart(data, context, 270, colours).properties(title=success_rate.TITLE),
    ]
    return alt.concat(*charts, columns=2, spacing=20, usermeta={"width": 760})


def caption(data: Data, context: Context) -> str:
    """Both captions."""
    return f"{test_duration.caption(data, context)} {success_rate.caption(data, context)}"


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is unknown of the times, and what failed."""
    unknown = [note for note in test_duration.notes(data, context) if "unknown" in note]
    return [*unknown, *success_rate.notes(data, context)]
