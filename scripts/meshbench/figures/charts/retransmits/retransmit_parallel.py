"""Retransmit rates over one link at a time and over all links at once, in numbers."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured
from meshbench.figures.drawing.groups import system
from meshbench.figures.drawing.measure import UNITS, Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table
from meshbench.figures.drawing.wording import number

PERCENT = UNITS["%"].scale
RATES = (
    Measure("tcp", "retransmit_rate", "%"),
    Measure("tcp_parallel", "retransmit_rate", "%"),
)
_SINGLE = Column("single_percent", "single", "\\percent")
_PARALLEL = Column("parallel_percent", "parallel", "\\percent")


def tabulate(data: Data, context: Context) -> Table:
    """A row per system and profile: both rates, their ratio, and n."""
    columns = [
        Column("vpn", "VPN", digits=None),
        Column("profile", "profile", digits=None),
        _SINGLE,
        measured.spread_column(_SINGLE),
        Column("single_n", "$n$", digits=None),
        _PARALLEL,
        measured.spread_column(_PARALLEL),
        Column("parallel_n", "$n$", digits=None),
        Column("ratio", "ratio"),
    ]
    single, together = (measured.groups(data, context, rate) for rate in RATES)
    rows: list[list[Entry]] = []
    for group in single:
        if (other := measured.same(together, group)) is None:
            continue
        alone, both = measured.mean(group, PERCENT), measured.mean(other, PERCENT)
        rows.append(
            [
                system(group, context),
                group.profile,
                measured.entry(group, alone),
                measured.spread(group, PERCENT),
                f"{group.n_ok}/{group.planned}",
                measured.entry(other, both),
                measured.spread(other, PERCENT),
                f"{other.n_ok}/{other.planned}",
                measured.other_modes(group, other)
                or (both / alone if alone and both is not None else None),
            ]
        )
    return Table(columns, rows)


def caption(data: Data, context: Context) -> str:
    """What the columns are, and where simultaneous load lowers the rate."""
    single, together = (
        measured.groups(data, context, rate, context.profiles[:1]) for rate in RATES
    )
    lower = [
        f"{system(group, context)} {number(both)} against {number(alone)} %"
        for group in single
        if (other := measured.same(together, group))
        and (alone := measured.mean(group, PERCENT))
        and (both := measured.mean(other, PERCENT)) is not None
        and both < alone
    ]
    return (
        "Retransmit rate of TCP over one link at a time and over all links at the same time, means over "
        f"the links. At {context.profiles[0]} it is lower under simultaneous load for "
        f"{'; '.join(lower) or 'no system'}. {measured.SPREAD} "
        + measured.unsure(RATES, data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, RATES[1]), context)
