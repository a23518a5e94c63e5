"""Round-trip times at the first profile in numbers, with the ratio of spikes to the mean."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured
from meshbench.figures.drawing.groups import Group, collect, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table
from meshbench.figures.drawing.wording import number

AVERAGE = Measure("ping", "rtt_avg", "ms")
_OTHERS = ("rtt_min", "rtt_max", "rtt_mdev")
_UNIT = "\\milli\\second"
_COLUMNS = [
    part
    for key, head in (("avg", "mean"), ("min", "min."), ("max", "max."), ("mdev", "jitter"))
    for column in [Column(f"rtt_{key}_ms", head, _UNIT)]
    for part in (column, measured.spread_column(column))
]


def tabulate(data: Data, context: Context) -> Table:
    """A row per system: mean, smallest, largest, the runs' largest, jitter, spike ratio, n."""
    columns = [
        Column("vpn", "VPN", digits=None),
        *_COLUMNS,
        Column("rtt_max_of_runs_ms", "max. of a run", _UNIT),
        Column("spike_ratio", "spike ratio", digits=2),
        Column("n", "$n$", digits=None),
    ]
    maxima = run_maxima(data, context)
    others = [_groups(data, context, Measure("ping", name, "ms")) for name in _OTHERS]
    rows: list[list[Entry]] = []
    for group in _groups(data, context, AVERAGE):
        mean, run = measured.mean(group), maxima.get(system(group, context))
        matches = [measured.same(groups, group) for groups in others]
        rows.append(
            [
                system(group, context),
                measured.entry(group, mean),
                measured.spread(group),
                *(
                    entry
                    for match in matches
                    for entry in (measured.mean(match) if match else None, measured.spread(match))
                ),
                run,
                run / mean if run and mean else None,
                f"{group.n_ok}/{group.planned}",
            ]
        )
    return Table(columns, rows)


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return measured.groups(data, context, measure, context.profiles[:1])


def run_maxima(data: Data, context: Context) -> dict[str, float]:
    """By system: the mean over links and runs of each run's largest RTT, in ms; the thesis's
    "maximum". Without runs of their own, the largest values of the links stand in.
    """
    profile = context.profiles[0]
    rows = data.rows("runs", benchmark="ping", metric="rtt_max", profile=profile)
    groups = (
        collect(rows, context) if rows else _groups(data, context, Measure("ping", "rtt_max", "ms"))
    )
    return {
        system(group, context): mean
        for group in groups
        if group.profile == profile and (mean := measured.mean(group)) is not None
    }


def caption(data: Data, context: Context) -> str:
    """What the columns are, and the highest spike ratios with their operands."""
    means = {
        system(g, context): m for g in _groups(data, context, AVERAGE) if (m := measured.mean(g))
    }
    maxima = {vpn: run for vpn, run in run_maxima(data, context).items() if vpn in means}
    worst = sorted(maxima, key=lambda vpn: -maxima[vpn] / means[vpn])[:2]
    ratios = ", ".join(
        f"{vpn} {number(maxima[vpn] / means[vpn], 2)} = {number(maxima[vpn])} / {number(means[vpn])}"
        for vpn in worst
    )
    return (
        f"Round-trip times at {context.profiles[0]}, means over the links. The spike ratio is the mean "
        f"of the runs' largest values over the mean{f' (largest: {ratios})' if ratios else ''}; max. is the "
        f"largest single value of each link. {measured.SPREAD} "
        + doubt.told(_groups(data, context, AVERAGE), data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(_groups(data, context, AVERAGE), context)
