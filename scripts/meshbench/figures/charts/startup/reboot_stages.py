"""What a reboot is made of: the host's own stages before it is reachable, the VPN's after that."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import channels, measured, strip, texts, theme
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import joined, number

STABLE = Measure("reboot", "reboot_stable", "s")
RESOLUTION_S = 0.05
"""The probe's interval."""
DOWN, AWAY, BOOTS = "going down", "away", "booting"
FIRST, STEADY = "VPN until the first packet", "VPN until ten in a row"
_PARTS = {
    DOWN: "#e3e3e3", AWAY: "#c4c4c4", BOOTS: "#9a9a9a", FIRST: "#d55e00", STEADY: "#f3b27f",
}  # fmt: skip
_ENDS = (
    ("asked_s", "gone_s", DOWN), ("gone_s", "started_s", AWAY), ("started_s", "underlay_s", BOOTS),
    ("underlay_s", "first_s", FIRST), ("first_s", "stable_s", STEADY),
)  # fmt: skip
_ROW, _BAR = 26, 11
_SIDE, _NAMES = 108, 66
"""What the text to the right takes, and the names to the left, in px."""


@dataclass(frozen=True)
class Reboots:
    """Every reboot on every pair of one system under one profile.

    Attributes:
        group: the pairs' whole-run values, which say what is missing.
        rows: of the table, with times in s since the pair was reachable beside the VPN.
    """

    group: Group
    rows: Sequence[Row]

    @property
    def medians(self) -> Mapping[str, float]:
        """Of each stage, over the reboots and pairs that reached it."""
        medians = {}
        for key in (
            "asked_s",
            "gone_s",
            "started_s",
            "underlay_s",
            "unit_s",
            "first_s",
            "stable_s",
        ):
            if values := [row[key] for row in self.rows if row[key] is not None]:
                medians[key] = statistics.median(values)
        return medians

    @property
    def lacking(self) -> int:
        """On how many pairs of reboots it was not stable within the limit."""
        return sum(row["stable_s"] is None for row in self.rows)


def collected(data: Data, context: Context) -> list[Reboots]:
    """One for each system and profile that was planned or measured."""
    rows = [_since_reachable(row) for row in data.rows("reboot_stages")]
    return [
        Reboots(
            group, [row for row in rows if _key(row) == (group.vpn, group.tuning, group.profile)]
        )
        for group in measured.groups(data, context, STABLE)
    ]


def _key(row: Row) -> tuple[str, str, str]:
    return row["vpn"], row["tuning"], row["profile"]


def _since_reachable(row: Row) -> Row:
    """With zero at the pair's first reply beside the VPN."""
    zero = row["underlay_s"]
    keys = ("gone_s", "started_s", "underlay_s", "unit_s", "first_s", "stable_s")
    times = {
        key: None if zero is None or row[key] is None else max(row[key] - zero, _least(key))
        for key in keys
    }
    return {**row, **times, "asked_s": None if zero is None else -zero}


def _least(key: str) -> float:
    """A reply through the VPN that came within the probe's interval of the one beside it came with it."""
    return 0.0 if key in {"first_s", "stable_s"} else -math.inf


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, a bar per system, a point per reboot and pair."""
    panels: dict[str, list[Reboots]] = {}
    for reboots in collected(data, context):
        panels.setdefault(reboots.group.profile, []).append(reboots)
    if not panels:
        return texts.nothing("no system was rebooted")
    width = theme.COLUMN - _SIDE - _NAMES
    charts = [_panel(profile, those, context, width) for profile, those in panels.items()]
    return alt.concat(*charts, columns=1, spacing=14, usermeta={"width": theme.COLUMN})


def _panel(profile: str, those: Sequence[Reboots], context: Context, width: int) -> alt.LayerChart:
    names = [system(reboots.group, context) for reboots in those]
    y = alt.Y(
        "system:N", scale=alt.Scale(domain=names),
        axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=6),
    )  # fmt: skip
    x = _axis(those)
    return alt.LayerChart(
        layer=[
            _bars(those, names, x, y),
            _points(those, names, x, y),
            _units(those, names, x, y),
            _texts(those, names, y, width),
            _reasons(those, names, y, width),
        ],
        width=width,
        height=_ROW * max(1, len(names)),
        title=channels.title(profile, width + _SIDE, offset=4),
    )


def _axis(those: Sequence[Reboots]) -> alt.X:
    """One for all layers; without numbers where nothing is drawn."""
    title = "time since the host was reachable beside the VPN (s)"
    values = [v for reboots in those for v in reboots.medians.values()]
    values += [
        row["first_s"] for reboots in those for row in reboots.rows if row["first_s"] is not None
    ]
    if not values:
        return alt.X(
            "start:Q", scale=alt.Scale(domain=[0, 1]),
            axis=alt.Axis(title=title, labels=False, ticks=False, grid=False),
        )  # fmt: skip
    low, high = min(values), max(values)
    room = 0.04 * (high - low or 1.0)
    scale = alt.Scale(domain=[low - room, high + room], nice=False, zero=False)
    return alt.X("start:Q", scale=scale, axis=alt.Axis(title=title, tickCount=6))


def _bars(those: Sequence[Reboots], names: Sequence[str], x: alt.X, y: alt.Y) -> alt.Chart:
    """From the median of one stage to that of the next one."""
    rows = [
        {"system": name, "part": part, "start": reboots.medians[begin], "end": reboots.medians[end]}
        for reboots, name in zip(those, names, strict=True)
        for begin, end, part in _ENDS
        if {begin, end} <= reboots.medians.keys()
    ]
    legend = alt.Legend(title=None, orient="bottom", columns=2, symbolType="square")
    colour = alt.Scale(domain=list(_PARTS), range=list(_PARTS.values()))
    chart: alt.Chart = (
        alt.Chart(frame(rows or [{"system": names[0], "part": DOWN, "start": 0.0, "end": 0.0}]))
        .mark_bar(height=_BAR)
        .encode(
            x=x,
            x2="end:Q",
            y=y,
            color=alt.Color("part:N", scale=colour, legend=legend),
            tooltip=channels.tooltip("system:N", "part:N", "start:Q", "end:Q"),
        )
    )
    return chart


def _points(those: Sequence[Reboots], names: Sequence[str], x: alt.X, y: alt.Y) -> alt.Chart:
    """Each first packet."""
    rows = [
        {"system": name, "start": row["first_s"], "pair": f"{row['source']}→{row['target']}"}
        for reboots, name in zip(those, names, strict=True)
        for row in reboots.rows
        if row["first_s"] is not None
    ]
    chart = alt.Chart(frame(rows or [{"system": names[0], "start": None, "pair": ""}]))
    points: alt.Chart = chart.mark_point(
        shape="circle", size=14, color=theme.INK, strokeWidth=0.8, opacity=0.55
    ).encode(x=x, y=y, tooltip=channels.tooltip("system:N", "pair:N", "start:Q"))
    return points


def _units(those: Sequence[Reboots], names: Sequence[str], x: alt.X, y: alt.Y) -> alt.Chart:
    """When the VPN's units were active: the median."""
    rows = [
        {"system": name, "start": reboots.medians["unit_s"]}
        for reboots, name in zip(those, names, strict=True)
        if "unit_s" in reboots.medians
    ]
    chart = alt.Chart(frame(rows or [{"system": names[0], "start": None}]))
    ticks: alt.Chart = chart.mark_tick(
        color="#0072b2", thickness=2.5, height=_BAR + 7, orient="vertical"
    ).encode(x=x, y=y)
    return ticks


def _texts(those: Sequence[Reboots], names: Sequence[str], y: alt.Y, width: int) -> alt.Chart:
    rows = [
        {"system": name, "text": _told(reboots), "ink": _ink(reboots)}
        for reboots, name in zip(those, names, strict=True)
    ]
    return _written(rows, y, width + 6)


def _told(reboots: Reboots) -> str:
    first_s = reboots.medians.get("first_s")
    n = f"n {len(reboots.rows) - reboots.lacking}"
    late = f", {theme.STATUSES['timeout'].glyph} {reboots.lacking}" if reboots.lacking else ""
    return f"{_shown(first_s)}, {n}{late}" if first_s is not None else f"{n}{late}"


def _shown(time_s: float) -> str:
    """A time, or that it is shorter than can be told."""
    if time_s < RESOLUTION_S:
        return f"< {RESOLUTION_S:g} s"
    return f"{number(time_s, 2)} s"


def _ink(reboots: Reboots) -> str:
    trouble = reboots.group.trouble
    return theme.STATUSES[trouble].ink if trouble else theme.INK


def _reasons(those: Sequence[Reboots], names: Sequence[str], y: alt.Y, width: int) -> alt.Chart:
    """Why there is no bar."""
    rows = [
        {"system": name, "text": strip.why(reboots.group, width), "ink": _ink(reboots)}
        for reboots, name in zip(those, names, strict=True)
        if not reboots.medians
    ]
    return _written(rows or [{"system": names[0], "text": "", "ink": theme.INK}], y, 4)


def _written(rows: Sequence[Row], y: alt.Y, at: float) -> alt.Chart:
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_text(align="left", baseline="middle", fontSize=theme.SMALL)
        .encode(
            x=channels.x(at),
            y=y,
            text=alt.Text("text:N"),
            color=alt.Color("ink:N", scale=None),
        )
    )
    return chart


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the quickest and the slowest system."""
    sentences = (
        "Stages of a reboot, one host at a time, from the pair's first reply beside the VPN (0): to the left the "
        "host's own, which no VPN is charged with, to the right the VPN's. A bar goes from median to median over the "
        "reboots and the ordered pairs that have the host at an end, a circle is the first packet of one of them, and "
        "the blue stroke is when the VPN's units were active. Resolution 50 ms. To the right: the median of the first "
        "packet, how many were stable within the limit (n), and how many were not (T)."
    )
    medians = [
        (reboots.medians["first_s"], system(reboots.group, context), len(reboots.rows))
        for reboots in collected(data, context)
        if "first_s" in reboots.medians and reboots.group.profile == context.profiles[0]
    ]
    ends = [f"{vpn} {_shown(first_s)} (n {n})" for first_s, vpn, n in sorted(medians)]
    shown = list(dict.fromkeys([*ends[:1], *ends[-1:]]))
    return f"{sentences} At {context.profiles[0]}: {joined(shown)}." if shown else sentences


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    reasons = dict.fromkeys(
        f"T {row['vpn']}, {row['source']}→{row['target']}, {row['reason']}"
        for reboots in collected(data, context)
        for row in reboots.rows
        if row["stable_s"] is None and row["reason"]
    )
    groups = [reboots.group for reboots in collected(data, context)]
    return [*measured.notes(groups, context), *reasons]
