"""What is done with every VPN alike: install, start, prove, look, stop, take away."""

import asyncio
import contextlib
import hashlib
import itertools
import json
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from meshbench.packages import delivery
from meshbench.packages.store import Manifest
from meshbench.results.records import Command, PathState
from meshbench.testbed.host import STATE, CommandError, File, Host
from meshbench.testbed.waiting import listening
from meshbench.util.errors import NO_BINARY, ToolError, UnavailableError, VpnError
from meshbench.util.files import write_private
from meshbench.util.foreign import UNREADABLE, why
from meshbench.vpns.base import Driver, Material, Network
from meshbench.vpns.common import debian
from meshbench.vpns.common.units import (
    UNIT_FOLDER,
    Service,
    companion_units,
    forget_at_boot,
    system_of,
    unit_file,
    unit_name,
)

log = logging.getLogger(__name__)

MARKER = "installed"
LISTEN_LIMIT_S = 2.0
COMPANION_LIMIT_S = 15.0
PING_TROUBLE = {2, 126, 127}
"""How ping(8) ends when it could not ask, and how a shell does when it could not start ping."""
LEAST_SECRET = 16
"""Shorter material is no secret but a name or a number."""
NO_SECRETS = ("public", "certificate", "address")
"""Parts of the names of material that anybody may know."""
TURN_S = 3.0
"""How long an ordered pair is tried before the next one has its turn."""


@dataclass(frozen=True)
class Mesh:
    """One VPN on the testbed's hosts."""

    driver: Driver
    network: Network
    hosts: tuple[Host, ...]
    material: Material
    facts: Mapping[str, Mapping[str, str]]
    packages: Mapping[str, tuple[Manifest, ...]] = field(default_factory=dict)
    """By host, what of its programs does not come from Debian."""

    def address(self, host: str) -> str:
        return self.driver.address(self.network.node(host), self.material)

    @property
    def unit(self) -> str:
        return unit_name(self.driver.system)

    def service(self, host: str) -> Service | None:
        return self.driver.service(self.network.node(host), self.network, self.facts[host])

    def companions(self, host: str) -> Mapping[str, Service]:
        return self.driver.companions(self.network.node(host), self.network, self.facts[host])

    def units(self, host: str) -> tuple[str, ...]:
        """Every unit that is to run on a host, in the order in which they are started."""
        beside = [unit_name(self.driver.system, name) for name in self.companions(host)]
        return (*beside, *([self.unit] if self.service(host) else []))

    def secrets(self) -> frozenset[str]:
        """Lines of the keys that stand in files for root alone, and in no others."""
        files = [file for host in self.hosts for file in self.files(host.name)]
        shown = b"\n".join(file.content for file in files if not file.secret).decode(
            errors="replace"
        )
        lines = (
            line.strip()
            for node in self.material.values()
            for key, value in node.items()
            if not any(word in key for word in NO_SECRETS)
            for line in value.splitlines()
        )
        return frozenset(line for line in lines if len(line) >= LEAST_SECRET and line not in shown)

    def files(self, host: str) -> list[File]:
        """Everything that is to be on a host: configuration, keys and the units."""
        system, service = self.driver.system, self.service(host)
        return [
            *self.driver.files(self.network.node(host), self.network, self.material),
            *(
                unit_file(system, companion, name)
                for name, companion in self.companions(host).items()
            ),
            *([unit_file(system, service)] if service else []),
        ]


async def assemble(driver: Driver, network: Network, hosts: Sequence[Host], store: Path) -> Mesh:
    """A VPN with its keys and what its hosts said of themselves. Raises VpnError."""
    with _no_binary():
        packages = await delivery.deliver(driver.system, driver.supplies, hosts)
        await asyncio.gather(*(_has_programs(driver, host) for host in hosts))
    facts = await asyncio.gather(*(driver.probe(host) for host in hosts))
    named = {host.name: fact for host, fact in zip(hosts, facts, strict=True)}
    try:
        keys = await material(driver, network, hosts, store)
    except CommandError as error:
        raise VpnError(f"no keys: {error}") from error
    except UNREADABLE as error:
        raise VpnError(
            f"no keys: what {driver.name}'s programs say cannot be read: {why(error)}"
        ) from error
    return Mesh(driver, network, tuple(hosts), keys, named, packages)


@contextlib.contextmanager
def _no_binary() -> Iterator[None]:
    try:
        yield
    except VpnError as error:
        raise UnavailableError(f"{NO_BINARY}: {error}") from error


async def _has_programs(driver: Driver, host: Host) -> None:
    if lacking := await debian.lacking(driver, host):
        raise VpnError(f"{host.name}: {', '.join(lacking)} is not installed")


async def material(
    driver: Driver, network: Network, hosts: Sequence[Host], store: Path
) -> Material:
    """The system's keys: read from the controller's mode-600 store, or made once and kept there."""
    identity = {
        "driver": driver.name,
        "version": driver.version,
        "options": driver.options.model_dump(mode="json"),
        "nodes": [[node.name, node.underlay] for node in network.nodes],
    }
    if driver.supplies:
        identity["packages"] = [supply.digest for supply in driver.supplies]
    path = store / f"{driver.system}.json"
    if path.exists():
        kept = json.loads(path.read_text())
        if kept["identity"] == identity:
            keys: Material = kept["material"]
            return keys
    keys = await driver.material(network, hosts)
    write_private(path, json.dumps({"identity": identity, "material": keys}).encode())
    return keys


async def install(mesh: Mesh) -> None:
    """Put configuration, keys and unit on every host. Idempotent."""
    await asyncio.gather(*(_install(mesh, host) for host in mesh.hosts))


async def _install(mesh: Mesh, host: Host) -> None:
    files = mesh.files(host.name)
    await host.upload(files)
    if mesh.units(host.name):
        await host.run(["systemctl", "daemon-reload"])
    await host.upload([File(mesh.driver.folder / MARKER, digest(files).encode())])


def digest(files: Sequence[File]) -> str:
    """What is installed, in one word: paths, contents and modes."""
    text = json.dumps(sorted([str(file.path), file.digest, file.mode] for file in files))
    return hashlib.sha256(text.encode()).hexdigest()


def digests(mesh: Mesh) -> dict[str, str]:
    """By host, what is to be installed there."""
    return {host.name: digest(mesh.files(host.name)) for host in mesh.hosts}


def installed(mesh: Mesh, markers: Mapping[str, str]) -> bool:
    """Whether every host's marker says that exactly this configuration is installed."""
    return digests(mesh).items() <= markers.items()


async def start(mesh: Mesh, *, at_once: bool = False) -> None:
    """Start the VPN on the special host, then on the others, and let it settle.

    Args:
        mesh: the system and its hosts.
        at_once: whether no host waits for another one.

    Raises:
        VpnError: with the journal of a unit that did not start, or with the command that failed
            while settling.
    """
    first, *others = mesh.hosts
    if at_once:
        others = [first, *others]
    else:
        await _start(mesh, first)
        if mesh.driver.listen_port is not None:
            await listening(first, mesh.driver.listen_port, LISTEN_LIMIT_S)
    await asyncio.gather(*(_start(mesh, host) for host in others))
    try:
        await mesh.driver.settle(mesh.hosts, mesh.network, mesh.material)
    except CommandError as error:
        raise VpnError(str(error)) from error
    except UNREADABLE as error:
        name = mesh.driver.system
        raise VpnError(f"what {name} says while it settles cannot be read: {why(error)}") from error


async def _start(mesh: Mesh, host: Host) -> None:
    beside = mesh.companions(host.name)
    for name, service in beside.items():
        unit = unit_name(mesh.driver.system, name)
        await _restart(host, unit)
        port = service.listens
        if port is not None and not await listening(host, port, COMPANION_LIMIT_S):
            raise VpnError(
                f"{host.name}: {unit} does not listen on port {port}: {await host.logs(unit)}"
            )
    if mesh.service(host.name):
        await _restart(host, mesh.unit)


async def _restart(host: Host, unit: str) -> None:
    started = await host.run(["systemctl", "restart", unit], limit_s=60, check=False)
    if started.returncode != 0:
        raise VpnError(f"{host.name}: {unit} did not start: {await host.logs(unit)}")


@dataclass(frozen=True)
class Readiness:
    """Which ordered pairs pass traffic: seconds to the first reply, or silence."""

    times_s: Mapping[str, float]
    silent: tuple[str, ...]


def pair(source: str, target: str) -> str:
    return f"{source}->{target}"


async def ready(mesh: Mesh, limit_s: float, clock: float) -> Readiness:
    """Try every ordered pair through the tunnel, one in turn, with 50 ms resolution.

    In turn because simultaneous handshakes disturb some VPNs, and at most TURN_S at a time because
    some pairs answer only after the other side has spoken. A pair's time is from `clock` (the
    monotonic time at which the VPN was started) to its first reply, and includes the turns before.
    """
    times: dict[str, float] = {}

    async def answers(source: Host, target: Host) -> bool:
        left_s = limit_s - (time.monotonic() - clock)
        if not await _answers(mesh, source, target, min(TURN_S, max(left_s, 1.0))):
            return False
        times[pair(source.name, target.name)] = round(time.monotonic() - clock, 3)
        return True

    silent = list(itertools.permutations(mesh.hosts, 2))
    while silent := [(a, b) for a, b in silent if not await answers(a, b)]:
        if time.monotonic() - clock >= limit_s:
            break
    return Readiness(times, tuple(pair(a.name, b.name) for a, b in silent))


async def alive(mesh: Mesh, limit_s: float) -> Readiness:
    """Try every ordered pair at the same time; for a VPN that was ready before."""
    clock = time.monotonic()
    pairs = list(itertools.permutations(mesh.hosts, 2))
    answers = await asyncio.gather(*(_answers(mesh, a, b, limit_s) for a, b in pairs))
    took = round(time.monotonic() - clock, 3)
    names = [pair(a.name, b.name) for a, b in pairs]
    answered = dict(zip(names, answers, strict=True))
    return Readiness(
        {name: took for name, answer in answered.items() if answer},
        tuple(name for name, answer in answered.items() if not answer),
    )


async def _answers(mesh: Mesh, source: Host, target: Host, limit_s: float) -> bool:
    """Whether a reply comes through the tunnel's interface, asked every 50 ms (ping -c with -w).

    Raises ToolError when ping cannot run there.
    """
    interface = interface_of(mesh, source)
    deadline = time.monotonic() + limit_s
    while (left := deadline - time.monotonic()) > 0:
        ping = await source.run(
            ["ping", "-n", "-q", "-c", "1", "-i", "0.05", "-w", str(max(1, round(left))),
             "-I", interface, mesh.address(target.name)],
            limit_s=left + 2, check=False,
        )  # fmt: skip
        if ping.returncode == 0:
            return True
        if _in_trouble(ping):
            await _can_ping(source, mesh.address(target.name))
        await asyncio.sleep(0.05)
    return False


def _in_trouble(ping: Command) -> bool:
    """Whether ping gave no account of what it sent, as it does also when nothing answers."""
    return ping.returncode in PING_TROUBLE or "packets transmitted" not in ping.stdout


async def _can_ping(host: Host, address: str) -> None:
    """Raise ToolError, with its words, when ping cannot even reach its own host.

    Where it can, its trouble is with the tunnel: the interface or the route is not there (yet).
    """
    loopback = "::1" if ":" in address else "127.0.0.1"
    ping = await host.run(
        ["ping", "-n", "-q", "-c", "1", "-W", "1", loopback], limit_s=10, check=False
    )
    if _in_trouble(ping):
        words = (ping.stderr or ping.stdout).strip()[:300]
        raise ToolError(
            f"{host.name}: ping cannot run: {words or f'it ended with {ping.returncode}'}"
        )


async def versions(mesh: Mesh) -> dict[str, str]:
    """By host, what the program says of itself. Raises VpnError when it does not run there."""
    texts = await asyncio.gather(*(version(mesh, host) for host in mesh.hosts))
    return {host.name: text for host, text in zip(mesh.hosts, texts, strict=True)}


async def version(mesh: Mesh, host: Host) -> str:
    """What the program on a host says of itself; "unknown" where that is no version.

    Raises VpnError when it does not run there.
    """
    try:
        return await mesh.driver.installed_version(host)
    except CommandError as error:
        raise VpnError(str(error)) from error
    except UNREADABLE as error:
        log.warning("%s: no version of %s: %s", host.name, mesh.driver.system, why(error))
        return "unknown"


def interface_of(mesh: Mesh, host: Host) -> str:
    """The interface that carries the measured traffic."""
    bare = mesh.address(host.name) == host.address.data_address
    return host.address.data_interface if bare else mesh.driver.interface


async def paths(mesh: Mesh) -> dict[tuple[str, str], PathState]:
    """The path of every ordered pair as the daemons tell it, with the tunnel's MTU.

    A path of which nothing can be known has no kind, and the reason under `unknown` in its details.
    """
    per_host = await asyncio.gather(*(_paths(mesh, host) for host in mesh.hosts))
    return {pair: state for states in per_host for pair, state in states.items()}


async def _paths(mesh: Mesh, host: Host) -> dict[tuple[str, str], PathState]:
    interface = interface_of(mesh, host)
    node = mesh.network.node(host.name)
    (by_peer, unknown), link = await asyncio.gather(
        _told(mesh, host), host.run(["cat", f"/sys/class/net/{interface}/mtu"], check=False)
    )
    states = {
        other.name: by_peer.get(other.name) or PathState(details={"unknown": unknown})
        for other in mesh.network.others(node)
    }
    if lacking := [name for name, state in states.items() if not state.known]:
        log.warning("%s: path to %s unknown: %s", host.name, ", ".join(lacking), unknown)
    mtu = int(link.stdout) if link.stdout.strip().isdigit() else None
    update = {"interface": interface, "tunnel_mtu": mtu}
    return {(host.name, peer): state.model_copy(update=update) for peer, state in states.items()}


async def _told(mesh: Mesh, host: Host) -> tuple[Mapping[str, PathState], str]:
    """What a host's daemon tells of its paths, by the other host, and why any other is not known."""
    try:
        by_peer = await mesh.driver.paths(host, mesh.network.node(host.name), mesh.network)
    except CommandError as error:  # a dead daemon tells nothing
        return {}, str(error)
    except UNREADABLE as error:  # one of another version may tell it otherwise
        return {}, f"{host.name}: what the daemon tells cannot be read: {why(error)}"
    return by_peer, "the daemon tells of no path"


DIRECT_LIMIT_S = 10.0
"""How long a path that is relayed at first may take to become direct before cells are measured."""


async def direct(mesh: Mesh, clock: float) -> dict[str, float]:
    """By ordered pair, seconds from `clock` until the daemon was first seen to say 'direct'.

    Asked again while a path is relayed and may become direct, with traffic in between: some look
    for the direct path only then. What a daemon does not tell is not waited for.
    """
    seen: dict[str, float] = {}
    while True:
        states = await paths(mesh)
        now_s = round(time.monotonic() - clock, 3)
        for (source, target), state in states.items():
            if state.kind == "direct":
                seen.setdefault(pair(source, target), now_s)
        relayed = any(state.kind == "relay" for state in states.values())
        if not relayed or mesh.driver.hub or time.monotonic() - clock > DIRECT_LIMIT_S:
            return seen
        await alive(mesh, 1.0)


async def dead(mesh: Mesh) -> dict[str, str]:
    """The hosts on which a unit of the VPN is not running, with its journal's tail."""
    fallen = await asyncio.gather(*(_fallen(mesh, host) for host in mesh.hosts))
    return {
        host.name: "\n".join([await host.logs(unit) for unit in units])
        for host, units in zip(mesh.hosts, fallen, strict=True)
        if units
    }


async def _fallen(mesh: Mesh, host: Host) -> list[str]:
    units = mesh.units(host.name)
    if not units:
        return []
    # One line for each unit, in the order of the question.
    state = await host.run(["systemctl", "is-active", *units], check=False)
    words = [*state.stdout.split("\n"), *[""] * len(units)]
    return [unit for unit, word in zip(units, words, strict=False) if word.strip() != "active"]


async def stop(hosts: Sequence[Host], systems: Sequence[str]) -> None:
    """Stop systems by name on every host."""
    if systems:
        units = [unit for s in systems for unit in (unit_name(s), companion_units(s))]
        await asyncio.gather(*(host.stop(*units) for host in hosts))


_PRESENT = """
for unit in "$1"/meshbench-vpn-*.service; do [ -e "$unit" ] && printf '%s\\n' "${unit##*/}"; done
for folder in "$2"/*/; do [ -d "$folder" ] && basename -- "$folder"; done
true
"""


async def present(hosts: Sequence[Host]) -> tuple[str, ...]:
    """The systems of which a unit or a folder is on any host, running or not."""
    argv = ["sh", "-c", _PRESENT, "sh", str(UNIT_FOLDER), str(STATE)]
    commands = await asyncio.gather(*(host.run(argv) for host in hosts))
    names = {line for command in commands for line in command.stdout.splitlines()}
    systems = {system_of(name) if name.endswith(".service") else name for name in names}
    return tuple(sorted(filter(delivery.is_system, systems)))


async def purge(hosts: Sequence[Host], system: str) -> None:
    """Stop a system and take everything of it off every host."""
    await stop(hosts, [system])
    await asyncio.gather(*(_purge(host, system) for host in hosts))


async def _purge(host: Host, system: str) -> None:
    units = [unit_name(system), companion_units(system)]
    await host.run(forget_at_boot(system))
    # The shell's own pattern: minimal hosts have no find(1).
    await host.run(["sh", "-c", 'cd "$1" && rm -f -- "$2" $3', "sh", str(UNIT_FOLDER), *units])
    await host.run(["rm", "-rf", "--", str(STATE / system)])
    await delivery.sweep(host)
    await host.run(["systemctl", "daemon-reload"])
    await host.run(["systemctl", "reset-failed", *units], check=False)
