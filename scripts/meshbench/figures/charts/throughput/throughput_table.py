"""The table of TCP goodput: a row per system, a column per profile."""

from collections.abc import Sequence

from meshbench.figures.charts.throughput import tcp_throughput
from meshbench.figures.charts.throughput.tcp_throughput import MBIT
from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import comparison, doubt, measured
from meshbench.figures.drawing.groups import Group, marked, system, troubles, variants
from meshbench.figures.drawing.tabular import Column, Entry, Table, escaped


def tabulate(data: Data, context: Context) -> Table:
    """Medians in Mbit/s of the first mode and direction; how many values each rests on."""
    groups = _groups(data, context)
    profiles = list(dict.fromkeys(group.profile for group in groups))
    columns = [Column("vpn", "VPN", digits=None)]
    for profile in profiles:
        columns.append(Column(f"{profile}_mbit_s", escaped(profile), "\\mega\\bit\\per\\second"))
        columns.append(
            Column(f"{profile}_spread_mbit_s", "spread", "\\mega\\bit\\per\\second", digits=2)
        )
        columns.append(Column(f"{profile}_n", "$n$", digits=None))
    rows: list[list[Entry]] = []
    for name in dict.fromkeys(system(group, context) for group in groups):
        row: list[Entry] = [name]
        for group in (g for g in groups if system(g, context) == name):
            spread = measured.spread(group, MBIT, "goodput_bps")
            row += [
                measured.centre(group, "goodput_bps", MBIT),
                spread,
                f"{group.n_ok}/{group.planned}",
            ]
        rows.append(row)
    return Table(columns, rows)


def _groups(data: Data, context: Context) -> list[Group]:
    first = variants(data.rows("throughput", benchmark="tcp"))[0]
    groups = tcp_throughput.groups(data, context)
    return [group for group in groups if (group.mode, group.direction) == first]


def caption(data: Data, context: Context) -> str:
    """What the numbers are, and how the systems compare."""
    sentences = comparison.sentences(
        _groups(data, context),
        "goodput_bps",
        comparison.Unit("Mbit/s", MBIT),
        context,
        higher_is_better=True,
    )
    definition = "TCP goodput at the receiver, median over rounds of the median over links; n of planned values."
    unsure = doubt.told(_groups(data, context), data, context)
    return " ".join([definition, measured.SPREAD, *sentences, unsure])


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    groups = _groups(data, context)
    return [*troubles(groups, context), *marked(groups, context)]
