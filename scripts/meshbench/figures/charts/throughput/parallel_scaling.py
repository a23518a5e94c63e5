"""Single-stream and simultaneous TCP in numbers, and their ratio, at the first profile."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table
from meshbench.figures.drawing.wording import number
from meshbench.results.records import BARE

SINGLE = Measure("tcp", "send_rate", "Mbit/s")
TOGETHER = Measure("tcp_parallel", "send_rate", "Mbit/s")
_UNIT = "\\mega\\bit\\per\\second"
_ONE = Column("single_mbit_s", "single", _UNIT, digits=4)


def tabulate(data: Data, context: Context) -> Table:
    """A row per system; a sum with missing links is given apart, as it is no total."""
    columns = [
        Column("vpn", "VPN", digits=None),
        _ONE,
        measured.spread_column(_ONE),
        Column("single_n", "$n$", digits=None),
        Column("parallel_mbit_s", "parallel", _UNIT, digits=4),
        Column("parallel_spread_mbit_s", "spread", _UNIT, digits=2),
        Column("factor", "factor"),
        Column("survivors_mbit_s", "survivors", _UNIT, digits=4),
        Column("factor_as_if_complete", "as if complete"),
        Column("n", "$n$", digits=None),
    ]
    together = _groups(data, context, TOGETHER)
    singles = _groups(data, context, SINGLE)
    return Table(
        columns, [_row(single, measured.same(together, single), context) for single in singles]
    )


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return measured.groups(data, context, measure, context.profiles[:1])


def _row(single: Group, group: Group | None, context: Context) -> list[Entry]:
    alone = measured.mean(single, SINGLE.scale)
    mine: list[Entry] = [
        system(single, context),
        measured.entry(single, alone),
        measured.spread(single, SINGLE.scale),
        f"{single.n_ok}/{single.planned}",
    ]
    if group is None:
        return [*mine, None, None, None, None, None, "0"]
    total, per_link = measured.total(group, SINGLE.scale), measured.mean(group, SINGLE.scale)
    unlike = measured.other_modes(single, group)
    return [
        *mine,
        measured.entry(group, total),
        measured.spread(group, SINGLE.scale),
        unlike or (total / alone if total and alone else None),
        measured.survivors(group, SINGLE.scale),
        unlike or (len(context.links) * per_link / alone if per_link and alone else None),
        f"{group.n_ok}/{group.planned}",
    ]


def caption(data: Data, context: Context) -> str:
    """What the factor is, and what the bare link's means."""
    bare = next((g for g in _groups(data, context, SINGLE) if g.vpn == BARE), None)
    both = measured.same(_groups(data, context, TOGETHER), bare) if bare else None
    alone = measured.mean(bare, SINGLE.scale) if bare else None
    total = measured.total(both, SINGLE.scale) if both else None
    sentence = (
        f" The bare link's {number(total / alone)} = {number(total, 4)} / {number(alone)} is half the number "
        "of links: by the counting alone, as each link carries two flows of which one is counted."
        if alone and total and bare and both and not measured.other_modes(bare, both)
        else ""
    )
    return (
        f"TCP send rate at {context.profiles[0]}: mean over the links one at a time, and sum over all "
        "links at the same time, one direction of each counted. A sum with missing links is no total; "
        f"it is given as survivors. {measured.SPREAD}{sentence} "
        + measured.unsure((SINGLE, TOGETHER), data, context, context.profiles[:1])
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(_groups(data, context, TOGETHER), context)
