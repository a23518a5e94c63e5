"""Two campaigns, or two systems, value by value: what changed, by how much, and what cannot be told."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from meshbench.analysis import effects, estimates, order, significance
from meshbench.analysis.comparable import Basis, basis
from meshbench.analysis.estimates import Estimate, known
from meshbench.analysis.matrix import Matrix, Places
from meshbench.analysis.rounds import Values
from meshbench.analysis.sides import Side
from meshbench.results.records import BARE
from meshbench.util.errors import MeshbenchError

BETTER, WORSE, DIFFERENT = "better", "worse", "different"
EQUIVALENT, CANNOT_TELL = "equivalent", "cannot tell"
KEY = (
    "benchmark", "metric", "mode", "direction", "unit", "better", "placement", "subject_kind",
    "profile", "tuning", "vpn",
)  # fmt: skip


@dataclass(frozen=True)
class Change:
    """One metric of one system on two sides.

    Attributes:
        key: of the series, by `KEY`; the base's VPN.
        base, other: as measured.
        ratio, low, high: other over base and its 95 % interval; each over its bare link where the basis
            is relative; None where it is not known or, open, for an end of the interval.
        shift: other less base, where there is no ratio.
        p: of the test, p_holm adjusted over all systems of the metric and profile.
        rounds: that both have, or the fewer of either where they are not paired.
        verdict: and `why`, where it cannot be told.
    """

    key: dict[str, Any]
    base: Estimate
    other: Estimate
    ratio: float | None
    low: float | None
    high: float | None
    shift: float | None
    p: float | None
    p_holm: float | None
    rounds: int
    verdict: str
    why: str = ""


@dataclass(frozen=True)
class Comparison:
    """Another side against the base."""

    base: str
    other: str
    basis: Basis
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class Manner:
    """How to compare.

    Attributes:
        metrics: only these; all where there are none.
        marked: whether values of marked cells count.
        anyway: whether what was measured under other conditions is compared too.
        equivalent_percent: how near to each other two sides are called equivalent.
    """

    metrics: tuple[str, ...] = ()
    marked: bool = True
    anyway: bool = False
    equivalent_percent: float = 5.0


def compare(sides: Sequence[Side], manner: Manner) -> list[Comparison]:
    """Each further side with the first one.

    Raises:
        MeshbenchError: with a single side, or a system (or profile) on one side and none on the other.
    """
    base, *others = sides
    if not others:
        raise MeshbenchError("nothing to compare with: name two campaigns, or two systems of one")
    for other in others:
        if (base.system is None) != (other.system is None):
            raise MeshbenchError(
                f"'{base.name}' and '{other.name}': compare a system with a system (quick:nebula), "
                "or a campaign with a campaign"
            )
        if (base.profile is None) != (other.profile is None):
            raise MeshbenchError(
                f"'{base.name}' and '{other.name}': name a profile on both sides (quick:nebula/low), or on "
                "none"
            )
        if _what(base) == _what(other):
            raise MeshbenchError(f"'{base.name}' and '{other.name}' are the same")
    return [_against(base, other, manner) for other in others]


def _what(side: Side) -> tuple[Any, ...]:
    return side.folder.resolve(), side.system, side.profile


def _against(base: Side, other: Side, manner: Manner) -> Comparison:
    chosen = basis(base, other, anyway=manner.anyway)
    keys, first, second = _matched(base, other, chosen, manner)
    base_side, other_side = (
        _Sided.of(side, rows, chosen, marked=manner.marked)
        for side, rows in ((base, first), (other, second))
    )
    measured = _paired(base_side, other_side) if chosen.paired else _unpaired(base_side, other_side)
    changes = _changes(keys, base_side, other_side, measured, manner)
    return Comparison(base.name, other.name, chosen, tuple(changes))


def _matched(
    base: Side, other: Side, chosen: Basis, manner: Manner
) -> tuple[list[dict[str, Any]], Places, Places]:
    """What both sides have and may be compared: keys, and the places of the series on either."""
    there = {_identity(row, other): place for place, row in enumerate(_rows(other))}
    keys, first, second = [], [], []
    for place, row in enumerate(_rows(base)):
        wanted = there.get(_identity(row, base))
        if (
            wanted is None
            or not base.has(row["vpn"], row["profile"])
            or (manner.metrics and row["metric"] not in manner.metrics)
            or row["profile"] in chosen.profiles
            or row["benchmark"] in chosen.benchmarks
            or (chosen.relative and row["vpn"] == BARE)
        ):
            continue
        keys.append({name: row[name] for name in KEY})
        first.append(place)
        second.append(wanted)
    order_ = sorted(range(len(keys)), key=lambda i: [str(keys[i][name]) for name in KEY])
    return (
        [keys[i] for i in order_],
        np.array([first[i] for i in order_], dtype=np.int64),
        np.array([second[i] for i in order_], dtype=np.int64),
    )


def _rows(side: Side) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = side.rounds.series.select(list(KEY)).to_pylist()
    return rows


def _identity(row: dict[str, Any], side: Side) -> tuple[Any, ...] | None:
    """What a series must agree in with that of the other side; single systems stand for each other, and
    single profiles do.
    """
    if not side.has(row["vpn"], row["profile"]):
        return None
    single = {"vpn": side.system, "profile": side.profile}
    return tuple(row[name] for name in KEY if single.get(name) is None)


@dataclass(frozen=True)
class _Sided:
    """The matched series of a side: as measured, and as compared; columns are its rounds."""

    numbers: Matrix
    own: Values
    values: Values

    @classmethod
    def of(cls, side: Side, rows: Places, chosen: Basis, *, marked: bool) -> "_Sided":
        all_values = side.rounds.chosen(marked=marked)
        own = all_values.take(rows)
        values = own
        if chosen.relative:
            bare = _bare(side, all_values)[rows]
            values = Values(own.low / bare, own.high / bare)
        return cls(side.rounds.numbers, own, values)


def _bare(side: Side, all_values: Values) -> Matrix:
    """Of each series, the bare link's values in the same rounds; NaN where there are none above zero."""
    groups = side.rounds.codes(*(name for name in effects.FAMILY), "tuning")
    by_group = {
        int(groups[place]): all_values.high[place]
        for place, vpn in enumerate(side.rounds.column("vpn"))
        if vpn == BARE
    }
    nothing = np.full(all_values.high.shape[1], np.nan)
    bare = np.array([by_group.get(int(group), nothing) for group in groups])
    return np.where(np.isfinite(bare) & (bare > 0), bare, np.nan)


@dataclass(frozen=True)
class _Measured:
    ratio: Matrix
    low: Matrix
    high: Matrix
    shift: Matrix
    p: Matrix
    apart: "effects.Effects | None"
    rounds: Places


def _paired(base_side: _Sided, other_side: _Sided) -> _Measured:
    shared, left, right = np.intersect1d(base_side.numbers, other_side.numbers, return_indices=True)
    del shared
    sides = [
        Values(side.values.low[:, places], side.values.high[:, places])
        for side, places in ((other_side, right), (base_side, left))
    ]
    compared = effects.compared(*sides)
    return _Measured(
        compared.ratio,
        compared.ratio_low,
        compared.ratio_high,
        compared.shift,
        compared.paired,
        compared,
        compared.rounds,
    )


def _unpaired(base_side: _Sided, other_side: _Sided) -> _Measured:
    size = len(base_side.values.low)
    columns = tuple(np.full(size, np.nan) for _ in range(5))
    rounds = np.zeros(size, dtype=np.int64)
    for row in range(size):
        base, other = (side.values.high[row] for side in (base_side, other_side))
        base, other = base[~np.isnan(base)], other[~np.isnan(other)]
        rounds[row] = min(len(base), len(other))
        if rounds[row]:
            for column, value in zip(columns, _of_samples(base, other), strict=True):
                column[row] = value
    ratio, low, high, shift, p = columns
    return _Measured(ratio, low, high, shift, p, None, rounds)


def _of_samples(base: Matrix, other: Matrix) -> tuple[float, ...]:
    """Ratio, both ends, shift and p of two samples that share nothing."""
    nan = float("nan")
    p = nan
    if min(len(base), len(other)) >= order.LEAST_ROUNDS:
        p = float(stats.mannwhitneyu(other, base, method="exact").pvalue)
    with np.errstate(invalid="ignore"):
        shift = float(np.median(np.subtract.outer(other, base)))
    if min(base.min(), other.min()) <= 0 or not np.isfinite([*base, *other]).all():
        return nan, nan, nan, shift, p
    interval = order.ratio_interval(other, base)
    if interval is None:
        return float(np.median(np.divide.outer(other, base))), nan, nan, shift, p
    return (*interval, shift, p)


def _changes(
    keys: list[dict[str, Any]],
    base_side: _Sided,
    other_side: _Sided,
    measured: _Measured,
    manner: Manner,
) -> Iterator[Change]:
    few = measured.rounds < order.LEAST_ROUNDS
    p = np.where(few, np.nan, measured.p)
    family = {name: place for place, name in enumerate({_family(key) for key in keys})}
    codes = np.array([family[_family(key)] for key in keys], dtype=np.int64)
    adjusted = significance.holm(p, codes)
    apart = _apart(measured, adjusted)
    own = [list(estimates.each(side.own)) for side in (base_side, other_side)]
    for place, key in enumerate(keys):
        change = Change(
            key=key,
            base=own[0][place],
            other=own[1][place],
            ratio=known(measured.ratio[place]),
            low=known(measured.low[place]),
            high=known(measured.high[place]),
            shift=known(measured.shift[place]),
            p=known(p[place]),
            p_holm=known(adjusted[place]),
            rounds=int(measured.rounds[place]),
            verdict=CANNOT_TELL,
        )
        yield _judged(change, manner, apart=bool(apart[place]))


def _family(key: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(key[name] for name in KEY if name not in {"vpn", "tuning"})


def _apart(measured: _Measured, p: Matrix) -> np.ndarray:
    if measured.apart is not None:
        return measured.apart.apart(p)
    return significance.differs(p, measured.low, measured.high, 1.0)


def _judged(change: Change, manner: Manner, *, apart: bool) -> Change:
    margin = manner.equivalent_percent / 100
    if apart:
        return replace(change, verdict=_direction(change))
    if change.low is not None and change.high is not None:
        if change.low >= 1 - margin and change.high <= 1 + margin:
            return replace(change, verdict=EQUIVALENT)
        return replace(change, why="the interval holds no change")
    if change.rounds < order.LEAST_ROUNDS:
        return replace(change, why="six rounds needed")
    return replace(change, why="no ratio is known")


def _direction(change: Change) -> str:
    up = (change.ratio > 1) if change.ratio is not None else ((change.shift or 0) > 0)
    if change.ratio is None and change.low is not None:
        up = change.low > 1
    if change.key["better"] == "neither":
        return DIFFERENT
    return BETTER if up == (change.key["better"] == "higher") else WORSE
