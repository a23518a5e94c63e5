"""CPU time per gigabyte against TCP goodput: of the VPN's processes, and of the kernel."""

import statistics
from collections.abc import Iterator, Sequence

import altair as alt

from meshbench.analysis import estimates
from meshbench.figures.contract import Context, Data, Row, axis_title
from meshbench.figures.drawing import doubt, estimated, measured, pictures, strip, texts
from meshbench.figures.drawing.groups import Group, drawn_as, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import number

RATE = Measure("tcp", "goodput", "Mbit/s")
_SIDE = 290
GIGABYTE = 1e9
LEAST_BYTES = 1e7
"""As of the metrics: below it a cost would be that of keeping the tunnel up."""
COSTS = {"vpn_cpu_s": "vpn_cpu_per_gigabyte", "kernel_cpu_s": "kernel_cpu_per_gigabyte"}
"""By column, the metric whose axis it has."""
_NONE = {
    "vpn_cpu_s": "no process of its own, or not sampled",
    "kernel_cpu_s": "not sampled",
}


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Processes and kernel side by side, each with an axis of its own."""
    rates = _rates(data, context)
    charts = []
    for column, metric in COSTS.items():
        rows = points(data, context, column)
        titles = measured.axis(RATE), axis_title(metric)
        picture = pictures.scatter(rows, *titles, side=_SIDE)
        lines = [*_absent(rates, context), *_lacking(rates, rows, column, context)]
        below = [texts.listing(lines, _SIDE)] if lines else []
        charts.append(alt.concat(picture, *below, columns=1, spacing=6))
    return alt.concat(*charts, columns=2, spacing=20, usermeta={"width": 720})


def _rates(data: Data, context: Context) -> list[Group]:
    return measured.groups(data, context, RATE, context.profiles[:1])


def _absent(rates: Sequence[Group], context: Context) -> Iterator[str]:
    for group in rates:
        if not group.n_ok:
            yield f"{system(group, context)}: {strip.trouble(group)}"


def _lacking(
    rates: Sequence[Group], rows: Sequence[Row], column: str, context: Context
) -> Iterator[str]:
    there = {row["system"] for row in rows}
    for group in rates:
        name = system(group, context)
        if group.n_ok and name not in there:
            yield f"{name}: {_NONE[column]}"


def spent(data: Data, group: Group) -> tuple[Row, ...]:
    """What each host spent beside TCP, by round, where the analysis counts it."""
    rows = data.rows(
        "host_resources",
        benchmark=RATE.benchmark, vpn=group.vpn, tuning=group.tuning, profile=group.profile,
    )  # fmt: skip
    return estimated.counted(rows, data)


def costs(data: Data, group: Group, column: str) -> list[float]:
    """Seconds per gigabyte of one end, by round: over all hosts together."""
    mine = spent(data, group)
    by_round = []
    for round_ in sorted({row["round"] for row in mine}):
        sampled = [row for row in mine if row["round"] == round_ and row[column] is not None]
        moved = sum(row["tunnel_bytes"] for row in sampled if row["tunnel_bytes"] is not None)
        if moved >= LEAST_BYTES:
            by_round.append(sum(row[column] for row in sampled) / (moved / GIGABYTE))
    return by_round


def points(data: Data, context: Context, column: str) -> list[Row]:
    """One row per system that has both."""
    rows: list[Row] = []
    for group in _rates(data, context):
        links = measured.by_link(group, RATE.scale).values()
        if links and (by_round := costs(data, group, column)):
            cost = estimates.of_rounds(by_round)
            rows.append(
                {
                    "system": system(group, context),
                    "vpn": drawn_as(group, context),
                    "x": statistics.fmean(links),
                    "x_low": min(links),
                    "x_high": max(links),
                    "y": cost.value,
                    "y_low": min(by_round) if cost.low is None else cost.low,
                    "y_high": max(by_round) if cost.high is None else cost.high,
                    "why": f"goodputs {group.n_ok} of {group.planned}, costs {len(by_round)}",
                }
            )
    return rows


def caption(data: Data, context: Context) -> str:
    """What a point is, what the kernel's part holds, and the dearest and the cheapest system."""
    return (
        f"CPU time that all hosts together spent per gigabyte that went in or out of a tunnel interface (one "
        f"end's cost), against the mean goodput of TCP, at {context.profiles[0]}. Left: the VPN's processes. "
        "Right: interrupts and kernel threads, an estimate that holds TCP and, in a lab, the emulated network "
        "too: the bare link's is its floor. Costs are medians over rounds of such sums. Crosses go from the least to the "
        "largest link, and over the cost's 95 % interval (order statistics, from six rounds on) or its range where "
        f"there are fewer.{ends(data, context)} {doubt.told(_rates(data, context), data, context)}"
    )


def ends(data: Data, context: Context) -> str:
    """The cheapest and the dearest system by its processes; empty with fewer than two."""
    rows = sorted(points(data, context, "vpn_cpu_s"), key=lambda row: float(row["y"]))
    systems = [f"{row['system']} {number(row['y'])} s/GB" for row in (*rows[:1], *rows[-1:])]
    return f" Processes: from {systems[0]} to {systems[1]}." if len(rows) > 1 else ""


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    rates = _rates(data, context)
    sizes = measured.sample_sizes(rates, context, "goodputs per system")
    return [*sizes, *_rounds(data, rates, context), *measured.notes(rates, context)]


def _rounds(data: Data, rates: Sequence[Group], context: Context) -> Iterator[str]:
    for group in rates:
        n = len(costs(data, group, "kernel_cpu_s"))
        planned = len(context.rounds_of(group.vpn, group.tuning))
        if group.n_ok and n < planned:
            yield f"{system(group, context)}: CPU time of {n} of {planned} rounds"
