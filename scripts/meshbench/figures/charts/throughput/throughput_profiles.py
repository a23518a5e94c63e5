"""TCP goodput across profiles in numbers, coloured by what is left of the bare link's."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.charts.throughput import tcp_throughput
from meshbench.figures.contract import Context, Data, frame
from meshbench.figures.drawing import channels, comparison, doubt, theme
from meshbench.figures.drawing.groups import Group, arrow, marked, system, troubles
from meshbench.figures.drawing.strip import counts
from meshbench.figures.drawing.wording import number

_ROW = 30
_COLUMN = 76
_GOODPUT = "goodput_bps"
# One hue, darker for more, so that it reads in grey; the statuses have the other hues.
_RATIOS = [0.0, 1.0, 1.5]
_COLOURS = ["#ffffff", "#8fcf9b", "#45a862"]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """One heat map per mode and direction: a row per system, a column per profile."""
    groups = tcp_throughput.groups(data, context)
    parts = list(dict.fromkeys((group.mode, group.direction) for group in groups))
    across = min(2, len(parts))
    charts = [_map([g for g in groups if (g.mode, g.direction) == part], context) for part in parts]
    profiles = len({group.profile for group in groups})
    width = across * (profiles * _COLUMN + 90)
    return alt.concat(*charts, columns=across, spacing=14, usermeta={"width": max(280, width)})


def _map(groups: Sequence[Group], context: Context) -> alt.LayerChart:
    rows = [_cell(group, context) for group in groups]
    systems = list(dict.fromkeys(row["system"] for row in rows))
    profiles = list(dict.fromkeys(row["profile"] for row in rows))
    x = alt.X(
        "profile:N",
        scale=alt.Scale(domain=profiles, paddingInner=0.05),
        axis=channels.heads(profiles, _COLUMN, orient="top", ticks=False, domain=False),
    )
    y = alt.Y(
        "system:N",
        scale=alt.Scale(domain=systems, paddingInner=0.1),
        axis=alt.Axis(title=None, ticks=False, domain=False),
    )
    base = alt.Chart(frame(rows)).encode(x=x, y=y)
    filled = base.mark_rect()
    tooltip = ["system:N", "profile:N", "value:N", "detail:N"]
    return alt.LayerChart(
        layer=[
            filled.transform_filter("datum.ratio === null").encode(
                color=alt.Color("fill:N", scale=None), tooltip=tooltip
            ),
            filled.transform_filter("datum.ratio !== null").encode(fill=_ratio(), tooltip=tooltip),
            base.transform_filter("datum.edge !== null")
            .mark_rect(filled=False, strokeWidth=2)
            .encode(stroke=alt.Stroke("edge:N", scale=None)),
            _text(base, "value:N", -6, theme.TEXT, bold=True),
            _text(base, "detail:N", 7, theme.SMALL, bold=False),
        ],
        width=_COLUMN * len(profiles),
        height=_ROW * len(systems),
        title=alt.TitleParams(
            f"{groups[0].mode or ''}{arrow(groups[0])}".strip() if groups else "",
            fontSize=theme.TEXT,
        ),
    )


def _ratio() -> alt.Fill:
    scale = alt.Scale(domain=_RATIOS, range=_COLOURS, clamp=True, interpolate="rgb")
    legend = alt.Legend(
        title="share of the bare link, same rounds",
        orient="bottom",
        direction="horizontal",
        titleOrient="top",
        gradientLength=180,
        gradientThickness=10,
        values=[0, 0.25, 0.5, 0.75, 1, 1.5],
        labelExpr="format(datum.value, '~g')",
        offset=4,
        titleLimit=0,
    )
    return alt.Fill("ratio:Q", scale=scale, legend=legend)


def _text(base: alt.Chart, field: str, dy: int, size: int, *, bold: bool) -> alt.Chart:
    weight = "bold" if bold else "normal"
    mark = base.mark_text(dy=dy, fontSize=size, fontWeight=weight, baseline="middle")  # type: ignore[arg-type]
    chart: alt.Chart = mark.encode(text=field)
    return chart


def _cell(group: Group, context: Context) -> dict[str, Any]:
    value = group.centre(_GOODPUT, tcp_throughput.MBIT)
    ratio = comparison.ratio(group, _GOODPUT)
    status = theme.STATUSES[group.trouble or "ok"]
    if value is None:
        text, detail = f"{status.glyph} {status.words}", f"n {counts(group)}"
    else:
        share = f"{number(ratio, 2)} · " if ratio is not None else ""
        text, detail = group.told(_GOODPUT, tcp_throughput.MBIT), f"{share}n {counts(group)}"
    return {
        "system": system(group, context),
        "profile": group.profile,
        "value": text,
        "detail": detail,
        "ratio": ratio,
        "fill": "#ffffff" if value is not None else status.fill,
        "edge": status.ink if group.trouble and value is not None else None,
    }


def caption(data: Data, context: Context) -> str:
    """What the cells say."""
    unsure = doubt.told(tcp_throughput.groups(data, context), data, context)
    return (
        "Median over rounds of the median over links of TCP goodput at the receiver, in decimal "
        "Mbit/s; below it the median of the ratios to the bare link in the same rounds (its "
        "operand is the first row of the same column), and how many values there are of those "
        "planned (rounds x links; a frame where some are missing). "
        f"{tcp_throughput.told(data, context)} {unsure}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    groups = tcp_throughput.groups(data, context)
    return [*troubles(groups, context), *marked(groups, context)]
