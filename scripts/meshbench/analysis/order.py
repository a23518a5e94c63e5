"""Medians and shifts of many rows at once, with intervals from order statistics (pure).

Every function takes rows without gaps (`matrix.packed`), and lets a value be infinite: of a time-out
only a bound is known.
"""

import functools
import math
from collections.abc import Callable

import numpy as np

from meshbench.analysis.matrix import Matrix

IntervalFunction = Callable[[Matrix], tuple[Matrix, Matrix] | None]
"""From rows to both ends of each one's interval, None where the rows are too short."""

LEAST_ROUNDS = 6
"""So many values can carry a 95 % interval of the median: [min, max] of n values covers it with
probability 1 - 2^(1-n), 93.75 % for five."""


def median(values: Matrix) -> Matrix:
    """The median of each row; the mean of the middle two of an even number."""
    ordered = np.sort(values, axis=1)
    size = values.shape[1]
    middle: Matrix = (ordered[:, (size - 1) // 2] + ordered[:, size // 2]) / 2
    return middle


@functools.cache
def depth(size: int, confidence: float) -> tuple[int, float] | None:
    """Which order statistics hold the median of `size` values with a confidence.

    The number of values below the median is binomial with p = 1/2, so the d-th smallest and d-th
    largest value hold it with probability g(d) = 1 - 2 P(B < d). Between the depths d and d + 1 around
    the confidence c the ends are interpolated with the weight (n - d) I / (d + (n - 2 d) I) for the
    inner one, I = (g(d) - c) / (g(d) - g(d+1)) (Hettmansperger and Sheather, Statistics & Probability
    Letters 4, 1986), so that the coverage is the one stated and not up to 97.9 % (n = 10).

    Returns:
        d and the weight, or None where even the smallest and largest value do not reach it.
    """
    below = 2.0**-size
    outer = 1 - 2 * below
    if outer < confidence:
        return None
    rank = 1
    while True:
        below += math.comb(size, rank) / 2.0**size
        inner = 1 - 2 * below
        if inner < confidence:
            break
        rank, outer = rank + 1, inner
    part = (outer - confidence) / (outer - inner)
    return rank, (size - rank) * part / (rank + (size - 2 * rank) * part)


def median_interval(values: Matrix, confidence: float = 0.95) -> tuple[Matrix, Matrix] | None:
    """The interval of each row's median (see `depth`); None for rows that are too short."""
    weighted_rank = depth(values.shape[1], confidence)
    if weighted_rank is None:
        return None
    rank, weight = weighted_rank
    ordered = np.sort(values, axis=1)
    last = values.shape[1] - 1
    return (
        _between(ordered[:, rank - 1], ordered[:, min(rank, last)], weight),
        _between(ordered[:, last + 1 - rank], ordered[:, max(last - rank, 0)], weight),
    )


def _between(outer: Matrix, inner: Matrix, weight: float) -> Matrix:
    """Zero times infinity would be no number."""
    return outer if weight == 0 else (1 - weight) * outer + weight * inner


def pseudo_median(differences: Matrix) -> Matrix:
    """The median of the means of all pairs in each row, each value with itself too.

    Of paired differences it is the shift of Hodges and Lehmann (Ann. Math. Stat. 34, 1963).
    """
    return median(_pair_means(differences))


def shift_interval(differences: Matrix, confidence: float = 0.95) -> tuple[Matrix, Matrix] | None:
    """The interval of each row's pseudo-median: the pair means that Wilcoxon's signed-rank test of
    that level does not reject (Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, 3rd
    ed., 3.3).

    Returns:
        Both ends, or None for rows that are too short.
    """
    size = differences.shape[1]
    chances = signed_rank_chances(size).cumsum()
    cut = int(np.searchsorted(chances, (1 - confidence) / 2, side="right"))
    if cut == 0:
        return None
    means = np.sort(_pair_means(differences), axis=1)
    return means[:, cut - 1], means[:, -cut]


@functools.cache
def signed_rank_chances(size: int) -> Matrix:
    """The probability of each sum 0, 1, … of positive ranks when every sign is a fair coin."""
    chances = np.array([1.0])
    for rank in range(1, size + 1):
        padded = np.pad(chances, (0, rank))
        chances = (padded + np.roll(padded, rank)) / 2
    return chances


def _pair_means(values: Matrix) -> Matrix:
    first, second = np.triu_indices(values.shape[1])
    means: Matrix = (values[:, first] + values[:, second]) / 2
    return means


def ratio_interval(
    left: Matrix, right: Matrix, confidence: float = 0.95
) -> tuple[float, float, float] | None:
    """How many times as large one sample is as another that shares nothing with it.

    The median of all pairs' ratios, with the ratios that Mann and Whitney's test of that level does not
    reject (Hodges and Lehmann of the logarithms; Hollander, Wolfe and Chicken, 4.3).

    Args:
        left: values above zero, one dimension.
        right: the same.
        confidence: of the interval.

    Returns:
        The ratio and both ends, or None where the samples are too small.
    """
    chances = rank_sum_chances(len(left), len(right)).cumsum()
    cut = int(np.searchsorted(chances, (1 - confidence) / 2, side="right"))
    if cut == 0:
        return None
    ratios = np.sort((left[:, np.newaxis] / right).ravel())
    return float(np.median(ratios)), float(ratios[cut - 1]), float(ratios[-cut])


@functools.cache
def rank_sum_chances(left: int, right: int) -> Matrix:
    """The probability of each number 0, 1, … of pairs in which the left one is larger, by chance."""
    if min(left, right) == 0:
        return np.array([1.0])
    # The largest of all values is one of the left ones, and then larger than all on the right, or not.
    chances = np.zeros(left * right + 1)
    chances[right:] += rank_sum_chances(left - 1, right) * left / (left + right)
    shorter = rank_sum_chances(left, right - 1)
    chances[: len(shorter)] += shorter * right / (left + right)
    return chances
