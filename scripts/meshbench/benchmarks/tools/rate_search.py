"""The highest rate that a path carries with little loss, searched in a bounded number of steps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_CLIMB = 4.0
_FALL = 10.0
_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9}


def bps(rate: str) -> int:
    """A rate such as ``10M`` in bit/s; decimal, as iperf3's -b takes it."""
    return round(float(rate[:-1]) * _UNITS[rate[-1]])


@dataclass(frozen=True)
class Step:
    """One rate that was offered, and the share of the datagrams that were lost at it."""

    rate_bps: int
    loss: float


@dataclass(frozen=True)
class Bounds:
    """What is searched: from which rate, between which ones, with how much loss, how exactly.

    Attributes:
        loss: the most that passes, as a share.
        steps: the most there may be.
        precision: the search ends when the best rate and the one that failed are this factor apart.
    """

    start_bps: int
    least_bps: int
    most_bps: int
    loss: float
    steps: int
    precision: float = 1.05


def next_rate(steps: Sequence[Step], bounds: Bounds) -> int | None:
    """The rate of the next step in bit/s; None when the search is over (pure).

    It climbs by fours until a rate fails, and then halves the ratio between the best rate that
    passed and the least one that failed; as in RFC 9097 what counts is the loss that a rate meets.
    """
    if len(steps) >= bounds.steps:
        return None
    if not steps:
        return bounds.start_bps
    passed, failed = _passed(steps, bounds), _failed(steps, bounds)
    if passed and failed:
        return round(math.sqrt(passed * failed)) if failed > passed * bounds.precision else None
    if passed:
        return min(bounds.most_bps, round(passed * _CLIMB)) if passed < bounds.most_bps else None
    fallen = max(bounds.least_bps, round(min(step.rate_bps for step in steps) / _FALL))
    return fallen if fallen < min(step.rate_bps for step in steps) else None


def best(steps: Sequence[Step], bounds: Bounds) -> int | None:
    """The index of the step with the highest rate that passed; None when none did (pure)."""
    passed = [index for index, step in enumerate(steps) if step.loss <= bounds.loss]
    return max(passed, key=lambda index: steps[index].rate_bps, default=None)


def _passed(steps: Sequence[Step], bounds: Bounds) -> int | None:
    index = best(steps, bounds)
    return None if index is None else steps[index].rate_bps


def _failed(steps: Sequence[Step], bounds: Bounds) -> int | None:
    """The least rate that failed above the best one that passed: loss is chance too."""
    passed = _passed(steps, bounds) or 0
    return min(
        (step.rate_bps for step in steps if step.loss > bounds.loss and step.rate_bps > passed),
        default=None,
    )
