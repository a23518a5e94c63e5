"""The table `ranks`: how sure a ranking is, by drawing the rounds again and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meshbench.analysis.effects import FAMILY
from meshbench.analysis.estimates import assembled
from meshbench.analysis.matrix import Flags, Matrix, Places, empty, runs
from meshbench.analysis.order import LEAST_ROUNDS
from meshbench.analysis.rounds import Design, Rounds
from meshbench.results.records import BARE

_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *(pa.field(name, _WORD) for name in (*FAMILY, "unit", "better", "tuning", "vpn")),
        pa.field("n_systems", pa.int64()),  # ranked together; the bare link is none of them
        pa.field("n_rounds", pa.int64()),
        pa.field("rank", pa.int64()),  # of its median, from 1 for the best; equal ones share it
        pa.field("rank_low", pa.int64()),  # 95 % of the draws; null below six rounds
        pa.field("rank_high", pa.int64()),
        pa.field("p_best", pa.float64()),  # share of the draws
        pa.field("p_first_three", pa.float64()),
        pa.field("tier", pa.int64()),  # systems that cannot be told from the first of their tier
        pa.field("resamples", pa.int64()),
        pa.field("seed", pa.int64()),
    ]
)
_FIRST = 3


@dataclass(frozen=True)
class Draws:
    """Rounds drawn with replacement: how often each distinct draw has each round, and its share."""

    counts: npt.NDArray[np.signedinteger]
    shares: Matrix


def drawn(rounds: int, resamples: int, seed: int) -> Draws:
    """As many rounds as there are, drawn again and again (Efron, Ann. Statist. 7, 1979).

    All systems meet the same draws, as they met the same rounds.
    """
    dice = np.random.default_rng(seed)
    counts = dice.multinomial(rounds, np.full(rounds, 1 / rounds), size=resamples)
    distinct, times = np.unique(counts, axis=0, return_counts=True)
    # Twice the rounds must fit; small numbers are several times as fast.
    small = np.int8 if 2 * rounds <= np.iinfo(np.int8).max else np.int16
    return Draws(np.ascontiguousarray(distinct.T.astype(small)), times / resamples)


def medians(values: Matrix, draws: Draws) -> Matrix:
    """The median of each row under each draw.

    Args:
        values: systems x rounds, NaN where there is none; a draw without any value is NaN.
        draws: of these rounds.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    there = ~np.isnan(ordered)
    whole = bool(there.all())
    counts = [
        draws.counts[order[:, k]] * (1 if whole else there[:, k, np.newaxis])
        for k in range(order.shape[1])
    ]
    total = np.sum(counts, axis=0, dtype=counts[0].dtype)
    reached = np.zeros_like(total)
    lower, upper = np.zeros_like(total), np.zeros_like(total)
    for count in counts[:-1]:
        reached += 2 * count
        lower += reached < total
        upper += reached <= total
    starts = order.shape[1] * np.arange(len(values))[:, np.newaxis]
    middles = (ordered.take(starts + lower) + ordered.take(starts + upper)) / 2
    return middles if whole else np.where(total > 0, middles, np.nan)


def ranked(values: Matrix) -> npt.NDArray[np.int16]:
    """Ranks in each column from 1 for the least; equal ones share the better rank, NaN is last."""
    filled = np.where(np.isnan(values), np.inf, values)
    ranks = np.ones(values.shape, dtype=np.int16)
    for other in filled:
        ranks += other < filled
    return ranks


@dataclass(frozen=True)
class Certainty:
    """Of each system: the interval of its rank, and the chances of being first and in the first three."""

    low: Places
    high: Places
    best: Matrix
    first: Matrix


def certainty(ranks: npt.NDArray[np.int16], shares: Matrix, confidence: float = 0.95) -> Certainty:
    """What the ranks under all draws come to."""
    systems = len(ranks)
    places = (ranks - 1) + systems * np.arange(systems)[:, np.newaxis]
    weights = np.broadcast_to(shares, ranks.shape).ravel()
    chances = np.bincount(places.ravel(), weights, systems * systems).reshape(systems, systems)
    up_to = chances.cumsum(axis=1)
    tail = (1 - confidence) / 2
    return Certainty(
        low=1 + (up_to <= tail + 1e-12).sum(axis=1),
        high=1 + (up_to < 1 - tail - 1e-12).sum(axis=1),
        best=np.minimum(1.0, chances[:, 0]),
        first=np.minimum(1.0, chances[:, :_FIRST].sum(axis=1)),
    )


def tiers(
    places: Sequence[int], ranks: Sequence[int], different: set[tuple[int, int]]
) -> list[int]:
    """The tier of each series: from the best on, one that differs from the first of the tier begins
    the next.
    """
    by_place: dict[int, int] = {}
    head, tier = -1, 0
    for place, _ in sorted(zip(places, ranks, strict=True), key=lambda pair: (pair[1], pair[0])):
        if head < 0 or (head, place) in different:
            head, tier = place, tier + 1
        by_place[place] = tier
    return [by_place[place] for place in places]


def table(rounds: Rounds, design: Design, different: set[tuple[int, int]]) -> pa.Table:
    """A row per series that has a value and of whose metric more or less is better, by `SCHEMA`."""
    chosen = rounds.chosen(marked=design.marked)
    values = chosen.high
    better = np.array(rounds.column("better"), dtype=object)
    values = np.where((better == "higher")[:, np.newaxis], -values, values)
    eligible = (
        (better != "neither")
        & (np.array(rounds.column("vpn"), dtype=object) != BARE)
        & chosen.there.any(axis=1)
    )
    groups = rounds.codes(*FAMILY, "tuning")
    places = np.flatnonzero(eligible)
    places = places[np.argsort(groups[places], kind="stable")]
    ranking = _Columns.empty(len(places))
    for start, end in runs(groups[places]):
        _rank(ranking, slice(start, end), places[start:end], values, different, design)
    series = rounds.series
    names = (*FAMILY, "unit", "better", "tuning", "vpn")
    columns: dict[str, object] = {
        **{name: series[name].take(pa.array(places)) for name in names},
        **vars(ranking),
        "n_rounds": chosen.there[places].sum(axis=1),
        "resamples": np.full(len(places), design.resamples),
        "seed": np.full(len(places), design.seed),
    }
    return assembled(columns, SCHEMA)


@dataclass
class _Columns:
    n_systems: Matrix
    rank: Matrix
    rank_low: Matrix
    rank_high: Matrix
    p_best: Matrix
    p_first_three: Matrix
    tier: Matrix

    @classmethod
    def empty(cls, size: int) -> "_Columns":
        return cls(*(empty(size) for _ in range(7)))


_known_draws: dict[tuple[int, int, int], Draws] = {}


def _draws(rounds: int, design: Design) -> Draws:
    key = (rounds, design.resamples, design.seed)
    if key not in _known_draws:
        _known_draws[key] = drawn(*key)
    return _known_draws[key]


def _rank(
    ranking: _Columns,
    where: slice,
    places: Places,
    values: Matrix,
    different: set[tuple[int, int]],
    design: Design,
) -> None:
    mine = values[places]
    there: Flags = ~np.isnan(mine)
    mine = mine[:, there.any(axis=0)]
    centre = np.nanmedian(mine, axis=1, keepdims=True)
    ranks = ranked(centre)[:, 0]
    ranking.n_systems[where], ranking.rank[where] = len(places), ranks
    ranking.tier[where] = tiers(places.tolist(), ranks.tolist(), different)
    if there.sum(axis=1).min() < LEAST_ROUNDS:
        return
    draws = _draws(mine.shape[1], design)
    sure = certainty(ranked(medians(mine, draws)), draws.shares)
    ranking.rank_low[where], ranking.rank_high[where] = sure.low, sure.high
    ranking.p_best[where], ranking.p_first_three[where] = sure.best, sure.first
