"""Spikes that come regularly are found with their period, and noise is not."""

import numpy as np
import pytest

from meshbench.analysis import periods, spikes
from meshbench.tables import schema
from meshbench.tables.database import Tidy
from tests.unit import synthetic

TIMES_S = np.arange(0, 60, 0.2)
SERIES = 60


def noise(seed: int) -> np.ndarray:
    """RTTs of a quiet path: 2 ms, some a bit more."""
    return np.exp(np.random.default_rng(seed).normal(0.7, 0.15, len(TIMES_S)))


@pytest.mark.parametrize("period_s", [4.0, 10.0])
def test_regular_spikes_in_noise_have_their_period(period_s: float) -> None:
    rtts_ms = noise(1) + 8.0 * ((TIMES_S - 3) % period_s < 0.6)
    period = periods.strongest(TIMES_S.tolist(), rtts_ms.tolist())
    assert period is not None
    assert period.found
    assert period.period_s == pytest.approx(period_s, rel=0.05)
    late = (period.first_s - 3.3) % period_s
    assert min(late, period_s - late) < 0.15 * period_s, "its first spike"


def test_white_noise_is_no_period_more_often_than_the_false_alarm_s_rate() -> None:
    """The bound is one from above: of 60 series at most 30 have less than 0.5, and some do."""
    alarms = []
    for seed in range(SERIES):
        period = periods.strongest(TIMES_S.tolist(), noise(seed).tolist())
        assert period is not None
        alarms.append(period.false_alarm)
    assert sum(alarm < 0.05 for alarm in alarms) <= 0.1 * SERIES
    assert 0 < sum(alarm < 0.5 for alarm in alarms) <= 0.5 * SERIES, "no empty bound"
    assert not any(alarm < periods.FALSE_ALARM for alarm in alarms)


def test_single_spikes_are_no_period() -> None:
    rtts_ms = noise(2)
    rtts_ms[[17, 101, 133, 290]] += 400
    period = periods.strongest(TIMES_S.tolist(), rtts_ms.tolist())
    assert period is not None
    assert not period.found


@pytest.mark.parametrize("rtts_ms", [[], [2.0] * 10, [2.0] * 200])
def test_too_few_or_all_alike_are_not_analysed(rtts_ms: list[float]) -> None:
    assert periods.strongest([0.2 * n for n in range(len(rtts_ms))], rtts_ms) is None


def test_the_table_has_a_row_per_series_with_what_was_found() -> None:
    regular = noise(3) + 8.0 * (TIMES_S % 10 < 0.6)
    samples = [
        synthetic.sample("rtt", float(value), "ms", benchmark="ping", vpn=vpn, t_s=float(t_s))
        for vpn, series in (("internal", noise(4)), ("zerotier", regular))
        for t_s, value in zip(TIMES_S, series, strict=True)
    ]
    few = [
        synthetic.sample("rtt", 2.0, "ms", benchmark="ping", vpn="tinc", t_s=float(n))
        for n in range(5)
    ]
    loaded = [
        synthetic.sample("rtt", 9.0, "ms", mode="up inside", vpn="tinc", t_s=float(n))
        for n in range(90)
    ]
    tidy = Tidy(
        schema.table([*samples, *few, *loaded], schema.SAMPLES), schema.table([], schema.LINKS)
    )
    rows = {row["vpn"]: row for row in spikes.tables(tidy)["spikes"].to_pylist()}
    assert {vpn: row["found"] for vpn, row in rows.items()} == {
        "internal": False, "zerotier": True, "tinc": None
    }  # fmt: skip
    assert rows["zerotier"]["period_s"] == pytest.approx(10, rel=0.05)
    assert rows["zerotier"]["n"] == len(TIMES_S)
    assert rows["tinc"]["n"] == 5
    assert rows["tinc"]["reason"] == "fewer than 50 RTTs, or all alike"
