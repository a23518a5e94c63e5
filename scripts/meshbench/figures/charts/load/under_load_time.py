"""RTT inside and beside the tunnel over a link's phases, above what its load carried: one time axis."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row, axis_title, frame
from meshbench.figures.drawing import axes, measured, scales, strip, texts, theme
from meshbench.figures.drawing.groups import Group, place
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.theme import ordered, profile_order
from meshbench.figures.drawing.wording import number, on_log

_NAME = "latency_under_load"
_MEASURE = Measure(_NAME, "round_trips_per_minute", "1/min")
_BIN_S = 0.25
"""RTTs of this time are drawn as their median and their range: 50 a second are a blot."""
_BESIDE = "#8a8a8a"
_ABOVE, _BELOW, _LEFT, _GAP, _WIDEST = 84, 40, 62, 14, 330
_DASHES = {"forward": [1, 0], "reverse": [4, 2]}


def rows(data: Data, context: Context) -> list[Row]:
    """Of the first tuning and round, of each system's and profile's first link that has any."""
    everything = [
        row
        for row in data.rows("under_load_time", benchmark=_NAME)
        if row["tuning"] == context.tunings[0]
    ]
    first = min((row["round"] for row in everything), default=None)
    mine = [row for row in everything if row["round"] == first]
    order = {f"{source}→{target}": n for n, (source, target) in enumerate(context.links)}
    links: dict[tuple[str, str], str] = {}
    for row in mine:
        key = row["vpn"], row["profile"]
        best = min(place(row), links.get(key, place(row)), key=lambda x: (order.get(x, 99), x))
        links[key] = best
    return [row for row in mine if place(row) == links[row["vpn"], row["profile"]]]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per system, a column per profile; RTTs of all on one logarithmic axis."""
    points, groups = rows(data, context), _groups(data, context)
    profiles = profile_order(context.profiles, {group.profile for group in groups})
    if not points and not groups:
        return texts.nothing("no RTT was kept")
    vpns = ordered(context.vpns, {group.vpn for group in groups})
    width = min(_WIDEST, (theme.PAGE - _LEFT) // max(1, len(profiles)) - _GAP)
    rtts = [bin_[key] for row in _by_panel(points).values() for bin_ in _bins(row) for key in _ENDS]
    scale = scales.Scale.of(rtts, log=True, room=1.2)
    by_panel, by_group = _by_panel(points), {(g.vpn, g.profile): g for g in groups}
    panels = [
        _panel(
            f"{vpn}, {profile}",
            by_panel.get((vpn, profile), []),
            by_group.get((vpn, profile)),
            (theme.look(vpn).colour, scale, width, profile == profiles[0]),
        )
        for vpn in vpns
        for profile in profiles
    ]
    used = _LEFT + len(profiles) * (width + _GAP)
    return alt.concat(
        *panels, columns=max(1, len(profiles)), spacing=_GAP, usermeta={"width": used}
    )


def _groups(data: Data, context: Context) -> list[Group]:
    return [
        group
        for group in measured.groups(data, context, _MEASURE)
        if group.tuning == context.tunings[0]
    ]


def _by_panel(points: Iterable[Row]) -> dict[tuple[str, str], list[Row]]:
    panels: dict[tuple[str, str], list[Row]] = {}
    for row in points:
        panels.setdefault((row["vpn"], row["profile"]), []).append(row)
    return panels


_ENDS = ("low", "high")


def _bins(mine: Sequence[Row]) -> list[dict[str, Any]]:
    """Median and ends of the RTTs of each short time, of each phase and path."""
    times: dict[tuple[str, str, int], list[float]] = {}
    for row in mine:
        if row["what"] != "load" and row["rtt_ms"] is not None and on_log(row["rtt_ms"]):
            key = row["phase"], row["what"], int(row["t_s"] // _BIN_S)
            times.setdefault(key, []).append(row["rtt_ms"])
    return [
        {
            "line": f"{phase} {path}", "what": path, "t_s": (bin_ + 0.5) * _BIN_S,
            "rtt": statistics.median(rtts), "low": min(rtts), "high": max(rtts),
        }
        for (phase, path, bin_), rtts in sorted(times.items())
    ]  # fmt: skip


def _panel(
    title: str,
    mine: Sequence[Row],
    group: Group | None,
    look: tuple[str, scales.Scale, int, bool],
) -> alt.LayerChart | alt.VConcatChart:
    colour, scale, width, first = look
    trouble = strip.trouble(group) if group else "not planned"
    head = alt.TitleParams(title, fontSize=theme.TEXT)
    if not mine:
        return texts.paragraph(trouble, width, width // 7).properties(title=head)
    subtitle = (
        f"{place(mine[0])}, n = {sum(row['rtt_ms'] is not None for row in mine)} RTTs; grey: beside"
    )
    head = alt.TitleParams(
        title,
        fontSize=theme.TEXT,
        subtitle=f"{subtitle}; {trouble}" if trouble else subtitle,
        subtitleFontSize=theme.SMALL,
    )
    end_s = max(row["t_s"] for row in mine)
    across = alt.Scale(domain=[0, end_s], nice=False)
    above = _rtts(mine, colour, scale, (across, width, first))
    below = _load(mine, colour, (across, width, first))
    chart: alt.VConcatChart = alt.vconcat(above, below, spacing=4, title=head)
    return chart


def _rtts(
    mine: Sequence[Row], colour: str, scale: scales.Scale, place_: tuple[alt.Scale, int, bool]
) -> alt.LayerChart:
    across, width, first = place_
    axis = scale.axis("RTT (ms)") if first else _bare(scale.axis("").values)
    x = alt.X("t_s:Q", scale=across, axis=alt.Axis(title=None, labels=False, ticks=False))
    # Panels of one picture share what a scale maps, so the colours stand in the rows.
    bins = [
        {**bin_, "colour": colour if bin_["what"] == "inside" else _BESIDE} for bin_ in _bins(mine)
    ]
    base = alt.Chart(frame(bins)).encode(x=x, color=alt.Color("colour:N", scale=None))
    y, top = alt.Y("low:Q", scale=scale.scale(), axis=axis), alt.Y2("high:Q")
    middle = alt.Y("rtt:Q", scale=scale.scale(), axis=axis)
    return alt.LayerChart(
        layer=[
            base.mark_area(opacity=0.25).encode(y=y, y2=top, detail="line:N"),
            base.mark_line(strokeWidth=1.4).encode(y=middle, detail="line:N"),
            *_heads(mine, across),
        ],
        width=width,
        height=_ABOVE,
    )


def _bare(values: Any) -> alt.Axis:
    return alt.Axis(title=None, labels=False, ticks=False, values=values)


def _heads(mine: Sequence[Row], across: alt.Scale) -> list[alt.Chart]:
    """Where each phase begins, with its name."""
    begins: dict[str, float] = {}
    for row in mine:
        begins[row["phase"]] = min(row["t_s"], begins.get(row["phase"], row["t_s"]))
    base = alt.Chart(frame([{"t_s": t_s, "phase": phase} for phase, t_s in begins.items()]))
    x = alt.X("t_s:Q", scale=across)
    return [
        base.mark_rule(color="#bbbbbb", strokeDash=[2, 3]).encode(x=x),
        base.mark_text(
            align="left", baseline="top", dx=3, fontSize=theme.SMALL, color=theme.GREY
        ).encode(x=x, y=alt.YValue(1), text="phase:N"),  # type: ignore[no-untyped-call]
    ]


def _load(mine: Sequence[Row], colour: str, place_: tuple[alt.Scale, int, bool]) -> alt.LayerChart:
    """Goodput of the load: solid up, dashed down."""
    across, width, first = place_
    rates = [
        {
            "t_s": row["t_s"], "rate": row["goodput_bps"] / 1e6, "direction": row["direction"],
            "line": f"{row['phase']} {row['direction']}",
        }
        for row in mine
        if row["goodput_bps"] is not None
    ]  # fmt: skip
    values = [rate["rate"] for rate in rates] or [0.0]
    title = axis_title("goodput", "Mbit/s") if first else None
    y = alt.Y(
        "rate:Q",
        scale=alt.Scale(domain=list(axes.domain(values, room=1.05)), nice=False),
        axis=alt.Axis(
            title=["goodput", "(Mbit/s)"] if title else None, **axes.ticks(values, count=3)
        ),
    )
    dash = alt.StrokeDash(
        "direction:N",
        scale=alt.Scale(domain=list(_DASHES), range=list(_DASHES.values())),
        legend=None,
    )
    x = alt.X("t_s:Q", scale=across, axis=alt.Axis(title="s", tickCount=6))
    lines = alt.Chart(frame(rates or [{"t_s": 0.0, "rate": None, "direction": "", "line": ""}]))
    drawn = lines.mark_line(strokeWidth=1.3, color=colour).encode(
        x=x, y=y, strokeDash=dash, detail="line:N"
    )
    return alt.LayerChart(layer=[drawn, *_heads(mine, across)[:1]], width=width, height=_BELOW)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the largest RTT inside while the link was loaded."""
    points = rows(data, context)
    loaded = [
        row
        for row in points
        if row["what"] == "inside" and row["phase"] != "idle" and row["counts"]
        and row["rtt_ms"] is not None
    ]  # fmt: skip
    worst = ""
    if loaded:
        most = max(loaded, key=lambda row: row["rtt_ms"])
        worst = (
            f" The largest RTT inside under load is {number(most['rtt_ms'])} ms ({most['vpn']}, "
            f"{most['profile']}, {most['phase']})."
        )
    return (
        "Round-trip time of echo requests in milliseconds over the phases of one link, of the first round: "
        f"inside the tunnel in the system's colour, beside it in grey; lines are medians of {_BIN_S:g} s, areas go from "
        "the smallest to the largest RTT. Below it what TCP carried meanwhile, solid up (the link's source sends), "
        f"dashed down. Gaps are between phases.{worst}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    return measured.notes(_groups(data, context), context)
