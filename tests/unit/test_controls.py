"""Controls: what is the same hardly ever differs, a known effect is found, and a fault of the design is seen."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from meshbench.analysis import controls
from meshbench.analysis.matrix import Matrix
from meshbench.analysis.rounds import Values
from meshbench.cli import controls as printed
from meshbench.config import plan
from meshbench.config.models import System
from meshbench.config.profile import Profile
from meshbench.results import metrics
from tests.unit import making
from tests.unit.test_analysis import analysed, campaign, only

PAIRS = 300


def measured(rounds: int, effect: float, noise: float = 0.02) -> tuple[int, int]:
    """In how many parts of simulated campaigns two systems differ, and in how many they might."""
    dice = np.random.default_rng(20261126)
    weather = dice.normal(0, 0.2, (PAIRS, rounds))

    def values(more: float) -> Values:
        # Skewed, as loss and queues are.
        own: Matrix = noise * (dice.exponential(1, (PAIRS, rounds)) - 1)
        simulated: Matrix = np.exp(weather + own + np.log1p(more))
        return Values(simulated, simulated)

    differ, compared = controls._counts(values(0), values(effect), controls.parts(rounds, 1))
    return int(differ.sum()), int(compared.sum())


@pytest.mark.parametrize("rounds", [8, 10])
def test_the_same_twice_differs_in_at_most_five_of_a_hundred_parts(rounds: int) -> None:
    differ, compared = measured(rounds, effect=0)
    assert compared == PAIRS * len(controls.parts(rounds, 1))
    assert 0 < differ <= 0.05 * compared


@pytest.mark.parametrize("effect", [-0.05, 0.1])
def test_a_known_effect_is_found_in_most_parts(effect: float) -> None:
    differ, compared = measured(10, effect, noise=0.015)
    assert differ >= 0.95 * compared


def test_a_fault_of_the_design_shows_in_the_same_twice() -> None:
    differ, compared = measured(10, effect=0.04)
    assert differ > 0.5 * compared


def test_parts_are_all_there_are_or_a_hundred_that_the_seed_draws() -> None:
    assert controls.parts(5, 1) == []
    assert len(controls.parts(8, 1)) == len(set(controls.parts(8, 1))) == 28
    many = controls.parts(20, 1)
    assert len(set(many)) == controls.MOST
    assert {len(set(part)) for part in many} == {16}
    assert many == controls.parts(20, 1) != controls.parts(20, 2)


def test_the_table_has_each_control_of_the_campaign(tmp_path: Path) -> None:
    def value(vpn: str, round_: int, index: int) -> float:
        return {"again": 1.0, "tinc": 2.0}.get(vpn, 1.0) * (100 + round_ % 3 + index)

    samples, links = campaign(value, ["nebula", "again", "tinc"], 8)
    for rows in (samples, links):
        for row in list(rows):
            worse = {**row, "profile": "baseline@loss"}
            if "value" in row:
                worse["value"] = 0.9 * row["value"]
            rows.append(worse)
    pairs = {
        "systems": [["again", "nebula"]], "profiles": [["baseline@loss", "baseline"]],
        "changed": [["baseline@loss", "rate_mbit"]],
    }  # fmt: skip
    table = analysed(tmp_path, samples, links, controls=pairs)["controls"]
    same = only(table, kind="same", profile="baseline")
    assert (same["vpn"], same["reference"], same["n_differ"], same["n_resamples"]) == (
        "again", "nebula", 0, 28
    )  # fmt: skip
    effect = only(table, kind="effect", vpn="tinc")
    assert (effect["profile"], effect["reference_profile"]) == ("baseline@loss", "baseline")
    assert (effect["share"], effect["ratio"]) == (1.0, pytest.approx(0.9))
    assert (same["is_set"], effect["is_set"]) == (None, True)
    assert len(table) == 2 + 3
    assert printed.line(same)[0] == "again = nebula"
    assert printed.totals(table)[1] == (
        "a known effect is found in 84 of 84 comparisons: 100 % (at least 95 % is wanted)"
    )


def test_controls_are_one_system_twice_and_variants_of_a_profile() -> None:
    trial = making.campaign(
        vpns=("internal", "nebula", "nebula@again"), profiles=("low", "low@loss", "high@loss")
    )
    systems: dict[str, System] = {
        "internal": making.system("internal"), "nebula": making.system("nebula"),
        "nebula@again": making.system("nebula"),
    }  # fmt: skip
    fields: dict[str, Any] = vars(trial) | {"systems": systems}
    pairs = plan.controls(type(trial)(**fields))
    assert pairs == {
        "systems": [["nebula@again", "nebula"]], "profiles": [["low@loss", "low"]],
        "changed": [["low@loss", "delay_ms"]],
    }  # fmt: skip


def test_an_effect_counts_by_the_metrics_that_it_sets() -> None:
    row: dict[str, Any] = {"kind": controls.EFFECT, "n_resamples": 10, "n_differ": 10}
    of_rtt, of_goodput = {**row, "is_set": True}, {**row, "is_set": False, "n_differ": 1}
    assert controls.judged({"kind": controls.SAME, "is_set": None})
    assert printed.totals([of_rtt, of_goodput]) == [
        "a known effect is found in 10 of 10 comparisons: 100 % (at least 95 % is wanted)"
    ]


def test_what_a_parameter_sets_is_a_metric_and_a_parameter() -> None:
    assert set(controls.SETS) <= set(Profile.model_fields)
    assert {name for names in controls.SETS.values() for name in names} <= {
        metric.name for metric in metrics.all_metrics()
    }


def test_a_variant_of_a_profile_meets_its_weather() -> None:
    assert plan.weather(1, 2, "low@loss", "lom") == plan.weather(1, 2, "low", "lom")
    assert plan.weather(1, 2, "high", "lom") != plan.weather(1, 2, "low", "lom")
