"""The distribution of the time until the first packet after a fault: a line per system."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import channels, recoveries, theme
from meshbench.figures.drawing.groups import Group, look
from meshbench.figures.drawing.recoveries import Panel, on_axis
from meshbench.figures.drawing.wording import number

_HEIGHT, _SIDE = 150, 132
_CROSS = "M-0.7,-0.7L0.7,0.7M-0.7,0.7L0.7,-0.7"


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per fault and profile, all with the same axes."""
    return recoveries.drawn(data, context, _panel)


def _panel(panel: Panel, panels: Sequence[Panel], context: Context) -> alt.LayerChart:
    width = (theme.PAGE - 2 * (_SIDE + 48)) // 2
    x = recoveries.time_axis(panels, "time to the first packet (s), log")
    y = alt.Y(
        "share:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(title="share", values=[0, 0.5, 1])
    )
    lines: list[Row] = []
    ends: list[Row] = []
    for group, rows in panel.systems:
        ink = look(group, context).colour
        lines += [{**point, "vpn": group.vpn, "colour": ink} for point in _steps(rows)]
        ends += [{**point, "colour": ink} for point in _censored(rows)]
    colour = alt.Color("colour:N", scale=None)
    step = alt.Chart(frame(lines)).mark_line(
        interpolate="step-after", strokeWidth=1.6, opacity=0.85
    )
    cross = alt.Chart(frame(ends)).mark_point(shape=_CROSS, size=34, strokeWidth=1.5)
    return alt.LayerChart(
        layer=[
            step.encode(x=x, y=y, color=colour, detail="vpn:N"),
            cross.encode(x=x, y=y, color=colour),
            *_texts(panel, context, width),
        ],
        width=width,
        height=_HEIGHT,
        title=channels.title(panel.title, width + _SIDE, offset=6),
    )


def _steps(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The share that was over at each time; a line goes on to where it was waited to."""
    times = sorted(float(row["first_s"]) for row in rows if row["first_s"] is not None)
    waited = [float(row["censored_s"]) for row in rows if row["censored_s"] is not None]
    if not rows:
        return []
    points = [{"t_s": 0.01, "share": sum(time <= 0.01 for time in times) / len(rows)}]  # noqa: PLR2004
    points += [
        {"t_s": on_axis(time), "share": (index + 1) / len(rows)} for index, time in enumerate(times)
    ]
    if waited:
        points.append({"t_s": max(waited), "share": len(times) / len(rows)})
    return points


def _censored(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Where lines end below 1: the time after which nobody looked any more."""
    waited = [float(row["censored_s"]) for row in rows if row["censored_s"] is not None]
    come = sum(row["first_s"] is not None for row in rows)
    return [{"t_s": time, "share": come / len(rows)} for time in sorted(set(waited))[-1:]]


def _texts(panel: Panel, context: Context, width: int) -> list[alt.Chart]:
    """To the right each system in its colour, with its median and number, or why it has no line."""
    step = min(13, _HEIGHT / max(1, len(panel.systems)))
    return [
        alt.Chart(frame([{"text": f"{recoveries.name(group, context)} {_told(group, mine)}"}]))
        .mark_text(
            align="left",
            baseline="middle",
            fontSize=theme.SMALL,
            color=look(group, context).colour,
        )
        .encode(x=channels.x(width + 6), y=channels.y(6 + index * step), text="text:N")
        for index, (group, mine) in enumerate(panel.systems)
    ]


def _told(group: Group, rows: Sequence[Row]) -> str:
    if not rows:
        return theme.STATUSES[group.trouble or "not_run"].words
    median = _median(rows)
    time = "longer" if median is None else f"{number(median, 2)} s"
    if median is not None and median < recoveries.RESOLUTION_S:
        time = f"< {recoveries.RESOLUTION_S:g} s"
    return f"{time}, n {len(rows)}"


def _median(rows: Sequence[Row]) -> float | None:
    """None where half of them or more were not over."""
    times = sorted((row["first_s"] is None, row["first_s"] or 0.0) for row in rows)
    late, median = times[len(times) // 2]
    return None if late else median


def caption(data: Data, context: Context) -> str:
    """What is drawn, and what nobody noticed."""
    rows = [row for p in recoveries.panels(data, context) for _, mine in p.systems for row in mine]
    unnoticed = sum(not row["noticed"] for row in rows)
    late = sum(row["first_s"] is None for row in rows)
    return (
        "Share of repetitions after which a pair had its first packet, over both directions of all pairs with "
        "the host that was hit, probed 20 times a second; from the fault's command on, of a cut from its end "
        "on. A pair that did not notice the fault (no two requests in turn lost or late) counts from the left "
        f"edge on: {unnoticed} of {len(rows)}. A cross ends a line where some had not come back when no more "
        f"was waited: {late} of {len(rows)}. To the right the median and the number of values."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return recoveries.notes(data, context)
