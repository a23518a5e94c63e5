"""The picture most figures are made of: one row per system, all its points on a common axis.

Beside the points: the range or interval (a bar), the centre (a tick), and columns of text. A row
without values says why; a row that lacks some says how many.
"""

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import altair as alt

from meshbench.figures.contract import Context, frame
from meshbench.figures.drawing import axes, channels, theme
from meshbench.figures.drawing.groups import Group, Spread, Variant, arrow, became, system
from meshbench.figures.drawing.wording import log_ticks, off_axis, on_log, shortened
from meshbench.util.errors import NO_BINARY

ROW = 16
"""Height of a row in px."""
_POINTS = "Each point is one round and link (open: reverse direction)"
_RANGES = (
    "the line the range of all points where there are fewer; n counts the values. What a logarithmic "
    "axis cannot show stands at its low end (◄)."
)
LEGEND = (
    f"{_POINTS}; the tick is the median over rounds of the median over links; the bar is its 95 % "
    f"interval (order statistics, from six rounds on), {_RANGES}"
)
LEGEND_OF_SUMS = (
    "Each point is one round; the tick is the median over the rounds; the bar is its 95 % interval (order "
    f"statistics, from six rounds on), {_RANGES}"
)
LEGEND_OF_MEANS = (
    f"{_POINTS}; the tick is the mean; the bar is the 95 % interval of the median over rounds of the "
    f"median over links (order statistics, from six rounds on), {_RANGES}"
)
_PIXELS_PER_CHARACTER = 6.0
_GAP = 8
_ACROSS = 3
"""So many panels beside each other are as wide as a page."""
_MANY = 12
"""Points per row above which they are drawn smaller, so as not to hide the interval."""


@dataclass(frozen=True)
class Column:
    """Text to the right of a panel: a head, a width in px, and what to say of a group."""

    head: str
    width: int
    text: Callable[[Group], str]


@dataclass(frozen=True)
class Panel:
    """One set of rows that share an axis."""

    title: str
    groups: Sequence[Group]


@dataclass(frozen=True)
class Strip:
    """What to draw of each group.

    Attributes:
        column: of the table; its points and its spread.
        scale: from the table's unit to the axis's.
        axis: title of the axis.
        columns: of text.
        high: another column whose median is drawn as a bold mark, such as a 99th percentile.
        log: whether the axis is logarithmic; what it cannot show then stands at its low end.
        bound: the least end of the axis, so that rounding noise is not blown up to its full width.
        directions: whether each direction of a system has a row of its own; set by `grid`.
        mean: what the tick stands for instead of the median over rounds of the median over links.
    """

    column: str
    scale: float
    axis: str
    columns: Sequence[Column]
    high: str | None = None
    log: bool = False
    bound: float = 0.0
    directions: bool = False
    mean: Callable[[Group], float | None] | None = None

    def centre(self, group: Group) -> float | None:
        """Where the tick stands."""
        return self.mean(group) if self.mean else group.centre(self.column, self.scale)

    def shows(self, value: float) -> bool:
        """Whether a value has a place on the axis."""
        return not self.log or on_log(value)

    @property
    def side(self) -> int:
        """What the columns of text take beside a panel, in px."""
        return sum(column.width for column in self.columns) + _GAP

    def key(self, group: Group) -> str:
        """The row in which a group is drawn."""
        return "|".join((group.vpn, group.tuning, (group.direction or "") * self.directions))


def counts(group: Group) -> str:
    """How many values there are, out of how many where some are missing."""
    mark = "†" if group.marks else ""
    return f"{group.n_ok}{mark}" if group.trouble is None else f"{group.n_ok}/{group.planned}{mark}"


def grid(
    panels: Sequence[Sequence[Panel]], strip: Strip, context: Context, *, titled: bool = True
) -> alt.ConcatChart:
    """Panels in rows and columns; only the first column has row labels.

    Args:
        panels: of the figure or, where they differ in what they show, of a part of it.
        strip: what each shows.
        context: what was planned.
        titled: whether the axes of the last row have a title.
    """
    mixed = any(len({g.direction for g in panel.groups}) > 1 for row in panels for panel in row)
    strip = dataclasses.replace(strip, directions=mixed)
    all_groups = [group for row in panels for panel in row for group in panel.groups]
    names = _names(all_groups, strip, context)
    side = strip.side
    left = 14 + _PIXELS_PER_CHARACTER * max((len(text) for text in names.values()), default=4)
    across = max((len(row) for row in panels), default=1)
    total = theme.COLUMN if across == 1 else theme.PAGE
    width = int(max(150, (total - left - across * side - (across - 1) * 12) / across))
    charts = [
        _panel(
            panel,
            strip,
            names,
            width=width,
            first=index == 0,
            head=number == 0,
            foot=titled and number == len(panels) - 1,
        )
        for number, row in enumerate(panels)
        for index, panel in enumerate(row)
    ]
    used = int(left + across * (width + side) + (across - 1) * 12)
    return alt.concat(*charts, columns=across, spacing=12, usermeta={"width": used})


def by_profile_and_mode(groups: Sequence[Group]) -> list[list[Panel]]:
    """A row of panels per profile, a column per mode and direction.

    Where these would be too many for a page, a column per mode: directions are rows of a panel.
    """
    variants = list(dict.fromkeys((group.mode, group.direction) for group in groups))
    if len(variants) > _ACROSS:
        variants = list(dict.fromkeys((mode, None) for mode, _ in variants))
    modes, directions = ({variant[index] for variant in variants} for index in (0, 1))
    return [
        [
            Panel(
                ", ".join([profile, *_told(variant, modes=modes, directions=directions)]),
                [group for group in groups if _belongs(group, profile, variant)],
            )
            for variant in variants
        ]
        for profile in dict.fromkeys(group.profile for group in groups)
    ]


def _told(
    variant: Variant, *, modes: Collection[str | None], directions: Collection[str | None]
) -> list[str]:
    mode, direction = variant
    words = [mode if len(modes) > 1 else None, direction if len(directions) > 1 else None]
    return [word for word in words if word]


def _belongs(group: Group, profile: str, variant: Variant) -> bool:
    mode, direction = variant
    return (group.profile, group.mode) == (profile, mode) and direction in {None, group.direction}


def _names(groups: Sequence[Group], strip: Strip, context: Context) -> dict[str, str]:
    """Row labels, in drawing order; the second direction of a system is an arrow only."""
    names: dict[str, str] = {}
    seen: set[str] = set()
    for group in sorted(groups, key=lambda g: _place(g, context)):
        if (key := strip.key(group)) not in names:
            name = system(group, context)
            names[key] = ("" if name in seen else name) + arrow(group) * strip.directions
            seen.add(name)
    return names


def _place(group: Group, context: Context) -> tuple[int, str, int, str, str]:
    def index(name: str, planned: Sequence[str]) -> int:
        return planned.index(name) if name in planned else len(planned)

    vpn, tuning = index(group.vpn, context.vpns), index(group.tuning, context.tunings)
    return vpn, group.vpn, tuning, group.tuning, group.direction or ""


def _panel(
    panel: Panel,
    strip: Strip,
    names: Mapping[str, str],
    *,
    width: int,
    first: bool,
    head: bool,
    foot: bool,
) -> alt.LayerChart:
    domain = _domain(panel.groups, strip)
    y = _rows_axis(names, shown=first)
    x = _values_axis(panel.groups, strip, domain, shown=foot)
    layers = [
        _lines(panel.groups, strip, width, y),
        _spans(panel.groups, strip, x, y),
        _points(panel.groups, strip, x, y),
        _ticks(panel.groups, strip, x, y),
        _reasons(panel.groups, strip, width, y),
        *_beyond(panel.groups, strip, y),
        *_columns(panel.groups, strip, width, y, head=head),
    ]
    if strip.high:
        layers.insert(2, _highs(panel.groups, strip, x, y))
    return alt.LayerChart(
        layer=layers,
        width=width,
        height=max(1, len(names)) * ROW,
        title=channels.title(panel.title, width + strip.side, offset=4),
    )


def _rows_axis(names: Mapping[str, str], *, shown: bool) -> alt.Y:
    words = ", ".join(f"{_quoted(key)}: {_quoted(text)}" for key, text in names.items())
    axis = alt.Axis(
        title=None,
        labels=shown,
        ticks=False,
        domain=False,
        labelPadding=6,
        labelExpr=f"({{{words}}})[datum.label]",
    )
    scale = alt.Scale(domain=list(names), paddingInner=0.1, paddingOuter=0.1)
    return alt.Y("key:N", sort=list(names), scale=scale, axis=axis)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _lines(groups: Sequence[Group], strip: Strip, width: int, y: alt.Y) -> alt.Chart:
    # Not across rows without values: there the line would strike the reason out.
    rows = [{"key": strip.key(group)} for group in groups if group.n_ok]
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_rule(color="#ebebeb")
        .encode(x=channels.x(0), x2=channels.x2(width), y=y)
    )
    return chart


def _values(groups: Sequence[Group], strip: Strip) -> list[float]:
    """Those that have a place on the axis; a centre lies beyond all points where it is a bound."""
    points = [
        point.value
        for column in (strip.column, strip.high)
        if column
        for group in groups
        for point in group.points(column, strip.scale)
    ]
    ends = [end for _, spread in _spreads(groups, strip) for end in (spread.centre, spread.high)]
    return [value for value in (*points, *ends) if strip.shows(value)]


def _domain(groups: Sequence[Group], strip: Strip) -> tuple[float, float] | None:
    values = _values(groups, strip)
    if not values:
        return None
    if strip.log:
        return 0.85 * min(values), 1.15 * max(values)
    return axes.domain(values, bound=strip.bound, room=1.04)


def _beyond(groups: Sequence[Group], strip: Strip, y: alt.Y) -> list[alt.Chart]:
    """Values that a logarithmic axis cannot show, in words at its low end."""
    rows = []
    for group in groups:
        values = [point.value for point in group.points(strip.column, strip.scale)]
        if off := [value for value in values if not strip.shows(value)]:
            rows.append({"key": strip.key(group), "text": off_axis(off)})
    # A halo, as the range of the other values begins there.
    looks: tuple[dict[str, Any], ...] = ({"stroke": "white", "strokeWidth": 3}, {})
    charts: list[alt.Chart] = [
        alt.Chart(frame(rows))
        .mark_text(align="left", baseline="middle", fontSize=theme.SMALL, color=theme.RED, **look)
        .encode(x=channels.x(3), y=y, text=alt.Text("text:N"))
        for look in looks
    ]
    return charts if rows else []


def _values_axis(
    groups: Sequence[Group], strip: Strip, domain: tuple[float, float] | None, *, shown: bool
) -> alt.X:
    ticks = axes.ticks(_values(groups, strip), bound=strip.bound)
    if strip.log and domain:
        # A tickCount beside the values would drop some of them.
        ticks = {"values": log_ticks(*domain), "labelExpr": "format(datum.value, '~g')"}
    # An axis of nothing would invent numbers: without a value there is none.
    axis = alt.Axis(
        title=(strip.axis + (", log" if strip.log else "")) if shown else None,
        labels=domain is not None,
        ticks=domain is not None,
        **ticks,
        grid=domain is not None,
        labelOverlap="greedy",
    )
    kind: Literal["log", "linear"] = "log" if strip.log and domain else "linear"
    scale = alt.Scale(type=kind, domain=list(domain or (0, 1)), nice=False, zero=False)
    return alt.X("value:Q", axis=axis, scale=scale)


def _look(group: Group, strip: Strip) -> dict[str, Any]:
    look = theme.look(group.vpn)
    return {
        "key": strip.key(group),
        "colour": look.colour,
        "shape": look.shape,
        "fill": "white" if group.direction == "reverse" else look.colour,
    }


def _literal(field: str) -> dict[str, Any]:
    return {"field": field, "type": "nominal", "scale": None}


def _points(groups: Sequence[Group], strip: Strip, x: alt.X, y: alt.Y) -> alt.Chart:
    rows = [
        {**_look(group, strip), "value": point.value, "round": point.round, "link": point.link}
        for group in groups
        for point in group.points(strip.column, strip.scale)
        if strip.shows(point.value)
    ]
    size, opacity = (26, 0.75) if len(rows) <= _MANY * len(groups) else (14, 0.45)
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_point(size=size, fillOpacity=opacity, strokeOpacity=opacity, strokeWidth=1)
        .encode(
            x=x,
            y=y,
            fill=alt.Fill(**_literal("fill")),
            stroke=alt.Stroke(**_literal("colour")),
            shape=alt.Shape(**_literal("shape")),
            tooltip=channels.tooltip("value:Q", "round:Q", "link:N"),
        )
    )
    return chart


def _spans(groups: Sequence[Group], strip: Strip, x: alt.X, y: alt.Y) -> alt.Chart:
    low, _ = _domain(groups, strip) or (0.0, 1.0)
    rows = [
        {
            **_look(group, strip),
            "value": spread.low if strip.shows(spread.low) else low,
            "to": spread.high,
            "what": spread.what,
            "size": 8 if spread.interval else 1.5,
            "opacity": 0.4 if spread.interval else 0.8,
        }
        for group, spread in _spreads(groups, strip)
        if strip.shows(spread.high)
    ]
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_rule()
        .encode(
            x=x,
            x2=alt.X2("to:Q"),
            y=y,
            color=alt.Color(**_literal("colour")),
            strokeWidth=alt.StrokeWidth("size:Q", scale=None),
            strokeOpacity=alt.StrokeOpacity("opacity:Q", scale=None),
            tooltip=channels.tooltip("what:N", "value:Q", "to:Q"),
        )
    )
    return chart


def _spreads(groups: Sequence[Group], strip: Strip) -> list[tuple[Group, Spread]]:
    pairs = [(group, group.spread(strip.column, strip.scale)) for group in groups if group.n_ok]
    return [(group, spread) for group, spread in pairs if spread is not None]


def _ticks(groups: Sequence[Group], strip: Strip, x: alt.X, y: alt.Y) -> alt.Chart:
    rows = [
        {"key": strip.key(group), "value": centre, "what": "mean" if strip.mean else "median"}
        for group in groups
        if group.n_ok and (centre := strip.centre(group)) is not None and strip.shows(centre)
    ]
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_tick(thickness=2, size=ROW - 4, color=theme.INK)
        .encode(x=x, y=y, tooltip=channels.tooltip("what:N", "value:Q"))
    )
    return chart


def _highs(groups: Sequence[Group], strip: Strip, x: alt.X, y: alt.Y) -> alt.Chart:
    column = strip.high or ""
    rows = [
        {**_look(group, strip), "value": centre, "what": column}
        for group in groups
        if (centre := group.centre(column, strip.scale)) is not None and strip.shows(centre)
    ]
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_text(text="|", fontSize=12, fontWeight="bold", baseline="middle")
        .encode(
            x=x,
            y=y,
            color=alt.Color(**_literal("colour")),
            tooltip=channels.tooltip("what:N", "value:Q"),
        )
    )
    return chart


def _reasons(groups: Sequence[Group], strip: Strip, width: int, y: alt.Y) -> alt.Chart:
    rows = [
        {
            "key": strip.key(group),
            "text": why(group, width),
            "ink": theme.STATUSES[group.trouble].ink,
        }
        for group in groups
        if group.trouble and not group.n_ok
    ]
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_text(align="left", baseline="middle", fontSize=theme.SMALL)
        .encode(x=channels.x(3), y=y, text=alt.Text("text:N"), color=alt.Color(**_literal("ink")))
    )
    return chart


def why(group: Group, width: float) -> str:
    """What became of a group without values, in so many px."""
    return shortened(trouble(group), int(width / (0.5 * theme.SMALL)))


def trouble(group: Group) -> str:
    """The same in full; empty where every value is there."""
    if group.trouble is None:
        return ""
    style = theme.STATUSES[group.trouble]
    reason = group.reason or ""
    # That it was never there says more than that it failed.
    words = reason if reason.startswith(NO_BINARY) else f"{style.words}: {reason}"
    text = f"{style.glyph} {words.removesuffix(': ')}"
    return f"{became(group)}: {reason}" if len(set(group.troubles) - {"not_run"}) > 1 else text


def _columns(
    groups: Sequence[Group], strip: Strip, width: int, y: alt.Y, *, head: bool
) -> list[alt.Chart]:
    charts: list[alt.Chart] = []
    right = float(width + _GAP)
    for column in strip.columns:
        right += column.width
        rows = [
            {
                "key": strip.key(group),
                "text": column.text(group),
                "ink": theme.STATUSES[group.trouble].ink if group.trouble else theme.INK,
            }
            for group in groups
        ]
        text: dict[str, Any] = {"align": "right", "fontSize": theme.TEXT}
        charts.append(
            alt.Chart(frame(rows))
            .mark_text(**text, baseline="middle")
            .encode(
                x=channels.x(right),
                y=y,
                text=alt.Text("text:N"),
                color=alt.Color(**_literal("ink")),
            )
        )
        if head:
            charts.append(
                alt.Chart(frame([{"text": column.head}]))
                .mark_text(**text, baseline="bottom", color=theme.GREY)
                .encode(x=channels.x(right), y=channels.y(-4), text=alt.Text("text:N"))
            )
    return charts
