"""Spikes of a series, and whether they come with a log event more often than by chance."""

import random
from typing import Any

import numpy as np
import pytest

from meshbench.analysis import coincidences, spikes
from meshbench.analysis.coincidences import WINDOW_S, Spike
from meshbench.tables import schema
from meshbench.tables.database import Tidy
from tests.unit import synthetic

TIMES_S = [round(0.2 * n, 3) for n in range(300)]
LAST_S = TIMES_S[-1]


def series(*spikes_s: float, seed: int = 1) -> list[float]:
    """RTTs around 2 ms, ten times as much at some times."""
    noise = np.exp(np.random.default_rng(seed).normal(0.7, 0.1, len(TIMES_S)))
    high = [any(abs(at_s - spike_s) < 0.05 for spike_s in spikes_s) for at_s in TIMES_S]
    return [float(rtt) * (10 if up else 1) for rtt, up in zip(noise, high, strict=True)]


def test_rtts_far_above_the_median_are_spikes_and_those_in_turn_are_one() -> None:
    spikes = coincidences.spikes(TIMES_S, series(5.0, 20.0, 20.2, 20.4))
    assert [spike.begin_s < at_s < spike.end_s for spike, at_s in zip(spikes, (5.0, 20.2), strict=True)] == [
        True, True
    ]  # fmt: skip
    assert spikes[1].end_s - spikes[1].begin_s == pytest.approx(0.4, abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_noise_has_no_spikes(seed: int) -> None:
    assert coincidences.spikes(TIMES_S, series(seed=seed)) == []


@pytest.mark.parametrize("rtts_ms", [[], [2.0], [2.0] * 9, [2.0] * 8 + [2.2]])
def test_rtts_that_are_nearly_alike_have_none(rtts_ms: list[float]) -> None:
    assert coincidences.spikes(TIMES_S[: len(rtts_ms)], rtts_ms) == []


def test_one_of_few_values_can_be_a_spike() -> None:
    [spike] = coincidences.spikes(TIMES_S[:9], [2.0] * 8 + [90.0])
    assert (spike.t_s, spike.rtt_ms) == (1.6, 90.0)
    assert [spike.begin_s, spike.end_s] == pytest.approx([1.51, 1.69])


def at(t_s: float, length_s: float = 0.0) -> Spike:
    return Spike(t_s, 20.0, t_s, t_s + length_s)


def test_the_nearest_event_within_the_window_is_a_spike_s_own() -> None:
    assert at(5.0).nearest([4.7, 5.3]) is None
    assert at(5.0).nearest([4.7, 4.8, 5.1, 5.3]) == 2
    assert at(5.0, 1.0).nearest([6.2]) == 0
    assert at(5.0).nearest([]) is None


def test_the_share_near_events_is_what_a_spike_anywhere_has() -> None:
    """Against the share of random places that have one."""
    dice = random.Random(3)  # noqa: S311
    events_s = [0.1, 10.0, 10.1, 10.1, 30.0, 59.9]
    for length_s in (0.0, 0.7, 6.0):
        tried = [at(dice.uniform(0, LAST_S - length_s), length_s) for _ in range(40_000)]
        hit = sum(spike.nearest(events_s) is not None for spike in tried) / len(tried)
        share = coincidences.share_near(at(0, length_s), events_s, 0, LAST_S)
        assert share == pytest.approx(hit, abs=0.01)


def test_ten_lines_at_once_are_no_more_time_than_one() -> None:
    once = coincidences.share_near(at(0), [9.0], 0, 60)
    assert coincidences.share_near(at(0), [9.0] * 10, 0, 60) == once == pytest.approx(0.5 / 60)
    assert coincidences.share_near(at(0), [], 0, 60) == 0
    assert coincidences.share_near(at(0, 90), [9.0], 0, 60) == 1


def test_chance_is_the_tail_of_a_binomial_distribution_where_spikes_are_alike() -> None:
    assert coincidences.chance(0, [0.1] * 4) == 1
    assert coincidences.chance(4, [0.1] * 4) == pytest.approx(1e-4)
    assert coincidences.chance(3, [0.5] * 4) == pytest.approx(5 / 16)
    assert coincidences.chance(1, [0.5, 0.2]) == pytest.approx(1 - 0.5 * 0.8)
    assert coincidences.chance(0, []) == 1
    assert 0 <= coincidences.chance(1, [1.0] * 50) <= 1


def tidy(spikes_s: tuple[float, ...], *events: dict[str, Any], vpn: str = "tinc") -> Tidy:
    samples = [
        synthetic.sample("rtt", rtt, "ms", benchmark="ping", vpn=vpn, t_s=at_s)
        for at_s, rtt in zip(TIMES_S, series(*spikes_s), strict=True)
    ]
    rows = [{**synthetic.cell(benchmark="ping", vpn=vpn), **event} for event in events]
    return Tidy(
        schema.table(samples, schema.SAMPLES), schema.table([], schema.LINKS),
        events=schema.table(rows, schema.EVENTS),
    )  # fmt: skip


def event(t_s: float | None, host: str = "lom", **more: Any) -> dict[str, Any]:
    text = {} if t_s is None else {"unit": "u.service", "priority": 6, "message": f"at {t_s}"}
    return {"host": host, "t_s": t_s, "until_s": 70.0, "clock_error_s": 0.0, **text, **more}


SPIKES_S = (5.0, 20.0, 40.0)


def judged(*events: dict[str, Any]) -> dict[str, Any]:
    [row] = spikes.tables(tidy(SPIKES_S, *events))["spikes"].to_pylist()
    assert row["n_spikes"] == 3
    return {name: row[name] for name in ("n_lines", "n_logged", "n_near", "chance", "log_reason")}


def test_spikes_with_an_event_each_are_no_chance() -> None:
    near = [
        event(at_s + 0.1, host) for at_s, host in zip(SPIKES_S, ("lom", "yuki", "lom"), strict=True)
    ]
    row = judged(*near, event(55.0), event(-8.0), event(69.0))
    assert (row["n_lines"], row["n_logged"], row["n_near"]) == (4, 3, 3)
    assert row["chance"] < 1e-3
    assert row["log_reason"] is None


def test_a_log_without_lines_in_that_time_is_no_log_that_is_not_known() -> None:
    quiet = {"n_lines": 0, "n_logged": 3, "n_near": 0, "chance": 1.0, "log_reason": None}
    assert judged(event(None), event(None, "yuki")) == quiet
    missing = {"n_lines": None, "n_logged": None, "n_near": None, "chance": None}
    assert judged() == {**missing, "log_reason": "not recorded"}
    lost = event(None, "yuki", until_s=None, clock_error_s=None, reason="gone")
    assert judged(event(5.0), lost) == {**missing, "log_reason": "yuki: gone"}


def test_clocks_that_are_not_known_to_the_window_tell_nothing() -> None:
    error_s = 2 * WINDOW_S
    row = judged(event(5.0), event(5.0, "yuki", clock_error_s=error_s))
    assert row["n_near"] is None
    assert row["log_reason"] == "the hosts' clocks are known to 0.50 s only"


def test_a_log_that_was_cut_off_speaks_of_the_spikes_before_only() -> None:
    cut = [event(at_s, until_s=21.0) for at_s in (5.0, 21.0)]
    row = judged(*cut)
    assert (row["n_lines"], row["n_logged"], row["n_near"]) == (2, 2, 1)
    assert row["log_reason"] == "kept until 21.0 s only"


def test_each_spike_says_which_line_was_nearest() -> None:
    tables = spikes.tables(tidy(SPIKES_S, event(5.1), event(5.15, "yuki"), event(50.0)))
    rows = [
        (row["t_s"], row["near"], row["host"], row["event_s"], row["message"])
        for row in tables["spike_times"].to_pylist()
    ]
    assert rows == [
        (5.0, True, "lom", 5.1, "at 5.1"), (20.0, False, None, None, None), (40.0, False, None, None, None)
    ]  # fmt: skip
    assert [row["t_s"] for row in tables["log_events"].to_pylist()] == [5.1, 5.15, 50.0]
    assert {row["near"] for row in spikes.tables(tidy(SPIKES_S))["spike_times"].to_pylist()} == {
        None
    }


def test_one_series_of_each_system_is_drawn() -> None:
    tables = spikes.tables(tidy(SPIKES_S))
    assert [row["shown"] for row in tables["spikes"].to_pylist()] == [True]
    assert tables["spike_rtts"].num_rows == len(TIMES_S)
    calm = spikes.tables(tidy(()))
    assert [row["shown"] for row in calm["spikes"].to_pylist()] == [False]
    assert calm["spike_rtts"].num_rows == 0
