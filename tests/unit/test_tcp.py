"""iperf3's JSON: who sent what in which direction, and whose fault an error is."""

import asyncio
import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.tcp import Tcp
from meshbench.benchmarks.tools import iperf3, iperf3_output, tcp_values
from meshbench.results.records import Status
from meshbench.util.errors import ToolError
from tests.unit import making

PAIR = ("lom", "yuki")


def total(size: int) -> dict[str, float]:
    return {"bytes": size, "bits_per_second": 8 * size}


SILENT = {
    "start": {"test_start": {"bidir": 1}},
    "end": {
        "sum_sent": total(9), "sum_received": total(9),
        "sum_sent_bidir_reverse": total(9), "sum_received_bidir_reverse": total(0),
    },
}  # fmt: skip
NOTHING = {"end": {"sum_sent": total(9), "sum_received": total(0)}}


def values(name: str) -> list[Observation]:
    return list(tcp_values.of_run(making.document(f"iperf3-{name}.json"), PAIR))


def whole(observations: list[Observation], direction: str) -> dict[str, float | None]:
    mine = [v for v in observations if v.t_s is None and v.direction == direction]
    names = [value.metric.name for value in mine]
    assert len(set(names)) == len(names)
    return {value.metric.name: value.value for value in mine}


def series(observations: list[Observation], direction: str, metric: str) -> list[float | None]:
    mine = [v for v in observations if v.t_s is not None and v.direction == direction]
    return [value.value for value in mine if value.metric.name == metric]


@pytest.mark.parametrize("direction", ["forward", "reverse"])
def test_one_direction_at_a_time(direction: str) -> None:
    run, observations = making.document(f"iperf3-{direction}.json"), values(direction)
    end, other = run["end"], {"forward": "reverse", "reverse": "forward"}[direction]
    assert {(value.direction, value.mode) for value in observations} == {(direction, "single")}
    by_metric = whole(observations, direction)
    assert whole(observations, other) == {}
    assert by_metric["goodput"] == end["sum_received"]["bits_per_second"]
    assert by_metric["send_rate"] == end["sum_sent"]["bits_per_second"]
    assert by_metric["sent"] == end["sum_sent"]["bytes"]
    assert by_metric["retransmits"] == end["sum_sent"]["retransmits"] == 0
    assert by_metric["mss"] == run["start"]["tcp_mss_default"]
    use = end["cpu_utilization_percent"]
    assert by_metric["iperf3_cpu_client"] == pytest.approx(use["host_total"] / 100)
    assert by_metric["iperf3_cpu_server"] == pytest.approx(use["remote_total"] / 100)


@pytest.mark.parametrize("name", ["forward", "reverse", "bidir"])
def test_each_direction_has_the_receiver_s_goodput_and_the_sender_s_tcp(name: str) -> None:
    run, observations = making.document(f"iperf3-{name}.json"), values(name)
    sides = {"client": run["intervals"], "server": run["server_output_json"]["intervals"]}
    directions = {value.direction for value in observations}
    assert directions == ({"forward", "reverse"} if name == "bidir" else {name})
    for direction in directions:
        sender, receiver = ("client", "server") if direction == "forward" else ("server", "client")
        streams = {
            side: [s for i in sides[side] for s in i["streams"]
                   if not s["omitted"] and s["sender"] is (side == sender)]
            for side in (sender, receiver)
        }  # fmt: skip
        assert len(streams[sender]) == len(streams[receiver]) == 2
        for metric, side, key, factor in (
            ("goodput", receiver, "bits_per_second", 1),
            ("retransmits", sender, "retransmits", 1),
            ("cwnd", sender, "snd_cwnd", 1),
            ("tcp_rtt", sender, "rtt", 1e-3),
            ("pmtu", sender, "pmtu", 1),
        ):
            expected = [stream[key] * factor for stream in streams[side]]
            assert series(observations, direction, metric) == pytest.approx(expected), metric


@pytest.mark.parametrize("name", ["forward", "reverse", "bidir"])
def test_windows_and_rtt_are_those_of_the_sending_socket(name: str) -> None:
    run, observations = making.document(f"iperf3-{name}.json"), values(name)
    for direction in {value.direction for value in observations}:
        end = (run if direction == "forward" else run["server_output_json"])["end"]
        [sender] = [s["sender"] for s in end["streams"] if s["sender"]["sender"]]
        by_metric = whole(observations, direction)
        assert by_metric["cwnd_max"] == sender["max_snd_cwnd"]
        assert by_metric["snd_wnd_max"] == sender["max_snd_wnd"]
        assert by_metric["tcp_rtt_mean"] == pytest.approx(sender["mean_rtt"] / 1000)


def test_both_at_once_are_told_apart() -> None:
    run, observations = making.document("iperf3-bidir-3.18.json"), values("bidir-3.18")
    assert {value.mode for value in observations} == {"bidir"}
    forward, reverse, end = (
        whole(observations, "forward"),
        whole(observations, "reverse"),
        run["end"],
    )
    assert forward["goodput"] == end["sum_received"]["bits_per_second"]
    assert reverse["goodput"] == end["sum_received_bidir_reverse"]["bits_per_second"]
    assert forward["retransmits"] == end["sum_sent"]["retransmits"]
    assert reverse["retransmits"] == end["sum_sent_bidir_reverse"]["retransmits"]
    assert forward["retransmits"] != reverse["retransmits"]
    assert forward["tcp_rtt_mean"] == pytest.approx(end["streams"][0]["sender"]["mean_rtt"] / 1000)
    segments = end["sum_sent"]["bytes"] / 1248
    assert forward["retransmit_rate"] == pytest.approx(forward["retransmits"] / segments)
    # Recorded with a server that gave text only: no time series of the far sender.
    assert series(observations, "forward", "retransmits")
    assert series(observations, "reverse", "retransmits") == []
    assert not {"cwnd_max", "snd_wnd_max", "tcp_rtt_mean"} & set(reverse)


def test_a_stream_that_sent_nothing_has_no_retransmit_rate() -> None:
    run = making.document("iperf3-forward.json")
    run["end"]["sum_sent"]["bytes"] = 0
    assert "retransmit_rate" not in whole(list(tcp_values.of_run(run, PAIR)), "forward")


def test_reordering_is_a_value_only_where_iperf3_says_it() -> None:
    run = making.document("iperf3-forward.json")
    assert series(list(tcp_values.of_run(run, PAIR)), "forward", "reordering_seen") == []
    run["intervals"][1]["streams"][0]["reorder"] = 4
    assert series(list(tcp_values.of_run(run, PAIR)), "forward", "reordering_seen") == [4]


@pytest.mark.parametrize("text", ["", "iperf3: error", "{", '{"error": "x"}', '{"start": {}}'])
def test_what_is_no_result_has_no_values(text: str) -> None:
    commands = making.command(making.text("iperf3-forward.json")), making.command(text)
    observations = list(Tcp().parse_link(making.link(*commands, status=Status.TOOL_FAILED)))
    assert len(observations) == len(values("forward"))
    with pytest.raises(ValueError, match="."):
        list(Tcp().parse_link(making.link(*commands)))


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("unable to connect to server: Connection timed out", Status.FAILED),
        ("unable to connect to server - server may have stopped running: Connection refused", Status.TOOL_FAILED),
        ("unable to connect to server - server may have stopped running: Connection reset by peer", Status.TOOL_FAILED),
        ("error - No route to host", Status.FAILED),
        ("unable to send control message: Network is unreachable", Status.FAILED),
        ("the server is busy running a test. try again later", Status.TOOL_FAILED),
        ("test authorization failed", Status.TOOL_FAILED),
        ("unable to read from stream socket: Connection reset by peer", Status.TOOL_FAILED),
        ("Bad file descriptor", Status.TOOL_FAILED),
    ],
)  # fmt: skip
def test_an_error_is_the_path_s_or_the_tool_s(error: str, status: Status) -> None:
    assert iperf3.classify(error) is status
    command = making.command(json.dumps({"error": error, "end": {}}), 1)
    assert iperf3.judge(command, 9) == (status, error)


@pytest.mark.parametrize(
    ("limit_ms", "error", "early"),
    [
        ("600", "unable to connect to server - server may have stopped: Connection timed out", True),
        ("10000", "unable to connect to server - server may have stopped: Connection timed out", False),
        ("600", "unable to connect to server - server may have stopped: Connection refused", False),
        ("600", "unable to receive control message: Connection timed out", False),
    ],
)  # fmt: skip
def test_one_lost_packet_is_no_path_that_carries_nothing(
    limit_ms: str, error: str, early: bool
) -> None:
    """In the thesis's UDP a Nebula at `medium` did not connect within its 0.6 s."""
    argv = ["iperf3", "-c", "10.88.0.1", "--connect-timeout", limit_ms]
    command = making.command(json.dumps({"error": error, "end": {}}), 1, argv=argv)
    assert iperf3.gave_up_early(command) is early


@pytest.mark.parametrize(
    ("command", "status", "reason"),
    [
        (making.command("", None), Status.TIMEOUT, "not finished within 9 s"),
        (making.command("", 1, error="Segmentation fault"), Status.TOOL_FAILED, "no JSON from iperf3: Segmentation fault"),
        (making.command(json.dumps(SILENT)), Status.FAILED, "the reverse stream ended normally and moved no data"),
        (making.command(json.dumps(NOTHING)), Status.FAILED, "the forward stream ended normally and moved no data"),
        (making.command(making.text("iperf3-bidir.json")), Status.OK, None),
    ],
)  # fmt: skip
def test_an_end_is_judged(command: Any, status: Status, reason: str | None) -> None:
    assert iperf3.judge(command, 9) == (status, reason)


def cut_off(document: dict[str, Any]) -> Any:
    """A client that was ended from outside, and says what it had until then."""
    document["error"] = "interrupt - the client has terminated by signal Terminated(15)"
    asked_s = document["start"]["test_start"]["duration"]
    argv = ("iperf3", "-c", "192.0.2.2", "-t", str(asked_s), "--bidir")
    return making.command(json.dumps(document), None, argv=argv)


def test_a_run_that_hangs_after_all_of_its_data_is_iperf3_s_failure() -> None:
    """With --bidir its exchange of results can hang; the path carried data until the last second."""
    whole = json.loads(making.text("iperf3-bidir.json"))
    sent_s = round(iperf3_output.sent_s(iperf3_output.read(json.dumps(whole))))
    reason = (
        f"iperf3's exchange of results failed after {sent_s} s of data: not finished within 9 s"
    )
    assert iperf3.judge(cut_off(whole), 9) == (Status.TOOL_FAILED, reason)
    early = {**whole, "intervals": whole["intervals"][:-2]}
    assert iperf3.judge(cut_off(early), 9) == (Status.TIMEOUT, "not finished within 9 s")
    dead = copy.deepcopy(whole)
    for stream in dead["intervals"][-1]["streams"]:
        stream["bytes"] = 0
    assert iperf3.judge(cut_off(dead), 9)[0] is Status.TIMEOUT


def silent_after(intervals: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """A run in which nothing was received; by interval, the bytes sent and the window at its end."""
    at = {"start": 0, "bits_per_second": 0}
    streams = [{**at, "sender": True, "bytes": n, "snd_wnd": window} for n, window in intervals]
    receiver = {**at, "sender": False, "bytes": 0}
    return {**SILENT, "intervals": [{"streams": [receiver, stream]} for stream in streams]}


@pytest.mark.parametrize(
    ("intervals", "status"),
    [
        ([(270_336, 0)], Status.TOOL_FAILED),
        ([(270_336, 0), (0, 0), (0, 0)], Status.TOOL_FAILED),
        ([(270_336, 0), (0, 65_536)], Status.FAILED),
        ([(65_536, 65_536), (0, 65_536)], Status.FAILED),
        ([(0, 0), (0, 0)], Status.FAILED),
        ([(270_336, -1), (0, -1)], Status.FAILED),
    ],
)
@pytest.mark.parametrize("side", ["client", "server"])
def test_a_receiver_that_never_read_is_told_from_a_path_that_carried_nothing(
    intervals: list[tuple[int, int]], status: Status, side: str
) -> None:
    run = silent_after(intervals)
    if side == "server":
        run = {**SILENT, "server_output_json": run}
    assert iperf3.judge(making.command(json.dumps(run)), 9)[0] is status


def link_to(host: making.ScriptedHost) -> Link:
    return Link(host, host, "10.88.0.1", "10.88.0.2", "mesh0", delay_s=0.042)


LISTENS = "LISTEN 0 4096 *:5201 *:*\n"


def measure(answers: Sequence[Any], **options: Any) -> tuple[Outcome, making.ScriptedHost]:
    waiting = list(answers)

    def answer(argv: Sequence[str]) -> Any:
        return waiting.pop(0) if argv[0] == "iperf3" else LISTENS if argv[0] == "ss" else ""

    host = making.ScriptedHost(answer=answer)
    outcome = making.measured("tcp", link_to(host), options)
    host.asked = [argv for argv in host.asked if argv[0] == "iperf3"]
    return outcome, host


def test_every_mode_is_its_own_run_and_the_first_failure_ends_them() -> None:
    texts = [making.text(f"iperf3-{name}.json") for name in ("forward", "reverse", "bidir")]
    outcome, host = measure(texts)
    assert outcome.status is Status.OK
    flags = [[word for word in argv if word in {"-R", "--bidir"}] for argv in host.asked]
    assert flags == [[], ["-R"], ["--bidir"]]
    assert len(list(Tcp().parse_link(making.link(*outcome.commands)))) == sum(
        len(values(name)) for name in ("forward", "reverse", "bidir")
    )

    outcome, host = measure([texts[0], json.dumps(NOTHING), texts[2]])
    assert outcome.status is Status.FAILED
    assert outcome.reason == "reverse: the reverse stream ended normally and moved no data"
    assert len(outcome.commands) == len(host.asked) == 2


def test_the_command_is_bound_to_the_tunnel_and_its_times_have_the_right_unit() -> None:
    options = {"duration_s": 3, "omit_s": 1, "connect_limit_s": 1.5, "modes": ["forward"]}
    outcome, host = measure(
        [making.text("iperf3-forward.json")], zero_copy=True, congestion="bbr", **options
    )
    [argv] = host.asked
    words = " ".join(argv)
    assert words.startswith("iperf3 -c 10.88.0.2 -p 5201 -B 10.88.0.1 --json --get-server-output")
    assert "--connect-timeout 1500 " in words
    assert " -Z -C bbr " in words
    assert "-t 3 -O 1" in words
    assert outcome.limit_s == pytest.approx(3 + 1 + 1.5 + 40 * 0.042 + 10)


def test_the_server_answers_in_json_and_its_credentials_are_private_and_gone_afterwards() -> None:
    host = making.ScriptedHost(answer=lambda _: LISTENS)
    servers = iperf3.Iperf3Servers([link_to(host), replace(link_to(host), port=5211)])

    async def serve() -> None:
        async with servers.running():
            assert host.stopped == []
            assert [unit.argv[unit.argv.index("-p") + 1] for unit in host.started] == [
                "5201", "5211"
            ]  # fmt: skip
            assert all("--json" in unit.argv for unit in host.started)
            assert {file.mode for file in host.files.values()} == {0o600}

    asyncio.run(serve())
    [password] = servers.client_secrets.values()
    assert all(password.encode() not in file.content for file in host.files.values())
    words = [word for unit in host.started for word in unit.argv]
    assert password not in " ".join([*words, *servers.client_arguments])
    assert host.stopped == [unit.name for unit in host.started]
    assert host.asked[-1] == ["rm", "-rf", "--", "/run/meshbench/iperf3"]


@pytest.mark.parametrize(
    "said",
    [
        [LISTENS],
        ["", LISTENS],
        [f"{LISTENS}ESTAB 0 0 10.88.0.2:5201 10.88.0.1:40000\n"] * 2 + [LISTENS],
        [f"{LISTENS}CLOSE-WAIT 1 0 10.88.0.2:5201 10.88.0.1:40000\n", LISTENS],
    ],
)
def test_a_server_is_free_when_it_listens_and_has_no_client(said: list[str]) -> None:
    waiting = list(said)
    host = making.ScriptedHost(answer=lambda _: waiting.pop(0))
    asyncio.run(iperf3.Iperf3Servers([link_to(host)]).free([link_to(host)]))
    assert waiting == []
    assert host.started == []


def test_a_server_that_does_not_become_free_is_started_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(iperf3, "FREE_LIMIT_S", 0.05)
    stuck = f"{LISTENS}ESTAB 0 0 10.88.0.2:5201 10.88.0.1:40000\n"
    host = making.ScriptedHost(answer=lambda _: LISTENS if host.started else stuck)
    asyncio.run(iperf3.Iperf3Servers([link_to(host)]).free([link_to(host)]))
    assert len(host.started) == 1


def test_a_server_that_ends_at_once_is_not_waited_for() -> None:
    host = making.ScriptedHost(answer=lambda argv: (3, "", "") if argv[0] == "systemctl" else "")

    async def serve() -> None:
        async with iperf3.Iperf3Servers([link_to(host)]).running():
            pass

    with pytest.raises(ToolError, match="iperf3 does not listen: journal"):
        asyncio.run(serve())
    assert sum(argv[0] == "ss" for argv in host.asked) == 1


def test_two_cells_have_different_credentials() -> None:
    assert iperf3.Iperf3Servers([]).client_secrets != iperf3.Iperf3Servers([]).client_secrets


REFUSED = "iperf3: error - unable to connect to server: Connection refused"
TIMED_OUT = "iperf3: error - unable to connect to server: Connection timed out"
EMPTY = '{"start": {"connected": [], "version": "iperf 3.9"}, "intervals": [], "end": {}}'


@pytest.mark.parametrize(
    ("code", "error", "status", "reason"),
    [
        (1, REFUSED, Status.TOOL_FAILED, REFUSED),
        (1, TIMED_OUT, Status.FAILED, TIMED_OUT),
        (1, "iperf3: error - the server has terminated", Status.TOOL_FAILED, "iperf3: error - the server has terminated"),
        (1, "", Status.TOOL_FAILED, "iperf3 ended with 1 and said nothing"),
        (0, "warning: x", Status.TOOL_FAILED, "iperf3's output has no end.sum_sent"),
    ],
)  # fmt: skip
def test_before_3_10_errors_are_on_standard_error_only(
    code: int, error: str, status: Status, reason: str
) -> None:
    assert iperf3.judge(making.command(EMPTY, code, error=error), 9) == (status, reason)


def test_a_run_that_moved_data_and_ended_badly_is_not_ok() -> None:
    text = making.text("iperf3-forward.json")
    assert iperf3.judge(making.command(text, 1), 9)[0] is Status.TOOL_FAILED


def before_3_11(run: dict[str, Any]) -> str:
    """A document as older iperf3 prints it: each sum twice under one name."""
    text = json.dumps(run, indent="\t")
    assert text.count("_bidir_reverse") >= 2
    return text.replace("_bidir_reverse", "")


@pytest.mark.parametrize("name", ["bidir", "bidir-3.18"])
def test_both_directions_of_older_iperf3_have_their_own_numbers(name: str) -> None:
    run = making.document(f"iperf3-{name}.json")
    run["start"]["test_start"].pop("bidir", None)
    command = making.command(before_3_11(run), argv=["iperf3", "-c", "x", "--bidir"])
    assert iperf3.judge(command, 9) == (Status.OK, None)
    assert list(Tcp().parse_link(making.link(command))) == values(name)


def test_the_mode_is_the_command_line_s() -> None:
    text = making.text("iperf3-forward.json")
    command = making.command(text, argv=["/opt/bin/iperf3", "-c", "x", "--bidir"])
    status, reason = iperf3.judge(command, 9)
    assert (status, reason) == (
        Status.TOOL_FAILED, "iperf3's output has no end.sum_sent_bidir_reverse"
    )  # fmt: skip
    with pytest.raises(ValueError, match="no end.sum_sent_bidir_reverse"):
        list(Tcp().parse_link(making.link(command)))


GOOD = making.text("iperf3-forward.json")


@pytest.mark.parametrize(
    "text",
    [f"warning: JSON data length overflow\n{GOOD}", f"{GOOD}\niperf3: done", f"{GOOD}\n{GOOD}", f"{GOOD}{GOOD}".replace("}{", "}\n{")],
)  # fmt: skip
def test_a_document_is_found_among_other_text(text: str) -> None:
    assert iperf3.judge(making.command(text), 9) == (Status.OK, None)
    assert list(Tcp().parse_link(making.link(making.command(text)))) == values("forward")


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("", "no JSON object in nothing"),
        ("[]", "no JSON object in '[]'"),
        ("null", "no JSON object in 'null'"),
        ('{"end": {"x": -nan}}', """not JSON (Expecting value at character 14): '{"end": {"x": -nan}}'"""),
        ('{"a": 1}\n{"a": 2}', "2 different JSON objects in"),
        ("{" * 3, "not JSON (Expecting property name"),
        ('{"a":' * 100_000, "not JSON (nested too deeply)"),
        (GOOD.replace('"bytes":', '"octets":'), "end.sum_sent.bytes: Field required"),
        (GOOD.replace('"end":', '"end": [], "x":'), "end: Input should be"),
    ],
)  # fmt: skip
def test_what_came_instead_of_a_document_is_quoted(text: str, quote: str) -> None:
    status, reason = iperf3.judge(making.command(text), 9)
    assert status is Status.TOOL_FAILED
    assert f"no JSON from iperf3: {quote}" in str(reason)


def test_a_server_s_output_that_cannot_be_read_takes_nothing_from_the_client_s() -> None:
    run = making.document("iperf3-forward.json")
    run["server_output_json"]["intervals"] = None
    observations = list(tcp_values.of_run(run, PAIR))
    assert (
        whole(observations, "forward")["goodput"] == run["end"]["sum_received"]["bits_per_second"]
    )
