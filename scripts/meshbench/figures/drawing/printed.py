"""Printed tables that have a row per system and a column per profile."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measured import Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table, escaped


def by_profile(data: Data, context: Context, measure: Measure, key: str, unit: str) -> Table:
    """Mean over the links, largest less smallest link, and n, for each profile.

    Args:
        data: with the table `measures`.
        context: what was planned.
        measure: what is told.
        key: ends the columns' names in the CSV, with the unit.
        unit: as siunitx source.
    """
    groups = measured.groups(data, context, measure)
    profiles = list(dict.fromkeys(group.profile for group in groups))
    columns = [Column("vpn", "VPN", digits=None)]
    for profile in profiles:
        columns.append(Column(f"{profile}_{key}", escaped(profile), unit))
        columns.append(Column(f"{profile}_spread_{key}", "spread", unit, digits=2))
        columns.append(Column(f"{profile}_n", "$n$", digits=None))
    systems = dict.fromkeys((group.vpn, group.tuning) for group in groups)
    return Table(columns, [_row(groups, name, profiles, measure, context) for name in systems])


def _row(
    groups: Sequence[Group],
    name: tuple[str, str],
    profiles: Sequence[str],
    measure: Measure,
    context: Context,
) -> list[Entry]:
    mine = {group.profile: group for group in groups if (group.vpn, group.tuning) == name}
    row: list[Entry] = [system(next(iter(mine.values())), context)]
    for profile in profiles:
        group = mine[profile]
        row += [
            measured.entry(group, measured.mean(group, measure.scale)),
            measured.spread(group, measure.scale),
            f"{group.n_ok}/{group.planned}",
        ]
    return row


def caption(
    data: Data, context: Context, measure: Measure, what: str, *, higher_is_better: bool
) -> str:
    """What the numbers are, and the extremes of each profile with both operands."""
    groups = measured.groups(data, context, measure)
    told = measured.told_extremes(groups, measure, higher_is_better=higher_is_better)
    return f"{what} Mean over the links, largest less smallest link, n of those planned. {told}"
