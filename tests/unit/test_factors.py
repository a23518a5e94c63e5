"""The effect of each setting of a factorial, on campaigns whose truth is known."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meshbench.analysis import factors
from meshbench.analysis.factors import NOT_APART, UNSET, Factor
from tests.unit import making, synthetic
from tests.unit.test_analysis import Rows, analysed, only

SETTINGS = {
    "stock": {"a": "3", "b": "1", "c": "x"},
    "with-a": {"a": "10", "b": "1", "c": "x"},
    "with-b": {"a": "3", "b": "0", "c": "x"},
    "with-ab": {"a": "10", "b": "0", "c": "x"},
}
EFFECT = {"a": 2.0, "b": 0.5}


def test_a_factor_is_a_setting_that_differs_between_tunings() -> None:
    assert factors.factors(SETTINGS) == [
        Factor("a", "3", "10", frozenset({"with-a", "with-ab"})),
        Factor("b", "1", "0", frozenset({"with-b", "with-ab"})),
    ]
    assert factors.factors({"stock": {"a": "1"}}) == []


def test_settings_that_change_together_only_are_one_factor() -> None:
    both = {"stock": {"r": "1", "w": "2"}, "large": {"r": "8", "w": "9"}, "none": {}}
    assert factors.factors(both) == [
        Factor("r, w", "1, 2", "8, 9", frozenset({"large"})),
        Factor("r, w", "1, 2", f"{UNSET}, {UNSET}", frozenset({"none"})),
    ]


def factorial(k: int) -> np.ndarray:
    return np.array(list(itertools.product((0.0, 1.0), repeat=k)))


def test_in_a_full_factorial_it_is_the_mean_with_less_the_mean_without() -> None:
    """Whatever the interactions are, by the textbook's contrast."""
    dice = np.random.default_rng(3)
    design, values = factorial(3), dice.normal(size=(8, 5))
    effects = factors.main_effects(design, values)
    for factor, having in enumerate(design.T.astype(bool)):
        contrast = values[having].mean(axis=0) - values[~having].mean(axis=0)
        assert effects[factor] == pytest.approx(contrast)


def test_a_half_fraction_finds_them_beside_interactions_of_two() -> None:
    """2^(4-1) with D = ABC: of resolution IV, main effects are clear of two-factor interactions."""
    full = factorial(3)
    last = full.sum(axis=1) % 2
    design = np.column_stack([full, last])
    truth = np.array([0.7, -0.2, 0.0, 0.4])
    signs = 2 * design - 1
    interaction = 0.3 * signs[:, 0] * signs[:, 1]
    values = (design @ truth + interaction)[:, np.newaxis] + np.array([0.0, 5.0])
    assert factors.main_effects(design, values) == pytest.approx(np.tile(truth, (2, 1)).T)


def test_what_lacks_takes_no_more_with_it_than_it_decides() -> None:
    design = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=float)
    values = (design @ [0.5, 0.25])[:, np.newaxis] + np.zeros((4, 3))
    values[3, 0] = np.nan  # three of four cells still determine both
    values[2:, 1] = np.nan  # nothing of the second factor
    values[:, 2] = np.nan
    effects = factors.main_effects(design, values)
    assert effects[:, 0] == pytest.approx([0.5, 0.25])
    assert effects[0, 1] == pytest.approx(0.5)
    assert np.isnan(effects[1, 1])
    assert np.isnan(effects[:, 2]).all()


def test_the_interval_is_students() -> None:
    """Against numbers worked out by hand: 1 … 6, mean 3.5, s 1.8708, t(0.975, 5) 2.5706."""
    intervals = factors.told(
        np.array([[1.0, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, np.nan], [np.nan] * 6])
    )
    assert intervals.rounds.tolist() == [6, 5, 0]
    assert intervals.effect[:2].tolist() == [3.5, 3.0]
    half = 2.5706 * 1.8708 / np.sqrt(6)
    assert (intervals.low[0], intervals.high[0]) == (
        pytest.approx(3.5 - half, rel=1e-4), pytest.approx(3.5 + half, rel=1e-4)
    )  # fmt: skip
    assert np.isnan([intervals.low[1], intervals.high[1], intervals.effect[2]]).all()


def test_the_interval_covers_the_truth_in_95_of_100() -> None:
    dice = np.random.default_rng(11)
    design, trials, rounds = factorial(3), 1500, 6
    noise = dice.normal(0, 0.1, (8, trials * rounds)) + dice.normal(0, 1, trials * rounds)
    effects = factors.main_effects(design, (design @ [0.3, 0, -0.2])[:, np.newaxis] + noise)
    some = factors.told(effects[0].reshape(trials, rounds))
    assert 0.93 < np.mean((some.low <= 0.3) & (some.high >= 0.3)) < 0.97


# --- the table ---------------------------------------------------------------------------------


def rows(
    rounds: int, without: tuple[tuple[str, str], ...] = (), noise: float = 0.0
) -> tuple[Rows, Rows]:
    """WireGuard gains by `a` as the bare link does, and does not lose by `b`; rounds differ much."""
    dice = np.random.default_rng(5)
    samples, links = [], []
    for tuning, vpn, round_ in itertools.product(
        SETTINGS, ("internal", "wireguard"), range(1, rounds + 1)
    ):
        value = 100.0 * (1 + round_ % 3) * np.exp(dice.normal(0, noise))
        value *= EFFECT["a"] if "a" in tuning.partition("-")[2] else 1
        bare = vpn == "internal"
        value *= EFFECT["b"] if "b" in tuning.partition("-")[2] and bare else 1
        at = {"vpn": vpn, "tuning": tuning, "round": round_}
        links.append(synthetic.link(**at))
        lacks = (vpn, tuning) in without
        word = {"status": "failed", "reason": "no route"} if lacks else {}
        samples.append(synthetic.sample("goodput", None if lacks else value, "bit/s", **at, **word))
    return samples, links


def table(folder: Path, rounds: int = 6, **more: Any) -> Rows:
    design: dict[str, Any] = {"tunings": list(SETTINGS), "settings": SETTINGS}
    return analysed(folder, *rows(rounds, **more), **design)["factors"]


def test_each_systems_effects_and_those_on_its_ratio_to_the_bare_link(tmp_path: Path) -> None:
    effects = table(tmp_path)
    by_factor = {(r["vpn"], r["reference"], r["factor"]): round(r["effect"], 9) for r in effects}
    assert by_factor == {
        ("internal", None, "a"): 2, ("internal", None, "b"): 0.5,
        ("wireguard", None, "a"): 2, ("wireguard", None, "b"): 1,
        ("wireguard", "internal", "a"): 1, ("wireguard", "internal", "b"): 2,
    }  # fmt: skip
    row = only(effects, vpn="internal", factor="a")
    assert (row["base"], row["level"], row["n_tunings"], row["n_with"]) == ("3", "10", 4, 2)
    assert (row["n_rounds"], row["why"], row["metric"]) == (6, None, "goodput")
    assert row["low"] == pytest.approx(2) == row["high"]


def test_below_six_rounds_there_is_an_effect_and_no_interval(tmp_path: Path) -> None:
    row = only(table(tmp_path, 2), vpn="internal", factor="b")
    assert (row["effect"], row["low"], row["high"]) == (pytest.approx(0.5), None, None)
    assert (row["n_rounds"], row["why"]) == (2, "an interval needs six rounds")


def test_what_cannot_be_told_has_its_reason(tmp_path: Path) -> None:
    lost = tuple(("wireguard", name) for name in ("with-b", "with-ab"))
    effects = table(tmp_path, without=lost)
    row = only(effects, vpn="wireguard", reference=None, factor="b")
    assert (row["effect"], row["n_rounds"], row["why"]) == (None, 0, NOT_APART)
    assert only(effects, vpn="wireguard", reference=None, factor="a")["effect"] == pytest.approx(2)


def test_without_tunings_or_their_settings_it_is_empty(tmp_path: Path) -> None:
    assert analysed(tmp_path / "import", *rows(6), settings={})["factors"] == []
    design: dict[str, Any] = {"tunings": ["stock"], "settings": {"stock": SETTINGS["stock"]}}
    assert analysed(tmp_path / "one", *rows(6), **design)["factors"] == []


def test_a_plan_tells_the_settings_of_its_tunings() -> None:
    from meshbench.workflow import hooks  # noqa: PLC0415

    design = hooks.design(making.campaign(tunings=("stock", "other")))
    assert design["settings"] == {"stock": {}, "other": {}}
