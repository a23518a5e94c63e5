"""The table `effects`: every two systems, two tunings and two placements of one, round by round."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from meshbench.analysis import order, significance
from meshbench.analysis.estimates import assembled, finite
from meshbench.analysis.matrix import Flags, Matrix, Places, by_size, empty, packed, runs
from meshbench.analysis.rounds import Design, Rounds, Values
from meshbench.results.records import BARE

FAMILY = (
    "campaign", "profile", "placement", "benchmark", "subject_kind", "metric", "mode", "direction",
)  # fmt: skip
"""What the comparisons that Holm adjusts together have in common."""
DIFFERS, EQUIVALENT, CANNOT_TELL = "differs", "equivalent", "cannot tell"
_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *(pa.field(name, _WORD) for name in (*FAMILY, "unit", "better")),
        pa.field("vpn", _WORD),
        pa.field("tuning", _WORD),
        pa.field(
            "reference", _WORD
        ),  # what it is compared with: the bare link where it is one of both
        pa.field("reference_tuning", _WORD),
        pa.field("reference_placement", _WORD),
        pa.field("n_rounds", pa.int64()),  # in which both have a value
        pa.field("ratio", pa.float64()),  # median of the rounds' ratios to the reference
        pa.field("ratio_low", pa.float64()),  # 95 % interval; null below six rounds
        pa.field("ratio_high", pa.float64()),
        pa.field("shift", pa.float64()),  # Hodges and Lehmann, in the unit
        pa.field("shift_low", pa.float64()),
        pa.field("shift_high", pa.float64()),
        pa.field("cliffs_delta", pa.float64()),
        pa.field("p_paired", pa.float64()),
        pa.field("p_unpaired", pa.float64()),
        pa.field("p", pa.float64()),  # of the one that can tell such a family apart
        pa.field("n_family", pa.int64()),
        pa.field("p_holm", pa.float64()),
        pa.field("equivalent_percent", pa.float64()),
        pa.field("equivalent", pa.bool_()),  # known to be within that margin, whatever the verdict
        pa.field("verdict", _WORD),
        pa.field("why", _WORD),
        pa.field("ratio_other", pa.float64()),  # with the opposite choice about marked cells
    ]
)
FEW_ROUNDS = "fewer than six rounds with both"
_WHY = {
    "apart": "p after Holm is at most 0.05 and the interval excludes equality",
    "within": "the whole interval lies within the margin",
    "holm": "p is at most 0.05, but not after Holm",
    "holds": "the interval includes equality, or p is above 0.05",
    "few": FEW_ROUNDS,
}


@dataclass(frozen=True)
class Effects:
    """Comparisons of pairs of rows, each by the rounds in which both have a value.

    Attributes:
        rounds: how many these are.
        ratio, low, high: the median of the ratios and its interval; NaN where a reference is not above
            zero, and the interval below six rounds.
        shift, shift_low, shift_high: the same in the values' unit.
        paired, unpaired: p of either test; NaN below six rounds.
    """

    rounds: Places
    ratio: Matrix
    ratio_low: Matrix
    ratio_high: Matrix
    shift: Matrix
    shift_low: Matrix
    shift_high: Matrix
    delta: Matrix
    paired: Matrix
    unpaired: Matrix

    def apart(self, p: Matrix, level: float = significance.LEVEL) -> Flags:
        """Whether a p, adjusted or not, and the interval both speak of a difference."""
        by_ratio = significance.differs(p, self.ratio_low, self.ratio_high, 1.0, level)
        by_shift = significance.differs(p, self.shift_low, self.shift_high, 0.0, level)
        return np.where(np.isnan(self.ratio), by_shift, by_ratio)

    def within(self, percent: float) -> Flags:
        """Whether the ratio is known to lie within ± so many percent of 1."""
        with np.errstate(invalid="ignore"):
            inside: Flags = (self.ratio_low >= 1 - percent / 100) & (
                self.ratio_high <= 1 + percent / 100
            )
        return inside


_CHUNK = 20_000
"""So many pairs at once: of ten rounds, their pair means take 9 MB."""


def compared(left: Values, right: Values) -> Effects:
    """Each row of one side with the same row of the other, round by round."""
    size = len(left.low)
    effects = Effects(np.zeros(size, dtype=np.int64), *(empty(size) for _ in range(9)))
    there = left.there & right.there
    effects.rounds[:] = there.sum(axis=1)
    for count, rows in by_size(there):
        for start in range(0, len(rows), _CHUNK):
            some = rows[start : start + _CHUNK]
            sides = [
                Values(
                    *(packed(bounds[some], there[some], count) for bounds in (side.low, side.high))
                )
                for side in (left, right)
            ]
            _compare(effects, some, *sides)
    return effects


def _compare(effects: Effects, rows: Places, left: Values, right: Values) -> None:
    low, high = left.low - right.high, left.high - right.low
    effects.shift[rows] = _middle(order.pseudo_median(low), order.pseudo_median(high))
    _intervals(order.shift_interval, low, high, effects.shift_low, effects.shift_high, rows)
    positive = (right.low > 0).all(axis=1) & (left.low >= 0).all(axis=1)
    some = rows[positive]
    with np.errstate(over="ignore"):
        low = left.low[positive] / right.high[positive]
        high = left.high[positive] / right.low[positive]
    if len(some):
        effects.ratio[some] = _middle(order.median(low), order.median(high))
        _intervals(order.median_interval, low, high, effects.ratio_low, effects.ratio_high, some)
    if left.low.shape[1] >= order.LEAST_ROUNDS:
        _test(effects, rows, left, right)


def _middle(low: Matrix, high: Matrix) -> Matrix:
    """What is known exactly: of what time-outs leave open only the interval is told."""
    return finite(np.where(low == high, low, np.nan))


def _intervals(
    function: order.IntervalFunction,
    low: Matrix,
    high: Matrix,
    least: Matrix,
    most: Matrix,
    rows: Places,
) -> None:
    lower, upper = function(low), function(high)
    if lower is not None and upper is not None:
        least[rows], most[rows] = lower[0], upper[1]


def _test(effects: Effects, rows: Places, left: Values, right: Values) -> None:
    first, second = left.high, right.high
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = first - second
        ratios = np.log(first / second)
    # Two time-outs, or two zeros, do not say which is larger. Ratios, where there are any, take out what
    # rounds have in common.
    effects.paired[rows] = significance.paired(
        np.where(
            np.isfinite(effects.ratio[rows])[:, np.newaxis],
            np.nan_to_num(ratios, nan=0.0, posinf=np.inf, neginf=-np.inf),
            np.nan_to_num(apart, nan=0.0, posinf=np.inf, neginf=-np.inf),
        )
    )
    effects.unpaired[rows], effects.delta[rows] = significance.unpaired(first, second)


def table(rounds: Rounds, design: Design) -> tuple[pa.Table, set[tuple[int, int]]]:
    """A row per pair, by `SCHEMA`, and the pairs of series that differ, each both ways round."""
    first, second = pairs(rounds, design)
    chosen = rounds.chosen(marked=design.marked)
    other = rounds.chosen(marked=not design.marked)
    effects = compared(chosen.take(first), chosen.take(second))
    placement = rounds.codes("placement")
    # What a placement does is another question than which system is better.
    families = 2 * rounds.codes(*FAMILY)[first] + (placement[first] != placement[second])
    family = significance.members(effects.paired, families)
    p = significance.fit(effects.paired, effects.unpaired, effects.rounds, family)
    p_holm = significance.holm(p, families)
    apart = effects.apart(p_holm)
    verdict, why = _verdicts(effects, (p, p_holm), apart, design.equivalent_percent)
    series = rounds.series
    columns: dict[str, object] = {
        **{name: series[name].take(pa.array(first)) for name in (*FAMILY, "unit", "better")},
        **{name: series[name].take(pa.array(first)) for name in ("vpn", "tuning")},
        "reference": series["vpn"].take(pa.array(second)),
        "reference_tuning": series["tuning"].take(pa.array(second)),
        "reference_placement": series["placement"].take(pa.array(second)),
        **_numbers(effects),
        "p": p,
        "n_family": family,
        "p_holm": p_holm,
        "equivalent": effects.within(design.equivalent_percent),
        "equivalent_percent": np.full(len(first), design.equivalent_percent),
        "verdict": verdict,
        "why": why,
        "ratio_other": compared(other.take(first), other.take(second)).ratio,
    }
    different = {
        pair
        for a, b in zip(first[apart].tolist(), second[apart].tolist(), strict=True)
        for pair in ((a, b), (b, a))
    }
    return assembled(columns, SCHEMA), different


def _numbers(effects: Effects) -> dict[str, object]:
    return {
        "n_rounds": effects.rounds,
        "ratio": effects.ratio,
        "ratio_low": finite(effects.ratio_low),
        "ratio_high": finite(effects.ratio_high),
        "shift": effects.shift,
        "shift_low": finite(effects.shift_low),
        "shift_high": finite(effects.shift_high),
        "cliffs_delta": effects.delta,
        "p_paired": effects.paired,
        "p_unpaired": effects.unpaired,
    }


def _verdicts(
    effects: Effects, p: tuple[Matrix, Matrix], apart: Flags, percent: float
) -> tuple[list[str], list[str]]:
    """The verdict on each pair and why; `p` before and after Holm."""
    within = effects.within(percent)
    with np.errstate(invalid="ignore"):
        nearly = effects.apart(p[0]) & ~apart
    few = np.isnan(p[1])
    why = np.select([apart, within, few, nearly], ["apart", "within", "few", "holm"], "holds")
    verdict = np.select([apart, within], [DIFFERS, EQUIVALENT], CANNOT_TELL)
    return verdict.tolist(), [_WHY[word] for word in why.tolist()]


def pairs(rounds: Rounds, design: Design) -> tuple[Places, Places]:
    """Which series are compared: places of the system and of its reference."""
    tunings = {name: place for place, name in enumerate(design.tunings)}
    placements = {name: place for place, name in enumerate(design.placements)}
    columns = (rounds.column(name) for name in ("vpn", "tuning", "placement"))
    rank = np.array(
        [
            (
                vpn == BARE, -tunings.get(tuning, len(tunings)),
                -placements.get(placement, len(placements)), vpn, tuning,
            )
            for vpn, tuning, placement in zip(*columns, strict=True)
        ],
        dtype=[("bare", bool), ("tuning", int), ("placed", int), ("vpn", "U80"), ("name", "U80")],
    )  # fmt: skip
    order_ = np.argsort(rank).argsort()
    anywhere = [name for name in FAMILY if name != "placement"]
    shared = ((*FAMILY, "tuning"), (*FAMILY, "vpn"), (*anywhere, "vpn", "tuning"))
    places = [_within(rounds.codes(*names), order_) for names in shared]
    return (
        np.concatenate([first for first, _ in places]),
        np.concatenate([second for _, second in places]),
    )


def _within(groups: Places, rank: Places) -> tuple[Places, Places]:
    """All pairs of each group, the higher ranked as the reference."""
    ordered = np.lexsort((rank, groups))
    first: list[Places] = []
    second: list[Places] = []
    for start, end in runs(groups[ordered]):
        a, b = np.triu_indices(end - start, 1)
        first.append(ordered[start + a])
        second.append(ordered[start + b])
    none = np.zeros(0, dtype=np.int64)
    return np.concatenate([none, *first]), np.concatenate([none, *second])
