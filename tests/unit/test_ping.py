"""Ping: what it says becomes values, and what it means becomes a status."""

from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

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
    rtts = series(values)
    by_metric = whole(values)
    assert by_metric.items() >= {
        "ping_sent": 25, "ping_received": 23, "ping_loss": 2 / 25,
        "rtt_min": 1.723, "rtt_avg": 19.179, "rtt_max": 53.054, "rtt_mdev": 13.555,
        "ping_runs": 1, "ping_lost_runs": 0, "ping_loss_apart": 2 / 25, "ping_loss_period": 1,
        "ping_duplicates": 0,
    }.items()  # fmt: skip
    assert "rtt_p99" not in by_metric, "23 replies have none above their 99th percentile"
    ordered = sorted(value.value or 0 for value in rtts)
    assert by_metric["rtt_p50"] == ordered[11]
    assert by_metric["rtt_p95"] == pytest.approx(ordered[20] + 0.9 * (ordered[21] - ordered[20]))
    assert by_metric["rtt_pdv"] == pytest.approx((by_metric["rtt_p95"] or 0) - ordered[0])
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
    assert whole(values)["ping_duplicates"] == 1
    assert [value.value for value in series(values)] == [100]


def test_no_reply_is_a_loss_of_one_and_no_rtt() -> None:
    assert whole(parse(NONE)) == {
        "ping_sent": 3, "ping_received": 0, "ping_loss": 1, "ping_runs": 1, "ping_lost_runs": 1,
        "ping_loss_period": 3, "ping_duplicates": 0,
    }  # fmt: skip
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


# --- jitter, order, outages --------------------------------------------------------------------


def answered(*replies: tuple[int, float], sent: int) -> str:
    """A run's output with these sequence numbers and RTTs in ms, in the order of arrival."""
    rows = [
        f"[{1000 + n / 100:.6f}] 64 bytes from 10.88.0.2: icmp_seq={sequence} ttl=64 time={rtt} ms"
        for n, (sequence, rtt) in enumerate(replies)
    ]
    rtts = [rtt for _, rtt in replies] or [0]
    summary = f"{min(rtts):.3f}/{fmean(rtts):.3f}/{max(rtts):.3f}/0.500 ms"
    return "\n".join([
        *rows, f"{sent} packets transmitted, {len(replies)} received, time 1ms",
        *([f"rtt min/avg/max/mdev = {summary}"] if replies else []), "",
    ])  # fmt: skip


def test_jitter_is_of_neighbours_only() -> None:
    """1 and 2 differ by 3 ms, 4 and 5 by 1 ms; 3 is lost, so that 2 and 4 are no neighbours."""
    values = whole(parse(answered((1, 1), (2, 4), (4, 90), (5, 91), sent=5)))
    assert values["rtt_ipdv"] == 2
    assert values["ping_loss_period"] == 1
    assert "rtt_ipdv" not in whole(parse(answered((1, 1), (3, 2), sent=3)))


def test_a_reply_after_a_later_one_is_out_of_order() -> None:
    """RFC 4737: 3 and 4 come after 5."""
    values = whole(parse(answered((1, 1), (2, 1), (5, 1), (3, 1), (4, 1), (6, 1), sent=6)))
    assert values["ping_reordered"] == pytest.approx(2 / 6)
    assert values["ping_loss_period"] == 0


def test_the_longest_loss_period_may_be_at_either_end() -> None:
    assert whole(parse(answered((4, 1), (6, 1), sent=6)))["ping_loss_period"] == 3
    assert whole(parse(answered((1, 1), (2, 1), sent=6)))["ping_loss_period"] == 4


def test_replies_that_are_not_shown_are_no_loss_period() -> None:
    text = lines(1, 2) + counts(4, 3)
    assert "ping_loss_period" not in whole(parse(text))


@pytest.mark.parametrize(("share", "least"), [(50, 2), (90, 10), (95, 20), (99, 100)])
def test_a_percentile_needs_a_value_above_it(share: int, least: int) -> None:
    def run(count: int) -> str:
        return answered(*((n, float(n)) for n in range(1, count + 1)), sent=count)

    name = f"rtt_p{share}"
    assert name not in whole(parse(run(least - 1)))
    assert whole(parse(run(least)))[name] == pytest.approx(1 + (least - 1) * share / 100)


REFERENCE = {"thesis": True}
FULL = answered(*((n, 2.0) for n in range(1, 101)), sent=100)
LOST = answered(sent=100)


def runs(*texts: Any) -> Outcome:
    script = list(texts)
    return measure(lambda _: script.pop(0), **REFERENCE)[0]


def test_the_thesis_s_own_parameters() -> None:
    options = ping.Options.model_validate(REFERENCE)
    assert (options.runs, options.count, options.interval_s, options.reply_limit_s) == (
        3,
        100,
        0.2,
        1.0,
    )
    assert Ping(options).duration_s() == pytest.approx(60)
    with pytest.raises(ValidationError, match="leave out runs, or thesis"):
        ping.Options.model_validate({**REFERENCE, "runs": 1})
    assert ping.Options.model_validate(options.model_dump()) == options


def test_each_run_has_values_of_its_own_and_all_are_one() -> None:
    outcome = runs(FULL, FULL.replace("time=2.0 ms", "time=4.0 ms").replace("2.000", "4.000"), FULL)
    assert (outcome.status, len(outcome.commands)) == (Status.OK, 3)
    assert all(command.argv[4:8] == ["100", "-i", "0.2", "-W"] for command in outcome.commands)
    values = list(Ping().parse_link(making.link(*outcome.commands)))
    means = {v.stream: v.value for v in values if v.metric is ping.RTT_AVG}
    assert means == {0: 2, 1: 4, 2: 2, None: pytest.approx(8 / 3)}
    assert len(series(values)) == 300
    assert all(value.stream is None for value in series(values))


def test_a_lost_run_is_an_outage_beside_the_loss_of_the_others() -> None:
    half = answered(*((n, 2.0) for n in range(1, 51)), sent=100)
    outcome = runs(FULL, LOST, half)
    reason = "1 of 3 runs of ping had no reply at all: an outage, not a loss rate"
    assert (outcome.status, outcome.reason) == (Status.OK, reason)
    link = making.link(*outcome.commands, reason=reason)
    assert list(Ping().marks(link)) == [reason]
    values = [value for value in Ping().parse_link(link) if value.stream is None]
    by_metric = whole(values)
    assert by_metric["ping_lost_runs"] == 1
    assert by_metric["ping_loss"] == pytest.approx(0.5)
    assert by_metric["ping_loss_apart"] == pytest.approx(0.25)
    assert by_metric["rtt_avg"] == pytest.approx(2)


def test_no_run_with_a_reply_is_a_failure() -> None:
    outcome = runs(LOST, LOST, LOST)
    assert outcome.status is Status.FAILED
    assert outcome.reason == "none of 100 echo requests was answered, in each of 3 runs"


@pytest.mark.parametrize(
    ("bad", "status"),
    [((2, "", "ping: oh\n"), Status.TOOL_FAILED), ((None, "", ""), Status.TIMEOUT)],
)
def test_a_tool_that_breaks_ends_the_runs_and_keeps_those_before(bad: Any, status: Status) -> None:
    outcome = runs(FULL, bad, FULL)
    assert outcome.status is status
    assert len(outcome.commands) == 2
    kept = list(Ping().parse_link(making.link(*outcome.commands, status=status)))
    assert whole(kept)["ping_received"] == 100
