"""Pieces of pictures that several figures share: heat maps, stacked bars, scatter plots, lines."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Row, frame
from meshbench.figures.drawing import axes, channels, labels, theme
from meshbench.figures.drawing.scales import Scale
from meshbench.figures.drawing.wording import number, off_axis, on_log

ROW, CELL = 20, 74


def heat(
    rows: Sequence[Row],
    columns: Sequence[str],
    systems: Sequence[str],
    *,
    width: int = CELL,
    height: int = 28,
) -> alt.LayerChart:
    """A cell per system and column, with a value and a detail below it in words.

    Args:
        rows: system, column, value, detail (text), fill (a colour), edge (a colour or None).
        columns: from left to right.
        systems: from top to bottom.
        width: of a cell in px, at the least: more where a text needs it.
        height: of a cell in px.
    """
    width = max(width, *(_needed(row) for row in rows), 0)
    x = alt.X(
        "column:N",
        scale=alt.Scale(domain=list(columns), paddingInner=0.05),
        axis=channels.heads(columns, width, orient="top", ticks=False, domain=False),
    )
    y = alt.Y(
        "system:N",
        scale=alt.Scale(domain=list(systems), paddingInner=0.1),
        axis=alt.Axis(title=None, ticks=False, domain=False),
    )
    base = alt.Chart(frame(rows)).encode(x=x, y=y)
    tooltip = ["system:N", "column:N", "value:N", "detail:N", "why:N"]
    return alt.LayerChart(
        layer=[
            base.mark_rect().encode(color=alt.Color("fill:N", scale=None), tooltip=tooltip),
            base.transform_filter("datum.edge !== null")
            .mark_rect(filled=False, strokeWidth=2)
            .encode(stroke=alt.Stroke("edge:N", scale=None)),
            base.mark_text(dy=-6, fontSize=theme.TEXT, fontWeight="bold").encode(text="value:N"),
            base.mark_text(dy=7, fontSize=theme.SMALL).encode(text="detail:N"),
        ],
        width=width * max(1, len(columns)),
        height=height * max(1, len(systems)),
    )


def _needed(row: Row) -> int:
    """How wide a cell is that holds its texts, in px."""
    value, detail = str(row["value"]), str(row["detail"])
    return math.ceil(8 + max(labels.width_px(value, theme.TEXT), labels.width_px(detail)))


def green(share: float | None) -> str:
    """White to green for 0 to 1, in the hue of the status 'ok'."""
    if share is None:
        return "#ffffff"
    part = min(1.0, max(0.0, share))
    ends = ((255, 255, 255), (122, 190, 146))
    return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(*ends, strict=True))


def stacked(
    rows: Sequence[Row],
    systems: Sequence[str],
    parts: Mapping[str, str],
    title: str,
    *,
    width: int = 250,
    ends: Sequence[Row] = (),
    room: float = 1.45,
    ticks: Sequence[float] | None = None,
) -> alt.LayerChart:
    """Horizontal bars in parts, one row per system.

    Args:
        rows: system, part, start, end.
        systems: from top to bottom.
        parts: colour of each part, in the order of the legend.
        title: of the axis.
        width: in px.
        ends: system, at (a value), text: what stands to the right of a bar.
        ticks: of the axis; chosen by the data when None.
        room: how far the axis goes beyond the longest bar where there are such texts.
    """
    y = alt.Y("system:N", sort=list(systems), scale=alt.Scale(domain=list(systems)), axis=_names())
    values = [row["end"] for row in rows] or [0.0]
    scale = alt.Scale(domain=list(axes.domain(values, room=room if ends else 1.03)), nice=False)
    axis = alt.Axis(
        title=title, **(axes.ticks(values) if ticks is None else {"values": list(ticks)})
    )
    x = alt.X("start:Q", scale=scale, axis=axis)
    legend = alt.Legend(
        title=None, orient="bottom", columns=min(3, max(2, len(parts) - 1)), symbolType="square"
    )
    colour = alt.Color(
        "part:N", scale=alt.Scale(domain=list(parts), range=list(parts.values())), legend=legend
    )
    layers = [
        alt.Chart(frame(rows))
        .mark_bar(height=ROW - 7)
        .encode(
            x=x,
            x2="end:Q",
            y=y,
            color=colour,
            tooltip=channels.tooltip("system:N", "part:N", "start:Q", "end:Q"),
        )
    ]
    if ends:
        layers.append(
            alt.Chart(frame(ends))
            .mark_text(align="left", dx=4, fontSize=theme.SMALL, baseline="middle")
            .encode(x=alt.X("at:Q", scale=scale), y=y, text="text:N")
        )
    return alt.LayerChart(layer=layers, width=width, height=ROW * max(1, len(systems)))


def _names() -> alt.Axis:
    return alt.Axis(title=None, ticks=False, domain=False, labelPadding=6)


MOST_LABELS = 20
_NAMELESS = alt.Title(
    "points without a name: the same systems under other tunings",
    orient="bottom", anchor="start", fontSize=theme.SMALL, fontWeight="normal", offset=6,
)  # fmt: skip


def scatter(
    rows: Sequence[Row],
    x: str,
    y: str,
    *,
    log_x: bool = False,
    log_y: bool = False,
    side: int = 300,
) -> alt.LayerChart:
    """One labelled point per row; labels go where they hide neither points nor each other.

    Where more than `MOST_LABELS` would have one, only systems under their first tuning do.

    Args:
        rows: system (the label), vpn, x, y, why (for the tooltip); and x_low, x_high, y_low, y_high
            where a point has a range.
        x: title of the horizontal axis.
        y: title of the vertical axis.
        log_x: whether it is logarithmic.
        log_y: whether it is logarithmic.
        side: in px.
    """
    across = Scale.of(_ends(rows, "x"), log=log_x, room=1.12)
    up = Scale.of(_ends(rows, "y"), log=log_y, room=1.08)
    labelled = _labelled(rows)
    fewer = labelled != list(rows)
    rows = [_within(_within(row, "x", across), "y", up) for row in labelled]
    plain = [{**row, **_look(row["vpn"])} for row in rows]
    spots = [
        (across.at(row["x"], side), side - up.at(row["y"], side), row["system"]) for row in rows
    ]
    base = alt.Chart(frame(plain)).encode(
        x=alt.X("x:Q", scale=across.scale(), axis=across.axis(x)),
        y=alt.Y("y:Q", scale=up.scale(), axis=up.axis(y)),
        color=alt.Color("colour:N", scale=None),
    )
    layers = [
        *(_ranges(base) if any("x_low" in row for row in rows) else ()),
        base.mark_point(filled=True, size=60, opacity=0.9).encode(
            shape=alt.Shape("shape:N", scale=None),
            tooltip=channels.tooltip("why:N", "x:Q", "y:Q"),
        ),
    ]
    places = labels.places(
        spots, side, [box for row in rows for box in _boxes(row, across, up, side)]
    )
    for row, spot, place in zip(plain, spots, places, strict=True):
        if row["system"]:
            layers += _label(row, spot, place)
    chart = alt.LayerChart(layer=layers, width=side, height=side)
    return chart.properties(title=_NAMELESS) if fewer else chart


def _labelled(rows: Sequence[Row]) -> list[Row]:
    if sum(bool(row["system"]) for row in rows) <= MOST_LABELS:
        return list(rows)
    return [
        {**row, "system": "", "why": f"{row['system']}: {row['why']}"}
        if theme.varied(row["vpn"])
        else row
        for row in rows
    ]


def _within(row: Row, axis: str, scale: Scale) -> Row:
    """A point on the axis: at its low end, with the value beside the label, where it has no place there."""
    keys = [key for key in (axis, f"{axis}_low", f"{axis}_high") if key in row]
    off = off_axis([] if scale.shows(row[axis]) else [row[axis]])
    label = {"system": f"{row['system']} {off}".strip()} if off else {}
    return {**row, **label, **{key: scale.clamped(row[key]) for key in keys}}


def _ends(rows: Sequence[Row], axis: str) -> list[float]:
    keys = (axis, f"{axis}_low", f"{axis}_high")
    return [row[key] for row in rows for key in keys if key in row]


def _boxes(row: Row, across: Scale, up: Scale, side: float) -> list[tuple[float, ...]]:
    """Where the lines of a point's ranges are, in px."""
    if "x_low" not in row:
        return []
    x, y = across.at(row["x"], side), side - up.at(row["y"], side)
    left, right = (across.at(row[key], side) for key in ("x_low", "x_high"))
    top, bottom = (side - up.at(row[key], side) for key in ("y_high", "y_low"))
    return [(left, y - 1, right, y + 1), (x - 1, top, x + 1, bottom)]


def _ranges(base: alt.Chart) -> list[alt.Chart]:
    rule = base.mark_rule(strokeWidth=1, opacity=0.45)
    return [
        rule.encode(x=alt.X("x_low:Q"), x2="x_high:Q"),
        rule.encode(y=alt.Y("y_low:Q"), y2="y_high:Q"),
    ]


def _label(row: Row, spot: tuple[float, float, str], place: tuple[float, float]) -> list[alt.Chart]:
    """The label in its system's colour, and a thin line to its point where that is not next to it."""
    (x, y, text), (left, top) = spot, place
    near = labels.line_end(x, left, labels.width_px(text))
    base = alt.Chart(frame([{"text": text}]))
    colour = row["colour"]
    # A halo, as ranges cross the labels.
    looks: tuple[dict[str, Any], ...] = ({"stroke": "white", "strokeWidth": 3}, {})
    layers = [
        base.mark_text(
            align="left", baseline="middle", fontSize=theme.SMALL, color=colour, **look
        ).encode(x=channels.x(left), y=channels.y(top), text=alt.Text("text:N"))
        for look in looks
    ]
    if math.hypot(near - x, top - y) > labels.NEAR:
        rule = base.mark_rule(color=colour, strokeWidth=0.7, opacity=0.7)
        end = alt.value(top - (5 if top > y else -5))
        layers.insert(0, rule.encode(x=alt.value(x), y=alt.value(y), x2=alt.value(near), y2=end))
    return layers


def _look(vpn: str) -> dict[str, str]:
    style = theme.look(vpn)
    return {"colour": style.colour, "shape": style.shape}


def lines(
    rows: Sequence[Row],
    series: Mapping[str, theme.Look],
    profiles: Sequence[str],
    title: str,
    *,
    width: int = 230,
    height: int = 180,
) -> alt.LayerChart:
    """A line per series across the profiles on a logarithmic axis, each value beside its point.

    Args:
        rows: series, profile, value (above zero; None breaks the line), text, above (its place),
            missing (what stands at the foot in place of a value).
        series: how each is drawn, in the order of the legend.
        profiles: from left to right.
        title: of the vertical axis.
        width: in px.
        height: in px.
    """
    values = [row["value"] for row in rows if row["value"] is not None and on_log(row["value"])]
    up = Scale.of(values, log=True, room=1.6, below=0.55)
    rows = [_on_line(row) for row in rows]
    x = alt.X(
        "profile:N",
        scale=alt.Scale(domain=list(profiles), padding=0.3),
        axis=channels.heads(profiles, width / max(1, len(profiles))),
    )
    base = alt.Chart(frame(rows)).encode(
        x=x,
        y=alt.Y("value:Q", scale=up.scale(), axis=up.axis(title)),
        color=_by_series("color", series),
    )
    # A halo, as lines cross the labels.
    looks: tuple[dict[str, Any], ...] = ({"stroke": "white", "strokeWidth": 3}, {})
    written = [
        base.transform_filter(where)
        .mark_text(dy=dy, fontSize=theme.SMALL, **look)
        .encode(text=alt.Text("text:N"))
        for look in looks
        for where, dy in (("datum.above", -10), ("!datum.above", 11))
    ]
    points = base.mark_point(filled=True, size=55).encode(
        shape=_by_series("shape", series),
        tooltip=channels.tooltip("series:N", "profile:N", "text:N"),
    )
    missing = [
        base.transform_filter(alt.datum.series == name)
        .mark_text(dx=12 * (2 * index - len(series) + 1), fontSize=theme.SMALL, fontWeight="bold")
        .encode(y=channels.y(height - 8), text=alt.Text("missing:N"))
        for index, name in enumerate(series)
    ]
    return alt.LayerChart(
        layer=[
            base.mark_line(strokeWidth=1.5),
            points,
            *written,
            *missing,
        ],
        width=width,
        height=height,
    )


def _on_line(row: Row) -> Row:
    """A value that a logarithmic axis cannot show breaks the line and stands at its foot."""
    if row["value"] is None or on_log(row["value"]):
        return row
    return {**row, "value": None, "text": "", "missing": number(row["value"])}


def _by_series(channel: str, series: Mapping[str, theme.Look]) -> Any:
    """Colour or shape of a series; both have one legend together."""
    which = {"color": (alt.Color, "colour"), "shape": (alt.Shape, "shape")}
    kind, attribute = which[channel]
    looks = [getattr(look, attribute) for look in series.values()]
    legend = alt.Legend(title=None, orient="bottom", direction="horizontal")
    return kind("series:N", scale=alt.Scale(domain=list(series), range=looks), legend=legend)
