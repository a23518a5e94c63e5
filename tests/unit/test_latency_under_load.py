"""Latency under load: phases, what counts in them, one time axis, and reasons where nothing does."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from meshbench import benchmarks
from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.latency_under_load import LatencyUnderLoad, Options
from meshbench.benchmarks.tools import load_values
from meshbench.results.records import Command, LinkRecord, Status
from tests.unit import making

FORWARD, BIDIR = making.document("iperf3-forward.json"), making.document("iperf3-bidir.json")
REVERSE = making.document("iperf3-reverse.json")
CLOCK_S = 1_764_000_000.0
"""Of the source, when the idle phase begins; the phase `up` begins ten seconds later."""
COUNT, INTERVAL_S = 100, 0.02
LOAD_S = 4
LISTENS = "LISTEN 0 4096 *:5201 *:*\n"
OPTIONS = {"phase_s": COUNT * INTERVAL_S, "settle_s": 1, "streams": 1}


def pings(
    rtts_ms: Sequence[float | None],
    start_s: float = CLOCK_S,
    *,
    asked: int | None = None,
    summary: bool = True,
    role: str = "idle inside",
) -> Command:
    """What ping says of requests with these RTTs, None of one without a reply."""
    replies = [
        f"[{start_s + n * INTERVAL_S + rtt / 1000:.6f}] 64 bytes from 10.88.0.2: "
        f"icmp_seq={n + 1} ttl=64 time={rtt} ms"
        for n, rtt in enumerate(rtts_ms)
        if rtt is not None
    ]
    counts = (
        f"{len(rtts_ms)} packets transmitted, {len(replies)} received, 0% packet loss, time 9ms"
    )
    argv = ["ping", "-n", "-D", "-c", str(asked or len(rtts_ms)), "-i", str(INTERVAL_S)]
    text = "\n".join(["PING 10.88.0.2", *replies, *([counts] if summary else [])]) + "\n"
    return making.command(text, 0 if summary else None, argv=argv, role=role)


def load(
    document: Any, phase: str = "up", start_s: float | None = CLOCK_S + 10, code: int | None = 0
) -> Command:
    clock = "" if start_s is None else f"{start_s:.9f}\n"
    if "start" in document:
        document = json.loads(json.dumps(document))
        document["start"]["test_start"]["duration"] = LOAD_S
    flags = {"up": [], "down": ["-R"], "both": ["--bidir"]}[phase]
    return making.command(
        clock + json.dumps(document), code, argv=["sh", "-c", "x", "sh", "iperf3", *flags],
        role=f"{phase} load",
    )  # fmt: skip


IDLE = pings([2.0, 4.0, 3.0, 3.0] * 25)
IDLE_BESIDE = pings([1.0] * COUNT, role="idle beside")
SETTLING = [3.0] * 50
UP = pings([*SETTLING, *[103.0] * COUNT], CLOCK_S + 10, role="up inside")
UP_BESIDE = pings([*SETTLING, *[51.0] * COUNT], CLOCK_S + 10, role="up beside")


def parse(*commands: Command, status: Status = Status.OK, **more: Any) -> list[Observation]:
    link = making.link(*commands, status=status, **more)
    benchmark = LatencyUnderLoad(Options.model_validate(OPTIONS))
    return list(benchmark.parse_link(LinkRecord.model_validate_json(link.model_dump_json())))


def value(values: list[Observation], metric: str, mode: str, **more: Any) -> Observation:
    [observation] = [
        v for v in values
        if (v.metric.name, v.mode, v.t_s) == (metric, mode, None)
        and all(getattr(v, key) == wanted for key, wanted in more.items())
    ]  # fmt: skip
    return observation


def test_what_load_adds_is_above_the_idle_median_of_the_same_path() -> None:
    values = parse(IDLE, IDLE_BESIDE, UP, UP_BESIDE, load(FORWARD))
    for share in (50, 95, 99):
        assert value(values, f"added_delay_p{share}", "up inside").value == pytest.approx(100)
        assert value(values, f"added_delay_p{share}", "up beside").value == pytest.approx(50)
    assert value(values, "rtt_p50", "idle inside").value == 3.0
    assert value(values, "rtt_p50", "up inside").value == 103.0
    assert value(values, "ping_sent", "up inside").value == COUNT, "the first second does not count"


def test_responsiveness_is_round_trips_per_minute_without_the_largest_5_percent() -> None:
    values = parse(IDLE, pings([*[60.0] * 95, *[9000.0] * 5], role="up inside"), load(FORWARD))
    assert value(values, "round_trips_per_minute", "up inside").value == pytest.approx(1000)
    assert load_values.trimmed_mean([1.0, 2.0, 6.0]) == 3.0, "too few to leave any out"


def test_probe_and_load_are_on_one_axis_by_the_source_s_clock() -> None:
    values = parse(IDLE, UP, load(FORWARD, start_s=CLOCK_S + 10.5))
    rtts = [v for v in values if v.metric.name == "rtt"]
    assert {v.mode for v in rtts} == {"idle inside", "up inside", "up inside apart"}
    first = min(v.t_s or 0 for v in rtts if v.mode == "up inside apart")
    assert first == pytest.approx(10, abs=1e-5), "when it was sent, not when the reply came"
    assert min(v.t_s or 0 for v in rtts) == 0
    rates = [v for v in values if v.metric.name == "goodput" and v.t_s is not None]
    assert min(v.t_s or 0 for v in rates) == pytest.approx(10.5, abs=1e-3)
    assert {v.mode for v in rates} == {"up apart", "up"}


def test_what_was_sent_after_the_load_s_end_does_not_count() -> None:
    """A busy host's ping falls behind, and the idle link's RTTs are none of a loaded one."""
    end_s = CLOCK_S + 10 + LOAD_S
    late = pings([*[103.0] * 120, *[1.0] * 30], end_s - 120 * INTERVAL_S + 0.001, role="up inside")
    values = parse(IDLE, late, load(FORWARD))
    assert value(values, "ping_sent", "up inside").value == 70, "the first 50 and last 30 do not"
    assert value(values, "rtt_p50", "up inside").value == 103.0
    rtts = [v for v in values if v.metric.name == "rtt" and v.mode == "up inside apart"]
    assert len(rtts) == 80
    gone = pings([1.0] * COUNT, end_s + 1, asked=COUNT + 50, role="up inside")
    missing = value(parse(IDLE, gone, load(FORWARD)), "rtt_p50", "up inside")
    assert (missing.value, missing.status) == (None, Status.UNAVAILABLE)


def test_the_load_s_goodput_is_that_after_it_has_settled() -> None:
    slow = json.loads(json.dumps(FORWARD))
    received = slow["server_output_json"]["intervals"]
    for interval in received:
        started = interval["streams"][0]["start"]
        interval["streams"][0]["bits_per_second"] = 1e6 if started < 1 else 5e7
    values = parse(IDLE, UP, load(slow))
    assert value(values, "goodput", "up").value == pytest.approx(5e7)
    del slow["server_output_json"]
    whole = slow["end"]["sum_received"]["bits_per_second"]
    assert value(parse(IDLE, UP, load(slow)), "goodput", "up").value == whole


def test_both_directions_have_their_own_goodput() -> None:
    values = parse(IDLE, load(BIDIR, "both"), load(REVERSE, "down"))
    both = {value(values, "goodput", "both", direction=d).value for d in ("forward", "reverse")}
    assert len(both) == 2
    assert value(values, "goodput", "down").direction == "reverse"


@pytest.mark.parametrize("idle", [(), (pings([None] * COUNT),)], ids=["missing", "outage"])
def test_without_an_idle_phase_nothing_is_said_to_be_added(idle: tuple[Command, ...]) -> None:
    values = parse(*idle, UP, UP_BESIDE, load(FORWARD))
    added = value(values, "added_delay_p95", "up inside")
    assert (added.value, added.status) == (None, Status.UNAVAILABLE)
    assert added.reason == "no median RTT of an idle phase to compare with"
    assert value(values, "rtt_p95", "up inside").value == 103.0


def test_a_phase_without_a_reply_is_an_outage_and_no_loss_rate() -> None:
    values = parse(IDLE, pings([None] * COUNT, role="up inside"), load(FORWARD))
    for metric in ("ping_loss", "rtt_p50", "round_trips_per_minute", "added_delay_p50"):
        missing = value(values, metric, "up inside")
        assert (missing.value, missing.status) == (None, Status.FAILED)
        assert missing.reason == "up: none of 100 echo requests inside the tunnel was answered"
    beside = parse(IDLE, pings([None] * COUNT, role="up beside"), load(FORWARD))
    assert value(beside, "rtt_p50", "up beside").status is Status.UNAVAILABLE


def test_loss_is_of_the_requests_that_count() -> None:
    lost = pings([*[None] * 50, *[3.0] * 80, *[None] * 20], role="up inside")
    assert value(parse(IDLE, lost, load(FORWARD)), "ping_loss", "up inside").value == 0.2


def test_a_percentile_of_too_few_replies_is_missing_with_the_reason() -> None:
    values = parse(IDLE, pings([3.0] * 30, role="up inside"), load(FORWARD))
    missing = value(values, "added_delay_p99", "up inside")
    assert missing.value is None
    assert missing.reason == "30 replies, and the 99th percentile needs 100"


def test_a_ping_that_its_limit_ended_keeps_its_rtts_and_has_no_loss() -> None:
    cut = pings([3.0] * 60, asked=COUNT, summary=False)
    values = parse(cut, status=Status.TIMEOUT, reason="idle: inside the tunnel: no summary")
    assert value(values, "rtt_p50", "idle inside").value == 3.0
    assert value(values, "ping_loss", "idle inside").value is None
    assert not any(v.settled for v in values), "they have the link's status"


def test_what_was_measured_before_a_load_failed_stands() -> None:
    broken = load({"error": "unable to connect to server: Connection timed out"}, code=1)
    values = parse(IDLE, IDLE_BESIDE, UP, broken, status=Status.FAILED, reason="up: load: x")
    assert value(values, "rtt_p50", "idle inside").settled
    assert not value(values, "rtt_p50", "up inside").settled
    assert not [v for v in values if v.metric.name == "goodput"]


def test_a_load_that_cannot_be_read_is_no_value_of_a_link_that_is_ok() -> None:
    with pytest.raises(ValueError, match="no JSON object"):
        parse(IDLE, UP, making.command("garbage", role="up load"))


# --- measuring ---------------------------------------------------------------------------------


class Tools:
    """A host's ping and iperf3, each with answers in turn; the last one stays."""

    def __init__(self, **answers: Sequence[str | tuple[int, str, str]]) -> None:
        self.asked: list[list[str]] = []
        self._answers = {name: list(replies) for name, replies in answers.items()}

    def __call__(self, argv: Sequence[str]) -> str | tuple[int, str, str]:
        words = list(argv)
        name = "iperf3" if "iperf3" in words else words[0]
        if name == "ss":
            return LISTENS
        if name not in self._answers:
            return ""
        self.asked.append(words)
        replies = self._answers[name]
        return replies.pop(0) if len(replies) > 1 else replies[0]

    def of(self, name: str) -> list[list[str]]:
        return [argv for argv in self.asked if name in argv]


def measured(tools: Tools, **options: Any) -> Outcome:
    source = making.ScriptedHost("lom", tools)
    target = making.ScriptedHost("yuki", tools, 2)
    link = Link(source, target, "10.88.0.1", "10.88.0.2", "mesh0", delay_s=0.04)
    return making.measured("latency_under_load", link, {**OPTIONS, **options})


OK = pings([3.0] * COUNT).stdout
NOTHING = f"{COUNT} packets transmitted, 0 received, 100% packet loss, time 2000ms\n"


def test_the_commands() -> None:
    tools = Tools(ping=[OK], iperf3=[json.dumps(FORWARD)])
    outcome = measured(tools, phases=["idle", "up"])
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    assert [c.role for c in outcome.commands] == [
        "idle inside", "idle beside", "up load", "up inside", "up beside"
    ]  # fmt: skip
    idle_inside, idle_beside, up_inside, _ = tools.of("ping")
    assert " ".join(idle_inside) == (
        "ping -n -D -c 100 -i 0.02 -W 5 -s 56 -I mesh0 10.88.0.2"
    )  # fmt: skip
    assert idle_beside[-3:] == ["-I", "data0", "192.0.2.2"]
    assert up_inside[4] == "162", "1 s and six round trips of 40 ms, which do not count"
    [client] = tools.of("iperf3")
    assert client[:4] == ["sh", "-c", 'date +%s.%N && exec "$@"', "sh"]
    assert client[client.index("-t") + 1] == "4", "it outlasts the probes"
    assert client[client.index("-P") + 1] == "1"
    assert not {"-R", "--bidir"} & set(client)


def test_a_phase_whose_tool_failed_is_repeated_by_itself() -> None:
    deadlock = json.dumps({"error": "control socket has closed unexpectedly"})
    tools = Tools(ping=[OK], iperf3=[(1, deadlock, ""), json.dumps(FORWARD)])
    outcome = measured(tools, phases=["idle", "up"], attempts=2)
    assert outcome.status is Status.OK
    assert [c.role for c in outcome.commands if c.role.startswith("failed")] == [
        "failed up load", "failed up inside", "failed up beside"
    ]  # fmt: skip
    outcome = measured(Tools(ping=[OK], iperf3=[(1, deadlock, "")]), phases=["up"], attempts=2)
    assert outcome.status is Status.TOOL_FAILED
    assert outcome.reason == "up: load: control socket has closed unexpectedly"


def test_other_streams_than_asked_for_are_the_tool_s_failure() -> None:
    tools = Tools(ping=[OK], iperf3=[json.dumps(FORWARD)])
    outcome = measured(tools, phases=["up"], streams=4, attempts=1)
    assert outcome.status is Status.TOOL_FAILED
    assert "asked for 4 streams forward; iperf3 tells of 1" in str(outcome.reason)


def test_a_load_that_the_path_does_not_carry_ends_the_link_s_measurement() -> None:
    failed = json.dumps({"error": "unable to connect to server: Connection timed out"})
    tools = Tools(ping=[(2, "", "ping: unknown iface mesh0")], iperf3=[(1, failed, "")])
    outcome = measured(tools, phases=["up", "down"])
    assert outcome.status is Status.FAILED, "a ping that broke with the interface is not to blame"
    assert str(outcome.reason).startswith("up: load: unable to connect")
    assert len(tools.of("iperf3")) == 1


def test_an_outage_in_one_phase_does_not_end_the_others() -> None:
    tools = Tools(ping=[(1, NOTHING, ""), OK], iperf3=[json.dumps(FORWARD)])
    outcome = measured(tools, phases=["idle", "up"])
    assert outcome.status is Status.OK
    assert outcome.reason == "idle: inside the tunnel: none of 100 echo requests was answered"
    tools = Tools(ping=[(1, NOTHING, "")], iperf3=[json.dumps(FORWARD)])
    assert measured(tools, phases=["idle", "up"]).status is Status.FAILED


@pytest.mark.parametrize(
    "options",
    [
        {"phases": []}, {"phases": ["up", "idle"]}, {"phases": ["idle", "idle"]},
        {"phases": ["sideways"]}, {"probe_interval_s": 0.1}, {"streams": 0}, {"phase_s": 0},
        {"thesis": True},
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)


def test_the_plan_has_about_four_times_eight_seconds_per_link() -> None:
    benchmark = benchmarks.make("latency_under_load", {})
    assert 35 < benchmark.duration_s() < 45
    assert benchmarks.make("latency_under_load", {"phases": ["idle"]}).duration_s() == 8


def test_every_headline_is_there_when_all_went_well() -> None:
    kind = LatencyUnderLoad(Options.model_validate({**OPTIONS, "phases": ["idle", "up"]}))
    values = list(kind.parse_link(making.link(IDLE, IDLE_BESIDE, UP, UP_BESIDE, load(FORWARD))))
    have = {(v.metric, v.direction, v.mode) for v in values if v.t_s is None}
    assert {(h.metric, h.direction, h.mode) for h in kind.headlines()} <= have
