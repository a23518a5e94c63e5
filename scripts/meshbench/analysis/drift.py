"""Does a series go up or down from round to round? (pure)."""

import functools

import numpy as np

from meshbench.analysis.matrix import Matrix
from meshbench.analysis.order import median


def trend(values: Matrix, rounds: Matrix) -> tuple[Matrix, Matrix]:
    """The slope of each row over its rounds, and p that it is none.

    The slope is the median of those of all pairs (P. K. Sen, JASA 63, 1968), in the values' unit per
    round; p is that of Mann and Kendall (Biometrika 30, 1938), exact without ties, two-sided.
    """
    first, second = np.triu_indices(values.shape[1], 1)
    with np.errstate(invalid="ignore"):
        steps = values[:, second] - values[:, first]
        slopes = median(steps / (rounds[:, second] - rounds[:, first]))
    agreements = np.abs(np.sign(steps).sum(axis=1))
    return slopes, _chance(values.shape[1])[np.nan_to_num(agreements).astype(int)]


@functools.cache
def _chance(size: int) -> Matrix:
    """P by |S|, S the concordant pairs less the discordant ones: with k inversions S = n(n-1)/2 - 2k."""
    inversions = np.array([1.0])
    for length in range(2, size + 1):
        inversions = np.convolve(inversions, np.ones(length) / length)
    pairs = size * (size - 1) // 2
    sums = np.abs(pairs - 2 * np.arange(pairs + 1))
    return np.array([inversions[sums >= least].sum() for least in range(pairs + 1)])
