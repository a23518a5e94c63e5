"""The stages of coming back from a fault: a band per system, a lane per stage."""

import statistics
from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import channels, recoveries, theme
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.recoveries import Panel, on_axis

_STAGES = {
    "active_s": ("unit active", "#999999"),
    "handshake_s": ("first handshake", "#56b4e9"),
    "first_s": ("first packet", "#d55e00"),
    "steady_s": ("ten in a row", "#117733"),
    "direct_s": ("direct path", "#332288"),
}
"""By column, in the order of the lanes."""
_LANE, _GAP = 8, 8
_BAND = _LANE * len(_STAGES) + _GAP
_NAMES = 76


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per fault and profile, all with the same axis."""
    return recoveries.drawn(data, context, _panel)


def _panel(panel: Panel, panels: Sequence[Panel], context: Context) -> alt.LayerChart:
    width = (theme.PAGE - 2 * (_NAMES + 30)) // 2
    height = _BAND * len(panel.systems) + _GAP
    x = recoveries.time_axis(panels, "time since the command, or the cut's end (s), log")
    y = alt.Y("y:Q", scale=alt.Scale(domain=[0, height], range=[0, height]), axis=None)
    colour = alt.Color(
        "stage:N",
        scale=alt.Scale(
            domain=[title for title, _ in _STAGES.values()],
            range=[ink for _, ink in _STAGES.values()],
        ),
        legend=alt.Legend(title=None, orient="bottom", columns=3, symbolType="square"),
    )
    single: list[Row] = []
    middle: list[Row] = []
    for index, (_, rows) in enumerate(panel.systems):
        for lane, (column, (title, _)) in enumerate(_STAGES.items()):
            place = {"y": index * _BAND + _GAP / 2 + (lane + 0.5) * _LANE, "stage": title}
            times = [on_axis(time) for time in _times(rows, column)]
            single += [{**place, "t_s": time} for time in times]
            if times:
                middle.append({**place, "t_s": statistics.median(times)})
    ticks = alt.Chart(frame(single)).mark_tick(
        orient="vertical", size=_LANE - 2, thickness=1, opacity=0.45
    )
    medians = alt.Chart(frame(middle)).mark_point(filled=True, size=34, opacity=1)
    return alt.LayerChart(
        layer=[
            ticks.encode(x=x, y=y, color=colour),
            medians.encode(x=x, y=y, color=colour),
            _column(
                [recoveries.name(g, context) for g, _ in panel.systems],
                -8,
                y,
                0.4,
                right=True,
            ),
            _column([_counts(rows) for _, rows in panel.systems], -8, y, 0.68, right=True),
            _column([_why(g, rows) for g, rows in panel.systems], 6, y, 0.92),
        ],
        width=width,
        height=height,
        title=channels.title(panel.title, width, offset=6),
    )


def _times(rows: Sequence[Row], column: str) -> list[float]:
    """Of a stage of pairs where the fault was noticed; of one of the host, once per repetition."""
    if column in {"active_s", "handshake_s"}:
        of_hosts: dict[tuple[Any, ...], Any] = {
            (row["round"], row["host"], row["repetition"]): row[column] for row in rows
        }
        return [float(value) for value in of_hosts.values() if value is not None]
    return [float(row[column]) for row in rows if row["noticed"] and row[column] is not None]


def _counts(rows: Sequence[Row]) -> str:
    return f"n {sum(row['noticed'] for row in rows)} of {len(rows)}" if rows else ""


def _why(group: Group, rows: Sequence[Row]) -> str:
    """Why a band is empty; in one that is not, how many had not come back."""
    if not rows:
        return theme.STATUSES[group.trouble or "not_run"].words
    late = sum(row["first_s"] is None for row in rows)
    if late:
        return f"{late} not back in time"
    return "" if any(row["noticed"] for row in rows) else "no pair noticed it"


def _column(
    texts: Sequence[str], x: float, y: alt.Y, at: float, *, right: bool = False
) -> alt.Chart:
    """A text per band, so far down in it (0 to 1)."""
    rows = [{"y": (index + at) * _BAND, "text": text} for index, text in enumerate(texts)]
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_text(
            align="right" if right else "left", baseline="middle",
            fontSize=theme.SMALL if at > 0.4 else theme.TEXT,  # noqa: PLR2004
        )
        .encode(x=channels.x(x), y=y, text=alt.Text("text:N"))
    )  # fmt: skip
    return chart


def caption(data: Data, context: Context) -> str:
    """What a lane is."""
    del data, context
    return (
        "Each stage of coming back, of both directions of all pairs with the host that was hit and that "
        "noticed the fault (n of all): a line per repetition and pair, a dot at the median. 'Unit active' and "
        "'first handshake' are the host's, by systemd and by the daemon's own account where it gives one "
        "(WireGuard's in whole seconds); 'direct path' is when the daemon was first asked and said so, so "
        "never before ten in a row. Times of 10 ms or less stand at the left edge; pairs that were 'not back in time' have no first packet within the limit."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return recoveries.notes(data, context)
