"""The run at a glance: where the time went, and what ended well."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import success_rate, test_duration
from meshbench.figures.base import Context, Data

TITLE = "Test execution overview"
TABLES = ("overhead", "links")
BENCHMARKS = ("ping", "tcp")


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Both charts side by side."""
    charts = [
        test_duration.chart(data, context, 250).properties(title=test_duration.TITLE),
        success_rate.chart(data, context, 270).properties(title=success_rate.TITLE),
    ]
    both: alt.ConcatChart = alt.concat(
        *charts, columns=2, spacing=20, usermeta={"width": 760}
    ).resolve_scale(color="independent")
    return both


def caption(data: Data, context: Context) -> str:
    """Both captions."""
    return f"{test_duration.caption(data, context)} {success_rate.caption(data, context)}"


def notes(data: Data, context: Context) -> Sequence[str]:
    """What failed."""
    return success_rate.notes(data, context)
