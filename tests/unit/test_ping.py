"""Ping: what it says becomes values, and what it means becomes a status."""

from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.benchmarks import ping
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


def lines(*sequences: int, tail: str = "time=1.00 ms") -> str:
    rows = [
        f"[{1000 + n / 100:.6f}] 64 bytes from 10.88.0.2: icmp_seq={sequence} ttl=64 {tail}"
        for n, sequence in enumerate(sequences)
    ]
    return "\n".join(rows) + "\n"


def counts(sent: int, received: int) -> str:
    return f"{sent} packets transmitted, {received} received, +1 duplicates, 1% packet loss\n"


def test_sequence_numbers_are_counted_on_where_their_16_bits_begin_anew() -> None:
    count = 65_536 + 4_000
    text = lines(*(n % 65_536 for n in range(1, count + 1))) + counts(count, count)
    assert len(ping.replies(text)) == count
    assert ping.judge(making.command(text), 9) == (Status.OK, None)
    assert whole(parse(text))["ping_loss"] == 0


def test_a_reply_that_comes_late_is_not_counted_on() -> None:
    text = lines(65_534, 0, 65_535, 1, 1)
    assert [reply.sequence for reply in ping.replies(text)] == [-2, 0, -1, 1]


def test_a_reply_that_is_cut_short_is_a_reply_without_a_time() -> None:
    text = lines(1, 2) + lines(3, tail="(truncated)") + counts(4, 3)
    assert ping.judge(making.command(text), 9) == (Status.OK, None)
    assert whole(parse(text))["ping_received"] == 3
    assert len(series(parse(text))) == 2


def test_what_ping_does_not_count_is_not_counted() -> None:
    text = lines(1, 1, 2) + lines(3, tail="time=1.00 ms (BAD CHECKSUM!)") + counts(3, 2)
    assert ping.judge(making.command(text), 9) == (Status.OK, None)


def test_a_link_whose_lines_and_summary_differ_has_a_reason_and_the_summary_s_loss() -> None:
    text = lines(1, 2) + counts(4, 3)
    reason = "ping's summary says 3 replies, its lines show 2"
    assert ping.judge(making.command(text), 9) == (Status.OK, reason)
    assert whole(parse(text))["ping_loss"] == 0.25


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("", "nothing"),
        ("2 Pakete übertragen, 2 empfangen\n", "'2 Pakete übertragen, 2 empfangen'"),
        ("0 packets transmitted, 0 received, time 0ms", "'0 packets transmitted, 0 rec"),
        ("1 packets transmitted, 2 received, time 0ms", "'1 packets transmitted, 2 rec"),
    ],
)
def test_a_summary_that_cannot_be_read_is_quoted(text: str, quote: str) -> None:
    status, reason = ping.judge(making.command(text), 9)
    assert status is Status.TOOL_FAILED
    assert f"ping ended with 0: no summary that can be read: {quote}" in str(reason)
    assert parse(text) == []
