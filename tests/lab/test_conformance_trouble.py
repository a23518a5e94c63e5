"""What every VPN does when something is wrong: a host reboots, the special one is gone, a stranger
knocks; and that nothing of it leaves the testbed. A new driver is found by being there.
"""

import asyncio
import contextlib
import dataclasses
import ipaddress
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from meshbench import vpns
from meshbench.config.testbeds import LabTestbed
from meshbench.packages import delivery
from meshbench.runner.session import Session
from meshbench.testbed import state
from meshbench.testbed.host import CommandError, Host
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lab.layout import CONTROL_POOL, DATA_NETWORK
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError, VpnError
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh
from tests.lab import support
from tests.lab.facts import Facts
from tests.lab.meshes import assemble, impatient, lacking, runs_a_service, start_on, up
from tests.lab.support import ends, said

NAME = "crowd"
STRANGER = "mallory"
TESTBED = LabTestbed(kind="lab", hosts=(*support.TESTBED.hosts, STRANGER))
PROBE_S = 1.5
"""How long a pair that should answer, or must not, is asked."""
BACK_LIMIT_S = 10.0
"""How long a mesh may take to be whole again by itself."""
REFUSED_LIMIT_S = 20.0
"""How long coming up is waited for where it is expected to fail."""


@pytest.fixture(scope="module")
def crowd(machine_is_ours: None) -> Iterator[Lab]:
    """A lab with a fourth host that belongs to no mesh."""
    del machine_is_ours
    with support.shared_lab(NAME, TESTBED) as lab:
        yield lab


@pytest.fixture(scope="module", params=support.in_trouble())
def name(request: pytest.FixtureRequest, crowd: Lab, store: Path) -> Iterator[str]:
    """A driver whose programs the hosts have; nothing of it is on them before and after."""
    driver: str = request.param
    assert crowd.running()

    async def able() -> str | None:
        async with everybody() as bed:
            await lifecycle.purge(bed.hosts, driver)
            if reason := await lacking(members(bed), driver, store):
                return reason
            built = await assemble(members(bed), driver, store)
            return None if runs_a_service(built) else "it runs no service that could fail"

    if reason := asyncio.run(able()):
        pytest.skip(f"{driver}: {reason}")
    yield driver

    async def clean() -> None:
        async with everybody() as bed:
            await lifecycle.purge(bed.hosts, driver)

    asyncio.run(clean())


@pytest.fixture
def facts(request: pytest.FixtureRequest, name: str) -> Facts:
    return Facts(request.config, name)


# --- beds --------------------------------------------------------------------------------------


def everybody() -> AbstractAsyncContextManager[Session]:
    """The lab with the stranger, leased."""
    return support.bed(support.where(TESTBED, testbed=NAME))


def members(bed: Session) -> Session:
    """The same without the stranger."""
    return dataclasses.replace(bed, hosts=bed.hosts[:-1])


def with_members(work: Callable[[Session], Awaitable[None]]) -> None:
    async def inner() -> None:
        async with everybody() as bed:
            await work(members(bed))

    asyncio.run(inner())


def some(built: Mesh, *hosts: Host) -> Mesh:
    return dataclasses.replace(built, hosts=hosts)


async def told(built: Mesh) -> dict[str, str]:
    """Which ordered pairs pass traffic within the patience, in words."""
    readiness = await lifecycle.alive(built, PROBE_S)
    return dict.fromkeys(readiness.times_s, "passes") | dict.fromkeys(readiness.silent, "silent")


async def comes_back(bed: Session, built: Mesh, clock: float, store: Path) -> str:
    """Whether the mesh is whole again by itself, in words; if not, it is after a start everywhere."""
    limit_s = min(built.driver.ready_limit_s, BACK_LIMIT_S)
    # At the same time: a host that was restarted is the first to notice, and tells the others.
    readiness = await lifecycle.alive(built, limit_s)
    if not readiness.silent:
        return f"all pairs pass after {time.monotonic() - clock:.1f} s"
    await lifecycle.stop(bed.hosts, [built.driver.system])
    again = await up(bed, built.driver.system, store)
    assert again.readiness.silent == ()
    return (
        f"{', '.join(readiness.silent)} silent for {limit_s:.0f} s, then a start everywhere "
        f"brought all pairs back"
    )


# --- nothing leaves the testbed ------------------------------------------------------------------

TRAP = """
ip link add trap0 type veth peer name trap1
ip link set trap1 up
ip link set trap0 up
ip route add default dev trap0
"""
STRAYS = """table inet strays {{
    set ports {{ type ipv4_addr . inet_proto . inet_service; flags dynamic; size 1000; counter; }}
    set ports6 {{ type ipv6_addr . inet_proto . inet_service; flags dynamic; size 1000; counter; }}
    set others {{ type ipv4_addr . inet_proto; flags dynamic; size 1000; counter; }}
    chain out {{
        type filter hook output priority 0;
        oifname {{ "lo", "{interface}" }} accept
        ip daddr {{ {inside} }} accept
        ip protocol igmp accept
        meta l4proto icmpv6 accept
        meta l4proto {{ tcp, udp }} add @ports {{ ip daddr . meta l4proto . th dport }}
        meta l4proto {{ tcp, udp }} add @ports6 {{ ip6 daddr . meta l4proto . th dport }}
        meta l4proto != {{ tcp, udp }} add @others {{ ip daddr . meta l4proto }}
    }}
}}
"""
"""What a host sends anywhere but to the testbed and into the tunnel, by where to. IGMP and ICMPv6 are
the kernel's own talk about its interfaces.
"""


async def strays(host: Host) -> list[tuple[str, str, int]]:
    """Destination, protocol and port in words, and packets."""
    listed = json.loads(await said(host, "nft", "-j", "list", "table", "inet", "strays"))
    sets = [entry["set"] for entry in listed["nftables"] if "set" in entry]
    elements = [
        destination["elem"] for destinations in sets for destination in destinations.get("elem", [])
    ]
    rows = []
    for element in elements:
        to, *how = element["val"]["concat"]
        rows.append((str(to), " ".join(map(str, how)), element["counter"]["packets"]))
    return rows


def test_nothing_leaves_the_testbed(name: str, facts: Facts, store: Path) -> None:
    """With a default route that leads nowhere, so that what a daemon would send is seen."""

    async def work(bed: Session) -> None:
        await lifecycle.purge(bed.hosts, name)
        driver = vpns.load(name)
        rules = STRAYS.format(
            interface=driver.interface, inside=f"{CONTROL_POOL}, {DATA_NETWORK}"
        ).encode()
        for host in bed.hosts:
            await host.run(["nft", "-f", "-"], stdin=rules)
            await host.run(["sh", "-e"], stdin=TRAP.encode())
        try:
            # The trap works: this one is seen.
            await ends(bed.hosts[0], "ping", "-n", "-q", "-c1", "-W0.1", "192.0.2.1")
            assert [to for to, _, _ in await strays(bed.hosts[0])] == ["192.0.2.1"]
            await bed.hosts[0].run(["nft", "flush", "set", "inet", "strays", "others"])
            vpn = await up(bed, name, store)
            assert vpn.readiness.silent == ()
            assert (await lifecycle.alive(vpn.mesh, PROBE_S)).silent == ()
            leaks = {stray for host in bed.hosts for stray in await strays(host)}
        finally:
            for host in bed.hosts:
                await host.run(["nft", "delete", "table", "inet", "strays"], check=False)
                await host.run(["ip", "link", "del", "trap0"], check=False)
        reasons = {why for to, _, _ in leaks if (why := known_stray(driver.strays, to))}
        if reasons:
            facts.tell("known packets outside the testbed", sorted(reasons))
        assert [leak for leak in leaks if not known_stray(driver.strays, leak[0])] == []

    with_members(work)


def known_stray(strays_: Mapping[str, str], to: str) -> str | None:
    address = ipaddress.ip_address(to)
    inside = (
        f"{network}: {why}"
        for network, why in strays_.items()
        if address in ipaddress.ip_network(network)
    )
    return next(inside, None)


# --- hosts come and go ---------------------------------------------------------------------------


async def reboot(host: Host) -> None:
    assert isinstance(host, SshHost)
    await host.run(["touch", "/run/before"])
    with contextlib.suppress(TestbedError):
        await host.run(["systemctl", "reboot"], check=False)
    await host.close()

    async def back() -> bool:
        return await support.rebooted(host)

    await support.eventually(back, f"{host.name} is back")


def test_a_host_reboots(name: str, facts: Facts, store: Path) -> None:
    """Its daemon is started again, as an init system would, and the others are left alone."""

    async def work(bed: Session) -> None:
        vpn = await up(bed, name, store)
        host = bed.hosts[1]
        await reboot(host)
        assert (await lifecycle.alive(some(vpn.mesh, host, bed.hosts[2]), 0.5)).times_s == {}
        assert state.running(await state.read(bed.hosts))[name] == {"lom", "luna"}
        clock = time.monotonic()
        await start_on(vpn.mesh, host)
        back = await comes_back(bed, vpn.mesh, clock, store)
        facts.tell(f"after a reboot of {host.name} and a start of its daemon", back)

    with_members(work)


async def restarted(built: Mesh, host: Host) -> dict[str, str] | str:
    """Which pairs pass traffic after a restart of one host's daemon."""
    await lifecycle.stop([host], [built.driver.system])
    try:
        with impatient(built.driver.name, REFUSED_LIMIT_S):
            await start_on(built, host)
    except CommandError as error:
        return f"it does not start: {error}"
    return await told(built)


def test_the_special_host_is_lost(name: str, facts: Facts, store: Path) -> None:
    """What still passes without the first host is a fact; that nothing passes to it is sure."""

    async def work(bed: Session) -> None:
        vpn = await up(bed, name, store)
        first, second, third = bed.hosts
        await lifecycle.stop([first], [name])
        assert (await lifecycle.alive(some(vpn.mesh, first, second), 0.5)).times_s == {}
        rest = some(vpn.mesh, second, third)
        there = await told(rest)
        facts.tell(f"without {first.name}'s daemon, links that were there", there)
        if "passes" in there.values():
            facts.tell(
                f"without it, after a restart of {second.name}'s daemon",
                await restarted(rest, second),
            )
        clock = time.monotonic()
        await start_on(vpn.mesh, first)
        back = await comes_back(bed, vpn.mesh, clock, store)
        facts.tell(f"when {first.name}'s daemon is back", back)

    with_members(work)


# --- strangers -----------------------------------------------------------------------------------

KNOCK = """table inet knock {{
    counter dialled {{ }}
    counter through {{ }}
    chain in {{
        type filter hook input priority 0;
        iifname "data0" ip saddr {underlay} counter name dialled
        icmp type destination-unreachable accept
        icmpv6 type destination-unreachable accept
        iifname "{interface}" {family} saddr {overlay} counter name through
    }}
}}
"""
"""What comes from the stranger, and what of it comes out of the tunnel. That there is no such host
is what a member's own daemon may say, in the stranger's name.
"""


async def knocks(host: Host) -> Counter[str]:
    """Packets of the stranger that came to a host, and those that came out of its tunnel."""
    listed = json.loads(await said(host, "nft", "-j", "list", "counters", "table", "inet", "knock"))
    counters = [entry["counter"] for entry in listed["nftables"] if "counter" in entry]
    return Counter({counter["name"]: counter["packets"] for counter in counters})


async def stranger_of(built: Mesh, bed: Session) -> Mesh:
    """The driver on the fourth host with all that the members' configuration says of each other,
    an address of its own and keys (or certificates of another authority) that they do not know.
    """
    node = Node(len(bed.hosts), STRANGER, bed.hosts[-1].address.data_address)
    fresh = await built.driver.material(Network((node,)), bed.hosts[-1:])
    return dataclasses.replace(
        built,
        network=Network((*built.network.nodes, node)),
        hosts=(bed.hosts[-1],),
        material={**built.material, STRANGER: fresh[STRANGER]},
        facts={STRANGER: await built.driver.probe(bed.hosts[-1])},
    )


def test_a_stranger_is_refused(name: str, facts: Facts, store: Path) -> None:
    """Unless the driver says that anyone is admitted; then it must be so."""

    async def work(bed: Session) -> None:
        group = members(bed)
        vpn = await up(group, name, store)
        driver, mallory = vpn.mesh.driver, bed.hosts[-1]
        await delivery.deliver(name, driver.supplies, [mallory])
        intruder = await stranger_of(vpn.mesh, bed)
        own = intruder.address(STRANGER)
        rules = KNOCK.format(
            underlay=mallory.address.data_address, overlay=own, interface=driver.interface,
            family="ip6" if ":" in own else "ip",
        ).encode()  # fmt: skip
        for host in group.hosts:
            await host.run(["nft", "-f", "-"], stdin=rules)
        try:
            await lifecycle.install(intruder)
            # Where joining is what is refused, it fails here.
            with contextlib.suppress(CommandError, VpnError), impatient(name, REFUSED_LIMIT_S):
                await start_on(intruder, mallory)
            patience_s = BACK_LIMIT_S if driver.admits_anyone else PROBE_S
            answers = await asks(vpn.mesh, mallory, group.hosts, own, patience_s)
            seen = sum([await knocks(host) for host in group.hosts], Counter[str]())
            running = await lifecycle.dead(intruder) == {}
        finally:
            for host in group.hosts:
                await host.run(["nft", "delete", "table", "inet", "knock"], check=False)
            await lifecycle.purge([mallory], name)
        assert running, f"{name}: the stranger's daemon did not even try"
        assert seen["dialled"] > 0, f"{name}: the stranger did not dial the mesh"
        if why := driver.admits_anyone:
            assert any(answers.values()), f"{name} says that anyone is admitted, but refuses"
            facts.tell("a stranger is admitted", why)
            return
        assert seen["through"] == 0, f"{name}: a stranger's packets came out of the tunnel"
        assert not any(answers.values()), answers
        assert (await lifecycle.alive(vpn.mesh, PROBE_S)).silent == ()

    async def inner() -> None:
        async with everybody() as bed:
            await work(bed)

    asyncio.run(inner())


async def asks(
    built: Mesh, mallory: Host, hosts: Sequence[Host], own: str, patience_s: float
) -> dict[tuple[str, str], bool]:
    """Whether the stranger gets replies from the members, and they from it, within the patience."""
    deadline = time.monotonic() + patience_s

    async def answers(source: Host, address: str) -> bool:
        row = ["ping", "-n", "-q", "-c", "1", "-W", "0.5", "-I", built.driver.interface, address]
        while time.monotonic() < deadline:
            if await ends(source, *row) == 0:
                return True
            await asyncio.sleep(0.05)
        return False

    pairs = [(mallory, host.name, built.address(host.name)) for host in hosts]
    pairs += [(host, mallory.name, own) for host in hosts]
    replies = await asyncio.gather(*(answers(source, address) for source, _, address in pairs))
    return {(s.name, to): answer for (s, to, _), answer in zip(pairs, replies, strict=True)}
