"""What a reboot came to: from probes, time stamps of systemd's and clocks that need not agree."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from meshbench.benchmarks import reboot
from meshbench.benchmarks.base import Observation
from meshbench.benchmarks.tools import boot_times, reboot_stages
from meshbench.benchmarks.tools import reboot_metrics as m
from meshbench.benchmarks.tools.boot_times import BootTimes, Clock
from meshbench.benchmarks.tools.reboot_stages import BESIDE, REBOOT, TUNNEL, role
from meshbench.results.records import Command, LinkRecord, Record, Status
from tests.unit import making

ASKED_S = making.START.timestamp()
EVERY_S = 0.05


def clock(ahead_s: float, uptime_s: float, at_s: float, took_s: float = 0.01) -> Command:
    """A host that is asked at `at_s` and whose clock is so far ahead."""
    time_s = ASKED_S + at_s + took_s / 2 + ahead_s
    stdout = f"{time_s:.9f}\n{uptime_s:.2f} 1.00\n"
    return making.command(stdout, start_s=at_s, took_s=took_s, role=boot_times.CLOCK, host="yuki")


def stamp(at_s: float) -> str:
    moment = datetime.fromtimestamp(ASKED_S, UTC) + timedelta(seconds=at_s)
    return f"{moment:%a %Y-%m-%d %H:%M:%S.%f} UTC"


def boot(at_s: float, monotonic_s: float = 0.0) -> Command:
    stdout = (
        f"UserspaceTimestamp={stamp(at_s)}\nUserspaceTimestampMonotonic={monotonic_s * 1e6:.0f}\n"
    )
    return making.command(stdout, role=boot_times.BOOT, host="yuki")


def units(*states: tuple[str, float, float]) -> Command:
    """Units' states, with the time at which each became active by the host's clocks."""
    blocks = [
        f"Id=unit{n}.service\nActiveState={state}\nSubState=x\nResult=exit-code\n"
        f"ActiveEnterTimestamp={stamp(at_s) if at_s else ''}\n"
        f"ActiveEnterTimestampMonotonic={monotonic_s * 1e6:.0f}\n"
        for n, (state, at_s, monotonic_s) in enumerate(states)
    ]
    return making.command("\n".join(blocks), role=boot_times.UNITS, host="yuki")


def test_a_clock_is_told_by_the_quickest_answer() -> None:
    asked = [clock(7.5, 100, 3, took_s=0.4), clock(7.0, 100, 4, took_s=0.02)]
    host_clock = Clock.read(asked)
    assert host_clock.ahead_s == pytest.approx(7.0, abs=1e-6)
    assert host_clock.error_s == pytest.approx(0.01)


def test_clocks_that_agree_within_the_error_are_taken_to_agree() -> None:
    host_clock = Clock.read([clock(0.008, 100, 3, took_s=0.02)])
    assert host_clock.ahead_s == 0
    assert host_clock.error_s == pytest.approx(0.018, abs=1e-6)


@pytest.mark.parametrize("said", ["", "yesterday", "1.5", "1e9 nan", "9" * 400 + " 1"])
def test_a_host_without_a_clock_is_an_error(said: str) -> None:
    with pytest.raises(ValueError, match="what its clock is"):
        Clock.read([making.command(said)])


def test_a_kernel_s_boot_is_told_by_what_no_clock_setting_moves() -> None:
    """The host's clock was an hour behind while it booted, so its time stamps are nonsense."""
    commands = [
        clock(0, 12.0, 20.0),
        boot(-3600),
        units(("active", -3590, 9.0), ("active", -3591, 8.0)),
    ]
    times = BootTimes.read(commands, ASKED_S)
    assert times.kernel
    assert times.started_s == pytest.approx(ASKED_S + 20.005 - 12.0, abs=1e-3)
    assert times.active_s == pytest.approx(times.started_s + 9.0)


def test_a_container_s_boot_is_its_user_space_s() -> None:
    commands = [clock(5.0, 90_000.0, 20.0), boot(5 + 3.25), units(("active", 5 + 4.5, 1.0))]
    times = BootTimes.read(commands, ASKED_S)
    assert not times.kernel
    assert times.started_s == pytest.approx(ASKED_S + 3.25, abs=1e-3)
    assert times.active_s == pytest.approx(ASKED_S + 4.5, abs=1e-3)


def test_a_unit_that_is_not_active_has_no_time_and_says_so() -> None:
    commands = [clock(0, 9e4, 20.0), boot(3), units(("active", 4, 1.0), ("failed", 0, 0))]
    times = BootTimes.read(commands, ASKED_S)
    assert times.active_s is None
    assert times.not_active == ("unit1.service is failed (x, exit-code)",)


def test_a_system_without_units_has_no_time_of_them() -> None:
    times = BootTimes.read([clock(0, 9e4, 20.0), boot(3)], ASKED_S)
    assert times.active_s is None
    assert times.not_active == ()


def test_systemd_that_does_not_tell_is_an_error() -> None:
    garbage = making.command("garbage", role=boot_times.BOOT)
    with pytest.raises(ValueError, match="does not say when"):
        BootTimes.read([clock(0, 9e4, 20.0), garbage], ASKED_S)


# --- probes ------------------------------------------------------------------------------------


def ping(answered: Iterable[tuple[float, float]], until_s: float, ahead_s: float = 0.0) -> str:
    """A probe from a second before on that is answered in these times, by a clock so far ahead."""
    lines = ["PING 10.88.0.2 (10.88.0.2) 56(84) bytes of data."]
    windows = list(answered)
    for number in range(round((until_s + 1) / EVERY_S)):
        at_s = number * EVERY_S - 1
        there = any(begin <= at_s < end for begin, end in windows)
        time_s = ASKED_S + at_s + ahead_s
        lines.append(
            f"[{time_s + 0.001:.6f}] 64 bytes from 10.88.0.2: icmp_seq={number + 1} ttl=64 time=1.00 ms"
            if there
            else f"[{time_s + EVERY_S:.6f}] no answer yet for icmp_seq={number + 1}"
        )
    return "\n".join(lines)


def of_role(kind: str, text: str, host: str) -> Command:
    return making.command(text, role=role(kind, "yuki", 1), host=host)


def kept(*commands: Command, ahead_s: float = 0.0) -> list[Command]:
    """A container's reboot that was asked for at 0 and began at 2."""
    facts = commands or (clock(0, 9e4, 20.0), boot(2), units(("active", 3.5, 1.0)))
    peer = clock(ahead_s, 9e4, 20.0).model_copy(update={"host": "lom"})
    return [
        making.command(role=role(REBOOT, "yuki", 1), host="yuki"),
        *(c.in_role(role(c.role, "yuki", 1)) for c in (*facts, peer)),
    ]


BEFORE, ALWAYS = (-1.0, 1.2), (3.0, 99.0)


def link(
    tunnel: Sequence[tuple[float, float]],
    beside: Sequence[tuple[float, float]] = (BEFORE, ALWAYS),
    until_s: float = 10.0,
    ahead_s: float = 0.0,
) -> LinkRecord:
    return making.link(
        of_role(TUNNEL, ping(tunnel, until_s, ahead_s), "lom"),
        of_role(BESIDE, ping(beside, until_s, ahead_s), "lom"),
    )


def record(probed: LinkRecord, commands: Sequence[Command]) -> Record:
    recorded = making.record(probed, cell=making.cell(benchmark="reboot"))
    return recorded.model_copy(update={"commands": list(commands)})


def values(probed: LinkRecord, commands: Sequence[Command]) -> dict[str, float | None]:
    observations: list[Observation] = list(reboot.Reboot().parse(record(probed, commands)))
    return {o.metric.name: o.value for o in observations if o.stream is None}


@pytest.mark.parametrize("ahead_s", [0.0, 40.0])
def test_each_stage_has_its_own_time(ahead_s: float) -> None:
    """Also where the clock of the host that probes is another one."""
    commands = kept(ahead_s=ahead_s)
    probed = link([(-1, 1.0), (4.0, 99)], ahead_s=ahead_s)
    by_metric = values(probed, commands)
    near_s = EVERY_S + 1e-6
    assert by_metric["reboot_gone"] == pytest.approx(1.2, abs=near_s)
    assert by_metric["reboot_started"] == pytest.approx(2.0, abs=1e-3)
    assert by_metric["reboot_underlay"] == pytest.approx(3.0, abs=near_s)
    assert by_metric["reboot_unit"] == pytest.approx(3.5, abs=1e-3)
    assert by_metric["reboot_first_packet"] == pytest.approx(4.0, abs=near_s)
    assert by_metric["reboot_stable"] == by_metric["reboot_first_packet"]
    assert by_metric["host_wait"] == pytest.approx(1.0, abs=near_s)
    assert by_metric["vpn_added"] == pytest.approx(1.0, abs=near_s)
    assert by_metric["vpn_after_unit"] == pytest.approx(0.5, abs=near_s)
    assert by_metric["connect_time"] == pytest.approx(2.0, abs=near_s)
    assert by_metric["reboot_lost"] == pytest.approx(60, abs=1)
    assert reboot.judge(probed, commands, 120) == (Status.OK, None)


def test_stable_are_ten_in_a_row() -> None:
    probed = link([(-1, 1.2), (4.0, 4.3), (5.0, 99)])
    by_metric = values(probed, kept())
    assert by_metric["reboot_first_packet"] == pytest.approx(4.0, abs=EVERY_S)
    assert by_metric["reboot_stable"] == pytest.approx(5.0, abs=EVERY_S)


def test_what_a_vpn_never_carries_is_censored_with_what_was_done_by_then() -> None:
    probed = link([(-1, 1.2), (4.0, 4.2)], until_s=9.0)
    commands = kept()
    status, reason = reboot.judge(probed, commands, 5)
    assert status is Status.TIMEOUT
    assert reason == (
        "yuki's reboot 1: not stable within 5 s after that: reachable beside the VPN after 3.0 s, "
        "units active after 3.5 s, 4 replies through the VPN"
    )
    by_metric = {(o.metric, o.stream): o for o in reboot.Reboot().parse(record(probed, commands))}
    assert by_metric[m.STABLE, 1].status is Status.TIMEOUT
    assert by_metric[m.STABLE, 1].value is None
    assert by_metric[m.FIRST, 1].value is not None
    assert by_metric[m.FIRST, 1].settled
    assert (m.STABLE, None) not in by_metric


def test_a_reply_after_the_limit_is_none() -> None:
    probed = link([(-1, 1.2), (8.5, 99)], until_s=12.0)
    options = reboot.Options(limit_s=5)
    metrics = {o.metric for o in reboot.Reboot(options).parse(record(probed, kept()))}
    assert m.FIRST not in metrics
    assert reboot.judge(probed, kept(), 5)[0] is Status.TIMEOUT


def test_a_unit_that_failed_is_the_reason() -> None:
    commands = kept(clock(0, 9e4, 20.0), boot(2), units(("failed", 0, 0)))
    status, reason = reboot.judge(link([(-1, 1.2)]), commands, 5)
    assert status is Status.TIMEOUT
    assert "unit0.service is failed (x, exit-code), no reply at all" in str(reason)


def test_a_host_that_answers_all_the_time_did_not_reboot() -> None:
    status, reason = reboot.judge(link([(-1, 99)], [(-1, 99)]), kept(), 5)
    assert status is Status.TOOL_FAILED
    assert reason == "yuki's reboot 1: it answered all the time, so it did not reboot"


def test_a_host_that_is_never_reachable_again() -> None:
    status, reason = reboot.judge(link([BEFORE], [BEFORE]), kept(), 5)
    assert status is Status.TIMEOUT
    assert reason == "yuki's reboot 1: not reachable beside the VPN any more"


def test_a_pair_that_was_silent_before_is_not_held_against_the_reboot() -> None:
    commands = kept()
    status, reason = reboot.judge(link([]), commands, 5)
    assert (status, reason) == (
        Status.FAILED, "yuki's reboot 1: no reply through the VPN before it"
    )  # fmt: skip
    assert "reboot_stable" not in values(link([]), commands)


def test_no_reboot_at_all_is_a_failure_of_the_pairs() -> None:
    status, reason = reboot.judge(making.link(), [], 5)
    assert (status, reason) == (Status.FAILED, "no reply within 4 s before a reboot")


def test_a_probe_that_says_nothing_is_the_tool_s_failure() -> None:
    without = making.link(of_role(TUNNEL, ping([BEFORE, ALWAYS], 9), "lom"))
    assert reboot.judge(without, kept(), 5)[0] is Status.TOOL_FAILED
    garbage = making.link(
        of_role(TUNNEL, ping([BEFORE], 9), "lom"), of_role(BESIDE, "ping: \0 garbage", "lom")
    )
    assert reboot.judge(garbage, kept(), 5)[0] is Status.TOOL_FAILED


def test_a_pair_of_others_has_its_longest_silence() -> None:
    other = LinkRecord(
        source="lom", target="luna", status=Status.OK,
        commands=[of_role(TUNNEL, ping([(-1, 2.0), (2.5, 99)], 9), "lom")],
    )  # fmt: skip
    by_metric = values(other, kept())
    assert by_metric["reboot_others_outage"] == pytest.approx(0.5, abs=2 * EVERY_S)
    assert by_metric["connect_time"] is None


def test_what_was_put_back_after_a_reboot_is_a_mark() -> None:
    restored = making.command("tuning\nimpairment\n", role="restored")
    assert list(reboot.Reboot().marks(making.link(restored, restored))) == [
        "until a host that rebooted answered the controller it was without its tuning",
        "until a host that rebooted answered the controller it was without its impairment",
    ]


def test_the_clock_is_asked_several_times() -> None:
    host = making.ScriptedHost(answer=lambda argv: "1.0\n2.0 3\n" if argv[0] == "sh" else "")
    commands = asyncio.run(boot_times.ask(host, ["a.service"]))
    roles = [command.role for command in commands]
    assert roles.count(boot_times.CLOCK) > 3
    assert roles[-2:] == [boot_times.BOOT, boot_times.UNITS]
    assert not any(command.measuring for command in commands)


def test_without_units_systemd_is_not_asked_for_all_of_its_own() -> None:
    """``systemctl show`` without names shows the manager."""
    commands = asyncio.run(boot_times.ask(making.ScriptedHost(), []))
    assert boot_times.UNITS not in [command.role for command in commands]


def test_roles_tell_reboots_apart() -> None:
    assert reboot_stages.role("clock", "a-b", 2) == "clock a-b 2"
