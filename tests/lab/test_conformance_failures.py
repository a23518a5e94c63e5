"""What a VPN cannot do is a result: `failed`, with a reason that is true; the next VPN goes on.

A new driver is found by being there.
"""

import asyncio
import base64
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import PublicFormat

from meshbench import vpns
from meshbench.results.records import Record, Status
from meshbench.runner import measure, reconcile
from meshbench.testbed.host import STATE, File, Host
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.ssh import SshHost
from meshbench.util.keys import rsa_pair
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.supplies import supplies as supplies_of
from meshbench.vpns.common.units import unit_name
from tests.lab import meshes, support
from tests.lab.support import connected, ends, eventually, on_hosts, said
from tests.unit import making

READY_LIMIT_S = 4.0
SLOW_TO_RISE_S = {"headscale": 30.0, "vpncloud": 8.0, "yggdrasil": 12.0, "zerotier": 20.0}
"""Long enough for the healthy pairs to come up here, short enough to wait for those that cannot."""
PORTS = {"wireguard": 6666, "nebula": 4242, "tinc": 655}
"""Of those that have one; others find another way while any port is open."""
FOREIGN = "foreign"


@pytest.fixture(scope="module", params=support.in_trouble())
def able(request: pytest.FixtureRequest, lab: Lab, store: Path) -> str:
    """A VPN whose programs the hosts have."""
    driver: str = request.param

    async def inner() -> str | None:
        async with support.bed() as bed:
            if reason := await meshes.lacking(bed, driver, store):
                return reason
            built = await meshes.assemble(bed, driver, store)
            return None if meshes.runs_a_service(built) else "it runs no service that could fail"

    assert lab.running()
    if reason := asyncio.run(inner()):
        pytest.skip(f"{driver}: {reason}")
    return driver


@pytest.fixture
def name(able: str, lab: Lab) -> Iterator[str]:
    """The same, and nothing of it is on the hosts before and after."""

    async def purge(hosts: list[SshHost]) -> None:
        await lifecycle.purge(hosts, able)

    on_hosts(lab, purge)
    yield able
    on_hosts(lab, purge)


@pytest.fixture
def impatient(name: str) -> Iterator[None]:
    with meshes.impatient(name, SLOW_TO_RISE_S.get(name, READY_LIMIT_S)):
        yield


@pytest.fixture
def next_is_fine(lab: Lab, name: str, store: Path) -> Iterator[None]:
    """After the test another VPN measures as if nothing had been."""
    yield
    assert lab.running()
    other = "tinc" if name == "wireguard" else "wireguard"
    record = support.measured(support.job(other, count=5), store)
    assert support.reasons(record) == {}
    assert record.vpn.status is Status.OK


def on_host(lab: Lab, index: int, work: Callable[[Host], Awaitable[None]]) -> None:
    async def inner(hosts: list[SshHost]) -> None:
        await work(hosts[index])

    on_hosts(lab, inner)


def install(lab: Lab, name: str, store: Path) -> None:
    async def inner() -> None:
        async with support.bed() as bed:
            built = await reconcile.assemble(bed, name, making.system(name), store)
            await lifecycle.install(built)

    assert lab.running()
    asyncio.run(inner())


def touches(link: str, host: str) -> bool:
    return host in link.split("->")


def assert_only_yuki_failed(
    record: Record, failed: Sequence[str] = ("lom->yuki", "yuki->luna")
) -> dict[str, str]:
    """The links with yuki failed and say why; the one without it was measured."""
    links = support.links_of(record)
    assert {link for link, r in links.items() if r.status is Status.FAILED} == set(failed)
    assert links["luna->lom"].status is Status.OK
    return {link: reason or "" for link, reason in support.reasons(record).items()}


# --- wrong key ---------------------------------------------------------------------------------


async def foreign_key(name: str, store: Path) -> bool:
    """Give yuki what it would keep secret as a member of another mesh; false: it has no secrets."""
    async with support.bed() as bed:
        other = await meshes.assemble(bed, name, store.with_name(FOREIGN))
        yuki = bed.hosts[1]
        secrets = [file for file in other.files(yuki.name) if file.secret]
        await yuki.upload(secrets)
        return bool(secrets)


async def wrong_key(host: Host, name: str) -> None:
    """Give one host the key of somebody else, of the right form, and nothing else of theirs."""
    folder = STATE / name
    if name == "wireguard":
        path, other = folder / "wg.conf", base64.b64encode(os.urandom(32)).decode()
        lines = (await said(host, "cat", str(path))).splitlines()
        lines = [
            f"PrivateKey = {other}" if line.startswith("PrivateKey") else line for line in lines
        ]
        content = "\n".join([*lines, ""]).encode()
    elif name == "nebula":
        path = folder / "host.key"
        command = [
            "nebula-cert",
            "keygen",
            "-out-key",
            "/run/other.key",
            "-out-pub",
            "/run/other.pub",
        ]
        await host.run(command)
        content = (await host.run(["cat", "/run/other.key"])).stdout.encode()
        await host.run(["rm", "/run/other.key", "/run/other.pub"])
    else:
        path = folder / "rsa_key.priv"
        content = rsa_pair(2048, PublicFormat.PKCS1)[0].encode()
    await host.upload([File(path, content, 0o600)])


@pytest.mark.usefixtures("impatient", "next_is_fine")
@pytest.mark.parametrize("whole", [True, False])
def test_wrong_key(lab: Lab, name: str, store: Path, *, whole: bool) -> None:
    """Of another mesh altogether, or just another key."""
    install(lab, name, store)
    if whole:
        if not asyncio.run(foreign_key(name, store)):
            pytest.skip(f"{name} has no secrets")
    elif name in PORTS:
        on_host(lab, 1, lambda host: wrong_key(host, name))
    else:
        pytest.skip(f"{name}: only with all secrets of another mesh")
    record = support.measured(support.job(name), store)
    if record.vpn.status is Status.OK:
        # Nobody can say more: the others drop what is not encrypted for their peer's key. Who needs
        # no leave to join comes in as somebody else.
        joins = vpns.load(name).admits_anyone
        failed = ["lom->yuki"] if joins else ["lom->yuki", "yuki->luna"]
        for reason in assert_only_yuki_failed(record, failed).values():
            assert "no traffic through the tunnel on this pair" in reason
        return
    # The daemon or its control server refused the key: the whole cell failed with what it said.
    assert record.vpn.reason
    assert list(support.reasons(record).values()) == [record.vpn.reason] * 3
    assert record.vpn.reason.startswith(("yuki: ", "the daemon is not running on yuki "))
    assert "key" in record.vpn.reason, "and it says that the key is why"


# --- missing binary ----------------------------------------------------------------------------


@contextlib.contextmanager
def without_program(lab: Lab, program: str) -> Iterator[None]:
    """Take a program off luna for a while."""

    async def away(host: Host) -> None:
        path = await said(host, "which", program)
        await host.run(["mv", path, f"{path}.away"])

    async def back(host: Host) -> None:
        output = await said(
            host, "sh", "-c", f"ls /usr/bin/{program}.away /usr/sbin/{program}.away; true"
        )
        for path in {os.path.realpath(line) for line in output.splitlines()}:
            await host.run(["mv", path, path.removesuffix(".away")])

    on_host(lab, 2, away)
    try:
        yield
    finally:
        on_host(lab, 2, back)


@pytest.mark.usefixtures("next_is_fine")
def test_missing_program(lab: Lab, name: str, store: Path) -> None:
    if supplies_of(name, making.system(name)):
        pytest.skip(f"{name}'s programs are brought to the hosts: see the next test")
    program = vpns.load(name).programs[0]
    if program == "ip":
        pytest.skip(f"{name} needs nothing that a host could lack")
    with without_program(lab, program):
        record = support.measured(support.job(name), store)
    assert record.vpn.reason == f"no binary: luna: {program} is not installed"
    assert list(support.reasons(record).values()) == [record.vpn.reason] * 3
    assert record.impairment.engine == "none"
    # It is installed again, and measured again.
    assert support.reasons(support.measured(support.job(name, round_=2), store)) == {}


def test_a_program_that_was_brought_is_brought_again(lab: Lab, name: str, store: Path) -> None:
    supplies = supplies_of(name, making.system(name))
    if not supplies:
        pytest.skip(f"{name}'s programs are Debian's")
    install(lab, name, store)
    program = supplies[0].path(supplies[0].programs[0])

    async def away(host: Host) -> None:
        await host.run(["rm", str(program)])

    on_host(lab, 2, away)
    assert support.reasons(support.measured(support.job(name), store)) == {}


# --- blocked port ------------------------------------------------------------------------------


@contextlib.contextmanager
def blocked(lab: Lab, index: int, port: int | None) -> Iterator[None]:
    """A firewall on one host that drops what arrives for a port, or any, and what leaves for it."""
    which = f"th dport {port}" if port else "meta l4proto { tcp, udp }"
    rules = f"""table inet test {{
        chain in {{ type filter hook input priority 0; iifname "data0" {which} drop; }}
        chain out {{ type filter hook output priority 0; oifname "data0" {which} drop; }}
    }}
    """

    async def block(host: Host) -> None:
        await host.run(["nft", "-f", "-"], stdin=rules.encode())

    async def free(host: Host) -> None:
        await host.run(["nft", "delete", "table", "inet", "test"])

    on_host(lab, index, block)
    try:
        yield
    finally:
        on_host(lab, index, free)


@pytest.mark.usefixtures("impatient", "next_is_fine")
def test_blocked_port(lab: Lab, name: str, store: Path) -> None:
    with blocked(lab, 1, PORTS.get(name)):
        record = support.measured(support.job(name), store)
    if record.vpn.status is Status.FAILED:
        # Who must register with a server on another host gets no further than that.
        assert record.vpn.reason
        assert record.vpn.reason.startswith("yuki: ")
        assert list(support.reasons(record).values()) == [record.vpn.reason] * 3
        return
    for reason in assert_only_yuki_failed(record).values():
        assert "no traffic through the tunnel on this pair" in reason


def test_blocked_port_of_the_special_host(
    lab: Lab, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its lighthouse nobody finds anybody; other cells of the round get the reason at once."""

    async def purge(hosts: list[SshHost]) -> None:
        await lifecycle.purge(hosts, "nebula")

    on_hosts(lab, purge)
    try:
        with blocked(lab, 0, PORTS["nebula"]), meshes.impatient("nebula", READY_LIMIT_S):
            record = support.measured(support.job("nebula"), store)
            assert record.vpn.status is Status.FAILED
            assert record.vpn.reason
            assert record.vpn.reason.startswith(
                f"no traffic within {READY_LIMIT_S:.0f} s on lom->yuki"
            )
            assert "lom's daemon says: " in record.vpn.reason
            assert all(link.status is Status.FAILED for link in record.links)

            async def forbidden(*_: object) -> None:
                pytest.fail("it was started again")

            with monkeypatch.context() as patch:
                patch.setattr(lifecycle, "start", forbidden)
                again = support.measured(support.job("nebula", "tcp"), store)
            assert again.vpn.reason == record.vpn.reason
        assert support.reasons(support.measured(support.job("internal"), store)) == {}
        # The next round tries it again.
        assert support.reasons(support.measured(support.job("nebula", round_=2), store)) == {}
    finally:
        on_hosts(lab, purge)


# --- a frozen daemon ---------------------------------------------------------------------------


@pytest.mark.parametrize("frozen", ["nebula", "tinc"])
def test_daemon_frozen_between_two_cells(lab: Lab, store: Path, frozen: str) -> None:
    """The next cell finds the mesh half silent, starts it anew, says so, and measures."""

    async def purge(hosts: list[SshHost]) -> None:
        await lifecycle.purge(hosts, frozen)

    async def freeze(host: Host) -> None:
        pid = await said(host, "systemctl", "show", "-P", "MainPID", unit_name(frozen))
        await host.run(["kill", "-STOP", pid])

    on_hosts(lab, purge)
    try:
        before = support.measured(support.job(frozen, count=5), store)
        assert (support.reasons(before), support.marks_of(before)) == ({}, [])
        on_host(lab, 1, freeze)
        record = support.measured(support.job(frozen, count=5), store)
        assert support.reasons(record) == {}
        yuki = {"lom->yuki", "yuki->lom", "yuki->luna", "luna->yuki"}
        assert set(record.vpn.silent_before) == yuki
        assert record.vpn.log_tail_before.keys() == {"lom", "yuki", "luna"}
        assert record.vpn.ready_s.keys() > yuki
        [mark] = support.marks_of(record)
        assert all(pair in mark for pair in yuki)
        assert mark.endswith(" before the measurement: the VPN was started anew")
        after = support.measured(support.job(frozen, count=5), store)
        assert (support.reasons(after), support.marks_of(after)) == ({}, [])
        assert after.vpn.ready_s == {}
    finally:
        on_hosts(lab, purge)


# --- sudden death ------------------------------------------------------------------------------


async def started_and_last_ended_us(hosts: list[SshHost], unit: str) -> list[tuple[int, int]]:
    """By host, when its daemon was started and when the one before it ended, on their one clock."""

    async def one(host: SshHost) -> tuple[int, int]:
        names = ("InactiveExitTimestampMonotonic", "InactiveEnterTimestampMonotonic")
        values = [await said(host, "systemctl", "show", "--value", "-p", n, unit) for n in names]
        return int(values[0]), int(values[1])

    return list(await asyncio.gather(*(one(host) for host in hosts)))


@pytest.mark.usefixtures("next_is_fine")
def test_daemon_killed_during_a_measurement(lab: Lab, name: str, store: Path) -> None:
    # iperf3 waits for its limit when its path dies, so one VPN is enough for it.
    benchmark, program = ("tcp", "iperf3") if name == "nebula" else ("ping", "ping")
    assert support.reasons(support.measured(support.job(name, count=5), store)) == {}
    cell = support.job(name, benchmark, round_=2, duration_s=3, count=30)

    async def killer() -> None:
        async with connected(lab) as hosts:
            lom, yuki = hosts[:2]

            async def measuring() -> bool:
                listed = await said(lom, "ps", "-eo", "args=")
                return any(
                    line.startswith(program) and " -c" in line for line in listed.splitlines()
                )

            await eventually(measuring, f"{program} runs")
            await asyncio.sleep(0.5)
            watched = vpns.load(name)(name).watched()
            if watched and await ends(yuki, "pgrep", "-x", watched[0][:15]) == 0:
                await yuki.run(["systemctl", "kill", "-s", "KILL", unit_name(name)])
            else:  # the kernel's own has no daemon to kill
                await yuki.run(["systemctl", "stop", unit_name(name)])

    async def both() -> Record:
        record, _ = await asyncio.gather(measure.measure(cell, store), killer())
        return record

    record = asyncio.run(both())
    for reason in assert_only_yuki_failed(record).values():
        assert reason == "the daemon died on yuki during the measurement"
    assert record.vpn.log_tail.keys() == {"yuki"}
    assert unit_name(name) in record.vpn.log_tail["yuki"]
    for link in record.links:
        limit = link.limit_s or 0
        assert all(command.duration_s < limit + 10 for command in link.commands)
    # The same VPN's next cell finds it dead and starts it again.
    again = support.measured(support.job(name, round_=3, count=5), store)
    assert support.reasons(again) == {}
    assert again.vpn.ready_s
    times = on_hosts(lab, lambda hosts: started_and_last_ended_us(hosts, unit_name(name)))
    started, ended = zip(*times, strict=True)
    assert max(ended) < min(started), "one was started while another of before ran"
