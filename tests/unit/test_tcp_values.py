"""What is made of an iperf3 run beyond its sums: steadiness, fairness, gaps, runs that were cut short."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from meshbench.benchmarks.base import Observation
from meshbench.benchmarks.tcp import Tcp
from meshbench.benchmarks.tools import tcp_metrics as m
from meshbench.benchmarks.tools import tcp_values
from meshbench.results.metrics import Metric
from meshbench.results.records import Status
from tests.unit import making

PAIR = ("lom", "yuki")


def run(rates: Sequence[float], lengths_s: Sequence[float] | None = None) -> dict[str, Any]:
    """A run forward whose receiver, the server, got these rates (bit/s)."""
    lengths_s = lengths_s or [1.0] * len(rates)
    streams = [
        {"start": start, "seconds": length, "bits_per_second": rate, "sender": False}
        for start, (rate, length) in enumerate(zip(rates, lengths_s, strict=True))
    ]
    total = {"bytes": 9, "bits_per_second": 72}
    return {
        "end": {"sum_sent": total, "sum_received": total},
        "server_output_json": {"intervals": [{"streams": [stream]} for stream in streams]},
    }


def whole(document: Any, metric: Metric, direction: str = "forward") -> Observation:
    observations = tcp_values.of_run(document, PAIR)
    [value] = [
        o for o in observations if (o.metric, o.t_s, o.direction) == (metric, None, direction)
    ]
    return value


def test_variability_is_the_deviation_over_the_mean_of_whole_intervals() -> None:
    assert whole(run([8, 8, 8]), m.GOODPUT_CV).value == 0
    assert whole(run([4, 8, 12]), m.GOODPUT_CV).value == pytest.approx((32 / 3) ** 0.5 / 8)
    with_rest = run([4, 8, 12, 900], [1, 1, 1.001, 0.004])
    assert whole(with_rest, m.GOODPUT_CV).value == pytest.approx((32 / 3) ** 0.5 / 8)


def test_a_rest_at_the_end_is_no_rate_and_keeps_what_it_counts() -> None:
    document = run([4, 8, 900], [1, 1, 0.004])
    [rest] = document["server_output_json"]["intervals"][2]["streams"]
    document["intervals"] = [
        {"streams": [{**rest, "sender": True, "seconds": 0.004, "retransmits": 2}]}
    ]
    first = {"start": 0, "seconds": 1, "bits_per_second": 5, "sender": True, "retransmits": 1}
    document["intervals"].insert(0, {"streams": [first]})
    observations = list(tcp_values.of_run(document, PAIR))

    def over_time(metric: Metric) -> list[float | None]:
        return [o.value for o in observations if o.metric is metric and o.t_s is not None]

    assert over_time(m.GOODPUT) == [4, 8]
    assert over_time(m.SEND_RATE) == [5]
    assert over_time(m.RETRANSMITS) == [1, 2]


def test_stalls_are_the_seconds_at_zero() -> None:
    assert whole(run([8, 0, 8, 0, 0]), m.STALLED).value == 3
    assert whole(run([8, 8, 0], [2, 2, 0.1]), m.STALLED).value == 0
    assert whole(run([8, 0], [2, 2]), m.STALLED).value == 2


@pytest.mark.parametrize("rates", [[8], [0, 0]])
def test_without_two_intervals_that_carried_anything_there_is_no_variability(
    rates: list[float],
) -> None:
    value = whole(run(rates), m.GOODPUT_CV)
    assert (value.value, value.status) == (None, Status.UNAVAILABLE)
    assert value.reason


def test_time_left_out_is_left_out_of_variability_too() -> None:
    document = making.document("iperf3-forward.json")
    received = document["server_output_json"]["intervals"]
    rates = [s["bits_per_second"] for i in received for s in i["streams"] if not s["omitted"]]
    mean = sum(rates) / len(rates)
    deviation = (sum((rate - mean) ** 2 for rate in rates) / len(rates)) ** 0.5
    assert any(stream["omitted"] for i in received for stream in i["streams"])
    assert whole(document, m.GOODPUT_CV).value == pytest.approx(deviation / mean)


def test_fairness_is_jain_s_index_over_both_directions() -> None:
    assert tcp_values.jain([5, 5]) == 1
    assert tcp_values.jain([5, 0]) == 0.5
    assert tcp_values.jain([1, 2, 3]) == pytest.approx(36 / 42)
    assert tcp_values.jain([0, 0]) is None
    document = making.document("iperf3-bidir.json")
    end = document["end"]
    rates = [end[f"sum_received{name}"]["bits_per_second"] for name in ("", "_bidir_reverse")]
    assert whole(document, m.FAIRNESS).value == tcp_values.jain(rates)
    alone = tcp_values.of_run(making.document("iperf3-forward.json"), PAIR)
    assert m.FAIRNESS not in {value.metric for value in alone}


def test_reordering_that_iperf3_does_not_say_is_a_gap_with_its_version() -> None:
    document = making.document("iperf3-bidir.json")
    for direction in ("forward", "reverse"):
        value = whole(document, m.REORDERING, direction)
        assert (value.value, value.status) == (None, Status.UNAVAILABLE)
        assert value.reason == "iperf 3.12 does not say it; 3.20 and newer do"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("iperf 3.21", "iperf 3.21 did not report it"),
        (None, "the sending end's iperf3 did not report it"),
    ],
)
def test_a_gap_of_newer_iperf3_is_not_blamed_on_its_age(version: str | None, reason: str) -> None:
    document = making.document("iperf3-forward.json")
    document["start"]["version"] = version
    assert whole(document, m.REORDERING).reason == reason


def test_reordering_of_a_run_is_the_sending_socket_s() -> None:
    document = making.document("iperf3-bidir.json")
    for side, number in ((document, 0), (document["server_output_json"], 7)):
        [mine] = [s["sender"] for s in side["end"]["streams"] if s["sender"]["sender"]]
        mine["reorder"] = number
    assert whole(document, m.REORDERING).value == 0
    assert whole(document, m.REORDERING, "reverse").value == 7


def test_a_run_s_path_mtu_is_the_largest_of_its_intervals() -> None:
    document = making.document("iperf3-forward.json")
    document["intervals"][1]["streams"][0]["pmtu"] = 66_000
    assert whole(document, m.PMTU).value == 66_000


def cut_short(name: str) -> dict[str, Any]:
    """What iperf3 prints when SIGTERM ends it: its own intervals, and an error."""
    document: dict[str, Any] = making.document(name)
    del document["server_output_json"]
    return {**document, "error": "interrupt - the client has terminated"}


@pytest.mark.parametrize("status", [Status.TIMEOUT, Status.FAILED, Status.TOOL_FAILED])
def test_what_was_measured_until_the_limit_is_kept(status: Status) -> None:
    document = cut_short("iperf3-bidir.json")
    argv = ["iperf3", "-c", "x", "--bidir"]
    link = making.link(making.command(json.dumps(document), None, argv=argv), status=status)
    observations = list(Tcp().parse_link(link))
    assert {value.metric for value in observations if value.t_s is None} == set()
    rates = {
        direction: [s["bits_per_second"] for i in document["intervals"] for s in i["streams"]
                    if s["sender"] is sends and not s["omitted"]]
        for direction, sends in (("forward", True), ("reverse", False))
    }  # fmt: skip
    for direction, metric in (("forward", m.SEND_RATE), ("reverse", m.GOODPUT)):
        mine = [v.value for v in observations if (v.metric, v.direction) == (metric, direction)]
        assert mine == rates[direction]
        assert mine


def test_an_error_in_a_run_that_is_said_to_be_ok_is_no_value() -> None:
    link = making.link(making.command(json.dumps(cut_short("iperf3-forward.json"))))
    with pytest.raises(ValueError, match="the client has terminated"):
        list(Tcp().parse_link(link))
