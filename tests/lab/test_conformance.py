"""Every driver keeps its contract. A new module is found by being there."""

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshbench import vpns
from meshbench.runner import deploy
from meshbench.runner.jobs import DeployJob
from meshbench.runner.session import Session
from meshbench.testbed import state
from meshbench.testbed.host import SLICE, STATE, Host
from meshbench.testbed.lab.lab import Lab
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh
from meshbench.vpns.common.units import UNIT_FOLDER, unit_name
from tests.lab import support
from tests.lab.meshes import all_pairs_answer, assemble, lacking, runs_a_service, up, with_bed
from tests.lab.support import ends, eventually, said
from tests.unit import making

PACKETS = 20
LEAST_SECRET = 16
"""Shorter material is no secret but a name or a number."""
NO_SECRETS = ("public", "certificate", "address")
"""Parts of the names of material that anybody may know."""


@pytest.fixture(scope="module", params=vpns.names())
def name(request: pytest.FixtureRequest, lab: Lab, store: Path) -> Iterator[str]:
    """A driver whose programs the hosts have; nothing of it is on them before and after.

    Pytest runs all tests of one driver one after the other. Each asks for the state it needs and
    most find it there already.
    """
    driver: str = request.param

    async def able() -> str | None:
        async with support.bed() as bed:
            return await lacking(bed, driver, store)

    assert lab.running()
    if reason := asyncio.run(able()):
        pytest.skip(f"{driver}: {reason}")
    yield driver

    async def clean() -> None:
        async with support.bed() as bed:
            await lifecycle.purge(bed.hosts, driver)

    asyncio.run(clean())


# --- VPNs --------------------------------------------------------------------------------------


async def packets(host: Host, interface: str) -> tuple[int, int]:
    """Received and sent by an interface."""
    folder = f"/sys/class/net/{interface}/statistics"
    counts = await said(host, "cat", f"{folder}/rx_packets", f"{folder}/tx_packets")
    received, sent = counts.split()
    return int(received), int(sent)


def test_up_from_nothing(name: str, store: Path) -> None:
    """All ordered pairs pass traffic, through the tunnel and over the data network."""

    async def work(bed: Session) -> None:
        await lifecycle.purge(bed.hosts, name)
        vpn = await up(bed, name, store)
        built = vpn.mesh
        assert vpn.readiness.silent == ()
        expected = {lifecycle.pair(a.name, b.name) for a, b in support.pairs(bed.hosts)}
        assert set(vpn.readiness.times_s) == expected
        assert vpn.started == runs_a_service(built)
        assert (await built.driver.installed_version(bed.hosts[0])).strip()
        addresses = [built.address(host.name) for host in bed.hosts]
        assert len(set(addresses)) == len(addresses)
        for source, target in support.pairs(bed.hosts):
            outer = source.address.data_interface
            inner = [lifecycle.interface_of(built, host) for host in (source, target)]
            before = await asyncio.gather(
                packets(source, inner[0]), packets(target, inner[1]),
                packets(source, outer), packets(target, outer),
            )  # fmt: skip
            # Not bound to the interface: it is the routing that must lead into the tunnel.
            row = ["ping", "-n", "-q", f"-c{PACKETS}", "-i0.01", "-W2", built.address(target.name)]
            # A busy machine may lose some; that the others came back shows the way.
            replies = int(re.findall(r" (\d+) received", await said(source, *row))[0])
            assert replies > PACKETS // 2
            after = await asyncio.gather(
                packets(source, inner[0]), packets(target, inner[1]),
                packets(source, outer), packets(target, outer),
            )  # fmt: skip
            for (had, sent), (has, sends) in zip(before, after, strict=True):
                assert has - had >= replies, f"{name}: {source.name}->{target.name}: received"
                assert sends - sent >= replies, f"{name}: {source.name}->{target.name}: sent"
        assert state.running(await state.read(bed.hosts)).keys() <= {name}

    with_bed(work)


def test_paths(name: str, store: Path) -> None:
    async def work(bed: Session) -> None:
        vpn = await up(bed, name, store)
        underlay = {host.name: host.address.data_address for host in bed.hosts}
        first, hub = bed.hosts[0].name, vpn.mesh.driver.hub
        expected = {
            (a.name, b.name): "relay" if hub and first not in {a.name, b.name} else "direct"
            for a, b in support.pairs(bed.hosts)
        }

        async def as_designed() -> bool:
            # Some learn the direct path only from the traffic that asks for it.
            await lifecycle.alive(vpn.mesh, 3.0)
            paths = await lifecycle.paths(vpn.mesh)
            return {pair: path.kind for pair, path in paths.items()} == expected

        await eventually(as_designed, f"{name}: every path is known and as it is meant to be")
        for pair, path in (await lifecycle.paths(vpn.mesh)).items():
            assert path.transport
            assert path.endpoint
            next_one = pair[1] if expected[pair] == "direct" else first
            assert underlay[next_one] in path.endpoint.replace("[", "").replace("]", "").split(":")
            assert path.interface
            assert path.tunnel_mtu is not None
            assert 1200 <= path.tunnel_mtu <= 65535
            json.dumps(path.model_dump())
            whole = vpn.path_mtu[lifecycle.pair(*pair)]
            assert 1200 <= whole <= path.tunnel_mtu, f"{name}: {pair} passes {whole} bytes whole"

    with_bed(work)


def test_what_was_found_at_the_start_is_known_to_later_cells(name: str, store: Path) -> None:
    async def work(bed: Session) -> None:
        await lifecycle.stop(bed.hosts, [name])
        first = await up(bed, name, store)
        if first.started and not first.mesh.driver.hub:
            assert first.direct_s.keys() == first.readiness.times_s.keys()
        second = await up(bed, name, store)
        assert not second.started
        assert second.path_mtu == first.path_mtu != {}

    with_bed(work)


def test_survives_a_restart(name: str, store: Path) -> None:
    async def work(bed: Session) -> None:
        vpn = await up(bed, name, store)
        if not runs_a_service(vpn.mesh):
            pytest.skip(f"{name} runs no service")
        await bed.hosts[1].run(["systemctl", "restart", vpn.mesh.unit])
        await all_pairs_answer(vpn.mesh)
        assert await lifecycle.dead(vpn.mesh) == {}

    with_bed(work)


def test_only_one_is_up_at_a_time(name: str, store: Path) -> None:
    other = next(driver for driver in ("wireguard", "tinc") if driver != name)

    async def work(bed: Session) -> None:
        try:
            for current in (name, other, name):
                vpn = await up(bed, current, store)
                assert vpn.readiness.silent == ()
                active = {current} if runs_a_service(vpn.mesh) else set()
                assert state.running(await state.read(bed.hosts)).keys() == active
        finally:
            await lifecycle.purge(bed.hosts, other)

    with_bed(work)


def test_staying_up_costs_nothing(name: str, store: Path) -> None:
    """A second install writes nothing, and a VPN that is up as it should be is not started again."""

    async def work(bed: Session) -> None:
        first = await up(bed, name, store)
        built = first.mesh

        async def witness() -> list[str]:
            files = [str(file.path) for host in bed.hosts[:1] for file in built.files(host.name)]
            shown = [
                await said(
                    host, "systemctl", "show", "-P", "ActiveEnterTimestampMonotonic", built.unit
                )
                for host in bed.hosts
            ]
            written = [
                await said(host, "stat", "-c", "%n %i %Y %a", *files)
                for host in bed.hosts[:1]
                if files
            ]
            return [*shown, *written]

        before = await witness()
        await lifecycle.install(built)
        assert await witness() == before
        second = await up(bed, name, store)
        assert second.started is False
        assert second.readiness.silent == ()
        assert await witness() == before

    with_bed(work)


async def running_processes(host: Host) -> set[str]:
    return set((await said(host, "ps", "-eo", "comm=")).split())


def test_down_leaves_nothing_running(name: str, store: Path) -> None:
    async def work(bed: Session) -> None:
        built = (await up(bed, name, store)).mesh
        if not runs_a_service(built):
            pytest.skip(f"{name} runs no service")
        before = [await said(host, "ip", "-br", "link") for host in bed.hosts]
        assert all(built.driver.interface in links for links in before)
        await lifecycle.stop(bed.hosts, [name])
        for host in bed.hosts:
            shown = await said(host, "systemctl", "show", "-P", "ActiveState", built.unit)
            assert shown in {"inactive", "failed"}
            assert await said(host, "systemctl", "--failed", "--no-legend") == ""
            assert built.driver.interface not in await said(host, "ip", "-br", "link")
            # The kernel keeps 15 characters of a process's name.
            assert not {
                program[:15] for program in built.driver.watched()
            } & await running_processes(host)
            tasks = await said(host, "systemctl", "show", "-P", "TasksCurrent", SLICE)
            assert tasks in {"0", "[not set]"}
            routes = await said(host, "sh", "-c", "ip route; ip -6 route")
            assert built.driver.interface not in routes
        await lifecycle.stop(bed.hosts, [name])

    with_bed(work)


# --- secrets -----------------------------------------------------------------------------------


def secrets_of(built: Mesh) -> set[str]:
    """A characteristic line of each value of the material that nobody else may know.

    Public are the values that a file for everyone contains, and those whose names say so; a new
    driver gives a public value that stands only in a mode-600 file such a name.
    """
    files = [file for host in built.hosts for file in built.files(host.name)]
    hidden = [file.content.decode(errors="replace") for file in files if file.mode == 0o600]
    shown = [file.content.decode(errors="replace") for file in files if file.mode != 0o600]
    secrets = set()
    for _, key, value in support.flat(built.material):
        lines = value.strip().splitlines()
        line = lines[len(lines) // 2] if lines else ""
        private = not any(part in key for part in NO_SECRETS)
        if private and len(line) >= LEAST_SECRET and not any(line in text for text in shown):
            assert any(line in text for text in hidden), f"{key} is in no file"
            secrets.add(line)
    return secrets


async def files_with(host: Host, lines: set[str]) -> list[str]:
    """Mode and owner of every file on the host with one of the lines in it."""
    places = ["/etc", "/root", "/run", "/tmp", "/var", "/usr/local", "/home", "/opt"]
    grep = await host.run(
        ["grep", "-rlFs", "--exclude-dir=journal", "-f", "-", *places],
        stdin="".join(f"{line}\n" for line in sorted(lines)).encode(),
        check=False,
    )
    paths = grep.stdout.splitlines()
    return (await said(host, "stat", "-c", "%a %U:%G %n", *paths)).splitlines() if paths else []


def test_secrets_are_nowhere_readable(
    name: str, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    cell = support.job(name, count=5)
    record = support.measured(cell, store)
    assert support.reasons(record) == {}
    job = DeployJob(
        campaign=cell.where.campaign, site=cell.where, name=name, system=cell.system, method=cell.vpn_method,
        packages=cell.packages,
    )  # fmt: skip
    deployed = asyncio.run(deploy.deploy(job, store))

    async def work(bed: Session) -> None:
        built = await assemble(bed, name, store)
        secret = secrets_of(built)
        if not secret:
            pytest.skip(f"{name} has no secrets")
        texts = {
            "record": record.model_dump_json(),
            "deployment": deployed.model_dump_json(),
            "log": caplog.text,
            "state": json.dumps(await state.read(bed.hosts)),
            "representation": repr(built.driver) + repr(cell),
        }
        for host in bed.hosts:
            commands = "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '"
            texts[f"{host.name}: processes"] = await said(
                host, "sh", "-c", f"{commands} 2>/dev/null"
            )
            texts[f"{host.name}: journal"] = await said(host, "journalctl", "--no-pager", "-q")
            texts[f"{host.name}: unit"] = await said(host, "systemctl", "show", built.unit)
        for place, text in texts.items():
            # A line break inside JSON is an escape; a line of a secret is found all the same.
            assert not [line for line in secret if line in text], (
                f"a secret of {name} is in {place}"
            )
        seen = [line for host in bed.hosts for line in await files_with(host, secret)]
        assert seen, "the hosts have their keys"
        assert {line.rpartition(" ")[0] for line in seen} == {"600 root:root"}, seen
        folder = str(built.driver.folder)
        assert all(line.split(" ", 2)[2].startswith(f"{folder}/") for line in seen), seen
        kept = store / f"{name}.json"
        assert kept.stat().st_mode & 0o777 == 0o600
        assert store.stat().st_mode & 0o777 == 0o700
        assert all(line in kept.read_text() for line in secret)

    with_bed(work)


# --- purge ---------------------------------------------------------------------------------

_LISTING = "find / -xdev \\( -path /proc -o -path /var/log -o -path /tmp \\) -prune -o -print; find /run /tmp"
_VOLATILE = (
    "/run/systemd",
    "/run/log",
    "/run/udev",
    "/var/lib/systemd",
    "/run/lock",
    "/run/user",
    "/run/dbus",
)


async def listing(host: Host) -> set[str]:
    paths = (await host.run(["sh", "-c", _LISTING], check=False)).stdout.splitlines()
    return {path for path in paths if not path.startswith(_VOLATILE)}


def test_purge_leaves_nothing_at_all(name: str, store: Path) -> None:
    async def work(bed: Session) -> None:
        await lifecycle.purge(bed.hosts, name)
        before = {host.name: await listing(host) for host in bed.hosts}
        built = (await up(bed, name, store)).mesh
        if runs_a_service(built):
            assert support.unlike(before["lom"], await listing(bed.hosts[0])) != []
        await lifecycle.purge(bed.hosts, name)
        for host in bed.hosts:
            left = support.unlike(before[host.name], await listing(host))
            # The folders that all systems share may stay.
            assert [path for path in left if path not in {str(STATE), "/run/meshbench"}] == []
            assert await ends(host, "test", "-e", str(STATE / name)) == 1
            assert await ends(host, "test", "-e", str(UNIT_FOLDER / unit_name(name))) == 1
            shown = await said(host, "systemctl", "show", "-P", "LoadState", built.unit)
            assert shown == "not-found"
        await lifecycle.purge(bed.hosts, name)

    with_bed(work)


# --- versions ------------------------------------------------------------------------------

VARIANTS = tuple(
    path.stem
    for path in (support.CHECKOUT / "config/vpns").glob("*@*.yaml")
    if support.system(path.stem).package is not None
)
"""Systems that are another version of a driver's VPN."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_versions_in_one_campaign(lab: Lab, store: Path, variant: str) -> None:
    """One after the other, each with its own program, and records tell them apart."""
    own = support.system(variant)
    assert lab.running()

    async def work(bed: Session) -> None:
        for name, system in ((own.driver, making.system(own.driver)), (variant, own)):
            if reason := await lacking(bed, name, store, system):
                pytest.skip(f"{name}: {reason}")

    with_bed(work)
    try:
        records = [
            support.measured(support.job(name, count=5, system=system), store)
            for name, system in (
                (own.driver, making.system(own.driver)),
                (variant, own),
                (own.driver, making.system(own.driver)),
            )
        ]
    finally:
        with_bed(lambda bed: purge(bed, own.driver, variant))
    assert [support.reasons(record) for record in records] == [{}, {}, {}]
    first, second, third = (record.vpn.version for record in records)
    assert first == third != second


async def purge(bed: Session, *systems: str) -> None:
    for system in systems:
        await lifecycle.purge(bed.hosts, system)
