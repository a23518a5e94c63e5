"""The table `controls`: how often parts of a campaign call different what is the same, or is known to differ."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from meshbench.analysis import effects, order
from meshbench.analysis.effects import FAMILY
from meshbench.analysis.estimates import assembled, finite
from meshbench.analysis.matrix import Places
from meshbench.analysis.rounds import Design, Rounds, Values

SAME, EFFECT = "same", "effect"
MOST = 100
"""So many parts of a campaign are compared; fewer where there are not so many."""
SETS: Mapping[str, tuple[str, ...]] = {
    "delay_ms": ("rtt_avg", "rtt_min"),
    "loss_percent": ("udp_loss",),
    "rate_mbit": ("goodput",),
}
"""What a profile's parameter sets: metrics that must follow it. Others may, as TCP's goodput does a loss:
how much depends on more than the profile."""
_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("kind", _WORD),  # 'same': one system under two names; 'effect': two profiles
        *(pa.field(name, _WORD) for name in (*FAMILY, "unit", "better", "vpn", "tuning")),
        pa.field("reference", _WORD),  # the other name of the system
        pa.field("reference_profile", _WORD),
        pa.field("is_set", pa.bool_()),  # of an effect: by what the profiles differ in (`SETS`)
        pa.field("n_rounds", pa.int64()),  # in which both have a value
        pa.field("n_subset", pa.int64()),  # rounds of each part
        pa.field("n_resamples", pa.int64()),  # parts that could be compared
        pa.field("n_differ", pa.int64()),  # of these: called different
        pa.field("share", pa.float64()),
        pa.field("ratio", pa.float64()),  # of all rounds, as in `effects`
        pa.field("ratio_low", pa.float64()),
        pa.field("ratio_high", pa.float64()),
    ]
)


def part(rounds: int) -> int:
    """How many of so many rounds make a part: four of five, and what an interval needs at least."""
    return max(order.LEAST_ROUNDS, 4 * rounds // 5)


def parts(rounds: int, seed: int, most: int = MOST) -> list[tuple[int, ...]]:
    """Parts of so many rounds, each another one: all there are, or so many drawn by the seed.

    Without replacement, as a round that is in a sample twice would count as two that agree
    (D. N. Politis and J. P. Romano, Ann. Statist. 22, 1994). Parts of one campaign share rounds:
    what is wrong with the campaign as a whole is in all of them.
    """
    size = part(rounds)
    if size > rounds:
        return []
    if math.comb(rounds, size) <= most:
        return list(itertools.combinations(range(rounds), size))
    dice = np.random.default_rng(seed)
    drawn: dict[tuple[int, ...], None] = {}
    while len(drawn) < most:
        drawn[tuple(sorted(dice.choice(rounds, size, replace=False).tolist()))] = None
    return list(drawn)


def table(rounds: Rounds, design: Design) -> pa.Table:
    """A row per control and metric, by `SCHEMA`; none where the campaign has no control."""
    pairs = [
        *((SAME, *pair) for pair in _pairs(rounds, "vpn", design.controls.get("systems", ()))),
        *(
            (EFFECT, *pair)
            for pair in _pairs(rounds, "profile", design.controls.get("profiles", ()))
        ),
    ]
    first, second = (np.array([row[k] for row in pairs], dtype=np.int64) for k in (1, 2))
    values = rounds.chosen(marked=design.marked)
    left, right = values.take(first), values.take(second)
    differ, compared = _counts(left, right, parts(len(rounds.numbers), design.seed))
    whole = effects.compared(left, right)
    series = rounds.series
    with np.errstate(invalid="ignore"):
        share = np.where(compared > 0, differ / np.maximum(compared, 1), np.nan)
    columns: dict[str, object] = {
        "kind": [row[0] for row in pairs],
        **{
            name: series[name].take(pa.array(first))
            for name in (*FAMILY, "unit", "better", "vpn", "tuning")
        },
        "reference": series["vpn"].take(pa.array(second)),
        "reference_profile": series["profile"].take(pa.array(second)),
        "is_set": _set(pairs, rounds, design),
        "n_rounds": whole.rounds,
        "n_subset": np.full(len(pairs), part(len(rounds.numbers)), dtype=np.int64),
        "n_resamples": compared,
        "n_differ": differ,
        "share": share,
        "ratio": whole.ratio,
        "ratio_low": finite(whole.ratio_low),
        "ratio_high": finite(whole.ratio_high),
    }
    return assembled(columns, SCHEMA)


def judged(row: Mapping[str, Any]) -> bool:
    """Whether a row counts for the limits: the same twice, and what a known effect must change."""
    return row["kind"] == SAME or bool(row["is_set"])


def _set(
    pairs: Sequence[tuple[str, int, int]], rounds: Rounds, design: Design
) -> list[bool | None]:
    profiles, metrics = rounds.column("profile"), rounds.column("metric")
    changed = {name: keys for name, *keys in design.controls.get("changed", ())}
    return [
        None
        if kind == SAME
        else any(metrics[place] in SETS.get(key, ()) for key in changed.get(profiles[place], ()))
        for kind, place, _ in pairs
    ]


def _counts(
    left: Values, right: Values, subsets: Sequence[tuple[int, ...]]
) -> tuple[Places, Places]:
    """Of each pair, in how many parts it is called different, and in how many it could have been.

    By the rule of a single comparison: nothing is adjusted for others.
    """
    differ, compared = (np.zeros(len(left.low), dtype=np.int64) for _ in range(2))
    for subset in subsets:
        columns = list(subset)
        of_subset = effects.compared(
            *(Values(side.low[:, columns], side.high[:, columns]) for side in (left, right))
        )
        differ += of_subset.apart(of_subset.paired)
        compared += of_subset.rounds >= order.LEAST_ROUNDS
    return differ, compared


def _pairs(rounds: Rounds, column: str, pairs: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Places of series that differ in a column only, as the pairs say."""
    names = rounds.column(column)
    shared = [name for name in (*FAMILY, "vpn", "tuning") if name != column]
    groups: dict[int, dict[str, int]] = {}
    for place, code in enumerate(rounds.codes(*shared)):
        groups.setdefault(int(code), {})[names[place]] = place
    return [
        (group[name], group[reference])
        for group in groups.values()
        for name, reference in pairs
        if name in group and reference in group
    ]
