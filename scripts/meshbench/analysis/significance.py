"""Are two systems different? Exact tests of many pairs at once (pure, by scipy)."""

import warnings

import numpy as np
from scipy import stats

from meshbench.analysis.matrix import Flags, Matrix, Places, runs
from meshbench.analysis.order import signed_rank_chances

LEVEL = 0.05
_EXACT = 50
"""Up to so many rounds the tests are exact; beyond, scipy's normal approximation is."""


def paired(differences: Matrix) -> Matrix:
    """Wilcoxon's signed-rank test of each row: p that signs are as unequal by chance, two-sided.

    F. Wilcoxon, Biometrics Bulletin 1 (1945). Differences of zero, or of which only bounds that do not
    say a sign are known, speak for neither side: they keep their rank, half of it on each (Pratt,
    JASA 54, 1959, made conservative).
    """
    size = differences.shape[1]
    ranks = stats.rankdata(np.abs(differences), axis=1)
    signs = np.sign(differences)
    positive = (ranks * (signs > 0)).sum(axis=1) + (ranks * (signs == 0)).sum(axis=1) / 2
    total = size * (size + 1) / 2
    least = np.minimum(positive, total - positive)
    if size > _EXACT:
        scale = np.sqrt(size * (size + 1) * (2 * size + 1) / 24)
        return _two_sided(stats.norm.cdf((least + 0.5 - total / 2) / scale))
    below = signed_rank_chances(size).cumsum()
    return _two_sided(below[np.ceil(least - 1e-9).astype(int)])


def _two_sided(p: Matrix) -> Matrix:
    doubled: Matrix = np.minimum(1.0, 2 * p)
    return doubled


def unpaired(left: Matrix, right: Matrix) -> tuple[Matrix, Matrix]:
    """The test of Mann and Whitney (Ann. Math. Stat. 18, 1947) of each pair of rows, two-sided.

    Returns:
        p; and Cliff's delta (Psychological Bulletin 114, 1993), the probability that a value on the left
        is larger less that it is smaller: 2 U / (n m) - 1.
    """
    exact = left.shape[1] <= _EXACT
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        test = stats.mannwhitneyu(left, right, axis=1, method="exact" if exact else "asymptotic")
    delta: Matrix = 2 * test.statistic / (left.shape[1] * right.shape[1]) - 1
    p: Matrix = np.minimum(1.0, test.pvalue)
    return p, delta


def fit(paired: Matrix, unpaired: Matrix, rounds: Places, family: Places) -> Matrix:
    """The p of the test that can tell so many comparisons apart at all with so many rounds.

    With n rounds the paired test reaches no less than 2^(1-n), which Holm multiplies by the size of the
    family: 66 pairs need twelve rounds. Below, the unpaired one stands in, which reaches 2 / C(2n, n) and
    is blind for what rounds have in common, so that it says 'differs' less often than it might. The
    choice looks at no value.
    """
    reaches = family * 0.5 ** (rounds - 1.0) <= LEVEL
    return np.where(reaches, paired, unpaired)


def holm(p: Matrix, families: Places) -> Matrix:
    """P adjusted within each family so that the chance of any false 'differs' in it stays at the level.

    The k-th smallest of m is multiplied by m - k + 1, and none falls below an earlier one (S. Holm,
    Scand. J. Statist. 6, 1979). NaN is no member of its family.
    """
    adjusted = np.full(len(p), np.nan)
    places = np.flatnonzero(~np.isnan(p))
    order = places[np.lexsort((p[places], families[places]))]
    for start, end in runs(families[order]):
        members = order[start:end]
        factors = np.arange(len(members), 0, -1)
        adjusted[members] = np.minimum(1.0, np.maximum.accumulate(p[members] * factors))
    return adjusted


def members(p: Matrix, families: Places) -> Places:
    """How many comparisons the family of each has."""
    size = int(families.max(initial=0)) + 1
    counts: Places = np.bincount(families[~np.isnan(p)], minlength=size)[families]
    return counts


def differs(p: Matrix, low: Matrix, high: Matrix, null: float, level: float = LEVEL) -> Flags:
    """What may be called a difference: p is small, and the interval does not hold the null."""
    with np.errstate(invalid="ignore"):
        outside: Flags = (low > null) | (high < null)
        small: Flags = p <= level
    return outside & small
