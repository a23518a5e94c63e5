"""The table `factors`: what each setting of the tunings does by itself, in a factorial or a part of one."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy import stats

from meshbench.analysis import order
from meshbench.analysis.effects import FAMILY
from meshbench.analysis.estimates import assembled
from meshbench.analysis.matrix import Matrix, empty
from meshbench.analysis.rounds import Design, Rounds
from meshbench.results.records import BARE

_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *(pa.field(name, _WORD) for name in (*FAMILY, "unit", "better")),
        pa.field("vpn", _WORD),
        pa.field("reference", _WORD),  # null: of the system's own values; else of its ratio to this
        pa.field("factor", _WORD),  # the setting, or settings that change together only
        pa.field("base", _WORD),  # its value under the first tuning
        pa.field("level", _WORD),  # the value whose effect this is
        pa.field("n_tunings", pa.int64()),  # that the campaign has
        pa.field("n_with", pa.int64()),  # of them with the level
        pa.field("n_rounds", pa.int64()),  # that tell it apart from the others
        pa.field("effect", pa.float64()),  # times as much with the level as with the base
        pa.field("low", pa.float64()),  # 95 % interval; null below six rounds
        pa.field("high", pa.float64()),
        pa.field("why", _WORD),  # why there is no effect, or no interval
    ]
)
UNSET = "as it is"
"""The level of a setting that a tuning does not make."""
NOT_APART = "no round has all the cells that tell it from the others"
FEW_ROUNDS = "an interval needs six rounds"


@dataclass(frozen=True)
class Factor:
    """A value of a setting, or of several that change together only, against the first tuning's.

    Attributes:
        tunings: which of them have the level.
    """

    name: str
    base: str
    level: str
    tunings: frozenset[str]


@dataclass(frozen=True)
class Told:
    """The effects of some factors on a logarithm, with 95 % intervals.

    Attributes:
        rounds: how many tell each apart.
        low, high: NaN below six rounds.
    """

    rounds: np.ndarray
    effect: Matrix
    low: Matrix
    high: Matrix


def factors(settings: Mapping[str, Mapping[str, str]]) -> list[Factor]:
    """What differs between tunings: by name, the value of each setting; the first tuning is the base."""
    first, *_ = settings.values()
    names = dict.fromkeys(key for values in settings.values() for key in values)
    alike: dict[frozenset[str], list[tuple[str, str, str]]] = {}
    for name in names:
        base = first.get(name, UNSET)
        levels = {tuning: values.get(name, UNSET) for tuning, values in settings.items()}
        for level in dict.fromkeys(levels.values()):
            if level != base:
                having = frozenset(tuning for tuning in levels if levels[tuning] == level)
                alike.setdefault(having, []).append((name, base, level))
    return [_joined(changes, having) for having, changes in alike.items()]


def _joined(changes: Sequence[tuple[str, str, str]], having: frozenset[str]) -> Factor:
    """The factor of settings that have these values under the same tunings."""
    names, bases, levels = zip(*changes, strict=True)
    return Factor(", ".join(names), ", ".join(bases), ", ".join(levels), having)


def main_effects(design: Matrix, values: Matrix) -> Matrix:
    """The main effect of each factor in each round.

    Within a round the values are fitted by least squares as a level of the round and an effect per
    factor, without interactions (Montgomery, Design and Analysis of Experiments, 8th ed., chapters 6
    and 10; the rounds are its blocks). In a full factorial with all its cells an effect is then the
    mean with the level less the mean without. Where cells lack, it is told if the others determine it:
    if the diagonal of pinv(X) X is 1.

    Args:
        design: tunings x factors, 1 where the tuning has the factor's level, else 0.
        values: tunings x rounds, e.g. logarithms; NaN where there is none.

    Returns:
        factors x rounds, NaN where a round does not tell a factor apart.
    """
    effects = np.full((design.shape[1], values.shape[1]), np.nan)
    full = np.column_stack([np.ones(len(design)), design])
    there = np.isfinite(values)
    for pattern in np.unique(there, axis=1).T:
        rounds = np.flatnonzero((there == pattern[:, np.newaxis]).all(axis=0))
        some = full[pattern]
        inverse = np.linalg.pinv(some)
        determined = np.isclose(np.diag(inverse @ some), 1.0)[1:]
        fitted = inverse @ values[np.ix_(pattern, rounds)]
        effects[np.ix_(determined, rounds)] = fitted[1:][determined]
    return effects


def told(effects: Matrix, confidence: float = 0.95) -> Told:
    """The mean over rounds, with Student's interval: mean ± t(1 - a/2, n - 1) s / √n.

    Each round is a replicate of the whole design with its own weather (Student, Biometrika 6, 1908).

    Args:
        effects: factors x rounds, NaN where there is none.
        confidence: of the interval.
    """
    there = np.isfinite(effects)
    rounds = there.sum(axis=1)
    mean, half = empty(len(effects)), empty(len(effects))
    for row in np.flatnonzero(rounds):
        values = effects[row, there[row]]
        mean[row] = values.mean()
        if (n := len(values)) >= order.LEAST_ROUNDS:
            half[row] = stats.t.ppf((1 + confidence) / 2, n - 1) * values.std(ddof=1) / np.sqrt(n)
    return Told(rounds, mean, mean - half, mean + half)


def table(rounds: Rounds, design: Design) -> pa.Table:
    """A row per system, metric and factor, and per system's ratio to the bare link, by `SCHEMA`.

    Empty where the tunings are fewer than two, or differ in nothing that is known.
    """
    factors_ = factors(design.settings) if design.settings else []
    rows = list(_rows(rounds, design, factors_)) if factors_ else []
    columns: dict[str, object] = {name: [row[name] for row in rows] for name in SCHEMA.names}
    return assembled(columns, SCHEMA)


def _rows(
    rounds: Rounds, design: Design, factors_: Sequence[Factor]
) -> Iterator[dict[str, object]]:
    tunings = list(design.settings)
    matrix = np.array(
        [[tuning in factor.tunings for factor in factors_] for tuning in tunings], dtype=float
    )
    series = rounds.series.select([*FAMILY, "unit", "better", "vpn", "tuning"]).to_pylist()
    logs = _logarithms(rounds, design)
    by_family: dict[tuple[object, ...], dict[str, Matrix]] = {}
    heads: dict[tuple[object, ...], dict[str, object]] = {}
    for row, values in zip(series, logs, strict=True):
        if row["tuning"] not in design.settings:
            continue
        family = tuple(row[name] for name in FAMILY)
        nothing = np.full((len(tunings), logs.shape[1]), np.nan)
        of_system = by_family.setdefault(family, {}).setdefault(row["vpn"], nothing)
        of_system[tunings.index(row["tuning"])] = values
        heads.setdefault(family, {name: row[name] for name in (*FAMILY, "unit", "better")})
    for family, systems in by_family.items():
        for vpn, reference in itertools.product(systems, (None, BARE)):
            if reference and (vpn == BARE or BARE not in systems):
                continue
            values = systems[vpn] - systems[BARE] if reference else systems[vpn]
            head = {**heads[family], "vpn": vpn, "reference": reference}
            for row in _told_rows(factors_, told(main_effects(matrix, values))):
                yield {**head, "n_tunings": len(tunings), **row}


def _logarithms(rounds: Rounds, design: Design) -> Matrix:
    """Of values that are known and above zero; a factor's effect is a ratio."""
    values = rounds.chosen(marked=design.marked)
    with np.errstate(invalid="ignore", divide="ignore"):
        usable = (values.low == values.high) & (values.low > 0)
        logs: Matrix = np.where(usable, np.log(values.low), np.nan)
    return logs


def _told_rows(factors_: Sequence[Factor], effects: Told) -> Iterator[dict[str, object]]:
    for place, factor in enumerate(factors_):
        n = int(effects.rounds[place])
        why = NOT_APART if not n else FEW_ROUNDS if n < order.LEAST_ROUNDS else None
        yield {
            "factor": factor.name, "base": factor.base, "level": factor.level, "n_with": len(factor.tunings),
            "n_rounds": n, "why": why,
            **{
                name: float(np.exp(value)) if np.isfinite(value) else None
                for name, value in (
                    ("effect", effects.effect[place]), ("low", effects.low[place]),
                    ("high", effects.high[place]),
                )
            },
        }  # fmt: skip
