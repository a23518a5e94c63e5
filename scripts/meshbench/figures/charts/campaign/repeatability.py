"""Each round's value over the mean of all rounds, where there is more than one round."""

import statistics
from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import channels, measured, strip, texts, theme
from meshbench.figures.drawing.groups import Group, look
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import counted, percent

_WIDTH = 250
PARTS = (
    ("TCP send rate", Measure("tcp", "send_rate", "Mbit/s")),
    ("RTT", Measure("ping", "rtt_avg", "ms")),
)


def rows(data: Data, context: Context, measure: Measure) -> list[Row]:
    """One row per system, profile, link and round: the value over the mean of its rounds."""
    ratios: list[Row] = []
    for group in measured.groups(data, context, measure):
        ratios += _ratios(group, context)
    return ratios


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
    for title, measure in measured.planned(PARTS, data, context):
        ratios = rows(data, context, measure)
        picture = (
            _panel(ratios, measured.groups(data, context, measure), context)
            if ratios or context.rounds > 1
            else texts.nothing(f"{title}: {counted(context.rounds, 'round')}, nothing to compare")
        )
        charts.append(picture.properties(title=alt.TitleParams(title, fontSize=theme.TEXT)))
    return alt.concat(*charts, columns=1, spacing=14)


def _panel(ratios: Sequence[Row], groups: Sequence[Group], context: Context) -> alt.LayerChart:
    absent = _absent(ratios, groups)
    shown = {row["vpn"] for row in ratios} | absent.keys()
    systems = [vpn for vpn in context.vpns if vpn in shown]
    y = alt.Y("vpn:N", scale=alt.Scale(domain=systems), axis=alt.Axis(title=None))
    axis = alt.Axis(title="round / mean of rounds", labels=bool(ratios), ticks=bool(ratios))
    base = alt.Chart(frame(ratios)).encode(
        x=alt.X("ratio:Q", axis=axis, scale=alt.Scale(zero=False)), y=y
    )
    points = base.mark_point(size=24, opacity=0.7).encode(
        color=alt.Color("colour:N", scale=None),
        shape=alt.Shape("shape:N", scale=None),
        tooltip=["vpn:N", "profile:N", "link:N", "ratio:Q"],
    )
    words = (
        alt.Chart(frame([{"vpn": vpn, "text": text} for vpn, text in absent.items()]))
        .mark_text(align="left", fontSize=theme.SMALL, color=theme.GREY)
        .encode(x=channels.x(3), y=y, text="text:N")
    )
    layers = [points, words] if absent else [points]
    return alt.LayerChart(layer=layers, width=_WIDTH, height=16 * len(systems))


def _absent(ratios: Sequence[Row], groups: Sequence[Group]) -> dict[str, str]:
    """Why systems have nothing that was measured in two rounds."""
    there = {row["vpn"] for row in ratios}
    return {
        group.vpn: strip.why(group, _WIDTH) or "no value in two rounds"
        for group in groups
        if group.vpn not in there
    }


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the typical deviation."""
    sentences = []
    for title, measure in PARTS:
        off = [abs(row["ratio"] - 1) for row in rows(data, context, measure)]
        if off:
            sentences.append(
                f"{title}: the median round is {percent(statistics.median(off))} off its mean "
                "(of all systems, profiles, links and rounds)."
            )
    return " ".join(
        [
            "Each value over the mean of the rounds of the same system, profile and link.",
            *(sentences or [_nothing(context)]),
            measured.unsure((measure for _, measure in PARTS), data, context),
        ]
    )


def _nothing(context: Context) -> str:
    if context.rounds > 1:
        return "No system has a value in two rounds."
    return (
        f"There is {counted(context.rounds, 'round')} only: nothing tells a difference between "
        "systems from one between moments."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, where there are rounds to compare."""
    if context.rounds == 1:
        return []
    return [
        f"{title}: {note}"
        for title, measure in PARTS
        for note in measured.notes(measured.groups(data, context, measure), context)
    ]
