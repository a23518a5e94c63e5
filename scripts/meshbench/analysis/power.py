"""The table `power`: which difference can be seen with how many rounds."""

import functools

import numpy as np
import pyarrow as pa

from meshbench.analysis import order, significance
from meshbench.analysis.effects import FAMILY
from meshbench.analysis.estimates import assembled
from meshbench.analysis.matrix import Matrix, Places, runs
from meshbench.analysis.rounds import Design, Rounds
from meshbench.results.records import BARE

_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *(pa.field(name, _WORD) for name in (*FAMILY, "unit", "better", "tuning")),
        pa.field("reference", _WORD),  # what the systems' ratios are to
        pa.field("n_systems", pa.int64()),  # whose ratios the noise is of
        pa.field("n_measured", pa.int64()),  # rounds there are, of the system with the most
        pa.field("noise_percent", pa.float64()),  # of a ratio, from round to round
        pa.field("rounds", pa.int64()),  # with so many …
        pa.field("detectable_percent", pa.float64()),  # … this is found, in 80 of 100 campaigns
    ]
)
ROUNDS = (6, 8, 10, 12, 16, 20, 30)
MOST_ROUNDS = 60
POWER = 0.8
_TRIALS, _STEPS, _SEED = 2000, 12, 20261126
_LEAST = 3
"""A deviation of two values says nothing of how far off it is itself."""


@functools.cache
def multiple(rounds: int) -> float:
    """How many standard deviations of a ratio's logarithm a change must be to be found.

    Simulated with the very rule that says 'differs' (p of the signed-rank test at most 0.05, and the
    interval excludes no change), on normal noise, with a fixed seed: found in `POWER` of the trials.

    Raises:
        ValueError: for fewer rounds than carry an interval.
    """
    if rounds < order.LEAST_ROUNDS:
        raise ValueError(f"{rounds} rounds carry no interval")
    noise = np.random.default_rng(_SEED).normal(0, 1, (_TRIALS, rounds))
    low, high = 0.0, 8.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _found(noise + middle) >= POWER else (middle, high)
    return high


def _found(values: Matrix) -> float:
    interval = order.median_interval(values)
    if interval is None:
        return 0.0
    return float(significance.differs(significance.paired(values), *interval, 0.0).mean())


def detectable(noise: float, rounds: int) -> float:
    """The change in percent that is found with so many rounds at this noise (of the logarithm)."""
    return 100 * float(np.expm1(multiple(rounds) * noise))


def needed(noise: float, percent: float) -> int | None:
    """The least rounds with which such a change is found; None where `MOST_ROUNDS` do not do."""
    low, high = order.LEAST_ROUNDS, MOST_ROUNDS
    if detectable(noise, high) > percent:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if detectable(noise, middle) <= percent else (middle + 1, high)
    return high


def table(rounds: Rounds, design: Design) -> pa.Table:
    """A row per metric, profile and number of rounds, by `SCHEMA`; none where no noise is known."""
    values = rounds.chosen(marked=design.marked)
    exact = np.where((values.low == values.high) & (values.low > 0), values.low, np.nan)
    groups = rounds.codes(*FAMILY, "tuning")
    names = np.array(rounds.column("vpn"), dtype=object)
    ordered = np.lexsort((names, names != BARE, groups))
    noises = [
        (places[0], *measured)
        for start, end in runs(groups[ordered])
        if (measured := _noise(exact[(places := ordered[start:end])])) is not None
    ]
    firsts = np.array([place for place, *_ in noises for _ in ROUNDS], dtype=np.int64)
    return assembled(_columns(rounds, firsts, noises), SCHEMA)


def _columns(
    rounds: Rounds, firsts: Places, noises: list[tuple[int, float, int, int]]
) -> dict[str, object]:
    series, taken = rounds.series, pa.array(firsts)
    names = (*FAMILY, "unit", "better", "tuning")
    each = len(ROUNDS)
    return {
        **{name: series[name].take(taken) for name in names},
        "reference": series["vpn"].take(taken),
        "n_systems": np.repeat(np.array([n for *_, n, _ in noises], dtype=np.int64), each),
        "n_measured": np.repeat(np.array([n for *_, n in noises], dtype=np.int64), each),
        "noise_percent": np.repeat(100 * np.expm1([noise for _, noise, *_ in noises]), each),
        "rounds": np.tile(np.array(ROUNDS, dtype=np.int64), len(noises)),
        "detectable_percent": np.array(
            [detectable(noise, n) for _, noise, *_ in noises for n in ROUNDS], dtype=np.float64
        ),
    }


def _noise(values: Matrix) -> tuple[float, int, int] | None:
    """How much the logarithm of a system's ratio to the first one differs from round to round.

    Returns:
        The standard deviation (the root of the systems' mean variance), of how many systems, and how
        many rounds the longest has; None where there are none of three rounds.
    """
    ratios = np.log(values[1:]) - np.log(values[0])
    counts = (~np.isnan(ratios)).sum(axis=1)
    some = ratios[counts >= _LEAST]
    if not len(some):
        return None
    variance = np.nanvar(some, axis=1, ddof=1)
    return float(np.sqrt(variance.mean())), len(some), int(counts.max())
