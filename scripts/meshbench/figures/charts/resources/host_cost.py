"""What hosts spend, in numbers: a row per system, the worst host of each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from meshbench.analysis import estimates
from meshbench.figures.charts.resources import cpu_cost
from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import doubt, measured
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.tabular import Column, Entry, Table

Merge = Callable[[Iterable[float]], float]


@dataclass(frozen=True)
class Part:
    """A column of the table `host_resources`: how its hosts are put together in a round, and told."""

    source: str
    column: Column
    merge: Merge
    scale: float = 1.0


PARTS = (
    Part("vpn_cores", Column("cores", "cores"), max),
    Part("busiest_thread", Column("busiest_thread", "busiest thread"), max),
    Part("busiest_thread_demand", Column("thread_wanted_core", "wanted a core"), max),
    Part(
        "context_switches_per_s",
        Column("context_switches_per_s", "context switches", "\\per\\second"),
        max,
    ),
    Part("memory_peak_bytes", Column("memory_mib", "memory", "\\mebi\\byte"), max, 1 / 2**20),
    Part("vpn_buffer_drops", Column("drops_before_vpn", "dropped before it"), sum),
    Part("tunnel_drops", Column("drops_by_tunnel", "by the tunnel"), sum),
)
_GOODPUT = Column("goodput_mbit_s", "goodput", "\\mega\\bit\\per\\second")
_COSTS = (
    ("vpn_cpu_s", Column("vpn_s_per_gb", "VPN", "\\second\\per\\giga\\byte")),
    ("kernel_cpu_s", Column("kernel_s_per_gb", "kernel", "\\second\\per\\giga\\byte")),
)


def tabulate(data: Data, context: Context) -> Table:
    """Medians over the rounds: of the costs of all hosts together, else of the worst host or the sum."""
    columns = [
        Column("vpn", "VPN", digits=None),
        _GOODPUT,
        measured.spread_column(_GOODPUT),
        *(column for _, column in _COSTS),
        *(part.column for part in PARTS),
        Column("n", "$n$", digits=None),
    ]
    rates = _rates(data, context)
    return Table(columns, [_row(data, group, context) for group in rates])


def _rates(data: Data, context: Context) -> list[Group]:
    return measured.groups(data, context, cpu_cost.RATE, context.profiles[:1])


def _row(data: Data, group: Group, context: Context) -> list[Entry]:
    mine = cpu_cost.spent(data, group)
    return [
        system(group, context),
        measured.entry(group, measured.mean(group, cpu_cost.RATE.scale)),
        measured.spread(group, cpu_cost.RATE.scale),
        *(estimates.of_rounds(cpu_cost.costs(data, group, source)).value for source, _ in _COSTS),
        *(estimates.of_rounds(_by_round(mine, part)).value for part in PARTS),
        f"{group.n_ok}/{group.planned}",
    ]


def _by_round(rows: Sequence[Row], part: Part) -> list[float]:
    rounds = [
        [
            row[part.source]
            for row in rows
            if row["round"] == round_ and row[part.source] is not None
        ]
        for round_ in sorted({row["round"] for row in rows})
    ]
    return [part.scale * part.merge(values) for values in rounds if values]


def caption(data: Data, context: Context) -> str:
    """What each column is."""
    return (
        f"What hosts spent while TCP ran over all links in turn at {context.profiles[0]}, medians over rounds: CPU "
        "time per gigabyte at one end, of the VPN's processes and (an estimate, with all of TCP) of the kernel; of "
        "the host with most: cores used by the VPN and its busiest thread's share of one under load, for which share "
        "of the time a thread ran or waited for a core, context switches, memory high-water; of all hosts: datagrams "
        "that found the VPN's receive buffer full, and packets that the tunnel's interface dropped."
        f"{cpu_cost.ends(data, context)} {doubt.told(_rates(data, context), data, context)}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    return cpu_cost.notes(data, context)
