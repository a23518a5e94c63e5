"""Distribution-free statistics of few, skewed, paired measurements (pure)."""

import itertools
import math
import statistics
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from meshbench.analysis import order

Round = TypeVar("Round", bound=Hashable)


@dataclass(frozen=True)
class Interval:
    """A two-sided interval and its confidence."""

    low: float
    high: float
    confidence: float


@dataclass(frozen=True)
class PairedRatio(Generic[Round]):
    """How a system compares with a reference that was measured in the same rounds.

    Attributes:
        ratios: value over reference, by round; only rounds in which both exist.
        median: of the ratios.
        geometric_mean: of the ratios; None when a ratio is zero.
        interval: of the median; None with too few rounds.
    """

    ratios: Mapping[Round, float]
    median: float
    geometric_mean: float | None
    interval: Interval | None


def median_interval(values: Sequence[float], confidence: float = 0.95) -> Interval | None:
    """The interval of a median from order statistics, as in the table `estimates` (`order.depth`).

    Makes no assumption on the distribution (used for run-to-run variation by Maricq et al., OSDI '18).

    Returns:
        The interval, or None when even [min, max] does not reach the confidence: below n = 6
        at 95 %, since 1 - 2^(1-n) = 93.75 % for n = 5.

    Raises:
        ValueError: for a confidence outside (0, 1).
    """
    _check_confidence(confidence)
    found = order.median_interval(np.array([values], dtype=np.float64), confidence)
    return Interval(float(found[0][0]), float(found[1][0]), confidence) if found else None


def wilson(successes: int, trials: int, confidence: float = 0.95) -> Interval | None:
    """The score interval of a probability (Wilson, JASA 22, 1927), never outside [0, 1].

    Returns:
        The interval, or None without a trial.

    Raises:
        ValueError: for counts that cannot be, or a confidence outside (0, 1).
    """
    _check_confidence(confidence)
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials cannot be")
    if trials == 0:
        return None
    z = statistics.NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / trials
    scale = 1 + z**2 / trials
    centre = (share + z**2 / (2 * trials)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    # At the ends the two terms are equal but for rounding.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == trials else min(1.0, centre + half)
    return Interval(low, high, confidence)


def geometric_mean(values: Sequence[float]) -> float | None:
    """The exponential of the mean logarithm: the mean for ratios (Fleming and Wallace, CACM 29(3), 1986).

    Returns:
        The mean, or None for no values or when one is not above zero.
    """
    if not values or min(values) <= 0:
        return None
    return math.exp(math.fsum(math.log(value) for value in values) / len(values))


def paired_ratio(
    values: Mapping[Round, float], reference: Mapping[Round, float], confidence: float = 0.95
) -> PairedRatio[Round] | None:
    """Ratios to a reference of the same round, so that a drift of the hosts cancels out.

    Rounds that lack either side, or whose reference is not above zero, are left out.

    Returns:
        The ratios and their centre, or None when no round has both sides.
    """
    ratios = {
        round_: value / reference[round_]
        for round_, value in values.items()
        if reference.get(round_, 0) > 0
    }
    if not ratios:
        return None
    found = list(ratios.values())
    return PairedRatio(
        ratios, statistics.median(found), geometric_mean(found), median_interval(found, confidence)
    )


def shift(values: Sequence[float], reference: Sequence[float]) -> float | None:
    """By how much `values` lie above `reference`, in the values' unit.

    The median of all pairwise differences (Hodges and Lehmann, Ann. Math. Stat. 34, 1963).

    Returns:
        The shift, or None when either side is empty.
    """
    if not values or not reference:
        return None
    return statistics.median(a - b for a, b in itertools.product(values, reference))


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not at {confidence}")
