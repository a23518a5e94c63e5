"""Retransmit rate against window and throughput, one point per system, at the first profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, pictures
from meshbench.figures.base import Context, Data, Row
from meshbench.figures.findings import Concern
from meshbench.figures.groups import Group, drawn_as, system
from meshbench.figures.measured import Measure
from meshbench.figures.wording import number

TITLE = "Retransmits, windows and throughput"
TABLES = ("measures",)
BENCHMARKS = ("tcp",)
CONCERN = Concern(("tcp",), first_profile=True)
RATE = Measure("tcp", "retransmit_rate", "%", measured.PERCENT)
OTHERS = (
    Measure("tcp", "cwnd_max", "KiB", measured.KIB),
    Measure("tcp", "send_rate", "Mbit/s", measured.MBIT),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """The window and the throughput over the retransmit rate."""
    charts = [
        pictures.scatter(
            points(data, context, other),
            measured.axis(RATE),
            measured.axis(other),
            log_y=other is OTHERS[0],
            side=290,
        )
        for other in OTHERS
    ]
    return alt.concat(*charts, columns=2, spacing=20, usermeta={"width": 720})


def points(data: Data, context: Context, other: Measure) -> list[Row]:
    """One row per system that has both means."""
    groups = measured.groups(data, context, other, context.profiles[:1])
    rows: list[Row] = []
    for rate in measured.groups(data, context, RATE, context.profiles[:1]):
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
    told = (
        f" In {falling} of {len(pairs)} pairs of systems ({number(100 * falling / len(pairs), 2)} %) the one with more retransmits has the smaller window."
        if pairs
        else ""
    )
    return (
        f"Means over the links at {context.profiles[0]} of single-stream TCP: largest congestion window and send rate "
        f"over the retransmit rate; the lines go from the smallest to the largest link.{told}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    groups = measured.groups(data, context, RATE, context.profiles[:1])
    return [*measured.sample_sizes(groups, context), *measured.notes(groups, context)]
