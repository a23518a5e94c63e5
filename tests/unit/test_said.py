"""The report's sentences, on campaigns whose truth is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from meshbench.figures.contract import Data
from meshbench.report import said
from tests.unit import synthetic
from tests.unit.test_analysis import campaign

Value = Callable[[str, int, int], float]
LEVELS = {"internal": 1000.0, "tinc": 500.0, "nebula": 1000.0, "mycelium": 480.0}


def words(folder: Path, value: Value, rounds: int, vpns: tuple[str, ...] = tuple(LEVELS)) -> str:
    files = synthetic.write(folder, *campaign(value, vpns, rounds))
    data = Data.read({name: files[name] for name in said.TABLES})
    plan = synthetic.context(vpns=vpns, profiles=("baseline",), benchmarks=("tcp",), rounds=rounds)
    return str(said.said(data, plan).content)


def noisy(amount: float) -> Value:
    dice = np.random.default_rng(12)
    return lambda vpn, _round, _link: 1e6 * LEVELS[vpn] * float(dice.lognormal(0, amount))


def test_what_differs_is_told_with_both_operands_and_its_interval(tmp_path: Path) -> None:
    text = words(tmp_path, noisy(0.01), 10)
    assert "The bare link has 100" in text or "The bare link has 99" in text
    assert "tinc has 0.5" in text
    assert "medians 50" in text
    assert "nebula equals it within ±5 %." in text
    assert "Among the systems nebula is the best one" in text
    assert "told apart from each other one" in text
    assert "Every cell ended well on every link." in text


def test_what_cannot_be_told_is_said_and_nothing_more(tmp_path: Path) -> None:
    text = words(tmp_path, noisy(0.3), 8)
    assert "nebula cannot be told from it." in text
    assert "nebula has" not in text
    assert "equals" not in text


def test_the_best_is_not_told_apart_from_one_in_a_later_tier_that_does_not_differ(
    tmp_path: Path,
) -> None:
    """The second differs from the best; the third is so noisy that it does not, whatever its rank."""
    dice = np.random.default_rng(4)
    levels = {"tinc": (100.0, 0.001), "nebula": (90.0, 0.001), "mycelium": (80.0, 0.8)}

    def value(vpn: str, _round: int, _link: int) -> float:
        level, amount = levels[vpn]
        return 1e6 * level * float(dice.lognormal(0, amount))

    text = words(tmp_path, value, 12, tuple(levels))
    assert "Among the systems tinc has the best median" in text
    assert "but mycelium cannot be told from it." in text


def test_below_six_rounds_nothing_is_said_of_differences(tmp_path: Path) -> None:
    text = words(tmp_path, noisy(0.01), 5)
    assert "Nothing is said of differences between systems: there are 5 rounds" in text
    assert "times that" not in text
    assert "best" not in text


def test_what_failed_is_said_with_its_reason_and_its_share(tmp_path: Path) -> None:
    samples, links = synthetic.campaign(rounds=6)
    files = synthetic.write(tmp_path, samples, links)
    data = Data.read({name: files[name] for name in said.TABLES})
    text = str(said.said(data, synthetic.context(rounds=6)).content)
    assert "mycelium has no value: failed: no route to host." in text
    assert (
        "mycelium, tcp at high: 0 of 6 cells ended well on every link (0 % to 39 % of all such cells, 95 %)."
        in text
    )
