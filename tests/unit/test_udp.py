"""UDP by iperf3: the receiver's numbers, where datagrams were lost, the search, whose fault a failure is."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meshbench import benchmarks
from meshbench.benchmarks import udp
from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.tools import datagram_drops, rate_search, udp_metrics, udp_values
from meshbench.benchmarks.tools.iperf3_output import Mode, Run
from meshbench.benchmarks.tools.rate_search import Bounds, Step
from meshbench.benchmarks.udp import Options, Udp
from meshbench.results.records import Command, Status
from meshbench.tables import parse
from tests.unit import making

PAIR = ("lom", "yuki")
MODES: Sequence[Mode] = ("forward", "reverse", "bidir")
BEFORE, AFTER = (making.text(f"datagram-drops-{when}.txt") for when in ("before", "after"))


def document(mode: str) -> dict[str, Any]:
    """60 Mbit/s into a receive buffer of 2 KiB, so that it overflowed."""
    output: dict[str, Any] = making.document(f"iperf3-udp-{mode}.json")
    return output


def trial(mode: str, step: str = "overload", **more: Any) -> Command:
    flags = {"forward": [], "reverse": ["-R"], "bidir": ["--bidir"]}[mode]
    text = more.pop("text", None) or json.dumps(document(mode))
    argv = ["iperf3", "-b", more.pop("rate", "0"), *flags]
    return making.command(text, argv=argv, role=f"{step} {mode}", **more)


def counted(role: str, sender: str = AFTER, receiver: str = AFTER) -> list[Command]:
    """Both hosts' counters before and after: as they were before, and these."""
    return [
        making.command(text, host=host, role=f"{when} {role}", measuring=False)
        for when, texts in (("before", (BEFORE, BEFORE)), ("after", (sender, receiver)))
        for host, text in zip(PAIR, texts, strict=True)
    ]


def parsed(*commands: Command, options: Options | None = None, **link: Any) -> list[Observation]:
    return list(Udp(options or Options(search=None)).parse_link(making.link(*commands, **link)))


def whole(values: Sequence[Observation], direction: str, mode: str) -> dict[str, float | None]:
    mine = [v for v in values if (v.t_s, v.direction, v.mode) == (None, direction, mode)]
    assert len({value.metric.name for value in mine}) == len(mine)
    return {value.metric.name: value.value for value in mine}


# --- values -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES)
def test_the_receiver_s_numbers_count(mode: str) -> None:
    run, word = document(mode), "bidir" if mode == "bidir" else "single"
    values = parsed(trial(mode))
    directions = ["forward", "reverse"] if mode == "bidir" else [mode]
    assert {v.direction for v in values if v.mode} == set(directions)
    for direction in directions:
        suffix = "_bidir_reverse" if mode == "bidir" and direction == "reverse" else ""
        sent, received = (run["end"][f"sum_{word}{suffix}"] for word in ("sent", "received"))
        by_metric = whole(values, direction, word)
        assert by_metric["udp_goodput"] == received["bits_per_second"] < 60e6
        assert (
            by_metric["udp_send_rate"] == sent["bits_per_second"] == pytest.approx(60e6, rel=0.01)
        )
        assert by_metric["udp_sent"] == sent["packets"]
        # Every datagram is read whole.
        assert by_metric["udp_received"] == received["bytes"] / 1200
        assert by_metric["udp_lost"] == received["packets"] - received["bytes"] / 1200
        assert by_metric["udp_loss"] == pytest.approx(
            1 - received["bytes"] / 1200 / received["packets"]
        )
        rate = received["bits_per_second"] / 8 / 1200
        assert by_metric["udp_packet_rate"] == pytest.approx(rate)
        assert (by_metric["udp_payload"], by_metric["rate_target"]) == (1200, 60e6)
        assert by_metric["udp_out_of_order"] == 0


@pytest.mark.parametrize("mode", MODES)
def test_each_second_has_what_the_receiver_counted_in_it(mode: str) -> None:
    run = document(mode)
    values = [v for v in parsed(trial(mode)) if v.t_s is not None]
    for direction in {value.direction for value in values}:
        side = run["server_output_json"] if direction == "forward" else run
        streams = [s for i in side["intervals"] for s in i["streams"] if not s["sender"]]
        series = {
            name: [v.value for v in values if (v.metric.name, v.direction) == (name, direction)]
            for name in ("udp_goodput", "udp_lost", "udp_jitter", "udp_loss", "udp_sent")
        }
        assert len(streams) >= 2
        assert series["udp_goodput"] == [s["bits_per_second"] for s in streams]
        assert series["udp_lost"] == [s["lost_packets"] for s in streams]
        assert series["udp_jitter"] == [s["jitter_ms"] for s in streams]
        assert sum(n or 0 for n in series["udp_sent"]) == pytest.approx(
            run["end"]["sum_sent"]["packets"], rel=0.01
        )
        [mean] = [
            v.value for v in parsed(trial(mode))
            if (v.metric, v.direction) == (udp_metrics.JITTER_MEAN, direction)
        ]  # fmt: skip
        jitters = [s["jitter_ms"] for s in streams if s["packets"]]
        assert mean == pytest.approx(sum(jitters) / len(jitters))


def test_a_client_that_says_nothing_was_lost_is_not_believed() -> None:
    """As that of iperf3 3.20 (esnet/iperf issue 1984)."""
    run = document("forward")
    run["end"]["sum_received"] |= {"lost_packets": 0, "lost_percent": 0}
    command = trial("forward", text=json.dumps(run))
    assert whole(parsed(command), "forward", "single")["udp_lost"] == 5479
    assert list(Udp().marks(making.link(command))) == [udp_values.MARK_LOSS]
    assert list(Udp().marks(making.link(trial("forward")))) == []
    assert udp_values.loss_of(command) == pytest.approx(5479 / 12495)


def test_without_the_server_s_own_output_the_client_s_counts() -> None:
    run = document("forward")
    del run["server_output_json"]
    by_metric = whole(parsed(trial("forward", text=json.dumps(run))), "forward", "single")
    assert by_metric["udp_lost"] == 5479
    assert "udp_out_of_order" not in by_metric


def test_what_an_old_iperf3_does_not_say_is_no_value() -> None:
    run = document("forward")
    for side in (run, run["server_output_json"]):
        for total in (v for k, v in side["end"].items() if k.startswith("sum")):
            for key in ("packets", "lost_packets", "jitter_ms"):
                total.pop(key, None)
        side["end"]["streams"] = []
        side["intervals"] = []
    by_metric = whole(parsed(trial("forward", text=json.dumps(run))), "forward", "single")
    assert by_metric.keys() & {"udp_loss", "udp_lost", "udp_packet_rate", "udp_jitter"} == set()
    assert by_metric["udp_goodput"]


def test_duplicates_are_no_loss_below_zero() -> None:
    run = document("forward")
    run["server_output_json"]["end"]["sum_received"]["lost_packets"] = -7
    by_metric = whole(parsed(trial("forward", text=json.dumps(run))), "forward", "single")
    assert (by_metric["udp_lost"], by_metric["udp_loss"]) == (0, 0)


def test_a_jitter_longer_than_the_run_is_no_value() -> None:
    run = document("forward")
    run["server_output_json"]["end"]["sum_received"]["jitter_ms"] = 9.2e9
    values = parsed(trial("forward", text=json.dumps(run)))
    [jitter] = [v for v in values if v.metric is udp_metrics.JITTER and v.t_s is None]
    assert (jitter.value, jitter.status) == (None, Status.TOOL_FAILED)
    assert jitter.reason == "iperf3 says a jitter of 9.2e+09 ms, longer than the run"


@pytest.mark.parametrize(
    ("what", "mode", "word"),
    [
        ("overload", "forward", "single"),
        ("overload", "bidir", "bidir"),
        ("10M", "reverse", "10M"),
        ("10M", "bidir", "10M bidir"),
    ],
)
def test_rates_have_modes_of_their_own(what: str, mode: str, word: str) -> None:
    assert {v.mode for v in parsed(trial(mode, what))} == {word, None}


def test_every_value_is_of_a_declared_metric() -> None:
    values = parsed(trial("bidir"), *counted("overload bidir"))
    assert {value.metric for value in values} <= set(Udp.metrics)
    assert {headline.metric for headline in Udp().headlines()} <= set(Udp.metrics)


@pytest.mark.parametrize("text", ["", "{", "iperf3: error", '{"error": "x"}', '{"start": {}}'])
def test_what_is_no_result_has_no_values_and_leaves_the_others(text: str) -> None:
    good, bad = trial("forward", "10M"), trial("forward", text=text or " ")
    values = parsed(good, bad, status=Status.TOOL_FAILED)
    assert {v.mode for v in values} == {"10M", None}
    assert all(value.settled for value in values if value.mode)
    with pytest.raises(ValueError, match="."):
        parsed(good, bad)


# --- where they were lost -----------------------------------------------------------------------


def test_a_full_receive_buffer_is_where_they_were_lost() -> None:
    values = parsed(trial("forward"), *counted("overload forward", sender=BEFORE))
    by_metric = whole(values, "forward", "single")
    lost = by_metric["udp_sent"] - by_metric["udp_received"]  # type: ignore[operator]
    assert by_metric["udp_dropped_receive_buffer"] == 5479 == lost
    assert by_metric["udp_lost_elsewhere"] == 0
    others = {k for k, v in by_metric.items() if k.startswith("udp_dropped") and v}
    assert others == {"udp_dropped_receive_buffer"}


def test_the_receiver_of_the_reverse_direction_is_the_link_s_source() -> None:
    values = parsed(trial("reverse"), *counted("overload reverse", receiver=BEFORE))
    by_metric = whole(values, "reverse", "single")
    assert by_metric["udp_dropped_receive_buffer"] == 5479
    assert whole(values, "forward", "single") == {}


def test_what_no_counter_has_was_lost_elsewhere() -> None:
    values = parsed(trial("forward"), *counted("overload forward", BEFORE, BEFORE))
    by_metric = whole(values, "forward", "single")
    assert by_metric["udp_lost_elsewhere"] == 5479
    assert sum(v or 0 for k, v in by_metric.items() if k.startswith("udp_dropped")) == 0


@pytest.mark.parametrize("text", ["", "\n@ udp\nUdp: a b\n", BEFORE.replace("RcvbufErrors", "x")])
def test_counters_that_cannot_be_read_are_said_to_be_unknown(text: str) -> None:
    values = parsed(trial("forward"), *counted("overload forward", receiver=text))
    [lost] = [value for value in values if value.metric is udp_metrics.ELSEWHERE]
    assert (lost.value, lost.status) == (None, Status.TOOL_FAILED)
    assert str(lost.reason).startswith("the hosts' counters of lost packets are not known: ")
    assert whole(values, "forward", "single")["udp_goodput"]


EMPTY = datagram_drops.Counters(0, 0, 0, 0, 0, 0, 0, {}, None)


def dropped(sender: dict[str, Any], receiver: dict[str, Any]) -> datagram_drops.Drops:
    ends = ((EMPTY, replace(EMPTY, **end)) for end in (sender, receiver))
    return datagram_drops.between(*ends)


def test_what_a_queue_drops_is_not_counted_again_at_the_socket_above_it() -> None:
    drops = dropped({"send_errors": 30, "qdiscs": 20, "interfaces_out": 4}, {})
    assert (drops.send_socket, drops.qdisc, drops.interface_out) == (6, 20, 4)
    assert drops.total == 30
    # A queue below the tunnel drops what no socket of ours hears of.
    assert dropped({"send_errors": 3, "qdiscs": 20}, {}).send_socket == 0


def test_the_daemon_s_receive_buffer_is_told_from_the_tool_s() -> None:
    sockets = {"0.0.0.0:4242 0.0.0.0:*": 7}
    drops = dropped({}, {"receive_errors": 10, "sockets": sockets, "no_port": 2, "netem": 1})
    assert (drops.daemon_buffer, drops.receive_buffer, drops.too_late, drops.netem) == (7, 3, 2, 1)


def test_counters_that_began_anew_count_nothing() -> None:
    before = replace(EMPTY, receive_errors=90, sockets={"a b": 80})
    drops = datagram_drops.between((EMPTY, EMPTY), (before, EMPTY))
    assert drops.total == 0


SOCKETS = """\
UNCONN 0      0            0.0.0.0:4242      0.0.0.0:*
     skmem:(r0,rb212992,t0,tb212992,f0,w0,o0,bl0,d17)
ESTAB  0      0      198.19.0.2:68 198.19.0.1:67    skmem:(r0,rb212992,t0,tb212992,f4096,w0,o0,bl0,d2)
UNCONN 0      0            [::]:4242         [::]:*
"""
QDISCS = [
    {"kind": "tbf", "handle": "1:", "dev": "data0", "root": True, "drops": 40},
    {"kind": "fq_codel", "handle": "2:", "dev": "data0", "parent": "1:1", "drops": 40},
    {"kind": "noqueue", "handle": "0:", "dev": "lo", "root": True},
    {"kind": "prio", "handle": "4d42:", "dev": "eth0", "root": True, "drops": 11},
    {"kind": "netem", "handle": "4d43:", "dev": "eth0", "parent": "4d42:2", "drops": 9},
]


DEVICES = """\
Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
    lo: 15349058   12526    0    9    0     0          0         0 15349058   12526    0    9    0     0       0          0
nebula1:     1       2    0    1    0     0          0         0        1       2    0    4    0     0       0          0
 data0:15349058   12526    0    2    0     0          0         0 15349058   12526    0    6    0     0       0          0
"""
INTERFACES = """\
1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: data0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc tbf state UP mode DEFAULT group default qlen 1000\\    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netnsid 0
3: nebula1: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1300 qdisc fq_codel state UNKNOWN mode DEFAULT group default qlen 500\\    link/none
"""
UDP = """\
Udp: InDatagrams NoPorts RcvbufErrors SndbufErrors
Udp: 7 1 2 3
Udp6NoPorts                     	10
Udp6RcvbufErrors                	20
Udp6OutDatagrams                	99
"""


def test_sockets_queues_and_the_interface_are_read() -> None:
    sections = {
        "udp": UDP, "route": json.dumps([{"dst": "10.0.0.2", "dev": "nebula1"}]),
        "interfaces": INTERFACES, "devices": DEVICES, "qdiscs": json.dumps(QDISCS),
        "sockets": SOCKETS,
    }  # fmt: skip
    read = datagram_drops.read("".join(f"\n@ {name}\n{text}" for name, text in sections.items()))
    assert (read.no_port, read.receive_errors, read.send_errors) == (11, 22, 3)
    assert (read.interfaces_in, read.interfaces_out, read.mtu) == (3, 10, 1300)
    assert (read.qdiscs, read.netem) == (42, 9)
    assert sorted(read.sockets.values()) == [2, 17]


# --- search -------------------------------------------------------------------------------------

BOUNDS = Bounds(10_000_000, 1_000_000, 1_000_000_000, 0.05, 12)


def searched(capacity_bps: float, bounds: Bounds = BOUNDS) -> list[Step]:
    """The search over a path that loses all that is above its capacity."""
    steps: list[Step] = []
    while (rate := rate_search.next_rate(steps, bounds)) is not None:
        steps.append(Step(rate, max(0.0, 1 - capacity_bps / rate)))
    return steps


@pytest.mark.parametrize("capacity_mbps", [1.5, 9, 10, 37, 300, 812])
def test_the_search_comes_near_to_the_capacity(capacity_mbps: float) -> None:
    steps = searched(capacity_mbps * 1e6)
    index = rate_search.best(steps, BOUNDS)
    assert index is not None
    passed = steps[index].rate_bps
    assert capacity_mbps * 1e6 / 1.05 <= passed <= capacity_mbps * 1e6 / 0.95
    assert len(steps) <= BOUNDS.steps


def test_the_search_is_bounded_and_never_leaves_its_bounds() -> None:
    for steps_ in (2, 3, 5):
        assert len(searched(333e6, replace(BOUNDS, steps=steps_))) == steps_
    assert searched(5e9)[-1].rate_bps == BOUNDS.most_bps
    nothing = searched(0)
    assert [step.rate_bps for step in nothing] == [10_000_000, 1_000_000]
    assert rate_search.best(nothing, BOUNDS) is None


def test_a_loss_by_chance_at_a_low_rate_does_not_end_the_climb_below_it() -> None:
    steps = [Step(10_000_000, 0.0), Step(40_000_000, 0.2), Step(20_000_000, 0.0)]
    assert rate_search.next_rate(steps, BOUNDS) == 28_284_271


def with_loss(loss: float, rate: int, number: int) -> Command:
    run = document("forward")
    counts = run["server_output_json"]["end"]["sum_received"]
    counts |= {"packets": 1000, "lost_packets": round(1000 * loss)}
    run["end"]["sum_received"]["bits_per_second"] = (1 - loss) * rate
    return trial(
        "forward", f"search-{number}", text=json.dumps(run), rate=str(rate), start_s=number * 3.0
    )


SEARCH: dict[str, Any] = {
    "rates": (), "overload": False, "modes": ("forward",), "search": {"steps": 3},
}  # fmt: skip


def test_a_search_keeps_every_step_and_its_result() -> None:
    steps = [(0.0, 10_000_000), (0.5, 40_000_000), (0.04, 20_000_000)]
    commands = [with_loss(*step, number) for number, step in enumerate(steps, 1)]
    values = parsed(*commands, options=Options.model_validate(SEARCH))
    series = [(v.t_s, v.value) for v in values if v.metric is udp_metrics.RATE_TARGET]
    assert series == [(0, 10e6), (3, 40e6), (6, 20e6)]
    assert [v.value for v in values if v.metric is udp_metrics.LOSS] == [0, 0.5, 0.04]
    [result] = [v for v in values if v.metric.name == "udp_capacity"]
    assert result.value == pytest.approx(0.96 * 20e6)
    assert result.mode == "search"


def test_a_search_that_was_cut_short_has_no_result() -> None:
    values = parsed(
        with_loss(0, 10_000_000, 1), trial("forward", "search-2", text='{"error": "x"}'),
        options=Options.model_validate(SEARCH), status=Status.TOOL_FAILED,
    )  # fmt: skip
    assert not [v for v in values if v.metric.name == "udp_capacity"]
    assert [v.value for v in values if v.metric is udp_metrics.LOSS] == [0]


def test_a_search_in_which_no_rate_passed_says_so() -> None:
    commands = [with_loss(0.3, 10_000_000, 1), with_loss(0.06, 1_000_000, 2)]
    values = parsed(*commands, options=Options.model_validate(SEARCH))
    [result] = [v for v in values if v.metric.name == "udp_capacity"]
    assert (result.value, result.status) == (None, Status.FAILED)
    assert result.reason == "no rate had a loss of at most 5 %; the least was 6 % at 1 Mbit/s"


# --- measuring ----------------------------------------------------------------------------------

SET_UP = json.dumps(
    {"error": "unable to read from stream socket: Resource temporarily unavailable"}
)


class Iperf3:
    """Answers clients one after the other from a list, the last answer for ever."""

    def __init__(self, *answers: str | tuple[int, str, str]) -> None:
        self.answers = list(answers)
        self.asked: list[Sequence[str]] = []

    def __call__(self, argv: Sequence[str]) -> str | tuple[int, str, str]:
        if argv[0] == "ss":
            return "LISTEN 0 1 *:5201\n"
        if argv[0] != "iperf3":
            return ""
        self.asked.append(argv)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def measured(iperf3: Iperf3, **options: Any) -> Outcome:
    hosts = (making.ScriptedHost("lom", iperf3), making.ScriptedHost("yuki", iperf3, 2))
    link = Link(*hosts, "10.0.0.1", "10.0.0.2", "tun0")
    return making.measured("udp", link, options)


ONE = {"rates": ("10M",), "modes": ("forward",), "search": None, "overload": False}


def test_a_set_up_that_failed_is_repeated_and_kept() -> None:
    iperf3 = Iperf3((1, SET_UP, ""), (1, SET_UP, ""), json.dumps(document("forward")))
    outcome = measured(iperf3, **ONE)
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    roles = [c.role for c in outcome.commands if c.argv[0] == "iperf3"]
    assert roles == ["failed 10M forward", "failed 10M forward", "10M forward"]
    values = parsed(*outcome.commands)
    assert {v.value for v in values if v.metric.name == "udp_repeated"} == {2}


def test_a_run_may_wait_for_its_set_up_to_fail() -> None:
    """iperf3 says so after 30 s: a run cut off before would be the VPN's."""
    outcome = measured(Iperf3(json.dumps(document("forward"))), **ONE, duration_s=1)
    assert outcome.limit_s > 1 + 30 + Options().connect_limit_s


def test_set_ups_that_fail_for_a_while_are_no_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where packets overtake each other most set-ups of --bidir fail, each at once."""
    iperf3 = Iperf3(*[(1, SET_UP, "")] * 12, json.dumps(document("forward")))
    outcome = measured(iperf3, **ONE)
    assert (outcome.status, len(iperf3.asked)) == (Status.OK, 13)
    once = Iperf3((1, SET_UP, ""))
    assert measured(once, **ONE, attempts=1).status is Status.TOOL_FAILED
    assert len(once.asked) == 1
    monkeypatch.setattr(udp, "SET_UPS_S", 0.0)
    assert measured(Iperf3((1, SET_UP, "")), **ONE).status is Status.TOOL_FAILED


def test_a_client_that_waits_less_than_tcp_s_first_repeat_is_tried_again() -> None:
    error = "unable to connect to server - server may have stopped running: Connection timed out"
    lost = (1, json.dumps({"error": error, "end": {}}), "")
    shortly = {**ONE, "connect_limit_s": 0.6}
    outcome = measured(Iperf3(lost, json.dumps(document("forward"))), **shortly)
    assert outcome.status is Status.OK
    dead = Iperf3(lost)
    assert measured(dead, **shortly).status is Status.FAILED
    assert len(dead.asked) == Options().attempts
    patient = Iperf3(lost)
    assert measured(patient, **ONE).status is Status.FAILED
    assert len(patient.asked) == 1


def test_iperf3_that_fails_every_time_is_not_the_vpn_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(udp, "SET_UPS_S", 0.0)
    iperf3 = Iperf3((1, SET_UP, ""))
    outcome = measured(iperf3, **ONE, attempts=3)
    assert outcome.status is Status.TOOL_FAILED
    assert str(outcome.reason).startswith("10M forward: unable to read from stream socket")
    assert len(iperf3.asked) == 3


def exchange_failed(intervals: int, *, silent: bool = False) -> str:
    run = document("forward")
    run["intervals"] = run["intervals"][:intervals]
    for stream in run["intervals"][-1]["streams"] if silent else ():
        stream["bytes"] = 0
    return json.dumps(
        {**run, "end": {}, "error": "unable to receive results: Connection timed out"}
    )


def test_results_that_did_not_come_after_all_of_the_data_are_asked_for_again() -> None:
    """A path that carries nothing any more fails the next attempt."""
    late, cut = (1, exchange_failed(2), ""), (1, exchange_failed(0), "")
    again = measured(Iperf3(late, json.dumps(document("forward"))), **ONE, duration_s=2)
    assert again.status is Status.OK
    always = measured(Iperf3(late), **ONE, duration_s=2, attempts=2)
    assert always.status is Status.TOOL_FAILED
    assert "exchange of results failed after 2 s of data" in str(always.reason)
    assert measured(Iperf3(late, cut), **ONE, duration_s=2).status is Status.FAILED
    assert measured(Iperf3(late), **ONE, duration_s=30).status is Status.FAILED
    silent = (1, exchange_failed(2, silent=True), "")
    assert measured(Iperf3(silent), **ONE, duration_s=2).status is Status.FAILED


def test_what_was_measured_before_a_failure_stands() -> None:
    silent = document("forward")
    silent["end"]["sum_received"] |= {"bytes": 0, "bits_per_second": 0}
    iperf3 = Iperf3(json.dumps(document("forward")), json.dumps(silent))
    outcome = measured(iperf3, **{**ONE, "overload": True})
    assert outcome.status is Status.FAILED
    assert outcome.reason == "overload forward: the forward stream ended normally and moved no data"
    values = parsed(*outcome.commands, status=outcome.status)
    assert {v.settled for v in values if v.mode == "10M"} == {True}
    assert {v.settled for v in values if v.mode == "single"} == {False}


def test_in_the_tables_what_stands_is_ok_and_what_failed_is_not(tmp_path: Path) -> None:
    bad = trial("forward", text=exchange_failed(0), code=1)
    link = making.link(
        trial("forward", "10M"), bad, status=Status.FAILED, reason="overload forward: no route"
    )
    options = {"rates": ["10M"], "modes": ["forward"], "search": None}
    record = making.record(link, cell=making.cell(benchmark="udp"), options=options)
    path = tmp_path / "raw" / "1.json"
    path.parent.mkdir()
    path.write_text(record.model_dump_json())
    parse.parse([path], tmp_path / "samples.parquet", tmp_path / "links.parquet")
    rows = pq.read_table(tmp_path / "samples.parquet").to_pylist()
    goodput = [r for r in rows if r["metric"] == "udp_goodput" and r["t_s"] is None]
    assert {(r["mode"], r["status"], r["reason"], bool(r["value"])) for r in goodput} == {
        ("10M", "ok", None, True),
        ("single", "failed", "overload forward: no route", False),
    }


def test_sizes_rates_and_directions_are_on_the_command_line() -> None:
    iperf3 = Iperf3(json.dumps(document("forward")))
    measured(iperf3, rates=("1M", "2.5G"), search=None, modes=("forward", "reverse"), duration_s=7)
    lines = [" ".join(argv) for argv in iperf3.asked]
    assert [line.partition(" -b ")[2].split()[0] for line in lines] == [
        "1M", "1M", "2.5G", "2.5G", "0", "0",
    ]  # fmt: skip
    assert ["-R" in line.split() for line in lines] == [False, True] * 3
    for line in lines:
        assert " -u --udp-counters-64bit " in line
        assert " -l 1200 -t 7 " in line
        assert " -B 10.0.0.1 " in line


def test_thesis_is_the_reference_s_command() -> None:
    iperf3 = Iperf3(json.dumps(document("bidir")))
    outcome = measured(iperf3, thesis=True)
    [argv] = iperf3.asked
    line = " ".join(argv)
    for words in (
        "-u --udp-counters-64bit -b 0",
        "--bidir",
        "--connect-timeout 600",
        "-t 30",
        "-Z",
        "--json",
    ):
        assert words in line
    assert not {"-l", "-B", "-O", "-R"} & set(argv)
    assert outcome.limit_s == 120
    benchmark = Udp(Options(thesis=True))
    assert {(h.mode, h.direction) for h in benchmark.headlines()} == {
        ("bidir", "forward"), ("bidir", "reverse"),
    }  # fmt: skip


def test_a_search_goes_on_where_nothing_came_through_at_a_rate() -> None:
    silent = document("forward")
    silent["end"]["sum_received"] |= {"bytes": 0, "bits_per_second": 0}
    fine = document("forward")
    fine["server_output_json"]["end"]["sum_received"]["lost_packets"] = 0
    iperf3 = Iperf3(json.dumps(silent), json.dumps(fine))
    outcome = measured(iperf3, **SEARCH)
    assert outcome.status is Status.OK
    rates = [argv[argv.index("-b") + 1] for argv in iperf3.asked]
    assert rates == ["10000000", "1000000", "3162278"]
    values = parsed(*outcome.commands, options=Options.model_validate(SEARCH))
    assert [v.value for v in values if v.metric is udp_metrics.LOSS] == [1, 0, 0]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"overload": False, "rates": [], "search": None}, "nothing is measured"),
        ({"thesis": True, "payload_bytes": 900}, "thesis: true sets payload_bytes as the thesis did; leave out payload_bytes, or thesis"),
        ({"rates": ["fast"]}, "pattern"),
        ({"rates": [10]}, "string"),
        ({"payload_bytes": 70_000}, "65507"),
        ({"search": {"least": "20M"}}, "must be in this order: 20M, 10M, 1G"),
        ({"search": {"steps": 1}}, "greater than or equal to 2"),
        ({"modes": []}, "at least 1"),
    ],
)  # fmt: skip
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        benchmarks.make("udp", options)


def test_options_are_the_same_when_they_are_read_back() -> None:
    for options in ({}, {"thesis": True}, SEARCH):
        benchmark = benchmarks.make("udp", options)
        again = benchmarks.make("udp", benchmark.options.model_dump(mode="json"))
        assert again.options == benchmark.options


def test_the_plan_knows_how_long_it_takes() -> None:
    fixed = Udp(Options(search=None, rates=("10M",), duration_s=10))
    assert 40 < fixed.duration_s() < 42
    assert 30 < Udp(Options(thesis=True)).duration_s() < 31
    searching = Udp(Options.model_validate({**SEARCH, "search": {"steps": 8, "duration_s": 2}}))
    assert 16 < searching.duration_s() < 18


def test_the_mode_of_a_run_is_read_from_what_it_was_run_with() -> None:
    run = Run.model_validate(document("bidir"))
    directions = {v.direction for v in udp_values.parse_run(run, PAIR, "bidir", "bidir")}
    assert directions == {"forward", "reverse"}
    assert asyncio.iscoroutinefunction(Udp().measure)
