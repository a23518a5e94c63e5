"""The tables of what may be said of the values, on campaigns whose truth is known."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy import stats

from meshbench.analysis import (
    changes,
    controls,
    drift,
    effects,
    estimates,
    order,
    ranks,
    significance,
    stopping,
)
from meshbench.analysis.matrix import Matrix
from meshbench.analysis.rounds import Values
from tests.unit import synthetic
from tests.unit.synthetic import LINKS, link, sample

Rows = list[dict[str, Any]]
Value = Callable[[str, int, int], float]


def analysed(folder: Path, samples: Rows, rows_of_links: Rows, **design: Any) -> dict[str, Rows]:
    tables = synthetic.write(
        folder, samples, rows_of_links, ("impairment", "links", "measures", "hosts", "seconds")
    )
    files = [folder / "benchmark=x" / "vpn=y.parquet"], [folder / "links.parquet"]
    out = synthetic.analysed(folder, *files, tables, design)
    return {name: synthetic.read(path) for name, path in out.items()}


def campaign(
    value: Value, vpns: Sequence[str], rounds: int, metric: str = "goodput", unit: str = "bit/s"
) -> tuple[Rows, Rows]:
    """One metric of these systems at one profile; `value` of system, round and link."""
    samples, links = [], []
    for vpn in vpns:
        for round_ in range(1, rounds + 1):
            for index, (source, target) in enumerate(LINKS):
                at = {"vpn": vpn, "round": round_, "source": source, "target": target}
                links.append(link(**at))
                samples.append(sample(metric, value(vpn, round_, index), unit, **at))
    return samples, links


def only(rows: Rows, **equal: Any) -> dict[str, Any]:
    [row] = [row for row in rows if all(row[key] == value for key, value in equal.items())]
    return row


def steady(vpn: str, round_: int, index: int) -> float:
    """Rounds one apart, links ten."""
    return {"internal": 100.0, "tinc": 50.0}.get(vpn, 80.0) + round_ + 10 * index


# Estimates


def test_an_estimate_is_the_median_over_rounds_of_the_median_over_links(tmp_path: Path) -> None:
    tables = analysed(tmp_path, *campaign(steady, ["internal"], 6))
    row = only(tables["estimates"])
    assert row["value"] == 113.5
    assert (row["low"], row["high"]) == (
        pytest.approx(111 + 5 / 14),
        pytest.approx(116 - 5 / 14),
    )
    assert (row["n_valid"], row["n_planned"], row["n_rounds"], row["bound"]) == (18, 18, 6, None)
    assert (row["between_rounds"], row["between_subjects"]) == (5, 20)
    assert (row["round_q1"], row["round_q3"]) == (112.25, 114.75)
    assert row["trend_per_round"] == 1
    assert row["trend_p"] == pytest.approx(2 / 720)


def test_below_six_rounds_there_is_no_interval_and_that_is_said(tmp_path: Path) -> None:
    tables = analysed(tmp_path, *campaign(steady, ["internal", "tinc"], 5))
    row = only(tables["estimates"], vpn="tinc")
    assert (row["low"], row["high"]) == (None, None)
    assert row["interval"] == "none: fewer than six rounds"
    effect = only(tables["effects"])
    assert effect["ratio"] == pytest.approx(63 / 113)
    assert (effect["ratio_low"], effect["p"], effect["verdict"]) == (None, None, "cannot tell")
    assert effect["why"] == "fewer than six rounds with both"
    assert only(tables["ranks"])["rank_low"] is None


def test_what_failed_is_counted_by_its_reason_and_what_was_not_run_too(tmp_path: Path) -> None:
    samples, links = campaign(steady, ["internal", "tinc"], 6)
    for row in samples:
        if row["vpn"] == "tinc" and row["round"] < 3:
            row |= {"value": None, "status": "failed", "reason": "no route to host"}
    samples = [row for row in samples if (row["vpn"], row["round"]) != ("tinc", 6)]
    links = [row for row in links if (row["vpn"], row["round"]) != ("tinc", 6)]
    systems = [["internal", "stock"], ["tinc", "stock"], ["nebula", "stock"]]
    tables = analysed(tmp_path, samples, links, systems=systems, rounds=6, links=3, hosts=3)
    row = only(tables["estimates"], vpn="tinc")
    assert (row["n_planned"], row["n_valid"], row["n_not_run"], row["n_rounds"]) == (18, 9, 3, 3)
    assert row["troubles"] == [{"status": "failed", "reason": "no route to host", "n": 6}]
    never = only(tables["estimates"], vpn="nebula")
    assert (never["n_planned"], never["n_valid"], never["n_not_run"]) == (18, 0, 18)
    assert (never["value"], never["interval"]) == (None, "none: no value")


def cut_off(samples: Rows, links: Rows, rounds: Sequence[int], vpn: str, limit_s: float) -> None:
    """As parsing writes a link that did not end within its limit."""
    ended = {"status": "timeout", "reason": "too late"}
    for row in samples:
        if row["vpn"] == vpn and row["round"] in rounds:
            row |= {"value": None, **ended}
    for row in links:
        if row["vpn"] == vpn and row["round"] in rounds:
            row |= {"limit_s": limit_s, **ended}


def test_a_time_that_was_cut_off_is_a_bound_and_not_missing(tmp_path: Path) -> None:
    samples, links = campaign(steady, ["internal", "tinc"], 6, "copy_time", "s")
    cut_off(samples, links, (1, 2), "tinc", 700.0)
    tables = analysed(tmp_path, samples, links)
    row = only(tables["estimates"], vpn="tinc")
    # 63, 64, 65, 66 and two of at least 700: without the two the median would be 64.5.
    assert (row["value"], row["bound"], row["n_censored"], row["n_valid"]) == (65.5, None, 6, 12)
    assert row["low"] == pytest.approx(63 + 5 / 14)
    assert (row["high"], row["interval"]) == (None, "95 %, open towards the time-outs")
    assert row["troubles"] == [{"status": "timeout", "reason": "too late", "n": 6}]


def test_where_most_was_cut_off_only_a_bound_is_told(tmp_path: Path) -> None:
    samples, links = campaign(steady, ["internal", "tinc"], 6, "copy_time", "s")
    cut_off(samples, links, (1, 2, 3, 4, 5), "tinc", 700.0)
    tables = analysed(tmp_path, samples, links)
    row = only(tables["estimates"], vpn="tinc")
    assert (row["value"], row["bound"]) == (700, ">=")
    effect = only(tables["effects"])
    assert (effect["ratio"], effect["ratio_high"]) == (None, None)
    assert effect["ratio_low"] is not None


def test_of_a_rate_that_was_cut_off_no_bound_follows(tmp_path: Path) -> None:
    samples, links = campaign(steady, ["internal", "tinc"], 6)
    cut_off(samples, links, (1, 2), "tinc", 700.0)
    row = only(analysed(tmp_path, samples, links)["estimates"], vpn="tinc")
    assert (row["n_censored"], row["n_valid"], row["n_rounds"], row["value"]) == (0, 12, 4, 64.5)


def test_marked_cells_are_in_or_out_and_the_difference_is_there(tmp_path: Path) -> None:
    samples, links = campaign(steady, ["internal", "tinc"], 8)
    for row in links:
        if row["round"] > 6:
            row["marks"] = ["other load"]
    inside = analysed(tmp_path / "in", samples, links)
    outside = analysed(tmp_path / "out", samples, links, marked=False)
    estimate, other = (only(tables["estimates"], vpn="tinc") for tables in (inside, outside))
    assert (estimate["value"], estimate["value_other"], estimate["n_rounds"]) == (64.5, 63.5, 8)
    assert (other["value"], other["value_other"], other["n_rounds"]) == (63.5, 64.5, 6)
    assert estimate["n_marked"] == other["n_marked"] == 6
    assert (estimate["marked_counted"], other["marked_counted"]) == (True, False)
    effect = only(outside["effects"])
    assert effect["n_rounds"] == 6
    assert effect["ratio_other"] == only(inside["effects"])["ratio"] != effect["ratio"]


def test_no_data_give_tables_of_the_same_columns(tmp_path: Path) -> None:
    nothing = synthetic.tables(tmp_path / "nothing", [], [])
    for name, schema in (
        ("estimates", estimates.SCHEMA),
        ("effects", effects.SCHEMA),
        ("changes", changes.SCHEMA),
        ("controls", controls.SCHEMA),
        ("stopping", stopping.SCHEMA),
        ("ranks", ranks.SCHEMA),
    ):
        table = pq.read_table(nothing[name])
        assert (table.num_rows, table.column_names) == (0, schema.names)


# Effects


def test_each_two_systems_are_compared_and_the_bare_link_is_the_reference(tmp_path: Path) -> None:
    tables = analysed(tmp_path, *campaign(steady, ["nebula", "internal", "tinc"], 8))
    pairs = {(row["vpn"], row["reference"]) for row in tables["effects"]}
    assert pairs == {("nebula", "internal"), ("tinc", "internal"), ("nebula", "tinc")}
    row = only(tables["effects"], vpn="tinc")
    assert row["ratio"] == pytest.approx(np.median([(60 + r) / (110 + r) for r in range(1, 9)]))
    assert (row["shift"], row["cliffs_delta"], row["n_rounds"]) == (-50, -1, 8)
    assert (row["p_paired"], row["n_family"]) == (pytest.approx(2 / 256), 3)
    assert row["p_holm"] == pytest.approx(3 * 2 / 256)
    assert row["p_unpaired"] == pytest.approx(2 / 12870)
    assert row["verdict"] == "differs"


def test_a_round_is_compared_with_the_same_round_only(tmp_path: Path) -> None:
    """What a round does to all systems alike, however much, is no difference between them."""
    weather = (1, 7, 2, 9, 3, 8, 1, 6)

    def value(vpn: str, round_: int, index: int) -> float:
        return weather[round_ - 1] * (0.9 if vpn == "tinc" else 1.0) * 1e6 + index

    row = only(analysed(tmp_path, *campaign(value, ["internal", "tinc"], 8))["effects"])
    assert (row["ratio_low"], row["ratio_high"]) == (pytest.approx(0.9), pytest.approx(0.9))
    assert row["verdict"] == "differs"
    assert row["p_unpaired"] > 0.5


def test_equivalent_is_said_where_the_whole_interval_says_so(tmp_path: Path) -> None:
    def value(vpn: str, round_: int, index: int) -> float:
        return 100 + (round_ % 3 if vpn == "tinc" else (round_ + 1) % 3) + index

    samples, links = campaign(value, ["internal", "tinc"], 8)
    row = only(analysed(tmp_path / "5", samples, links)["effects"])
    assert (row["verdict"], row["equivalent"], row["equivalent_percent"]) == ("equivalent", True, 5)
    row = only(analysed(tmp_path / "1", samples, links, equivalent_percent=1.0)["effects"])
    assert (row["verdict"], row["equivalent"]) == ("cannot tell", False)


def test_without_a_ratio_the_shift_decides(tmp_path: Path) -> None:
    def value(vpn: str, round_: int, index: int) -> float:
        del index
        return round_ / 100 if vpn == "tinc" else 0.0

    row = only(
        analysed(tmp_path, *campaign(value, ["internal", "tinc"], 8, "ping_loss", "1"))["effects"]
    )
    assert (row["ratio"], row["verdict"], row["equivalent"]) == (None, "differs", False)
    assert row["shift"] == pytest.approx(0.045)
    assert row["shift_low"] > 0


def test_tunings_are_compared_within_a_system_only(tmp_path: Path) -> None:
    samples, links = [], []
    for tuning in ("stock", "bbr"):
        more = campaign(steady, ["internal", "tinc"], 6)
        samples += [{**row, "tuning": tuning} for row in more[0]]
        links += [{**row, "tuning": tuning} for row in more[1]]
    rows = analysed(tmp_path, samples, links, tunings=["stock", "bbr"])["effects"]
    keys = ("vpn", "tuning", "reference", "reference_tuning")
    assert sorted(tuple(row[key] for key in keys) for row in rows) == [
        ("internal", "bbr", "internal", "stock"),
        ("tinc", "bbr", "internal", "bbr"),
        ("tinc", "bbr", "tinc", "stock"),
        ("tinc", "stock", "internal", "stock"),
    ]


def test_placements_are_compared_within_a_system_and_adjusted_apart(tmp_path: Path) -> None:
    samples, links = [], []
    for placement in ("ingress", "egress"):
        factor = 1.0 if placement == "ingress" else 0.5
        more = campaign(lambda *at, by=factor: by * steady(*at), ["internal", "tinc"], 8)
        samples += [{**row, "placement": placement} for row in more[0]]
        links += [{**row, "placement": placement} for row in more[1]]
    rows = analysed(tmp_path, samples, links, placements=["ingress", "egress"])["effects"]
    keys = ("vpn", "placement", "reference", "reference_placement")
    assert sorted(tuple(row[key] for key in keys) for row in rows) == [
        ("internal", "egress", "internal", "ingress"),
        ("tinc", "egress", "internal", "egress"),
        ("tinc", "egress", "tinc", "ingress"),
        ("tinc", "ingress", "internal", "ingress"),
    ]
    row = only(rows, vpn="tinc", reference="tinc")
    assert (row["ratio"], row["verdict"], row["n_family"]) == (0.5, "differs", 2)
    assert only(rows, vpn="tinc", reference="internal", placement="egress")["n_family"] == 1


def test_paired_p_is_scipys() -> None:
    values = np.random.default_rng(5).normal(0.4, 1, (200, 9))
    expected = [stats.wilcoxon(row, method="exact").pvalue for row in values]
    assert significance.paired(values) == pytest.approx(expected)


def test_holm_is_that_of_its_example() -> None:
    # Holm's procedure on four p values, each family apart; NaN is not counted.
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.04, np.nan])
    families = np.array([0, 0, 0, 0, 1, 1])
    assert significance.holm(p, families) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02, 0.04, np.nan], nan_ok=True
    )
    assert significance.members(p, families).tolist() == [4, 4, 4, 4, 1, 1]


def test_the_shift_is_that_of_hodges_and_lehmann_with_wilcoxons_interval() -> None:
    # Hollander and Wolfe's depression scale factors (Table 3.1): estimate -0.46, and for 96.1 %
    # the interval from -0.786 to -0.010.
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    differences = np.array([after]) - np.array([before])
    assert order.pseudo_median(differences) == pytest.approx([-0.46])
    interval = order.shift_interval(differences, 0.96)
    assert interval is not None
    assert [interval[0][0], interval[1][0]] == pytest.approx([-0.786, -0.010])


def test_the_trend_is_kendalls() -> None:
    values = np.random.default_rng(6).normal(0, 1, (100, 8)) + 0.3 * np.arange(8)
    numbers = np.broadcast_to(np.arange(8.0), values.shape)
    slopes, p = drift.trend(values, numbers)
    expected = [stats.kendalltau(np.arange(8), row, method="exact").pvalue for row in values]
    assert p == pytest.approx(expected)
    assert slopes == pytest.approx([stats.theilslopes(row).slope for row in values])


# Ranks


def test_a_change_is_found_where_it_is_and_its_p_is_pettitts() -> None:
    values = np.array([[0.0, 1] * 5 + [100, 101] * 5])
    place, p = drift.change(values)
    # Every one of the 100 pairs across the place agrees, K = 100, and neighbours are not alike.
    assert place[0] == 10
    assert p[0] == pytest.approx(2 * np.exp(-6 * 100**2 / (20**3 + 20**2)))
    mixed = np.random.default_rng(1).permutation(20)[np.newaxis].astype(float)
    assert drift.change(mixed)[1][0] > 0.1


@pytest.mark.parametrize("alike", [0.0, 0.4, 0.7])
def test_a_measurement_without_a_change_hardly_ever_has_one(alike: float) -> None:
    noise = np.random.default_rng(20261126).normal(0, 1, (1000, 30))
    series = noise.copy()
    for second in range(1, 30):
        series[:, second] = alike * series[:, second - 1] + noise[:, second]
    assert (drift.change(series)[1] <= 0.05).mean() <= 0.05
    series[:, 12:] += 6
    place, p = drift.change(series)
    assert np.median(place) == 12
    if not alike:
        assert (p <= 0.01).mean() > 0.8


def test_a_rate_that_falls_in_the_middle_is_marked(tmp_path: Path) -> None:
    samples, links = campaign(steady, ["tinc"], 1)
    for index, row in enumerate(list(samples)):
        for second in range(1, 31):
            fell = index == 0 and second > 20
            value = (50.0 if fell else 100.0) + (7 * second + 2) % 5
            samples.append({**row, "t_s": float(second), "value": value})
    marked = [row for row in analysed(tmp_path, samples, links)["changes"] if row["marked"]]
    [row] = marked
    assert (row["t_s"], row["n_intervals"]) == (20.0, 30)
    assert row["change_percent"] == pytest.approx(-49, abs=2)


def test_drawn_medians_are_those_of_the_drawn_rounds() -> None:
    dice = np.random.default_rng(2)
    values = dice.normal(0, 1, (5, 7))
    values[1, 3] = values[4, :6] = np.nan
    draws = ranks.drawn(7, 300, 11)
    medians = ranks.medians(values, draws)
    for column, counts in enumerate(draws.counts.T):
        rows = [[v for v, n in zip(row, counts, strict=True) for _ in range(n)] for row in values]
        kept = [[v for v in row if not np.isnan(v)] for row in rows]
        expected = [np.median(row) if row else np.nan for row in kept]
        assert medians[:, column] == pytest.approx(expected, nan_ok=True)
    assert draws.shares.sum() == pytest.approx(1)


def test_a_clear_order_is_certain_and_the_bare_link_has_no_rank(tmp_path: Path) -> None:
    rows = analysed(tmp_path, *campaign(steady, ["internal", "tinc", "nebula"], 8))["ranks"]
    assert {row["vpn"] for row in rows} == {"tinc", "nebula"}
    best, last = only(rows, vpn="nebula"), only(rows, vpn="tinc")
    assert [best[key] for key in ("rank", "rank_low", "rank_high", "tier")] == [1, 1, 1, 1]
    assert [last[key] for key in ("rank", "rank_low", "rank_high", "tier")] == [2, 2, 2, 2]
    chances = [best["p_best"], last["p_best"], last["p_first_three"]]
    assert chances == pytest.approx([1, 0, 1])
    assert (best["n_systems"], best["resamples"], best["seed"]) == (2, 10_000, 1)


def test_of_times_the_least_is_the_best(tmp_path: Path) -> None:
    rows = analysed(tmp_path, *campaign(steady, ["tinc", "nebula"], 6, "rtt_avg", "ms"))["ranks"]
    assert only(rows, vpn="tinc")["rank"] == 1


def test_what_cannot_be_told_apart_shares_a_tier_and_its_ranks_overlap(tmp_path: Path) -> None:
    dice = np.random.default_rng(9)

    def value(vpn: str, round_: int, index: int) -> float:
        del round_, index
        return float(dice.lognormal(0, 0.1)) * (30 if vpn == "tinc" else 100)

    rows = analysed(tmp_path, *campaign(value, ["a", "b", "c", "tinc"], 8))["ranks"]
    assert {row["vpn"]: row["tier"] for row in rows} == {"a": 1, "b": 1, "c": 1, "tinc": 2}
    assert sum(row["p_best"] for row in rows) == pytest.approx(1)
    assert max(row["rank_high"] - row["rank_low"] for row in rows) >= 1
    assert only(rows, vpn="tinc")["rank_low"] == 4


def test_the_same_seed_gives_the_same_draws() -> None:
    first, same, other = (ranks.drawn(8, 1000, seed) for seed in (5, 5, 6))
    assert first.counts.tolist() == same.counts.tolist()
    assert first.shares.tolist() == same.shares.tolist()
    assert first.counts.tolist() != other.counts.tolist()


# Controls: simulated data whose truth is known


SKEWED: Mapping[str, tuple[Callable[[np.random.Generator, tuple[int, int]], Matrix], float]] = {
    "skewed": (lambda dice, size: dice.lognormal(0, 1, size), 1.0),
    "bimodal": (
        lambda dice, size: np.where(
            dice.random(size) < 0.7, dice.normal(0, 1, size), dice.normal(6, 1, size)
        ),
        # P(X < m) = 0.7 Phi(m) + 0.3 Phi(m - 6) = 0.5
        stats.norm.ppf(0.5 / 0.7),
    ),
}


@pytest.mark.parametrize("rounds", [6, 10, 20])
@pytest.mark.parametrize("shape", SKEWED)
def test_intervals_cover_the_truth_as_often_as_they_say(shape: str, rounds: int) -> None:
    draw, truth = SKEWED[shape]
    values = draw(np.random.default_rng(20261126), (1000, rounds))
    interval = order.median_interval(values)
    assert interval is not None
    covered = ((interval[0] <= truth) & (truth <= interval[1])).mean()
    assert 0.93 <= covered <= 0.97


def both(
    dice: np.random.Generator, trials: int, rounds: int, noise: float
) -> tuple[Matrix, Matrix]:
    """Two systems alike: what a round does to both (a fifth), and noise of their own."""
    weather = dice.lognormal(0, 0.2, (trials, rounds))
    return tuple(weather * dice.lognormal(0, noise, (trials, rounds)) for _ in range(2))  # type: ignore[return-value]


def told_apart(left: Matrix, right: Matrix) -> int:
    comparison = effects.compared(Values(left, left), Values(right, right))
    return int(comparison.apart(comparison.paired).sum())


def test_many_systems_of_few_rounds_are_told_apart_without_pairing() -> None:
    """Holm's first of 66 comparisons needs p below 0.0008, which eight pairs cannot give."""
    paired, unpaired = np.full(2, 2 / 256), np.full(2, 2 / 12870)
    rounds, family = np.array([8, 8]), np.array([6, 66])
    assert significance.fit(paired, unpaired, rounds, family).tolist() == [2 / 256, 2 / 12870]


@pytest.mark.parametrize("rounds", [6, 8, 10, 20])
@pytest.mark.parametrize("noise", [0.02, 0.5])
def test_a_system_hardly_ever_differs_from_itself(rounds: int, noise: float) -> None:
    left, right = both(np.random.default_rng(3), 2000, rounds, noise)
    assert told_apart(left, right) <= 0.05 * 2000


@pytest.mark.parametrize(
    ("what", "noise", "change"),
    [
        ("5 % less rate", 0.02, lambda values: values * 0.95),
        ("10 % more loss", 0.03, lambda values: values * 1.1),
        ("1 ms more delay", 0.05, lambda values: values + 1),
    ],
)
def test_a_known_effect_is_found(
    what: str, noise: float, change: Callable[[Matrix], Matrix]
) -> None:
    """Of rounds that differ by a fifth, at a noise within a round of so much."""
    left, right = both(np.random.default_rng(4), 100, 8, noise)
    assert told_apart(change(5 * left), 5 * right) >= 95, what
