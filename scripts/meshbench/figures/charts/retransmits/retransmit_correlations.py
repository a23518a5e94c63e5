"""Retransmit rate against window and throughput, one point per system, at the first profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import measured, pictures
from meshbench.figures.drawing.groups import Group, drawn_as, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import number

RATE = Measure("tcp", "retransmit_rate", "%")
_SIDE = 290
OTHERS = (
    Measure("tcp", "cwnd_max", "KiB"),
    Measure("tcp", "send_rate", "Mbit/s"),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """The window and the throughput over the retransmit rate."""
    rates = _groups(data, context, RATE)
    charts = []
    for other in OTHERS:
        rows, groups = points(data, context, other), _groups(data, context, other)
        titles = measured.axis(RATE), measured.axis(other)
        picture = pictures.scatter(rows, *titles, log_y=other is OTHERS[0], side=_SIDE)
        charts.append(measured.with_absent(picture, [*rates, *groups], context, _SIDE))
    return alt.concat(*charts, columns=2, spacing=20, usermeta={"width": 720})


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return measured.groups(data, context, measure, context.profiles[:1])


def points(data: Data, context: Context, other: Measure) -> list[Row]:
    """One row per system that has both means."""
    groups = _groups(data, context, other)
    rows: list[Row] = []
    for rate in _groups(data, context, RATE):
        match = measured.same(groups, rate)
        x, y = measured.mean(rate, RATE.scale), match and measured.mean(match, other.scale)
        if x is not None and y is not None:
            rows.append(
                {
                    "system": system(rate, context),
                    "vpn": drawn_as(rate, context),
                    "x": x,
                    "y": y,
                    "why": f"n {rate.n_ok}",
                    **_range("x", rate, RATE),
                    **(_range("y", match, other) if match else {}),
                }
            )
    return rows


def _range(axis: str, group: Group, measure: Measure) -> dict[str, float]:
    links = measured.by_link(group, measure.scale).values()
    return {f"{axis}_low": min(links), f"{axis}_high": max(links)}


def caption(data: Data, context: Context) -> str:
    """What is drawn, and whether more retransmits go with a smaller window."""
    rows = sorted(points(data, context, OTHERS[0]), key=lambda row: row["x"])
    pairs = [
        (a, b)
        for i, a in enumerate(rows)
        for b in rows[i + 1 :]
        if a["x"] < b["x"] and a["y"] != b["y"]
    ]
    falling = sum(a["y"] > b["y"] for a, b in pairs)
    sentence = (
        f" In {falling} of {len(pairs)} pairs of systems ({number(100 * falling / len(pairs), 2)} %) the one with more retransmits has the smaller window."
        if pairs
        else ""
    )
    return (
        f"Means over the links at {context.profiles[0]} of single-stream TCP: largest congestion window and send rate "
        f"over the retransmit rate; the lines go from the smallest to the largest link.{sentence} "
        + measured.unsure((RATE, *OTHERS), data, context, context.profiles[:1])
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    groups = _groups(data, context, RATE)
    return [*measured.sample_sizes(groups, context), *measured.notes(groups, context)]
