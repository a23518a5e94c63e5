"""How far the copies from a binary cache had come when: a band per system, a line per copy."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import axes, channels, doubt, measured, strip, theme
from meshbench.figures.drawing.groups import Group, look, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import number

MEASURE = Measure("nix_cache", "copy_time", "s")
_BAND, _LINE = 44, 34
"""Heights in px: of a system's band, and of the whole closure in it."""
_POINTS = 80
"""Of a line, at the most; more cannot be told apart."""
_ACROSS = 2
_SIDE, _NAMES = 100, 90
"""What the text to the right of a panel takes, and the names to the left of the first, in px."""
_CROSS = "M-0.7,-0.7L0.7,0.7M-0.7,0.7L0.7,-0.7"
_COPY = ("vpn", "tuning", "profile", "round", "source", "target", "timed", "copy")

Copy = list[Row]
"""The points of one copy, in their order."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile with a time axis of its own, as profiles differ by factors."""
    panels: dict[str, list[Group]] = {}
    for group in measured.groups(data, context, MEASURE):
        panels.setdefault(group.profile, []).append(group)
    copies = _copies(data)
    across = min(_ACROSS, max(1, len(panels)))
    total = theme.PAGE if across > 1 else theme.COLUMN
    width = (total - across * (_SIDE + _NAMES)) // across
    charts = [_panel(profile, groups, copies, context, width) for profile, groups in panels.items()]
    return alt.concat(*charts, columns=across, spacing=14, usermeta={"width": total})


def _copies(data: Data) -> list[Copy]:
    """Every copy that was begun."""
    by_copy: dict[tuple[object, ...], Copy] = {}
    for row in data.rows("nix_progress", benchmark=MEASURE.benchmark):
        by_copy.setdefault(tuple(row[key] for key in _COPY), []).append(row)
    return [sorted(copy, key=lambda row: float(row["t_s"])) for copy in by_copy.values()]


def _shown(copies: Sequence[Copy], group: Group) -> list[Copy]:
    """A group's timed copies, and each that did not end by itself."""
    key = (group.vpn, group.tuning, group.profile)
    mine = [copy for copy in copies if tuple(copy[0][name] for name in _COPY[:3]) == key]
    return [copy for copy in mine if copy[0]["timed"] or _cut(copy, mine)]


def _cut(copy: Copy, others: Sequence[Copy]) -> bool:
    """Whether a copy is the one with which its link's measurement broke off."""
    first = copy[0]
    if first["status"] == "ok":
        return False
    same = [o[0] for o in others if all(o[0][key] == first[key] for key in _COPY[3:6])]
    return bool(first is max(same, key=lambda row: (row["timed"], row["copy"])))


def _panel(
    profile: str, groups: Sequence[Group], copies: Sequence[Copy], context: Context, width: int
) -> alt.LayerChart:
    shown = [_shown(copies, group) for group in groups]
    x = _time_axis([float(copy[-1]["t_s"]) for mine in shown for copy in mine])
    height = _BAND * max(1, len(groups))
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, height], range=[0, height]), axis=None)
    return alt.LayerChart(
        layer=[
            *_rules(len(groups), width, y),
            *_lines(groups, shown, context, x, y),
            *_texts(groups, shown, context, width, y),
        ],
        width=width,
        height=height,
        title=channels.title(profile, width + _SIDE, offset=4),
    )


def _lines(
    groups: Sequence[Group], shown: Sequence[Sequence[Copy]], context: Context, x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """The copies, and a cross where one was cut off."""
    points, ends = [], []
    for index, (group, mine) in enumerate(zip(groups, shown, strict=True)):
        colour = look(group, context).colour
        for number_, copy in enumerate(mine):
            name = f"{index}.{number_}"
            points += [{**point, "copy": name, "colour": colour} for point in _line(copy, index)]
            if _cut(copy, mine):
                ends.append({**_place(copy[-1], index), "ink": _ink(group)})
    lines = alt.Chart(frame(points)).mark_line(strokeWidth=1.2, opacity=0.7)
    crosses = alt.Chart(frame(ends)).mark_point(shape=_CROSS, size=22, strokeWidth=1.3)
    return [
        lines.encode(x=x, y=y, color=alt.Color("colour:N", scale=None), detail="copy:N"),
        crosses.encode(x=x, y=y, color=alt.Color("ink:N", scale=None)),
    ]


def _time_axis(times: Sequence[float]) -> alt.X:
    """Without numbers where nothing is drawn, as they would be invented."""
    title = "time since the copy's start (s)"
    if not times:
        axis = alt.Axis(title=title, labels=False, ticks=False, grid=False)
        return alt.X("t_s:Q", axis=axis, scale=alt.Scale(domain=[0, 1]))
    scale = alt.Scale(domain=list(axes.domain(times, room=1.05)), nice=False)
    return alt.X("t_s:Q", axis=alt.Axis(title=title, **axes.ticks(times)), scale=scale)


def _line(copy: Copy, index: int) -> list[Row]:
    step = max(1, -(-len(copy) // _POINTS))
    return [_place(row, index) for row in (*copy[:-1:step], copy[-1])]


def _place(row: Row, index: int) -> dict[str, Any]:
    """Where a share of the closure stands in a system's band, in px from the top."""
    return {"t_s": row["t_s"], "y": (index + 1) * _BAND - _LINE * min(1.0, _share(row))}


def _share(row: Row) -> float:
    return (row["done_bytes"] or 0.0) / row["closure_bytes"] if row["closure_bytes"] else 0.0


def _rules(bands: int, width: int, y: alt.Y) -> list[alt.Chart]:
    """The foot of each band, and dashed the whole closure, which the first one names."""
    feet = [(index + 1) * _BAND for index in range(bands)]
    rules = alt.Chart(frame([{"y": foot} for foot in feet])).mark_rule(color="#dddddd")
    whole = alt.Chart(frame([{"y": foot - _LINE} for foot in feet]))
    dashed = whole.mark_rule(color="#cccccc", strokeDash=[2, 3])
    named = alt.Chart(frame([{"y": _BAND - _LINE, "text": "100 %"}]))
    text = named.mark_text(fontSize=theme.SMALL, color=theme.GREY, align="left", dy=-6)
    across = {"x": channels.x(0), "x2": channels.x2(width)}
    return [
        rules.encode(**across, y=y),
        dashed.encode(**across, y=y),
        text.encode(x=channels.x(2), y=y, text="text:N"),
    ]


def _texts(
    groups: Sequence[Group],
    shown: Sequence[Sequence[Copy]],
    context: Context,
    width: int,
    y: alt.Y,
) -> list[alt.Chart]:
    """Names to the left, to the right what became of the copies, and why nothing is drawn where
    nothing is.
    """
    rows = list(zip(groups, shown, strict=True))
    return [
        _column([(0.6, system(g, context), theme.INK) for g in groups], -8, y, right=True),
        _column([(0.42, _told(group), _ink(group)) for group in groups], width + 8, y),
        _column([(0.72, _come(*row), _ink(row[0])) for row in rows], width + 8, y),
        _column([(0.6, "" if m else strip.why(g, width), _ink(g)) for g, m in rows], 4, y),
    ]


def _column(
    texts: Sequence[tuple[float, str, str]], x: float, y: alt.Y, *, right: bool = False
) -> alt.Chart:
    """A text per band: where in it (0 to 1 from its top), words, ink."""
    rows = [
        {"y": (index + at) * _BAND, "text": words, "ink": ink}
        for index, (at, words, ink) in enumerate(texts)
    ]
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_text(
            align="right" if right else "left",
            baseline="middle",
            fontSize=theme.TEXT if right else theme.SMALL,
        )
        .encode(x=channels.x(x), y=y, text=alt.Text("text:N"), color=alt.Color("ink:N", scale=None))
    )
    return chart


def _ink(group: Group) -> str:
    return theme.STATUSES[group.trouble].ink if group.trouble else theme.INK


def _told(group: Group) -> str:
    mean = measured.mean(group)
    counts = f"n {strip.counts(group)}"
    return counts if mean is None else f"{number(mean)} s, {counts}"


def _come(group: Group, mine: Sequence[Copy]) -> str:
    """How much of the closure had come of the copies that were cut off."""
    shares = [100 * min(1.0, _share(copy[-1])) for copy in mine if _cut(copy, mine)]
    if not shares:
        return ""
    low, high = number(min(shares), 2), number(max(shares), 2)
    glyph = theme.STATUSES[group.trouble or "ok"].glyph
    return f"{glyph} {low if low == high else f'{low} to {high}'} % came"


def caption(data: Data, context: Context) -> str:
    """What a line is, and the extremes."""
    sentences = (
        "Share of the closure's bytes that had come, a line per timed copy; a cross ends a copy, timed or "
        "not, that was cut off at its limit or failed. To the right the mean time of the timed copies and "
        "how many links have one, and how much had come of the others. At first Nix asks for the "
        "description of each path."
    )
    groups = measured.groups(data, context, MEASURE)
    unsure = doubt.told(groups, data, context)
    return f"{sentences} {measured.told_extremes(groups, MEASURE)} {unsure}"


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
