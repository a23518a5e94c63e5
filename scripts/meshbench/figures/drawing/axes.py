"""Linear axes that can be read whatever the values: nothing but zeros, tiny ones, huge ones."""

from collections.abc import Sequence
from typing import Any

_PLAIN = (1e-3, 1e7)
"""Ends between which ticks are written without an exponent."""
_SHORT = "datum.value ? format(datum.value, '~e') : '0'"


def domain(
    values: Sequence[float], *, bound: float = 0.0, room: float = 1.0
) -> tuple[float, float]:
    """The ends of an axis that holds the values and zero.

    Args:
        values: in the unit of the axis; at least one.
        bound: the least upper end, so that rounding noise is not blown up to the full width.
        room: how far the axis goes beyond the outermost value.
    """
    low, high = room * min(0.0, *values), room * max(*values, bound, 0.0)
    return (low, high) if low < high else (0.0, 1.0)


def by_round(rounds: Sequence[int]) -> dict[str, Any]:
    """Properties of an axis of rounds, in rising order: about a dozen of them have a number."""
    return {"title": "round", "format": "d", "values": rounds[:: 1 + len(rounds) // 12]}


def ticks(values: Sequence[float], *, bound: float = 0.0, count: int = 5) -> dict[str, Any]:
    """Properties of such an axis: none but zero where nothing else is drawn."""
    size = max((abs(value) for value in (*values, bound)), default=0.0)
    if size == 0:
        return {"values": [0]}
    short = {} if _PLAIN[0] <= size < _PLAIN[1] else {"labelExpr": _SHORT}
    return {"tickCount": count, **short}
