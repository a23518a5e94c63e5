"""quicperf's lines: what was received by whom, and whose fault an error is."""

import json
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from meshbench import benchmarks
from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.quic import Quic
from meshbench.benchmarks.tools import quicperf
from meshbench.results.records import LinkRecord, Status
from tests.unit import making

RUN = making.text("quicperf.jsonl")
LINES: list[dict[str, Any]] = [json.loads(line) for line in RUN.splitlines()]


def text(*lines: Mapping[str, Any]) -> str:
    return "".join(f"{json.dumps(line)}\n" for line in lines)


def without(event: str, **equal: Any) -> str:
    """The run without the lines of a kind that have these values."""
    wanted = {"event": event, **equal}
    return text(*(line for line in LINES if not wanted.items() <= line.items()))


def error(kind: str, message: str = "words", **more: Any) -> dict[str, Any]:
    return {"event": "error", "side": "client", "kind": kind, "message": message, **more}


def quic(**options: Any) -> Quic:
    benchmark = benchmarks.make("quic", options)
    assert isinstance(benchmark, Quic)
    return benchmark


def link(*outputs: str, status: Status = Status.OK, reason: str | None = None) -> LinkRecord:
    return making.link(
        *(making.command(stdout, role="quic") for stdout in outputs), status=status, reason=reason
    )


def parsed(*outputs: str, options: Mapping[str, Any] | None = None) -> list[Observation]:
    return list(quic(**(options or {})).parse_link(link(*outputs)))


def whole(observations: Sequence[Observation]) -> dict[str, float]:
    values = {o.metric.name: o.value for o in observations if o.t_s is None and o.value is not None}
    assert len(values) == sum(o.t_s is None for o in observations)
    return values


def series(observations: Sequence[Observation], metric: str) -> dict[float, float | None]:
    return {o.t_s: o.value for o in observations if o.t_s is not None and o.metric.name == metric}


def received(lines: Sequence[Mapping[str, Any]] = LINES) -> dict[float, float]:
    """By an interval's start, bits per second of all connections, straight from the lines."""
    intervals = [x for x in lines if x["event"] == "interval" and x["role"] == "receiver"]
    starts = sorted({x["start_s"] for x in intervals})
    return {
        t: sum(8 * x["bytes"] / x["seconds"] for x in intervals if x["start_s"] == t)
        for t in starts
    }


# --- values ------------------------------------------------------------------------------------


def test_goodput_is_the_receiver_s_sum_over_the_connections_and_mean_over_the_intervals() -> None:
    observations = parsed(RUN)
    assert list(received()) == [0, 0.5, 1]
    assert series(observations, "quic_goodput") == pytest.approx(received())
    values = whole(observations)
    rates = list(received().values())
    assert values["quic_goodput"] == pytest.approx(statistics.fmean(rates))
    assert values["quic_goodput_min"] == pytest.approx(min(rates))
    assert values["quic_goodput_p50"] == pytest.approx(statistics.median(rates))
    assert {o.direction for o in observations} == {"forward"}
    assert {o.mode for o in observations} == {None}


def test_several_processes_are_summed() -> None:
    assert whole(parsed(RUN, RUN))["quic_goodput"] == pytest.approx(
        2 * whole(parsed(RUN))["quic_goodput"]
    )


def test_set_up_times_are_means_over_the_connections() -> None:
    values = whole(parsed(RUN))
    handshakes_ms = [
        x["handshake_ms"] for x in LINES if x["event"] == "connected" and x["side"] == "client"
    ]
    first = [x["ttfb_ms"] for x in LINES if x["event"] == "first_byte"]
    assert len(handshakes_ms) == len(first) == 2
    assert values["quic_connect"] == pytest.approx(statistics.fmean(handshakes_ms))
    assert values["quic_ttfb"] == pytest.approx(statistics.fmean(first))
    assert values["quic_ttfb_max"] == max(first) > values["quic_connect_min"] == min(handshakes_ms)


def test_loss_rtt_and_packets_are_the_sender_s() -> None:
    values = whole(parsed(RUN))
    ends = [x for x in LINES if x["event"] == "end" and x["role"] == "sender"]
    assert {x["side"] for x in ends} == {"client"}
    packets = sum(x["packets_sent"] for x in ends)
    assert values["quic_loss"] == pytest.approx(sum(x["packets_lost"] for x in ends) / packets)
    assert values["quic_packet"] == pytest.approx(sum(x["bytes_sent"] for x in ends) / packets)
    assert 1200 < values["quic_packet"] <= 1452
    assert values["quic_rtt_min"] == min(x["rtt_min_ms"] for x in ends)
    assert values["quic_rtt"] >= values["quic_rtt_min"]
    assert values["quic_gso"] == 1


def test_what_was_lost_and_came_after_all_is_no_negative_loss() -> None:
    fewer = [{**x, "packets_lost": -3} if x["event"] == "end" else x for x in LINES]
    assert whole(parsed(text(*fewer)))["quic_loss"] == 0


def test_payload_from_the_target_is_reverse_and_of_the_thesis_what_published_runs_call_it() -> None:
    def directions(**options: Any) -> set[str]:
        benchmark = quic(**options)
        assert {headline.direction for headline in benchmark.headlines()} == {benchmark.direction}
        return {o.direction for o in parsed(RUN, options=options)}

    assert directions() == {"forward"}
    assert directions(sender="server") == {"reverse"}
    assert directions(thesis=True) == {"forward"}


def test_a_second_that_a_connection_has_not_is_no_sum() -> None:
    """Of a client that was ended; what was done by then is kept, and no whole-run value is made up."""
    cut = (
        RUN[: RUN.rindex('{"event":"interval"', 0, RUN.rindex('"role":"receiver","start_s":1'))]
        + '{"eve'
    )
    observations = list(quic().parse_link(link(cut, status=Status.TIMEOUT, reason="not finished")))
    assert series(observations, "quic_goodput").keys() <= {0.0, 0.5}
    assert series(observations, "quic_goodput")[0] == pytest.approx(received()[0])
    assert whole(observations) == {}


def test_a_failed_link_with_garbage_has_no_values() -> None:
    assert not list(quic().parse_link(link("gar\nbage", status=Status.TOOL_FAILED, reason="x")))
    with pytest.raises(ValueError, match="no JSON lines of quicperf in 'gar bage'"):
        parsed("gar\nbage")


# --- whose fault -------------------------------------------------------------------------------


def judged(stdout: str, code: int | None = 1, stderr: str = "") -> tuple[Status, str | None]:
    return quicperf.judge(making.command(stdout, code, error=stderr), 9)


def test_a_whole_run_is_ok() -> None:
    assert judged(RUN, 0) == (Status.OK, None)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("handshake_timeout", Status.FAILED),
        ("idle_timeout", Status.FAILED),
        ("unreachable", Status.FAILED),
        ("no_report", Status.FAILED),
        ("message_too_large", Status.UNSUPPORTED),
        ("refused", Status.TOOL_FAILED),
        ("denied", Status.TOOL_FAILED),
        ("internal", Status.TOOL_FAILED),
        ("of another version", Status.TOOL_FAILED),
    ],
)
def test_an_error_speaks_of_the_path_or_of_the_tool(kind: str, status: Status) -> None:
    words = "the path's MTU of 1200 bytes leaves 1172"
    actual, reason = judged(text(LINES[0], error(kind, words)))
    assert (actual, reason) == (status, f"{kind}: {words}")


def test_a_limit_is_a_time_out() -> None:
    assert judged(RUN[:500], None) == (Status.TIMEOUT, "not finished within 9 s")


@pytest.mark.parametrize(
    ("stdout", "code", "stderr", "reason"),
    [
        ("", 127, "sh: no quicperf", "sh: no quicperf"),
        ("garbage\n", 0, "", "garbage"),
        ("[1]\n", 0, "", "no JSON lines"),
        (text(LINES[0]), 1, "", "ended with 1 and said no error"),
        (text(LINES[0]), 0, "", "the receiver of 2 connections says no end"),
        (text({"event": "end"}), 0, "", "side: Field required"),
        (without("start"), 0, "", "how many connections"),
        (without("end", role="receiver"), 0, "", "the receiver of 2 connections"),
        (without("end", role="sender", connection=1), 0, "", "the sender of 1 connections"),
    ],
)
def test_what_cannot_be_read_is_the_tool_s_failure(
    stdout: str, code: int, stderr: str, reason: str
) -> None:
    status, actual = judged(stdout, code, stderr)
    assert status is Status.TOOL_FAILED
    assert reason in str(actual)


def test_a_connection_that_moved_nothing_failed() -> None:
    silent = [
        {**x, "bytes": 0} if x["event"] == "end" and x["connection"] == 1 else x for x in LINES
    ]
    assert judged(text(*silent), 0) == (Status.FAILED, "1 of 2 connections moved no data")


# --- how it is run -----------------------------------------------------------------------------


def outcome(
    options: Mapping[str, Any], answers: Mapping[str, Any]
) -> tuple[Outcome, list[list[str]]]:
    """Measuring a link whose client says `answers` by port; and the clients' command lines."""

    def source(argv: Sequence[str]) -> Any:
        if argv[0] == "nproc":
            return "3\n"
        if "client" in argv:
            port = argv[argv.index("--connect") + 1].rpartition(":")[2]
            return answers.get(port, RUN)
        return ""

    lom = making.ScriptedHost("lom", source)
    yuki = making.ScriptedHost("yuki", lambda _: "UNCONN 0 0\n", index=2)
    measured = making.measured(
        "quic", Link(lom, yuki, "10.88.0.1", "10.88.0.2", "mesh0", delay_s=0.1, port=5211), options
    )
    assert [unit.name for unit in yuki.started] == ["meshbench-quicperf-5211"]
    assert yuki.stopped == ["meshbench-quicperf-5211"]
    [token] = yuki.files.values()
    assert token.secret
    clients = [argv for argv in lom.asked if "client" in argv]
    assert not any(token.content.decode() in word for argv in clients for word in argv)
    return measured, clients


def test_the_command_says_every_option() -> None:
    options = {
        "duration_s": 3, "gso": False, "mtu_discovery": False, "packet_bytes": 1200,
        "connections": 2, "sender": "server",
    }  # fmt: skip
    measured, [argv] = outcome(options, {})
    assert (measured.status, [c.role for c in measured.commands]) == (
        Status.OK,
        ["quic", "versions"],
    )
    command = " ".join(argv[1:])
    for words in (
        "client --connect 10.88.0.2:5211 --local 10.88.0.1 --sender server", "--duration 3.0",
        "--connections 2", "--gso=false", "--mtu-discovery=false", "--packet-size 1200",
    ):  # fmt: skip
        assert words in command
    assert measured.limit_s > 3 + 10 + 0.1 * 20


def test_a_process_per_cpu_each_with_a_port() -> None:
    measured, clients = outcome({"thesis": True}, {})
    ports = [argv[argv.index("--connect") + 1] for argv in clients]
    assert ports == ["10.88.0.2:5211", "10.88.0.2:5212", "10.88.0.2:5213"]
    assert measured.status is Status.OK
    assert all("--duration 30" in " ".join(argv) for argv in clients)


def test_one_of_several_clients_that_fails_is_the_link_s_failure() -> None:
    broken = (1, text(LINES[0], error("handshake_timeout", "no answer")), "")
    measured, _ = outcome({"processes": 3}, {"5212": broken})
    assert measured.status is Status.FAILED
    assert measured.reason == "1 of 3 clients: handshake_timeout: no answer"


def test_the_thesis_s_parameters_are_its_own() -> None:
    chosen = quic(thesis=True).options
    assert (chosen.duration_s, chosen.interval_s, chosen.gso) == (30, 1, True)
    assert (chosen.processes, chosen.connections, chosen.sender) == ("cpus", 1, "server")
    with pytest.raises(ValidationError, match="leave out duration_s, or thesis"):
        quic(thesis=True, duration_s=3)
    again = quic(**chosen.model_dump(mode="json")).options
    assert again == chosen


@pytest.mark.parametrize(
    "wrong",
    [
        {"duration_s": 0}, {"connections": 0}, {"processes": "all"}, {"packet_bytes": 1199},
        {"packet_bytes": 1453}, {"sender": "both"}, {"interval_s": 11}, {"congestion": "bbr"},
        {"thesis": "perhaps"},
    ],
)  # fmt: skip
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        quic(**wrong)


def test_an_ipv6_endpoint_has_brackets() -> None:
    assert quicperf.endpoint("fd00::2", 5201) == "[fd00::2]:5201"
