"""Sentences that compare systems with the bare link, both operands given."""

from collections.abc import Sequence
from dataclasses import dataclass

from meshbench.figures.contract import Context, Row
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.wording import counted, number
from meshbench.results.records import BARE


@dataclass(frozen=True)
class Unit:
    """In what a value is told, and the scale from the table's unit to it."""

    name: str
    scale: float


def ratio(group: Group, column: str) -> float | None:
    """Of a group to the bare link: the median of the rounds' ratios (table `effects`); its own is 1."""
    if group.vpn == BARE:
        return 1.0 if group.centre(column) else None
    effect = group.known[column].effect
    return None if effect is None else effect["ratio"]


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
    compared = [group for group in groups if group.tuning == context.tunings[0]]
    return [
        text
        for profile in dict.fromkeys(group.profile for group in compared)
        if (
            text := _sentence(
                [g for g in compared if g.profile == profile], column, unit, higher_is_better
            )
        )
    ]


def _sentence(groups: Sequence[Group], column: str, unit: Unit, higher: bool) -> str:
    values = {group.vpn: value for group in groups if (value := group.centre(column)) is not None}
    words = {g.vpn: f"{g.told(column, unit.scale)} {unit.name}" for g in groups if g.vpn in values}
    if not values:
        return ""
    profile = groups[0].profile
    others = {vpn: value for vpn, value in values.items() if vpn != BARE}
    parts: list[str] = []
    if BARE in values:
        parts.append(f"the bare link has {words[BARE]}")
    if others:
        ranked = sorted(others, key=lambda vpn: (-others[vpn] if higher else others[vpn], vpn))
        for vpn in dict.fromkeys([ranked[0], ranked[-1]]):
            group = next(g for g in groups if g.vpn == vpn)
            parts.append(f"{vpn} {words[vpn]}{_against(group, groups, column, unit)}")
    return f"At {profile}, {', '.join(parts)}."


def _against(group: Group, groups: Sequence[Group], column: str, unit: Unit) -> str:
    effect: Row | None = group.known[column].effect
    if effect is None or effect["ratio"] is None:
        return ""
    share = number(effect["ratio"], 2)
    bare = next(other for other in groups if other.vpn == BARE)
    sides = [operand.by_round(column, unit.scale) for operand in (group, bare)]
    shared = sides[0].keys() & sides[1].keys()
    if len(shared) != 1:
        return f" ({share} of it, median of {counted(effect['n_rounds'], 'paired round')})"
    [mine, other] = (number(side[round_]) for side in sides for round_ in shared)
    return f" ({share} = {mine} / {other})"
