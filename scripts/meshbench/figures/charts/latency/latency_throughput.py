"""Round-trip time against TCP goodput, one point per system and profile."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.charts.latency import rtt
from meshbench.figures.charts.throughput import tcp_throughput
from meshbench.figures.contract import Context, Data, axis_title, frame
from meshbench.figures.drawing import doubt, measured, theme
from meshbench.figures.drawing.groups import Group, look, marked, system, troubles, variants
from meshbench.figures.drawing.wording import log_ticks, off_axis, on_log

_SIDE = 138
_ABSENT_LINES = 12

Pair = tuple[Group, Group]
"""Latency and goodput of one system under one profile."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile: RTT logarithmic, goodput from zero, the spreads as thin lines."""
    pairs = _pairs(data, context)
    profiles = list(dict.fromkeys(latency.profile for latency, _ in pairs))
    looks = {system(latency, context): look(latency, context) for latency, _ in pairs}
    panels = [[pair for pair in pairs if pair[0].profile == profile] for profile in profiles]
    absent = [
        [_absent(pair, context) for pair in panel if not _row(pair, context)] for panel in panels
    ]
    lines = min(_ABSENT_LINES, max((len(names) for names in absent), default=0))
    charts = [
        _panel(panel, looks, _lines(names, lines), context)
        for panel, names in zip(panels, absent, strict=True)
    ]
    return alt.concat(*charts, columns=2, spacing=14)


def _pairs(data: Data, context: Context) -> list[Pair]:
    goodputs = {(g.vpn, g.tuning, g.profile): g for g in _goodputs(data, context)}
    return [
        (latency, goodputs[key])
        for latency in rtt.groups(data, context)
        if (key := (latency.vpn, latency.tuning, latency.profile)) in goodputs
    ]


def _goodputs(data: Data, context: Context) -> list[Group]:
    first = variants(data.rows("throughput", benchmark="tcp"))[0]
    groups = tcp_throughput.groups(data, context)
    return [group for group in groups if (group.mode, group.direction) == first]


def _panel(
    pairs: Sequence[Pair], looks: dict[str, theme.Look], absent: Sequence[str], context: Context
) -> alt.LayerChart:
    rows = [row for pair in pairs if (row := _row(pair, context))]
    most = max((row["goodput_high"] for row in rows), default=1.0)
    shared_x = _rtts(rows)
    top = 1.06 * most
    # A label on the panel's edge would lift its title above its neighbour's.
    label = f"datum.value > {0.96 * top} ? '' : format(datum.value, ',~g')"
    shared_y: dict[str, Any] = {
        "axis": _axis(axis_title("goodput", "Mbit/s"), rows, tickCount=4, labelExpr=label),
        "scale": alt.Scale(domain=[0, top], nice=False),
    }
    x, y = alt.X("rtt:Q", **shared_x), alt.Y("goodput:Q", **shared_y)
    x_low, y_low = alt.X("rtt_low:Q", **shared_x), alt.Y("goodput_low:Q", **shared_y)
    base = alt.Chart(frame(rows))
    colour = alt.Color("colour:N", scale=None)
    points = base.mark_point(filled=True, size=70, fillOpacity=0.9, stroke="white", strokeWidth=0.7)
    legend = alt.Legend(title=None, orient="bottom", columns=4, symbolSize=70)
    names, values = list(looks), list(looks.values())
    shapes = alt.Scale(domain=names, range=[look.shape for look in values])
    fills = alt.Scale(domain=names, range=[look.colour for look in values])
    title = alt.TitleParams(
        pairs[0][0].profile,
        subtitle=absent,
        frame="group",
        fontSize=theme.TEXT,
        subtitleFontSize=theme.SMALL,
    )
    return alt.LayerChart(
        layer=[
            base.mark_rule(strokeOpacity=0.6).encode(x=x_low, x2="rtt_high", y=y, color=colour),
            base.mark_rule(strokeOpacity=0.6).encode(x=x, y=y_low, y2="goodput_high", color=colour),
            points.encode(
                x=x,
                y=y,
                fill=alt.Fill("system:N", scale=fills, legend=legend),
                shape=alt.Shape("system:N", scale=shapes, legend=legend),
                tooltip=["system:N", "rtt:Q", "goodput:Q", "n:N"],
            ),
        ],
        width=_SIDE,
        height=_SIDE,
        title=title,
    )


def _lines(names: Sequence[str], lines: int) -> list[str]:
    """Exactly so many lines, so that the titles of neighbouring panels stand at one height."""
    shown = (
        list(names)
        if len(names) <= lines
        else [*names[: lines - 1], f"… and {len(names) - lines + 1} more"]
    )
    return shown + [""] * (lines - len(shown))


def _row(pair: Pair, context: Context) -> dict[str, Any] | None:
    latency, goodput = pair
    rtts = latency.spread("rtt_avg_ms")
    goodputs = goodput.spread("goodput_bps", tcp_throughput.MBIT)
    if rtts is None or goodputs is None or not on_log(rtts.centre):
        return None
    return {
        "system": system(latency, context),
        "colour": look(latency, context).colour,
        "rtt": rtts.centre,
        "rtt_low": rtts.low if on_log(rtts.low) else rtts.centre,
        "rtt_high": rtts.high,
        "goodput": goodputs.centre,
        "goodput_low": goodputs.low,
        "goodput_high": goodputs.high,
        "n": f"{latency.n_ok} RTTs, {goodput.n_ok} goodputs of {goodput.planned}",
    }


def _absent(pair: Pair, context: Context) -> str:
    latency, goodput = pair
    rtt = latency.centre("rtt_avg_ms")
    if rtt is not None and not on_log(rtt):
        return f"{off_axis([rtt])} ms: {system(latency, context)}"
    group = goodput if goodput.centre("goodput_bps") is None else latency
    status = theme.STATUSES[group.trouble or "not_run"]
    return f"{status.glyph} {system(group, context)}: {status.words}"


def _axis(title: str, rows: Sequence[Any], **look: Any) -> alt.Axis:
    shown = bool(rows)
    look = look or {"tickCount": 4} if shown else {}
    return alt.Axis(
        title=title, labels=shown, ticks=shown, grid=shown, labelOverlap="greedy", **look
    )


def _rtts(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Axis and scale of the RTTs: logarithmic, as systems differ by factors."""
    title = axis_title("rtt_avg", "ms") + ", log"
    if not rows:
        return {"axis": _axis(title, rows), "scale": alt.Scale(domain=[0, 1])}
    domain = 0.8 * min(row["rtt_low"] for row in rows), 1.25 * max(row["rtt_high"] for row in rows)
    return {
        "axis": _axis(
            title, rows, values=log_ticks(*domain), labelExpr="format(datum.value, '~g')"
        ),
        "scale": alt.Scale(type="log", domain=list(domain), nice=False),
    }


def caption(data: Data, context: Context) -> str:
    """What a point is."""
    pairs = _pairs(data, context)
    drawn = sum(_row(pair, context) is not None for pair in pairs)
    return (
        "Mean RTT and TCP goodput at the receiver (one stream, first mode): medians over rounds of "
        "the median over links; the lines are the 95 % intervals of the medians (from six rounds "
        f"on) or the ranges. {drawn} of {len(pairs)} pairs of system and profile have both. "
        f"Up and to the left is better. {doubt.told((group for pair in pairs for group in pair), data, context)}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    latencies, goodputs = rtt.groups(data, context), _goodputs(data, context)
    return [
        *(f"RTT: {size}" for size in measured.sample_sizes(latencies, context, "per median")),
        *(f"goodput: {size}" for size in measured.sample_sizes(goodputs, context, "per median")),
        *(f"RTT: {note}" for note in troubles(latencies, context)),
        *(f"goodput: {note}" for note in troubles(goodputs, context)),
        *marked([*latencies, *goodputs], context),
    ]
