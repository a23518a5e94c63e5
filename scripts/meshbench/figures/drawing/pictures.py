"""Pieces of pictures that several figures share: heat maps, stacked bars, scatter plots, lines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from meshbench.figures.contract import Row, frame
from meshbench.figures.drawing import axes, channels, theme
from meshbench.figures.drawing.wording import log_ticks, number, off_axis, on_log, wrapped

ROW, CELL = 20, 74
_LINE = 13


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
    return math.ceil(8 + max(_ems(value) * theme.TEXT, _ems(detail) * theme.SMALL))


def _ems(text: str) -> float:
    """The width of a text in a sans-serif font, in its size: digits are wider than most letters."""
    return sum(0.3 if c in " .,:;/!|()-ijlrt" else 0.57 if c.isdigit() else 0.54 for c in text)


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
    places = labels(spots, side, [box for row in rows for box in _boxes(row, across, up, side)])
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


def _within(row: Row, axis: str, scale: "Scale") -> Row:
    """A point on the axis: at its low end, with the value beside the label, where it has no place there."""
    keys = [key for key in (axis, f"{axis}_low", f"{axis}_high") if key in row]
    off = off_axis([] if scale.shows(row[axis]) else [row[axis]])
    label = {"system": f"{row['system']} {off}".strip()} if off else {}
    return {**row, **label, **{key: scale.clamped(row[key]) for key in keys}}


def _ends(rows: Sequence[Row], axis: str) -> list[float]:
    keys = (axis, f"{axis}_low", f"{axis}_high")
    return [row[key] for row in rows for key in keys if key in row]


def _boxes(row: Row, across: "Scale", up: "Scale", side: float) -> list[tuple[float, ...]]:
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


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`; without numbers where it is `empty`, as it would invent them."""

    low: float
    high: float
    log: bool
    empty: bool = False

    @classmethod
    def of(cls, values: Sequence[float], *, log: bool, room: float, below: float = 0.7) -> "Scale":
        """An axis that holds the values: from zero, or from `below` times the least if logarithmic."""
        if log:
            values = [value for value in values if on_log(value)]
        if not values:
            return cls(0, 1, log=False, empty=True)
        if log:
            return cls(below * min(values), 1.6 * max(values), log=True)
        low, high = min(0.0, *values), room * max(0.0, *values)
        return cls(low, high if low < high else 1.0, log=False)

    def shows(self, value: float) -> bool:
        """Whether the value has a place of its own on the axis."""
        return not self.log or on_log(value)

    def clamped(self, value: float) -> float:
        """The value, or the low end of the axis for one that has no place on it."""
        return value if self.shows(value) else self.low

    def at(self, value: float, size: float) -> float:
        """Where a value stands on so many px."""
        value = self.clamped(value)
        if self.log:
            return size * math.log(value / self.low) / math.log(self.high / self.low)
        return size * (value - self.low) / (self.high - self.low)

    def scale(self) -> alt.Scale:
        """For Vega."""
        return alt.Scale(
            type="log" if self.log else "linear",
            domain=[self.low, self.high],
            nice=False,
            zero=False,
        )

    def axis(self, title: str) -> alt.Axis:
        """Round ticks; their values say that it is logarithmic."""
        if self.empty:
            return alt.Axis(title=title, labels=False, ticks=False, grid=False)
        if not self.log:
            return alt.Axis(title=title, **axes.ticks([self.low, self.high], count=6))
        ticks = log_ticks(self.low, self.high)
        return alt.Axis(title=f"{title}, log", values=ticks, labelExpr="format(datum.value, '~g')")


_WAYS = [
    (radius * math.cos(angle), radius * math.sin(angle))
    for radius in (9, 14, 22, 32, 44, 58, 74, 92, 112, 140, 175, 215)
    for angle in (
        0.0, -0.7, 0.7, math.pi, -2.4, 2.4, -math.pi / 2, math.pi / 2, -0.35, 0.35, -1.1, 1.1, -2.0, 2.0
    )
]  # fmt: skip
"""Where a label may begin (or end, to the left) relative to its point, the nearest first."""
_NEAR = 15
_LINE_CROSSED, _POINT_HIDDEN, _LABEL_HIDDEN, _OUTSIDE = 40.0, 150.0, 1000.0, 2000.0
"""What is as bad as a label so many px farther from its point."""


def labels(
    points: Sequence[tuple[float, float, str]],
    side: float,
    blocked: Sequence[tuple[float, ...]] = (),
) -> list[tuple[float, float]]:
    """The left edge and the middle, in px, of the label of each point; greedy, in their order.

    A label hides no other one and, where there is room, neither points nor lines to them.

    Args:
        points: x, y and label.
        side: of the picture.
        blocked: boxes (left, top, right, bottom) that labels leave free besides the points.
    """
    marks = [*((x - 5, y - 5, x + 5, y + 5) for x, y, _ in points), *blocked]
    taken: list[_Label] = []
    places = []
    for x, y, text in points:
        best = _best((x, y), _width(text), marks, taken, side)
        if text:
            taken.append(best)
        places.append((best.box[0], best.middle))
    return places


def _best(
    point: tuple[float, float],
    width: float,
    marks: Sequence[tuple[float, ...]],
    taken: "Sequence[_Label]",
    side: float,
) -> "_Label":
    """The nearest place that is free, or else the least bad one."""
    candidates: list[tuple[float, _Label]] = []
    for dx, dy in _WAYS:
        way = _Label.at(*point, dx, dy, width)
        cost = _cost(way, marks, taken, side)
        candidates.append((cost, way))
        if cost == way.distance:
            break
    return min(candidates, key=lambda candidate: candidate[0])[1]


@dataclass(frozen=True)
class _Label:
    """A label's box, and the line that leads to it from its point where it is not next to that."""

    box: tuple[float, ...]
    middle: float
    distance: float
    line: tuple[tuple[float, float], tuple[float, float]] | None

    @classmethod
    def at(cls, x: float, y: float, dx: float, dy: float, width: float) -> "_Label":
        left = x + dx - (0 if dx > 1 else width if dx < -1 else width / 2)
        middle = y + dy
        end = _line_end(x, left, width), middle
        far = math.hypot(end[0] - x, dy) > _NEAR
        box = (left, middle - 6, left + width, middle + 6)
        return cls(box, middle, math.hypot(dx, dy), ((x, y), end) if far else None)


def _line_end(x: float, left: float, width: float) -> float:
    """Where a line from a point at `x` meets its label, across."""
    return min(max(x, left), left + width)


def _cost(
    way: _Label, marks: Sequence[tuple[float, ...]], taken: Sequence[_Label], side: float
) -> float:
    crossed = sum(_crosses(way.line, other.box) + _crosses(other.line, way.box) for other in taken)
    # Each line begins at its own point.
    struck = max(0, sum(_crosses(way.line, mark) for mark in marks) - 1)
    return (
        way.distance
        + _OUTSIDE * (not _inside(way.box, side))
        + _POINT_HIDDEN * sum(_overlap(way.box, mark) for mark in marks)
        + _LABEL_HIDDEN * sum(_overlap(way.box, other.box) for other in taken)
        + _LINE_CROSSED * (crossed + struck)
    )


def _crosses(
    line: tuple[tuple[float, float], tuple[float, float]] | None, box: tuple[float, ...]
) -> bool:
    """Whether a line goes through a box, by looking at points along it."""
    if line is None:
        return False
    (x, y), (to_x, to_y) = line
    left, top, right, bottom = box
    if not _overlap((min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y)), box):
        return False
    steps = [step / 12 for step in range(13)]
    return any(
        left < x + (to_x - x) * step < right and top < y + (to_y - y) * step < bottom
        for step in steps
    )


def _inside(box: tuple[float, ...], side: float) -> bool:
    left, top, right, bottom = box
    return left >= 2 and right <= side + 70 and top >= 4 and bottom <= side - 2  # noqa: PLR2004


def _width(text: str) -> float:
    return theme.SMALL * _ems(text)


def _label(row: Row, spot: tuple[float, float, str], place: tuple[float, float]) -> list[alt.Chart]:
    """The label in its system's colour, and a thin line to its point where that is not next to it."""
    (x, y, text), (left, top) = spot, place
    near = _line_end(x, left, _width(text))
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
    if math.hypot(near - x, top - y) > _NEAR:
        rule = base.mark_rule(color=colour, strokeWidth=0.7, opacity=0.7)
        end = alt.value(top - (5 if top > y else -5))
        layers.insert(0, rule.encode(x=alt.value(x), y=alt.value(y), x2=alt.value(near), y2=end))
    return layers


def _overlap(box: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]


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
    labels = [
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
            *labels,
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


def nothing(text: str, width: int = 300) -> alt.LayerChart:
    """In place of a picture for which there are no data: why."""
    return _written([text], width, 20)


def paragraph(text: str, width: int, height: int) -> alt.LayerChart:
    """A text in place of a panel of that size."""
    return _written(wrapped([text], width, theme.TEXT), width, height)


def listing(lines: Sequence[str], width: int) -> alt.LayerChart:
    """Lines below a picture: what has no place in it, and why."""
    shown = wrapped(lines, width, theme.TEXT)
    return _written(shown, width, _LINE * len(shown))


def _written(lines: Sequence[str], width: int, height: int) -> alt.LayerChart:
    rows = [{"text": line, "y": 10 + _LINE * index} for index, line in enumerate(lines)]
    chart = (
        alt.Chart(frame(rows))
        .mark_text(align="left", fontSize=theme.TEXT, color=theme.GREY)
        .encode(
            x=channels.x(0),
            y=alt.Y("y:Q", scale=None, axis=None),
            text=alt.Text("text:N"),
        )
    )
    return alt.LayerChart(layer=[chart], width=width, height=height)
