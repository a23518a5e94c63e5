"""Sentences that compare systems with the bare link, both operands given."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshbench.analysis.statistics import PairedRatio, paired_ratio
from meshbench.figures.contract import Context
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.wording import counted, number

REFERENCE = "internal"


@dataclass(frozen=True)
class Unit:
    """In what a value is told, and the scale from the table's unit to it."""

    name: str
    scale: float


def ratio(group: Group, groups: Sequence[Group], column: str) -> PairedRatio[int] | None:
    """A group over the bare link of the same profile, tuning, mode, direction and round."""
    reference = next(
        (
            other
            for other in groups
            if other.vpn == REFERENCE
            and (other.profile, other.tuning, other.mode, other.direction)
            == (group.profile, group.tuning, group.mode, group.direction)
        ),
        None,
    )
    if reference is None:
        return None
    return paired_ratio(group.by_round(column), reference.by_round(column))


def sentences(
    groups: Sequence[Group], column: str, unit: Unit, context: Context, *, higher_is_better: bool
) -> list[str]:
    """For each profile: the bare link's value, and the systems nearest to and farthest from it.

    Args:
        groups: of one mode and direction; the first tuning's are told.
        column: of the table.
        unit: in which it is told.
        context: names the tunings.
        higher_is_better: whether the largest value is the nearest.
    """
    told = [group for group in groups if group.tuning == context.tunings[0]]
    return [
        text
        for profile in dict.fromkeys(group.profile for group in told)
        if (
            text := _sentence(
                [g for g in told if g.profile == profile], column, unit, higher_is_better
            )
        )
    ]


def _sentence(groups: Sequence[Group], column: str, unit: Unit, higher: bool) -> str:
    values = {group.vpn: value for group in groups if (value := group.centre(column)) is not None}
    if not values:
        return ""
    profile = groups[0].profile
    others = {vpn: value for vpn, value in values.items() if vpn != REFERENCE}
    parts: list[str] = []
    if REFERENCE in values:
        parts.append(f"the bare link has {_told(values[REFERENCE], unit)}")
    if others:
        ranked = sorted(others, key=lambda vpn: (-others[vpn] if higher else others[vpn], vpn))
        for vpn in dict.fromkeys([ranked[0], ranked[-1]]):
            group = next(g for g in groups if g.vpn == vpn)
            parts.append(f"{vpn} {_told(others[vpn], unit)}{_against(group, groups, column, unit)}")
    return f"At {profile}, {', '.join(parts)}."


def _told(value: float, unit: Unit) -> str:
    return f"{number(value * unit.scale)} {unit.name}"


def _against(group: Group, groups: Sequence[Group], column: str, unit: Unit) -> str:
    found = ratio(group, groups, column)
    if found is None:
        return ""
    rounds = list(found.ratios)
    reference = next(g for g in groups if g.vpn == REFERENCE).by_round(column)
    mine = group.by_round(column)
    if len(rounds) == 1:
        operands = (
            f"{number(mine[rounds[0]] * unit.scale)} / {number(reference[rounds[0]] * unit.scale)}"
        )
        return f" ({number(found.median, 2)} = {operands})"
    return f" ({number(found.median, 2)} of it, median of {counted(len(rounds), 'paired round')})"
