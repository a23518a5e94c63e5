"""Each round's value over the mean of all rounds, where there is more than one round."""

import statistics
from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, pictures, theme
from meshbench.figures.base import Context, Data, Row, frame
from meshbench.figures.groups import Group, look
from meshbench.figures.measured import Measure
from meshbench.figures.wording import counted, percent

TITLE = "Repeatability from round to round"
TABLES = ("measures",)
BENCHMARKS = ("tcp", "ping")
PARTS = (
    ("TCP send rate", Measure("tcp", "send_rate", "Mbit/s", measured.MBIT)),
    ("RTT", Measure("ping", "rtt_avg", "ms")),
)


def rows(data: Data, context: Context, measure: Measure) -> list[Row]:
    """One row per system, profile, link and round: the value over the mean of its rounds."""
    found: list[Row] = []
    for group in measured.groups(data, context, measure):
        found += _ratios(group, context)
    return found


def _ratios(group: Group, context: Context) -> list[Row]:
    links: dict[str, list[float]] = {}
    for point in group.points("value"):
        links.setdefault(point.link, []).append(point.value)
    drawn = look(group, context)
    return [
        {
            "vpn": group.vpn,
            "profile": group.profile,
            "colour": drawn.colour,
            "shape": drawn.shape,
            "link": link,
            "ratio": value / statistics.fmean(values),
        }
        for link, values in links.items()
        if len(values) > 1 and statistics.fmean(values) > 0
        for value in values
    ]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per measure; systems below each other."""
    charts = []
    for title, measure in PARTS:
        found = rows(data, context, measure)
        picture = (
            _panel(found, context)
            if found
            else pictures.nothing(
                f"{title}: {counted(context.rounds, 'round')}, nothing to compare"
            )
        )
        charts.append(picture.properties(title=alt.TitleParams(title, fontSize=theme.TEXT)))
    return alt.concat(*charts, columns=1, spacing=14)


def _panel(found: Sequence[Row], context: Context) -> alt.LayerChart:
    systems = [vpn for vpn in context.vpns if any(row["vpn"] == vpn for row in found)]
    base = alt.Chart(frame(found)).encode(
        x=alt.X(
            "ratio:Q", axis=alt.Axis(title="round / mean of rounds"), scale=alt.Scale(zero=False)
        ),
        y=alt.Y("vpn:N", scale=alt.Scale(domain=systems), axis=alt.Axis(title=None)),
    )
    points = base.mark_point(size=24, opacity=0.7).encode(
        color=alt.Color("colour:N", scale=None),
        shape=alt.Shape("shape:N", scale=None),
        tooltip=["vpn:N", "profile:N", "link:N", "ratio:Q"],
    )
    return alt.LayerChart(layer=[points], width=250, height=16 * len(systems))


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the typical deviation."""
    told = []
    for title, measure in PARTS:
        off = [abs(row["ratio"] - 1) for row in rows(data, context, measure)]
        if off:
            told.append(
                f"{title}: the median round is {percent(statistics.median(off))} off its mean."
            )
    return " ".join(
        [
            "Each value over the mean of the rounds of the same system, profile and link.",
            *(
                told
                or [
                    f"There is {counted(context.rounds, 'round')} only: nothing tells a difference between systems from one between moments."
                ]
            ),
        ]
    )
