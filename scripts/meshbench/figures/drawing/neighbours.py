"""What others and meshbench itself had of the CPUs meanwhile: a panel over the rounds, and sentences."""

import statistics
from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Data, Row, frame
from meshbench.figures.drawing import axes, channels, theme
from meshbench.figures.drawing.wording import counted, percent

METRICS = {
    "outside_cpu": "CPU time of programs beside the lab",
    "own_cpu": "CPU time of meshbench itself",
    "stolen_cpu": "CPU time that the hypervisor gave to others",
}


def cells(data: Data, metric: str) -> list[Row]:
    """A row per cell: the largest share of any of its hosts."""
    by_cell: dict[tuple[object, ...], Row] = {}
    for row in data.rows("hosts", metric=metric, status="ok"):
        key = tuple(
            row[name] for name in ("round", "vpn", "tuning", "profile", "placement", "benchmark")
        )
        if key not in by_cell or by_cell[key]["value"] < row["value"]:
            by_cell[key] = row
    return list(by_cell.values())


def panels(data: Data, width: int, height: int) -> list[alt.LayerChart]:
    """A panel per metric that is above zero in any cell: a point per cell by round."""
    by_metric = [(title, cells(data, metric)) for metric, title in METRICS.items()]
    return [
        _panel(rows, title, width, height)
        for title, rows in by_metric
        if any(row["value"] > 0 for row in rows)
    ]


def _panel(rows: Sequence[Row], title: str, width: int, height: int) -> alt.LayerChart:
    points = [
        {
            "vpn": row["vpn"], "round": row["round"], "percent": 100 * row["value"],
            "profile": row["profile"], "benchmark": row["benchmark"],
            "colour": theme.look(row["vpn"]).colour,
        }
        for row in rows
    ]  # fmt: skip
    rounds = sorted({row["round"] for row in rows})
    most = max(point["percent"] for point in points)
    chart = (
        alt.Chart(frame(points))
        .mark_point(filled=True, size=18, opacity=0.7)
        .encode(
            x=alt.X(
                "round:Q",
                scale=alt.Scale(domain=[rounds[0] - 0.5, rounds[-1] + 0.5], nice=False),
                axis=alt.Axis(**axes.by_round(rounds)),
            ),
            y=alt.Y(
                "percent:Q",
                scale=alt.Scale(domain=[0, most]),
                axis=alt.Axis(title="% of all CPUs", **axes.ticks([most])),
            ),
            color=alt.Color("colour:N", scale=None),
            tooltip=channels.tooltip("vpn:N", "profile:N", "benchmark:N", "round:Q", "percent:Q"),
        )
    )
    return alt.LayerChart(
        layer=[chart], width=width, height=height, title=channels.title(title, width)
    )


def told(data: Data) -> str:
    """How much others had, in the median cell and at the most."""
    sentences = []
    for metric, title in METRICS.items():
        if rows := cells(data, metric):
            worst = max(rows, key=lambda row: row["value"])
            middle = statistics.median(row["value"] for row in rows)
            sentences.append(
                f"{title}: {percent(middle)} in the median of {counted(len(rows), 'cell')}, at most "
                f"{percent(worst['value'])} ({worst['vpn']} {worst['benchmark']} at {worst['profile']}, "
                f"round {worst['round']})."
            )
    return " ".join(sentences)
