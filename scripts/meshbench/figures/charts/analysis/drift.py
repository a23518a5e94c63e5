"""Each round's value over the median of all rounds: the bare link's path is the testbed's own drift."""

from collections.abc import Iterator, Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import (
    analysed,
    axes,
    brackets,
    channels,
    estimated,
    neighbours,
    texts,
    theme,
)
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.groups import Group, collect
from meshbench.figures.drawing.wording import number
from meshbench.results.records import BARE

_WIDTH, _HEIGHT = 270, 110
_FEW = 4
_LEVEL = 0.05


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per metric and profile, a line per system."""
    names = list(context.vpns)
    panels: list[Any] = [
        _panel(series, groups, names, _around(data, series, groups))
        for series, groups in _groups(data, context)
    ]
    if not panels:
        return texts.nothing("no round has a value")
    beside = neighbours.panels(data, _WIDTH - 60, _HEIGHT)
    return alt.concat(*panels, *beside, columns=2, spacing=14, usermeta={"width": theme.PAGE})


def _around(data: Data, series: Shown, groups: Sequence[Group]) -> list[dict[str, Any]]:
    """The bare link before and after each round, off the same median as its own line."""
    centre = next((group.centre("value") for group in groups if group.vpn == BARE), None)
    return brackets.slopes(data, series, groups[0].profile, centre)


def _groups(data: Data, context: Context) -> Iterator[tuple[Shown, list[Group]]]:
    for series, profile, _ in analysed.panels(data, context):
        rows = data.rows(
        "measures", benchmark=series.benchmark, metric=series.metric, direction=series.direction,
            profile=profile, tuning=context.tunings[0],
        )  # fmt: skip
        mine = [row for row in rows if row["mode"] == series.mode]
        at_profile = [g for g in collect(mine, context) if g.profile == profile]
        groups = [group for group in at_profile if group.tuning == context.tunings[0]]
        yield series, estimated.known(groups, data, series.benchmark, {"value": series.metric})


def _panel(
    series: Shown, groups: Sequence[Group], names: Sequence[str], around: Sequence[Row]
) -> alt.ConcatChart:
    rows = [row for group in groups for row in _points(group)]
    title = channels.title(f"{series.title}, {groups[0].profile}", _WIDTH)
    absent = [f"{g.vpn}: {_why(g)}" for g in groups if not g.by_round("value")]
    below = [texts.listing(absent, _WIDTH)] if absent else []
    if not rows:
        return alt.concat(*below, columns=1, title=title)
    return alt.concat(_lines(rows, names, around), *below, columns=1, spacing=4, title=title)


def _why(group: Group) -> str:
    words = theme.STATUSES[group.trouble or "ok"].words
    return f"{words}: {group.reason}" if group.reason else words


def _points(group: Group) -> list[dict[str, Any]]:
    centre = group.centre("value")
    if not centre:
        return []
    look = theme.look(group.vpn)
    return [
        {
            "vpn": group.vpn, "round": round_, "percent": 100 * (value / centre - 1),
            "width": 3 if group.vpn == BARE else 1, "colour": look.colour,
        }
        for round_, value in group.by_round("value").items()
    ]  # fmt: skip


def _lines(rows: Sequence[Row], names: Sequence[str], around: Sequence[Row]) -> alt.LayerChart:
    there = [name for name in names if any(row["vpn"] == name for row in rows)]
    there += sorted({row["vpn"] for row in rows} - set(there))
    looks = [theme.look(name) for name in there]
    values = [row["percent"] for row in rows]
    values += [row[side] for row in around for side in ("before", "after")]
    most = max(1.0, *(abs(value) for value in values))
    rounds = sorted({row["round"] for row in (*rows, *around)})
    beside = brackets.HALF_ROUND + 0.05 if around else 0.3
    x: dict[str, Any] = {
        "scale": alt.Scale(domain=[rounds[0] - beside, rounds[-1] + beside], nice=False),
        "axis": alt.Axis(**axes.by_round(rounds)),
    }
    y: dict[str, Any] = {
        "scale": alt.Scale(domain=[-most, most]),
        "axis": alt.Axis(title="% off its median", **axes.ticks([most])),
    }
    base = alt.Chart(frame(rows)).encode(
        x=alt.X("round:Q", **x),
        y=alt.Y("percent:Q", **y),
        color=alt.Color(
            "vpn:N",
            scale=alt.Scale(domain=there, range=[look.colour for look in looks]),
            legend=alt.Legend(title=None, orient="right", symbolType="circle"),
        ),
    )
    points = base.mark_point(filled=True, size=30).encode(
        shape=alt.Shape(
            "vpn:N", scale=alt.Scale(domain=there, range=[look.shape for look in looks])
        ),
        tooltip=channels.tooltip("vpn:N", "round:Q", "percent:Q"),
    )
    lines = base.mark_line().encode(
        strokeWidth=alt.StrokeWidth("width:Q", scale=None), detail="vpn:N"
    )
    slopes = (
        [brackets.layer(around, alt.X("from:Q", **x), alt.Y("before:Q", **y))] if around else []
    )
    return alt.LayerChart(layer=[lines, *slopes, points], width=_WIDTH - 60, height=_HEIGHT)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and which series rise or fall."""
    trends = [row for _, _, rows in analysed.panels(data, context) for row in rows]
    shown = (
        "Each round's median over the links, off the median of all rounds; the bare link's line (thick) is the "
        "testbed's own path."
    )
    parts = [
        shown,
        _tested(trends, "series") or "A trend is not looked for below six rounds.",
        analysed.rounds(data, context),
        _within(data),
        brackets.told(data),
        *_beside(data),
    ]
    return " ".join(part for part in parts if part)


def _tested(rows: Sequence[Row], noun: str) -> str:
    """Which of some estimates rise or fall from round to round; nothing where none was tested."""
    trends = [row for row in rows if row["trend_p"] is not None]
    moving = [
        f"{row['vpn']} {row['benchmark']} at {row['profile']} {_slope(row)} per round (p = {number(row['trend_p'], 2)})"
        for row in trends
        if row["trend_p"] <= _LEVEL / len(trends)
    ]
    if not trends:
        return ""
    verdict = f"these rise or fall: {'; '.join(moving)}." if moving else "none rises or falls"
    method = "" if moving else f" (Mann and Kendall, 5 % over all {len(trends)})."
    return f"Of {len(trends)} {noun} {verdict}{method}"


def _beside(data: Data) -> Iterator[str]:
    """What others had of the CPUs, and whether that rises or falls."""
    yield neighbours.told(data)
    mine = [row for row in data.rows("estimates") if row["metric"] in neighbours.METRICS]
    yield _tested(mine, "series of it")


def _within(data: Data) -> str:
    """How many measurements changed all at once."""
    rows = data.rows("changes")
    if not rows:
        return "No measurement has enough intervals to look for a change within it."
    marked = sorted(
        (row for row in rows if row["marked"]), key=lambda row: -abs(row["change_percent"])
    )
    changes = "; ".join(_change(row) for row in marked[:_FEW])
    more = f" and {len(marked) - _FEW} more" if len(marked) > _FEW else ""
    shown = f": {changes}{more}" if marked else ""
    return (
        f"Of {len(rows)} measurements over time {len(marked)} changed by a fifth or more at once "
        f"(Pettitt's test; at most 5 % of them falsely){shown}."
    )


def _change(row: Row) -> str:
    way = {"forward": "→", "reverse": "←"}.get(row["direction"], row["direction"])
    return (
        f"{row['vpn']} {row['benchmark']} at {row['profile']}, round {row['round']}, {row['source']}{way}"
        f"{row['target']}: {number(row['before_bps'] / 1e6)} to {number(row['after_bps'] / 1e6)} Mbit/s at "
        f"{number(row['t_s'], 2)} s"
    )


def _slope(row: Row) -> str:
    value = row["value"]
    share = f" ({number(100 * row['trend_per_round'] / value, 2)} %)" if value else ""
    return f"{number(row['trend_per_round'], 2)} {row['unit']}{share}"


def notes(data: Data, context: Context) -> Sequence[str]:
    """What has no value, and why."""
    return analysed.missing(data, context)
