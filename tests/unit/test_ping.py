"""Ping: what it says becomes values, and what it means becomes a status."""

from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.ping import Ping
from meshbench.results.records import Status
from tests.unit import making

TEXT = making.text("ping.txt")
NONE = "3 packets transmitted, 0 received, 100% packet loss, time 2037ms\n"


def parse(text: str) -> list[Observation]:
    return list(Ping().parse_link(making.link(making.command(text))))


def whole(values: list[Observation]) -> dict[str, float | None]:
    return {value.metric.name: value.value for value in values if value.t_s is None}


def series(values: list[Observation]) -> list[Observation]:
    return [value for value in values if value.t_s is not None]


def measure(answer: making.Answer, **options: Any) -> tuple[Outcome, list[str]]:
    host = making.ScriptedHost(answer=answer)
    link = Link(host, host, "10.88.0.1", "10.88.0.2", "mesh0", delay_s=0.04)
    outcome = making.measured("ping", link, options)
    return outcome, host.asked[0]


def test_recorded_output_is_read_whole() -> None:
    values = parse(TEXT)
    assert whole(values) == {
        "ping_sent": 25, "ping_received": 23, "ping_loss": 2 / 25,
        "rtt_min": 1.723, "rtt_avg": 19.179, "rtt_max": 53.054, "rtt_mdev": 13.555,
    }  # fmt: skip
    rtts = series(values)
    assert len(rtts) == 23
    assert fmean(value.value or 0 for value in rtts) == pytest.approx(19.179, abs=0.1)
    assert {value.direction for value in values} == {"forward"}


def test_times_are_since_the_first_request() -> None:
    lines = [
        "[100.500000] 64 bytes from 10.88.0.2: icmp_seq=1 ttl=64 time=500 ms",
        "[101.250000] 64 bytes from 10.88.0.2: icmp_seq=2 ttl=64 time=50.0 ms",
        "2 packets transmitted, 2 received, 0% packet loss, time 1ms",
    ]
    assert [(value.t_s, value.value) for value in series(parse("\n".join(lines)))] == [
        (0.5, 500),
        (1.25, 50),
    ]


def test_a_duplicate_is_not_a_second_reply() -> None:
    lines = [
        "[100.1] 64 bytes from 10.88.0.2: icmp_seq=1 ttl=64 time=100 ms",
        "[100.2] 64 bytes from 10.88.0.2: icmp_seq=1 ttl=64 time=200 ms (DUP!)",
        "2 packets transmitted, 1 received, +1 duplicates, 50% packet loss, time 1ms",
    ]
    values = parse("\n".join(lines))
    assert whole(values)["ping_received"] == 1
    assert whole(values)["ping_loss"] == 0.5
    assert [value.value for value in series(values)] == [100]


def test_no_reply_is_a_loss_of_one_and_no_rtt() -> None:
    assert whole(parse(NONE)) == {"ping_sent": 3, "ping_received": 0, "ping_loss": 1}
    assert series(parse(NONE)) == []


@pytest.mark.parametrize("text", ["", "ping: bad address", "PING 10.88.0.2"])
def test_output_without_counts_has_no_values(text: str) -> None:
    assert parse(text) == []


def test_a_link_without_commands_has_no_values() -> None:
    assert list(Ping().parse_link(making.link())) == []


@given(st.text())
def test_no_output_breaks_the_parser(text: str) -> None:
    parse(text)


def test_it_pings_through_the_tunnel_with_the_options() -> None:
    outcome, argv = measure(lambda _: TEXT, count=25, interval_s=0.05)
    assert outcome.status is Status.OK
    assert argv == [
        "ping", "-n", "-D", "-c", "25", "-i", "0.05", "-W", "1.0", "-s", "56",
        "-I", "mesh0", "10.88.0.2",
    ]  # fmt: skip
    assert outcome.limit_s == pytest.approx(25 * 0.05 + 1 + 0.04 + 5)


@pytest.mark.parametrize(
    ("code", "out", "error", "status", "reason"),
    [
        (1, TEXT, "", Status.OK, None),
        (1, NONE, "", Status.FAILED, "none of 3 echo requests was answered"),
        (None, "PING", "", Status.TIMEOUT, "ping gave no summary within 66.0 s"),
        (2, "", "ping: mesh0: no such device\n", Status.TOOL_FAILED, "ping ended with 2: ping: mesh0: no such device"),
    ],
)  # fmt: skip
def test_how_it_ended_is_judged(
    code: int, out: str, error: str, status: Status, reason: str | None
) -> None:
    outcome, _ = measure(lambda _: (code, out, error))
    assert (outcome.status, outcome.reason) == (status, reason)
    assert len(outcome.commands) == 1
