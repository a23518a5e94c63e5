"""Recovery from faults: what a record says becomes stages, and what a benchmark breaks is mended."""

import json
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import ValidationError

from meshbench import benchmarks
from meshbench.benchmarks import reconnect
from meshbench.benchmarks.base import CANNOT, Link, Observation
from meshbench.benchmarks.reconnect import Options, Reconnect
from meshbench.benchmarks.tools import clocks
from meshbench.faults import readdress
from meshbench.results.records import Command, LinkRecord, Record, Status
from tests.unit import making

START_S = 1_767_225_600.0
"""`making.START` since the epoch."""
STEP_S = 0.05


def ping(
    outages: Sequence[tuple[float, float]], *, until_s: float = 20.0, ahead_s: float = 0
) -> str:
    """What ping says on a host whose clock is ahead; nothing sent in an outage is answered."""
    lines = ["PING 10.88.0.2 (10.88.0.2) 56(84) bytes of data."]
    for number in range(round(until_s / STEP_S)):
        sent_s = number * STEP_S
        sequence = number % 65536 + 1
        if any(begin <= sent_s < end for begin, end in outages):
            at = START_S + ahead_s + sent_s + STEP_S
            lines.append(f"[{at:.6f}] no answer yet for icmp_seq={sequence}")
        else:
            at = START_S + ahead_s + sent_s + 0.001
            lines.append(
                f"[{at:.6f}] 64 bytes from 10.88.0.2: icmp_seq={sequence} ttl=64 time=1.00 ms"
            )
    return "\n".join([*lines, ""])


def stamps(*times_s: float) -> str:
    return "".join(f"{START_S + time_s:.9f}\n" for time_s in times_s)


def kept(role: str, text: str, code: int = 0, host: str = "yuki", start_s: float = 0.0) -> Command:
    return making.command(
        text, code, host=host, role=role, start_s=start_s, took_s=0.1, measuring=False
    )


def record(
    *commands: Command,
    probe: str,
    kind: str = "lab",
    status: Status = Status.OK,
) -> Record:
    command = making.command(probe, argv=["ping", "10.88.0.2"], role="probe/yuki")
    recorded = making.record(
        LinkRecord(source="lom", target="yuki", status=status, commands=[command]),
        cell=making.cell(benchmark="reconnect"),
    )
    recorded.commands += commands
    recorded.testbed.kind = kind
    return recorded


def parsed(recorded: Record, **options: Any) -> dict[tuple[str, str | None], Observation]:
    values = benchmarks.make("reconnect", options).parse(recorded)
    return {(value.metric.name, value.mode): value for value in values}


def value(
    observations: dict[tuple[str, str | None], Observation], name: str, mode: str
) -> float | None:
    return observations[f"reconnect_{name}", mode].value


def test_a_restart_in_stages() -> None:
    paths = json.dumps([["lom", "yuki", "direct"], ["yuki", "lom", "relay"]])
    observations = parsed(
        record(
            kept("fault/restart/yuki/1", stamps(10.0, 10.1)),
            kept("handshakes/restart/yuki/1", f"{START_S + 10.25:.6f} yuki nebula[1]: Handshake"),
            kept("paths/restart/yuki/1", paths, start_s=12.9),
            probe=ping([(10.02, 10.38)]),
        ),
        faults=["restart"],
    )
    mode = "restart yuki"
    assert value(observations, "active", mode) == pytest.approx(0.1)
    assert value(observations, "handshake", mode) == pytest.approx(0.25)
    assert value(observations, "first", mode) == pytest.approx(0.401)
    assert value(observations, "steady", mode) == pytest.approx(0.401)
    assert value(observations, "direct", mode) == pytest.approx(3.0)
    assert value(observations, "outage", mode) == pytest.approx(0.40)
    assert (value(observations, "lost", mode), value(observations, "noticed", mode)) == (7, 1)
    assert value(observations, "median", "restart") == pytest.approx(0.401)
    assert value(observations, "unnoticed", "restart") == 0


def test_a_path_is_direct_when_it_is_said_so_after_ten_in_a_row() -> None:
    """What the daemon says before the outage is noticed is of the path that was."""
    paths = json.dumps([["lom", "yuki", "direct"]])
    observations = parsed(
        record(
            kept("fault/restart/yuki/1", stamps(10.0, 10.1)),
            kept("paths/restart/yuki/1", paths, start_s=10.6),
            kept("paths/restart/yuki/1", paths, start_s=13.1),
            probe=ping([(11.0, 12.0)]),
        ),
        faults=["restart"],
    )
    assert value(observations, "direct", "restart yuki") == pytest.approx(3.2)


@pytest.mark.parametrize(
    ("looks", "asked", "over"),
    [([True, False, False, True], 1, True), ([False, True, True], 1, True), ([False], 0, False)],
)
def test_the_daemons_are_asked_when_all_pairs_first_are_back(
    monkeypatch: pytest.MonkeyPatch, looks: list[bool], asked: int, over: bool
) -> None:
    """A pair that is steady before it notices the fault does not end the repetition."""
    clock, states = [0.0], iter(looks)
    times: list[float] = []

    async def sleep(seconds: float) -> None:
        clock[0] += seconds

    async def steady(*_: object) -> bool:
        return next(states, looks[-1])

    async def ask() -> None:
        times.append(clock[0])

    monkeypatch.setattr("meshbench.benchmarks.reconnect.asyncio.sleep", sleep)
    monkeypatch.setattr("meshbench.benchmarks.reconnect.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(reconnect, "_steady", steady)
    benchmark = Reconnect(Options(watch_s=1.0, limit_s=3.0))
    work = benchmark._over(SimpleNamespace(), [], ask)  # type: ignore[arg-type]
    with pytest.raises(StopIteration) as ended:
        work.send(None)
    assert (ended.value.value, len(times)) == (over, asked)
    assert clock[0] >= (1.0 if over else 3.0)


def test_a_cut_counts_from_its_end() -> None:
    observations = parsed(
        record(
            kept("fault/cut/yuki/1", stamps(10.0)),
            kept("mended/cut/yuki/1", stamps(12.0)),
            probe=ping([(10.0, 12.5)]),
        ),
        faults=["cut"],
    )
    assert value(observations, "first", "cut yuki") == pytest.approx(0.501)
    assert ("reconnect_active", "cut yuki") not in observations


def test_a_cold_start_hits_every_pair_and_counts_from_the_start() -> None:
    """By the controller's clock; what came before was the stop."""
    start = kept("fault/cold/*/1", stamps(10.0, 11.0), host="*", start_s=11.4)
    observations = parsed(record(start, probe=ping([(10.1, 12.6)])), faults=["cold"])
    assert value(observations, "first", "cold *") == pytest.approx(1.601)
    assert value(observations, "outage", "cold *") == pytest.approx(2.55, abs=0.06)
    assert value(observations, "median", "cold") == pytest.approx(1.601)
    assert ("reconnect_active", "cold *") not in observations
    where = [which.host for which in Reconnect(Options(faults=("cold",))).schedule(["lom", "yuki"])]
    assert where == ["*"] * 10


def test_what_is_not_back_when_the_address_is_is_censored() -> None:
    observations = parsed(
        record(
            kept("fault/readdress/yuki/1", stamps(10.0, 10.02)),
            kept("mended/readdress/yuki/1", stamps(14.0)),
            probe=ping([(10.0, 14.2)]),
        ),
        faults=["readdress"],
    )
    first = observations["reconnect_first", "readdress yuki"]
    assert (first.value, first.status) == (None, Status.TIMEOUT)
    assert first.reason == "not within 4.000 s"
    median = observations["reconnect_median", "readdress"]
    assert (median.value, median.status) == (None, Status.TIMEOUT)


def test_a_repetition_ends_where_the_next_one_begins() -> None:
    observations = parsed(
        record(
            kept("fault/restart/yuki/1", stamps(5.0, 5.1)),
            kept("fault/kill/yuki/1", stamps(10.0, 10.1)),
            probe=ping([(10.02, 10.38)]),
        ),
        faults=["restart", "kill"],
    )
    assert value(observations, "noticed", "restart yuki") == 0
    assert value(observations, "median", "restart") == 0
    assert value(observations, "unnoticed", "restart") == 1
    assert value(observations, "noticed", "kill yuki") == 1


def test_half_of_them_censored_is_longer_than_any() -> None:
    observations = parsed(
        record(
            kept("fault/restart/yuki/1", stamps(5.0, 5.1)),
            kept("fault/restart/yuki/2", stamps(10.0, 10.1)),
            probe=ping([(5.0, 5.4), (10.0, 99.0)]),
        ),
        faults=["restart"],
        limit_s=4,
    )
    assert observations["reconnect_median", "restart"].status is Status.TIMEOUT
    assert "1 of 2" in str(observations["reconnect_median", "restart"].reason)


def test_what_a_system_cannot_have_is_unsupported() -> None:
    observations = parsed(
        record(kept("fault/kill/yuki/1", "no process runs there", CANNOT), probe=ping([])),
        faults=["kill"],
    )
    median = observations["reconnect_median", "kill"]
    assert (median.status, median.reason) == (Status.UNSUPPORTED, "no process runs there")
    assert ("reconnect_first", "kill yuki") not in observations


def test_a_unit_that_does_not_start_again_is_the_vpn_s_failure() -> None:
    observations = parsed(
        record(kept("fault/restart/yuki/1", stamps(10.0), 1), probe=ping([])), faults=["restart"]
    )
    assert observations["reconnect_median", "restart"].status is Status.FAILED


def test_a_link_that_no_fault_touches_has_no_median() -> None:
    observations = parsed(
        record(kept("fault/restart/luna/1", stamps(10.0, 10.1), host="luna"), probe=ping([])),
        faults=["restart"],
    )
    assert observations["reconnect_median", "restart"].status is Status.UNAVAILABLE
    assert value(observations, "noticed", "restart luna") == 0


def test_wireguard_s_whole_seconds_are_not_before_its_unit_was_active() -> None:
    text = f"{int(START_S) + 9} old=\n{int(START_S) + 10} new=\n"
    observations = parsed(
        record(
            kept("fault/restart/yuki/1", stamps(10.4, 10.5)),
            kept("handshakes/restart/yuki/1", text),
            probe=ping([(10.4, 10.9)]),
        ),
        faults=["restart"],
    )
    assert value(observations, "handshake", "restart yuki") == pytest.approx(0.1)


# --- clocks ----------------------------------------------------------------------------------------


def asked(host: str, at_s: float, took_s: float, ahead_s: float) -> Command:
    stamp = START_S + at_s + took_s / 2 + ahead_s
    return making.command(
        f"{stamp:.9f}\n", host=host, start_s=at_s, took_s=took_s, role=clocks.ROLE, measuring=False
    )


def test_the_fastest_answer_gives_the_offset_and_drift_is_told() -> None:
    commands = [
        asked("lom", 0.0, 0.2, 5.0),
        asked("lom", 0.3, 0.01, 2.0),
        asked("lom", 60.0, 0.02, 2.01),
    ]
    clock = clocks.clocks(commands, shared=False)["lom"]
    assert clock.ahead_s == pytest.approx(2.005)
    assert clock.uncertainty_s == pytest.approx(0.01 + 0.005, abs=1e-6)
    assert clocks.clocks(commands, shared=True)["lom"].uncertainty_s == 0


def test_clocks_that_differ_are_brought_together() -> None:
    """The source's is 3 s ahead, the host's that is hit 2 s behind."""
    commands = [
        asked("lom", 0.0, 0.01, 3.0),
        asked("yuki", 0.0, 0.01, -2.0),
        kept("fault/restart/yuki/1", stamps(8.0, 8.1)),
    ]
    recorded = record(*commands, probe=ping([(10.02, 10.38)], ahead_s=3.0), kind="ssh")
    observations = parsed(recorded, faults=["restart"])
    assert value(observations, "first", "restart yuki") == pytest.approx(0.401, abs=0.01)
    assert observations["clock_offset", None].value is not None


# --- options and schedule --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{"faults": []}, {"faults": ["reboot"]}, {"repetitions": 0}, {"hosts": []}]
)
def test_wrong_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(options)


def test_the_order_is_drawn_from_the_seed_and_has_all() -> None:
    hosts = ["lom", "yuki", "luna"]
    order = Reconnect(Options(repetitions=3)).schedule(hosts)
    assert len(set(order)) == len(order) == 4 * 3 * 3
    assert order == Reconnect(Options(repetitions=3)).schedule(hosts)
    assert order != Reconnect(Options(repetitions=3, seed=2)).schedule(hosts)
    special = Reconnect(Options(hosts="special")).schedule(hosts)
    assert {which.host for which in special} == {"lom"}


def test_the_plan_grows_with_what_is_done() -> None:
    short = Reconnect(Options(faults=("restart",), repetitions=1)).duration_s()
    assert short < Reconnect(Options(faults=("restart", "cut"), repetitions=1)).duration_s()
    assert 9 * short < Reconnect(Options(faults=("restart",))).duration_s() + 9 * 2


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (ping([(0.0, 99.0)], until_s=1.0), Status.FAILED),
        ("ping: not found\n", Status.TOOL_FAILED),
        ("[not json\n[1.0] nothing sent: ping ended with 0\n", Status.TOOL_FAILED),
    ],
)
def test_without_a_reply_the_vpn_is_to_blame_or_ping(
    said: str, status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(argv: Sequence[str]) -> str:
        return said if argv[0] == "cat" else ""

    host = making.ScriptedHost(answer=answer)
    peer = making.ScriptedHost("yuki", index=2)
    monkeypatch.setattr("meshbench.benchmarks.reconnect._FIRST_LIMIT_S", 0.0)
    link = Link(host, peer, "10.88.0.1", "10.88.0.2", "mesh0")
    outcome = making.measured("reconnect", link, {})
    assert outcome.status is status, outcome.reason
    assert outcome.reason
    assert "meshbench-probe" in host.stopped


# --- addresses -------------------------------------------------------------------------------------


def test_another_address_is_free_and_of_the_same_network() -> None:
    hosts = [making.ScriptedHost(f"h{n}", index=n) for n in range(1, 4)]
    assert readdress.another(hosts[0], hosts) is None, "192.0.2.0/24 is not ours to choose from"
    for index, host in enumerate(hosts, 1):
        object.__setattr__(host.address, "data_address", f"198.19.0.{index}")
    others = {readdress.another(host, hosts) for host in hosts}
    assert len(others) == 3
    assert all(str(address).startswith("198.19.0.") for address in others)
    assert not others & {host.address.data_address for host in hosts}
