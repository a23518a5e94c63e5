"""The tables of simultaneous TCP against values worked out by hand."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit import synthetic
from tests.unit.synthetic import LINKS, link, sample

Rows = list[dict[str, Any]]
Rates = Sequence[tuple[float, float]]
"""Of each link of the ring, forward and reverse (bit/s)."""
FULL, HALF = [(100.0, 100.0)] * 3, [(50.0, 50.0)] * 3
"""A full-duplex ring: one link at a time fills both ways, all at once each flow has half of it."""
HOSTS = ("lom", "yuki", "luna")


def at(pair: tuple[str, str], benchmark: str = "tcp_parallel", **more: Any) -> dict[str, Any]:
    return {"benchmark": benchmark, "source": pair[0], "target": pair[1], **more}


def flows(
    benchmark: str, rates: Rates, pairs: Sequence[tuple[str, str]] = LINKS, **more: Any
) -> Rows:
    return [
        sample(metric, rate * factor, "bit/s", **at(pair, benchmark, mode="bidir", **more), direction=direction)
        for pair, both in zip(pairs, rates, strict=True)
        for direction, rate in zip(("forward", "reverse"), both, strict=True)
        for metric, factor in (("goodput", 1.0), ("send_rate", 1.02))
    ]  # fmt: skip


def links(*benchmarks: str, pairs: Sequence[tuple[str, str]] = LINKS, **more: Any) -> Rows:
    return [link(**at(pair, name, **more)) for name in benchmarks for pair in pairs]


def parallel(folder: Path, samples: Rows, of: Rows) -> dict[str, dict[str, Any]]:
    """The table's rows by what they count."""
    names = ["impairment", "links", "throughput", "parallel"]
    rows = synthetic.read(synthetic.write(folder, samples, of, names)["parallel"])
    return {row["counted"]: row for row in rows}


def test_a_full_duplex_ring_scales_by_what_either_counting_allows(tmp_path: Path) -> None:
    samples = flows("tcp", FULL) + flows("tcp_parallel", HALF)
    rows = parallel(tmp_path, samples, links("tcp", "tcp_parallel"))
    assert rows.keys() == {"forward", "reverse", "all"}
    for counted, total, factor in (("forward", 150, 1.5), ("reverse", 150, 1.5), ("all", 300, 3)):
        row = rows[counted]
        assert (row["sum_bps"], row["single_bps"]) == (total, 100)
        assert row["sum_sent_bps"] == pytest.approx(1.02 * total)
        assert row["factor"] == row["allowed"] == factor
        assert row["fairness"] == 1
        assert row["status"] == "ok"
    assert [rows[counted]["n_flows"] for counted in ("forward", "all")] == [3, 6]


def test_all_ordered_pairs_allow_no_more_than_the_ring(tmp_path: Path) -> None:
    pairs = list(itertools.permutations(HOSTS, 2))
    samples = flows("tcp_parallel", [(25, 25)] * 6, pairs)
    rows = parallel(tmp_path, samples, links("tcp_parallel", pairs=pairs))
    assert rows["forward"]["allowed"] == pytest.approx(1.5)
    assert rows["all"]["allowed"] == pytest.approx(3)


def test_flows_in_one_direction_only_do_not_share(tmp_path: Path) -> None:
    samples = [{**row, "mode": "single"} for row in flows("tcp_parallel", HALF)]
    rows = parallel(tmp_path, samples, links("tcp_parallel"))
    assert rows.keys() == {"forward", "reverse"}
    assert rows["forward"]["allowed"] == 3


def test_a_pair_that_failed_leaves_the_sum_empty_with_its_reason(tmp_path: Path) -> None:
    bad = {"status": "failed", "reason": "no route to host"}
    samples = flows("tcp", FULL) + flows("tcp_parallel", HALF)
    broken = ("yuki", "luna")
    for row in samples:
        if (row["benchmark"], row["source"]) == ("tcp_parallel", broken[0]):
            row |= {**bad, "value": None}
    of = [*links("tcp"), *(link(**at(pair, **(bad if pair == broken else {}))) for pair in LINKS)]
    rows = parallel(tmp_path, samples, of)
    for row in rows.values():
        assert [row[key] for key in ("sum_bps", "sum_sent_bps", "factor", "fairness")] == [None] * 4
        assert (row["status"], row["reason"]) == ("failed", "yuki->luna: no route to host")
    assert (rows["all"]["n_flows"], rows["all"]["n_planned"]) == (4, 6)
    assert rows["all"]["single_bps"] == 100
    assert rows["all"]["allowed"] == 3


def test_a_pair_without_a_record_leaves_the_sum_empty_too(tmp_path: Path) -> None:
    other = {"vpn": "tinc"}
    samples = flows("tcp_parallel", HALF) + flows("tcp_parallel", HALF[:2], LINKS[:2], **other)
    of = links("tcp_parallel") + links("tcp_parallel", pairs=LINKS[:2], **other)
    names = ["impairment", "links", "throughput", "parallel"]
    rows = synthetic.read(synthetic.write(tmp_path, samples, of, names)["parallel"])
    [row] = [row for row in rows if (row["vpn"], row["counted"]) == ("tinc", "all")]
    assert (row["sum_bps"], row["status"]) == (None, "tool_failed")
    assert row["reason"] == "2 of 6 flows have no record"


def test_unequal_flows_are_less_fair(tmp_path: Path) -> None:
    samples = flows("tcp_parallel", [(80, 20), (80, 20), (80, 20)])
    rows = parallel(tmp_path, samples, links("tcp_parallel"))
    assert rows["forward"]["fairness"] == 1
    assert rows["all"]["fairness"] == pytest.approx(300**2 / (6 * 3 * (6400 + 400)))


def test_variants_are_compared_with_their_own_kind(tmp_path: Path) -> None:
    samples = (
        flows("tcp", FULL) + flows("tcp@reno", [(60, 60)] * 3) + flows("tcp_parallel@reno", HALF)
    )
    of = [
        *links("tcp", "tcp@reno", kind="tcp"), *links("tcp_parallel@reno", kind="tcp_parallel")
    ]  # fmt: skip
    rows = parallel(tmp_path, samples, of)
    assert rows["forward"]["single_bps"] == 60
    assert rows["forward"]["factor"] == pytest.approx(2.5)


@pytest.mark.parametrize("change", [{"round": 2}, {"mode": "single"}, {"vpn": "tinc"}])
def test_without_its_like_there_is_no_factor(tmp_path: Path, change: dict[str, Any]) -> None:
    other = [{**row, **change} for row in flows("tcp", FULL)]
    cell = {key: value for key, value in change.items() if key != "mode"}
    of = links("tcp_parallel") + links("tcp", **cell)
    rows = parallel(tmp_path, other + flows("tcp_parallel", HALF), of)
    assert rows["forward"]["sum_bps"] == 150
    assert (rows["forward"]["single_bps"], rows["forward"]["factor"]) == (None, None)


def test_streams_and_spread_of_the_starts_are_the_records(tmp_path: Path) -> None:
    more = [
        sample(name, value, **at(pair), mode="bidir")
        for pair in LINKS
        for name, value in (("streams", 1.0), ("start_spread", 0.012))
    ]
    rows = parallel(tmp_path, flows("tcp_parallel", HALF) + more, links("tcp_parallel"))
    assert (rows["all"]["streams"], rows["all"]["start_spread_s"]) == (1, 0.012)


def second(metric: str, t_s: float, rate: float, direction: str, **more: Any) -> dict[str, Any]:
    where = at(LINKS[0], mode="bidir", direction=direction)
    return sample(metric, rate, "bit/s", **where, t_s=t_s, **more)


def test_seconds_are_the_receiver_s_and_the_sender_s_where_there_are_none(tmp_path: Path) -> None:
    samples = [
        second("goodput", 0.0, 5, "forward"), second("send_rate", 0.0, 9, "forward"),
        second("send_rate", 0.0, 7, "reverse"), second("send_rate", 1.0, 8, "reverse"),
    ]  # fmt: skip
    names = ["impairment", "links", "seconds"]
    files = synthetic.write(tmp_path, samples, [link(**at(LINKS[0], status="timeout"))], names)
    rows = synthetic.read(files["seconds"])
    keys = ("direction", "t_s", "rate_bps", "counted_at", "status")
    assert [tuple(row[key] for key in keys) for row in rows] == [
        ("forward", 0, 5, "receiver", "timeout"),
        ("reverse", 0, 7, "sender", "timeout"),
        ("reverse", 1, 8, "sender", "timeout"),
    ]
