"""Printed tables of one measure: a row per system, columns per profile."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measure import UNITS, ByProfile, Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table, escaped


def tabulate(shown: ByProfile, data: Data, context: Context) -> Table:
    """Mean over the links, largest less smallest link, and n, for each profile."""
    groups = measured.groups(data, context, shown.measure)
    profiles = list(dict.fromkeys(group.profile for group in groups))
    unit = UNITS[shown.measure.unit]
    columns = [Column("vpn", "VPN", digits=None)]
    for profile in profiles:
        columns.append(Column(f"{profile}_{unit.key}", escaped(profile), unit.latex))
        columns.append(Column(f"{profile}_spread_{unit.key}", "spread", unit.latex, digits=2))
        columns.append(Column(f"{profile}_n", "$n$", digits=None))
    systems = dict.fromkeys((group.vpn, group.tuning) for group in groups)
    return Table(
        columns, [_row(groups, name, profiles, shown.measure, context) for name in systems]
    )


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


def caption(shown: ByProfile, data: Data, context: Context) -> str:
    """What the numbers are, and the extremes of each profile with both operands."""
    groups = measured.groups(data, context, shown.measure)
    extremes = measured.told_extremes(groups, shown.measure)
    return (
        f"{shown.what} Mean over the links, largest less smallest link, n of those planned. {extremes} "
        + doubt.told(groups, data, context)
    )


def notes(shown: ByProfile, data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, shown.measure), context)
