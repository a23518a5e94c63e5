"""The engines do to packets what a profile says, and say so; whatever dies, somebody notices."""

import asyncio
import contextlib
import json
import os
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median

import pytest

from meshbench import benchmarks
from meshbench.benchmarks.base import Link, Observation
from meshbench.benchmarks.calibration import (
    OWD_MEAN,
    OWD_P50,
    OWD_SD,
    PROBE_RECEIVED,
    PROBE_SENT,
    REORDERED,
    Calibration,
)
from meshbench.config.models import Calibration as CalibrationOptions
from meshbench.config.profile import Override, Profile, emulators
from meshbench.impairment import physics
from meshbench.impairment.engine import Engine, Plan, tail_drops, verify
from meshbench.impairment.host_netem import CLSACT_MADE, IFB, ROOT, HostNetem, host_refuses
from meshbench.impairment.kernel import lacking_netem
from meshbench.impairment.lab_netem import LabNetem
from meshbench.impairment.linkem import Linkem
from meshbench.results.records import LinkRecord, Status
from meshbench.runner import marks, measure
from meshbench.testbed import state
from meshbench.testbed.host import Unit
from meshbench.testbed.lab import cgroups
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lab.layout import HostLayout
from meshbench.testbed.ssh import SshHost
from meshbench.testbed.waiting import listening
from meshbench.util.errors import TestbedError
from tests.chance import least_deviation_ms, loss_within
from tests.lab import support
from tests.lab.support import PATIENCE_S, connected, ends, eventually, on_hosts, pings, said
from tests.unit import making

LIFETIME_S = 600.0
DURATION_S, INTERVAL_MS = 6.0 if support.EMULATED else 4.0, 2.0
TRIES = 4
HELD_UP = marks.STOLEN / 2
"""The share of CPU time taken by others from which on this machine's delays say nothing."""
PLACEMENTS = ("ingress", "egress")
ENGINES = ("linkem", "netem")

Open = Callable[[], contextlib.AbstractAsyncContextManager[tuple[Engine, list[SshHost]]]]
Work = Callable[[Engine, list[SshHost]], Awaitable[None]]


def has_netem() -> bool:
    return not asyncio.run(lacking_netem())


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if name == "netem" and not has_netem():
        pytest.skip("netem: this kernel has no sch_netem")
    return name


@pytest.fixture
def impaired(lab: Lab, engine_name: str) -> Iterator[Callable[[Work], None]]:
    """Runs a test's work with an engine of the shared lab, and leaves the network clear."""

    @contextlib.asynccontextmanager
    async def opened() -> AsyncIterator[tuple[Engine, list[SshHost]]]:
        async with connected(lab) as hosts:
            layout, rate = lab.layout, lab.rate_bps
            yield (
                Linkem(layout, rate) if engine_name == "linkem" else LabNetem(layout, hosts, rate),
                hosts,
            )

    async def clear() -> None:
        async with opened() as (engine, _):
            await engine.clear()

    def runner(work: Work) -> None:
        async def inner() -> None:
            async with opened() as (engine, hosts):
                await work(engine, hosts)

        asyncio.run(inner())

    yield runner
    asyncio.run(clear())


def plan(lab: Lab, profile: Profile, placement: str = "ingress", seed: int = 1) -> Plan:
    names = [emulator.name for emulator in emulators(profile, placement, lab.layout.host_names)]
    seeds = {name: seed + number for number, name in enumerate(names, start=1)}
    return Plan(profile, placement, physics.queue_limit(profile, lab.rate_bps), seeds)


def in_bridge(lab: Lab) -> set[str]:
    links = json.loads(
        support.run("ip", "-n", lab.layout.wire, "-j", "link", "show", "master", "lan")
    )
    return {link["ifname"] for link in links}


PORTS = {"h1", "h2", "h3"}


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_apply_read_clear(lab: Lab, impaired: Callable[[Work], None], placement: str) -> None:
    async def work(engine: Engine, hosts: list[SshHost]) -> None:
        wanted = plan(lab, support.profile("medium"), placement)
        clear = plan(lab, Profile())
        await engine.clear()
        assert await engine.read() == {}
        verify(clear, await engine.read())
        first = await engine.apply(wanted, LIFETIME_S)
        verify(wanted, await engine.read())
        assert await engine.apply(wanted, LIFETIME_S) == first
        by_emulator = await engine.read()
        verify(wanted, by_emulator)
        assert by_emulator.keys() == first.keys() == {"lom", "yuki", "luna"}
        for source, target in support.pairs(hosts):
            assert await pings(source, target.address.data_address)
        with pytest.raises(TestbedError, match="still active on lom, yuki, luna"):
            verify(clear, by_emulator)
        other = support.profile("medium").model_copy(update={"loss_percent": 7.5})
        with pytest.raises(
            TestbedError, match=r"impairment of lom .*: loss_percent is 1(\.0)?, not 7\.5$"
        ):
            verify(plan(lab, other), by_emulator)
        await engine.clear()
        await engine.clear()
        assert await engine.read() == {}
        assert in_bridge(lab) == PORTS
        for source, target in support.pairs(hosts):
            flood = ["ping", "-n", "-q", "-c200", "-i0.002", "-W1", target.address.data_address]
            assert " 0% packet loss" in await said(source, *flood)

    impaired(work)


def test_one_profile_follows_another(lab: Lab, impaired: Callable[[Work], None]) -> None:
    async def work(engine: Engine, hosts: list[SshHost]) -> None:
        for name, placement in (("low", "ingress"), ("high", "egress"), ("low", "egress")):
            wanted = plan(lab, support.profile(name), placement)
            await engine.apply(wanted, LIFETIME_S)
            verify(wanted, await engine.read())
        assert await pings(hosts[0], hosts[1].address.data_address)

    impaired(work)


# --- calibration -------------------------------------------------------------------------------


async def calibrate(hosts: list[SshHost]) -> list[LinkRecord]:
    """All links of the ring at once, as the calibration of a campaign does it; one after the other where
    an emulated CPU has not the time for all.
    """
    calibration = benchmarks.make(
        "calibration", {"duration_s": DURATION_S, "interval_ms": INTERVAL_MS}
    )
    ring = enumerate(zip(hosts, [*hosts[1:], hosts[0]], strict=True))
    links = [
        Link(a, b, a.address.data_address, b.address.data_address, "data0", port=5201 + number)
        for number, (a, b) in ring
    ]
    groups = [[link] for link in links] if support.EMULATED else [links]
    arena = making.arena(*links)
    async with calibration.serving(arena):
        outcomes = [
            outcome for group in groups for outcome in await calibration.measure(group, arena)
        ]
    assert {outcome.status for outcome in outcomes} == {Status.OK}, outcomes
    return [
        LinkRecord(
            source=link.source.name, target=link.target.name, status=outcome.status,
            commands=list(outcome.commands),
        )
        for link, outcome in zip(links, outcomes, strict=True)
    ]  # fmt: skip


async def calibrate_and_watch(hosts: list[SshHost]) -> tuple[list[LinkRecord], float]:
    """The same, and which share of the CPU time other guests of the machine took meanwhile."""
    before = await state.read(hosts)
    links = await calibrate(hosts)
    after = await state.read(hosts)
    shares = (state.stolen(before[host.name], after[host.name]) for host in hosts)
    return links, max(share or 0.0 for share in shares)


async def granted_ms(engine: Engine, hosts: list[SshHost]) -> float:
    """How late an emulated CPU may be: what it holds probes up on a clear network, and the same for the
    emulator's work. A real one is granted nothing.
    """
    if not support.EMULATED:
        return 0.0
    await engine.clear()
    return 2 * max(values(await calibrate(hosts), OWD_MEAN.name))


def values(links: list[LinkRecord], name: str) -> list[float]:
    calibration = Calibration()
    observations: list[Observation] = [
        value for link in links for value in calibration.parse_link(link)
    ]
    return [
        value.value
        for value in observations
        if value.metric.name == name and value.value is not None
    ]


@support.timed
@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("name", support.PROFILES)
def test_calibration(lab: Lab, impaired: Callable[[Work], None], name: str, placement: str) -> None:
    """Three links and both directions are one sample: all emulators have the same parameters.

    Other work on this machine makes probes late and never early, so the least busy of a few tries
    is nearest to what the engine does; losses are counted over all of them. What is late without
    others having taken the CPU is the engine's fault.
    """
    profile = support.profile(name)
    expected = physics.expected(profile)
    near_ms = CalibrationOptions().near_ms(expected.delay_ms)

    async def work(engine: Engine, hosts: list[SshHost]) -> None:
        wanted = plan(lab, profile, placement)
        latest_ms = expected.delay_ms + near_ms + await granted_ms(engine, hosts)
        await engine.apply(wanted, LIFETIME_S)
        before = await engine.read()
        sent = received = 0
        for _ in range(TRIES):
            links, stolen = await calibrate_and_watch(hosts)
            sent += round(sum(values(links, PROBE_SENT.name)))
            received += round(sum(values(links, PROBE_RECEIVED.name)))
            delays, deviations = values(links, OWD_MEAN.name), values(links, OWD_SD.name)
            assert len(delays) == len(deviations) == 6
            print(
                f"{delays} ms (at most {latest_ms:.2f}), sd {deviations}, {received} of {sent}, "
                f"{stolen:.1%} stolen"
            )
            late = max(delays) >= latest_ms
            if not late:
                break
        after = await engine.read()
        verify(wanted, after)
        assert tail_drops(before, after) == {}
        assert sent >= 4_000
        assert min(delays) > expected.delay_ms - near_ms
        assert median(deviations) > least_deviation_ms(expected.delay_sd_ms)
        lost = sent - received
        assert loss_within(lost, sent, expected.loss), f"{lost} of {sent} lost"
        assert min(values(links, REORDERED.name)) > 0, "so much jitter reorders such close probes"
        if late and stolen > HELD_UP:
            pytest.skip(f"late, but others took {stolen:.0%} of this machine's CPU meanwhile")
        assert not late, delays

    impaired(work)


@support.timed
def test_the_clear_network_is_calibrated_too(lab: Lab, impaired: Callable[[Work], None]) -> None:
    async def work(engine: Engine, hosts: list[SshHost]) -> None:
        await engine.clear()
        links = await calibrate(hosts)
        assert max(values(links, OWD_P50.name)) < (10.0 if support.EMULATED else 0.5)
        assert sum(values(links, PROBE_SENT.name)) == sum(values(links, PROBE_RECEIVED.name))
        assert max(values(links, REORDERED.name)) < 0.001

    assert lab.running()
    impaired(work)


# --- fates -------------------------------------------------------------------------------------

PACKETS = 500


async def arrived(source: SshHost, target: SshHost) -> frozenset[int]:
    """Which of a row of echo requests were answered."""
    row = ["ping", "-n", f"-c{PACKETS}", "-i0.002", "-W1", target.address.data_address]
    done = await source.run(row, check=False)
    return frozenset(int(number) for number in re.findall(r"icmp_seq=(\d+) .*time=", done.stdout))


@contextlib.asynccontextmanager
async def quiet(lab: Lab, hosts: list[SshHost]) -> AsyncIterator[None]:
    """No ARP between two hosts, so that echo packets are all there is."""
    macs = {host.name: host.data_mac for host in lab.layout.hosts}
    entries = [(a, b) for a, b in support.pairs(hosts[:2])]
    for a, b in entries:
        address = b.address.data_address
        await a.run(
            [
                "ip",
                "neigh",
                "replace",
                address,
                "lladdr",
                macs[b.name],
                "nud",
                "permanent",
                "dev",
                "data0",
            ]
        )
    try:
        yield
    finally:
        for a, b in entries:
            await a.run(["ip", "neigh", "del", b.address.data_address, "dev", "data0"])


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_same_seed_same_fate(
    lab: Lab, impaired: Callable[[Work], None], engine_name: str, placement: str
) -> None:
    profile = Profile(loss_percent=20)

    async def work(engine: Engine, hosts: list[SshHost]) -> None:
        fates = []
        async with quiet(lab, hosts):
            for seed in (5, 5, 6):
                wanted = plan(lab, profile, placement, seed)
                await engine.apply(wanted, LIFETIME_S)
                by_emulator = await engine.read()
                verify(wanted, by_emulator)
                if engine_name == "netem" and by_emulator["lom"]["seed"] is None:
                    pytest.skip("netem: this kernel or tc cannot seed it")
                fates.append(await arrived(hosts[0], hosts[1]))
        assert 0.4 * PACKETS < len(fates[0]) < 0.85 * PACKETS
        assert fates[0] == fates[1]
        assert fates[0] != fates[2]

    impaired(work)


# --- what dies ---------------------------------------------------------------------------------


def linkem_group(lab: Lab, host: HostLayout) -> str:
    return f"{lab.layout.id}-linkem-{host.name}"


@pytest.fixture
def linkem(lab: Lab) -> Iterator[Linkem]:
    engine = Linkem(lab.layout, lab.rate_bps)
    yield engine
    asyncio.run(engine.clear())


LIFETIMES_S = (2.0, 20.0)
"""A busy machine may take longer than the first to apply a profile and to send a packet."""


def test_dead_man(lab: Lab, linkem: Linkem) -> None:
    """The controller disappears: packets pass unharmed, and the emulator says why."""
    profile = Profile(loss_percent=100)

    async def work(hosts: list[SshHost]) -> None:
        target = hosts[1].address.data_address
        wanted = plan(lab, profile)

        async def through() -> bool:
            return await ends(hosts[0], "ping", "-q", "-c1", "-W1", target) == 0

        for lifetime_s in LIFETIMES_S:
            await linkem.apply(wanted, lifetime_s)
            if not await through():
                break
        else:
            pytest.fail("packets pass from the beginning")
        await eventually(through, "packets pass again", PATIENCE_S + lifetime_s)
        flood = await said(hosts[0], "ping", "-n", "-q", "-c100", "-i0.002", target)
        assert " 0% packet loss" in flood
        by_emulator = await linkem.read()
        assert {stats["stats"]["dead_man_fired"] for stats in by_emulator.values()} == {True}
        with pytest.raises(TestbedError, match="loss_percent is 0(\\.0)?, not 100"):
            verify(wanted, by_emulator)
        await linkem.apply(wanted, LIFETIME_S)
        verify(wanted, await linkem.read())

    on_hosts(lab, work)


def test_a_killed_emulator_is_noticed_and_repaired(lab: Lab, linkem: Linkem) -> None:
    wanted = plan(lab, support.profile("low"))

    async def work(hosts: list[SshHost]) -> None:
        await linkem.apply(wanted, LIFETIME_S)
        victim = lab.layout.hosts[1]
        for pid in cgroups.processes(linkem_group(lab, victim)):
            os.kill(pid, 9)

        async def gone() -> bool:
            return not cgroups.processes(linkem_group(lab, victim))

        await eventually(gone, "the emulator is dead")
        with pytest.raises(TestbedError, match="^impairment of yuki is not what was asked for"):
            verify(wanted, await linkem.read())
        await linkem.apply(wanted, LIFETIME_S)
        verify(wanted, await linkem.read())
        assert await pings(hosts[0], hosts[1].address.data_address)
        for host in lab.layout.hosts:
            cgroups.kill(linkem_group(lab, host))
        await linkem.clear()
        assert await linkem.read() == {}
        assert in_bridge(lab) == PORTS
        assert await pings(hosts[0], hosts[1].address.data_address)

    on_hosts(lab, work)


def test_an_emulator_killed_during_a_measurement_is_our_trouble(lab: Lab, store: Path) -> None:
    """No record is made of a cell whose weather stopped in the middle."""
    victim = linkem_group(lab, lab.layout.hosts[1])
    at = support.where(engine="linkem")

    async def killer(hosts: list[SshHost]) -> None:
        async def measuring() -> bool:
            return await ends(hosts[0], "pgrep", "-x", "ping") == 0 and bool(
                cgroups.processes(victim)
            )

        await eventually(measuring, "the ping runs under impairment")
        cgroups.kill(victim)

    async def both() -> None:
        async with connected(lab) as hosts:
            cell = support.job(profile_name="medium", at=at, count=40, interval_s=0.2)
            await asyncio.gather(measure.measure(cell, store), killer(hosts))

    with pytest.raises(TestbedError, match="^impairment of yuki is not what was asked for"):
        asyncio.run(both())
    again = support.measured(support.job(profile_name="medium", at=at), store)
    assert support.reasons(again) == {}
    assert again.impairment.engine == "linkem"


def test_own_hosts_clear_themselves(make_lab: Callable[..., Lab]) -> None:
    """The timer on hosts of the user's own, tried without netem: it takes away all that was made."""
    mine = make_lab("tests-deadman")
    asyncio.run(mine.up())

    async def work(hosts: list[SshHost]) -> None:
        host = hosts[0]
        commands: list[list[str]] = [
            ["ip", "link", "add", IFB, "type", "ifb"],
            ["tc", "qdisc", "add", "dev", "data0", "clsact"],
            ["touch", str(CLSACT_MADE)],
            ["tc", "qdisc", "add", "dev", "data0", "root", "handle", ROOT, "pfifo", "limit", "77"],
        ]
        engine = HostNetem(hosts)
        await engine._arm(host, [], 600)
        for argv in commands:
            await host.run(argv)
        await engine._arm(host, [], 2)  # arming again replaces the timer

        async def clear() -> bool:
            links, qdiscs = await said(host, "ip", "link"), await said(host, "tc", "qdisc")
            return IFB not in links and "clsact" not in qdiscs and "limit 77" not in qdiscs

        assert not await clear()

        async def over() -> bool:
            return await ends(host, "systemctl", "is-active", "-q", "meshbench-deadman.timer") != 0

        await eventually(clear, "the host has cleared itself")
        # A timer is active until the service that it started has ended, a moment after its last act.
        await eventually(over, "the timer is gone")

    on_hosts(mine, work)


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_netem_on_own_hosts(make_lab: Callable[..., Lab], placement: str) -> None:
    """Through an ifb (ingress) or at the root (egress), and never the control traffic."""
    mine = make_lab("tests-own")
    asyncio.run(mine.up())
    if not has_netem():
        pytest.skip("netem: this kernel has no sch_netem")
    wanted = plan(mine, Profile(delay_ms=200, loss_percent=1), placement)

    async def fastest_ms(source: SshHost, target: SshHost) -> float:
        row = ["ping", "-n", "-q", "-c5", "-i0.1", "-W5", target.address.data_address]
        fastest = re.search(r"= ([\d.]+)/", await said(source, *row))
        assert fastest
        return float(fastest[1])

    async def work(hosts: list[SshHost]) -> None:
        source, target = hosts
        engine = HostNetem(hosts)
        for _ in range(2):
            await engine.apply(wanted, LIFETIME_S)
            verify(wanted, await engine.read())
        assert await fastest_ms(source, target) >= 400, "200 ms in each direction"
        control = await said(source, "tc", "-s", "filter", "show", "dev", "data0", "ingress")
        assert (IFB in control) == (placement == "ingress")
        await engine.clear()
        assert await engine.read() == {}
        for host in hosts:
            assert IFB not in await said(host, "ip", "link")
            assert "clsact" not in await said(host, "tc", "qdisc")
        assert await fastest_ms(source, target) < 200
        await engine.apply(wanted, 15)

        async def clear() -> bool:
            return await engine.read() == {}

        await eventually(clear, "the hosts have cleared themselves")

    on_hosts(mine, work)


def test_netem_is_noticed_where_it_is(lab: Lab) -> None:
    """Hosts and switch share a kernel here, so both ways of asking agree, and leave nothing."""

    async def work(hosts: list[SshHost]) -> None:
        for placement in PLACEMENTS:
            refused = await host_refuses(hosts[0], placement)
            assert bool(refused) is bool(await lacking_netem())
        assert "netem" not in await said(hosts[0], "tc", "qdisc")

    on_hosts(lab, work)


def test_a_reboot_does_not_go_round_the_emulator(make_lab: Callable[..., Lab]) -> None:
    """A host that comes back while the network is impaired has a new port: that is noticed."""
    mine = make_lab("tests-reboot")
    asyncio.run(mine.up())
    profile = Profile(loss_percent=100)
    engine = Linkem(mine.layout, None)

    async def work(hosts: list[SshHost]) -> None:
        source, target = hosts
        wanted = plan(mine, profile)
        await engine.apply(wanted, LIFETIME_S)
        await target.run(["touch", "/run/before"])
        with contextlib.suppress(TestbedError):
            await target.run(["systemctl", "reboot"], check=False)

        async def back() -> bool:
            return await support.rebooted(target)

        await eventually(back, "the host is back")
        with pytest.raises(TestbedError, match="^impairment of two is not what was asked for"):
            verify(wanted, await engine.read())
        slow = plan(mine, Profile(delay_ms=20))
        await engine.apply(slow, LIFETIME_S)
        verify(slow, await engine.read())
        row = ["ping", "-n", "-q", "-c5", "-i0.1", target.address.data_address]
        fastest = re.search(r"= ([\d.]+)/", await said(source, *row))
        assert fastest
        assert float(fastest[1]) >= 40, "impaired in both directions again"
        await engine.clear()
        assert await pings(source, target.address.data_address)

    on_hosts(mine, work)


# --- a bottleneck ------------------------------------------------------------------------------

BOTTLENECK = Profile(
    delay_ms=5,
    hosts={"yuki": Override(rate_mbit=20, queue_ms=200)},
    links={"yuki->lom": Override(rate_mbit=2, queue_ms=100)},
)
LOAD_S = 3


async def under_load(source: SshHost, target: SshHost, rate_mbit: float) -> tuple[float, float]:
    """What the target gets of too much, in Mbit/s on the line, and the median RTT meanwhile (ms)."""
    server = Unit("meshbench-test-iperf3", ["iperf3", "-s"])
    await target.start(server)
    assert await listening(target, 5201, 10, "t")
    address, size = target.address.data_address, 1400
    load = [
        "iperf3", "-J", "-u", "-c", address, "-b", f"{rate_mbit}M", "-l", str(size),
        "-t", str(LOAD_S), "-O", "1",
    ]  # fmt: skip
    try:
        done, echoes = await asyncio.gather(
            source.run(load, limit_s=30),
            source.run(["ping", "-n", "-i", "0.05", "-w", "4", address], check=False),
        )
    finally:
        await target.stop(server.name)
    received = json.loads(done.stdout)["end"]["sum_received"]
    times = [float(ms) for ms in re.findall(r"time=([0-9.]+)", echoes.stdout)]
    print(f"{received}\n{times}")
    frames = received["bits_per_second"] * (size + 42) / size
    return frames / 1e6, median(times[len(times) // 2 :])


@support.timed
def test_a_bottleneck_carries_its_rate_and_holds_its_queue(
    lab: Lab, impaired: Callable[[Work], None]
) -> None:
    async def work(engine: Engine, hosts: list[SshHost]) -> None:
        wanted = plan(lab, BOTTLENECK)
        await engine.apply(wanted, LIFETIME_S)
        verify(wanted, await engine.read())
        down = await under_load(hosts[0], hosts[1], 25)
        assert down == pytest.approx((20, 210), rel=0.07)
        up = await under_load(hosts[1], hosts[0], 3)
        assert up == pytest.approx((2, 110), rel=0.07)
        after = await engine.read()
        verify(wanted, after)
        assert {name for name, stats in after.items() if stats["queue_drops"]} == {
            "yuki", "yuki->lom"
        }  # fmt: skip
        assert tail_drops({}, after) == {}

    impaired(work)
