"""Does a series go up or down from round to round, or change all at once? (pure)."""

import functools

import numpy as np

from meshbench.analysis.matrix import Matrix, Places
from meshbench.analysis.order import median

_MOST_ALIKE = 0.98


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


def change(values: Matrix) -> tuple[Places, Matrix]:
    """Where each row changes most, and p that it does not change at all.

    A. N. Pettitt, Applied Statistics 28 (1979): K is the largest |U|, U(t) the values after t that are
    larger than those until t less the smaller ones, and p = 2 exp(-6 K^2 / (n^3 + n^2)). Neighbours in time
    are alike; K^2 is that much less by (1 - r) / (1 + r), r the correlation of neighbours about the medians of the
    two parts, where it is above zero (effective sample size, G. V. Bayley and J. M. Hammersley, Suppl. J. R.
    Stat. Soc. 8, 1946).

    Returns:
        The number of values before the change, and p.
    """
    rows, size = values.shape
    signs = np.sign(values[:, np.newaxis, :] - values[:, :, np.newaxis])
    # Of all pairs those with one value on either side of a place: what is added less what is taken away.
    steps = np.cumsum(signs.sum(axis=2), axis=1)[:, :-1]
    places = np.abs(steps).argmax(axis=1)
    largest = np.abs(steps[np.arange(rows), places])
    share = np.array(
        [_effective(row, place + 1) for row, place in zip(values, places, strict=True)]
    )
    p = 2 * np.exp(-6 * largest**2 * share / (size**3 + size**2))
    return places + 1, np.minimum(1.0, p)


def _effective(values: Matrix, before: int) -> float:
    """How much of a sample of independent values these are worth."""
    rest = np.concatenate([part - np.median(part) for part in (values[:before], values[before:])])
    total = float((rest**2).sum())
    correlation = float((rest[1:] * rest[:-1]).sum()) / total if total else 0.0
    # About a mean of their own n values seem less alike than they are, by (1 + 4 r) / n (F. H. C. Marriott
    # and J. A. Pope, Biometrika 41, 1954); about two of n / 2 twice as much.
    size = len(values)
    alike = min(_MOST_ALIKE, (correlation + 2 / size) / max(1 - 8 / size, 2 / size))
    return (1 - alike) / (1 + alike) if alike > 0 else 1.0


@functools.cache
def _chance(size: int) -> Matrix:
    """P by |S|, S the concordant pairs less the discordant ones: with k inversions S = n(n-1)/2 - 2k."""
    inversions = np.array([1.0])
    for length in range(2, size + 1):
        inversions = np.convolve(inversions, np.ones(length) / length)
    pairs = size * (size - 1) // 2
    sums = np.abs(pairs - 2 * np.arange(pairs + 1))
    return np.array([inversions[sums >= least].sum() for least in range(pairs + 1)])
