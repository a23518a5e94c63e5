"""The bare link before and after the cells of a round, as figures show it: a slope, and a sentence."""

import statistics
from collections.abc import Iterable, Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Data, Row, frame
from meshbench.figures.drawing import channels, theme
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.wording import counted, number, percent
from meshbench.results.records import BARE

HALF_ROUND = 0.35
"""A round reaches so far on either side of its number."""
_FEW = 4
_JUDGED = "Judged are both directions together; an RTT has moved if by more than 0.1 ms too."


def slopes(data: Data, series: Shown, profile: str, centre: float | None) -> list[dict[str, Any]]:
    """A row per round in which a metric of the bare link is known on both sides; red where any metric of
    that measurement has moved beyond its bound.

    Args:
        data: with the table `brackets`.
        series: the metric.
        profile: its name.
        centre: what the values are told in percent off; None for their own median.
    """
    mine = data.rows("brackets", profile=profile, benchmark=series.benchmark)
    moved = {row["round"] for row in mine if row["moved"]}
    complete = [row for row in series.among(mine) if row["ratio"] is not None]
    middle = centre or statistics.median([row[s] for row in complete for s in _SIDES] or [1.0])
    return [
        {
            "vpn": BARE, "from": row["round"] - HALF_ROUND, "to": row["round"] + HALF_ROUND,
            "round": row["round"], "before": 100 * (row["before_value"] / middle - 1),
            "after": 100 * (row["after_value"] / middle - 1),
            "colour": theme.RED if row["round"] in moved else theme.look(BARE).colour,
        }
        for row in complete
    ]  # fmt: skip


_SIDES = ("before_value", "after_value")


def layer(rows: Sequence[Row], x: alt.X, y: alt.Y) -> alt.Chart:
    """A line per round from the value before its cells to the one after, on the axes of a chart."""
    chart: alt.Chart = (
        alt.Chart(frame(rows))
        .mark_rule(strokeWidth=2, strokeDash=[3, 2])
        .encode(
            x=x, x2="to:Q", y=y, y2="after:Q", color=alt.Color("colour:N", scale=None),
            tooltip=channels.tooltip("vpn:N", "round:Q", "before:Q", "after:Q"),
        )
    )  # fmt: skip
    return chart


def told(data: Data) -> str:
    """How far the bare link went within rounds, where it was measured around them."""
    rows = [row for row in data.rows("brackets") if row["bound"] is not None]
    if not rows:
        return ""
    complete = [row for row in rows if row["ratio"] is not None]
    ratios = "; ".join(_ratios(complete, *key) for key in dict.fromkeys(map(_kind, complete)))
    moved = [row for row in rows if row["moved"]]
    places = list(dict.fromkeys(f"round {row['round']} at {row['profile']}" for row in moved))
    more = f" and {len(places) - _FEW} more" if len(places) > _FEW else ""
    marked = (
        f"{', '.join(places[:_FEW])}{more} moved by more than {percent(rows[0]['bound'])}, and the cells "
        "between are marked"
        if places
        else f"no round moved by more than {percent(rows[0]['bound'])}"
    )
    lacking = len(rows) - len(complete)
    unknown = f" {counted(lacking, 'ratio')} of {len(rows)} cannot be told." if lacking else ""
    return (
        "Dashed: the bare link from before to after the round's cells. After over before: "
        f"{ratios or 'not known'}; {marked}. {_JUDGED}{unknown}{_outside(rows)}"
    )


def _kind(row: Row) -> tuple[str, str]:
    return row["benchmark"], row["metric"]


def _ratios(rows: Iterable[Row], benchmark: str, metric: str) -> str:
    ratios = [row["ratio"] for row in rows if _kind(row) == (benchmark, metric)]
    return (
        f"{benchmark} {metric} {number(statistics.median(ratios))} in the median of {len(ratios)} "
        f"({number(min(ratios))} to {number(max(ratios))})"
    )


def _outside(rows: Sequence[Row]) -> str:
    """Cells that were not measured between, e.g. because they were there before."""
    places = {(r["round"], r["profile"], r["placement"]): r for r in rows}.values()
    outside = sum(row["n_cells"] - row["n_between"] for row in places)
    total = sum(row["n_cells"] for row in places)
    return f" {outside} of {counted(total, 'cell')} lie outside these times." if outside else ""
