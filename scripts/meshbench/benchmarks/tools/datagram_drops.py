"""Where datagrams were dropped on the way between two hosts, from their kernels' counters."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from meshbench.results.records import Command
from meshbench.testbed.host import Host

_SOCKET = re.compile(r"^\S+\s+\d+\s+\d+\s+(\S+)\s+(\S+)")
_INTERFACE = re.compile(r"^\d+: ([^:@\s]+)[@:].*? mtu (\d+)", re.MULTILINE)
_SOCKET_DROPS = re.compile(r"skmem:\([^)]*\bd(\d+)\)")


@dataclass(frozen=True)
class Counters:
    """What one host has dropped since it was started.

    Attributes:
        send_errors: datagrams that the network below a socket refused (UdpSndbufErrors).
        receive_errors: datagrams for which a socket's receive buffer had no room (UdpRcvbufErrors).
        no_port: datagrams that no socket waited for (UdpNoPorts).
        interfaces_out, interfaces_in: dropped by interfaces, the tunnel's and those below it.
        qdiscs: dropped by queues, without netem's.
        netem: dropped by netem, on purpose and for want of room.
        sockets: drops of each socket there is, by its addresses.
        mtu: of the interface towards the far side; None where that is not known.
    """

    send_errors: int
    receive_errors: int
    no_port: int
    interfaces_out: int
    interfaces_in: int
    qdiscs: int
    netem: int
    sockets: Mapping[str, int]
    mtu: int | None


@dataclass(frozen=True)
class Drops:
    """Datagrams dropped at each place along a direction, in the order in which they pass them."""

    send_socket: int
    interface_out: int
    qdisc: int
    netem: int
    interface_in: int
    daemon_buffer: int
    receive_buffer: int
    too_late: int

    @property
    def total(self) -> int:
        return sum(vars(self).values())


async def count(ends: Sequence[tuple[Host, str]], role: str) -> list[Command]:
    """Ask hosts for their counters at the same time, each with an address on its far side."""
    script = (files(__package__) / "datagram_drops.sh").read_bytes()
    asked = await asyncio.gather(*(
        host.run(["sh", "-s", far_address], stdin=script, check=False) for host, far_address in ends
    ))  # fmt: skip
    return [command.model_copy(update={"role": role, "measuring": False}) for command in asked]


def read(text: str) -> Counters:
    """The counters in what the script printed (pure). Raises ValueError where they are not all there."""
    sections = dict(part.partition("\n")[::2] for part in text.split("\n@ ")[1:])
    try:
        udp = _udp(sections["udp"])
        devices = list(_devices(sections["devices"]))
        qdiscs = json.loads(sections["qdiscs"])
        return Counters(
            send_errors=udp["SndbufErrors"],
            receive_errors=udp["RcvbufErrors"],
            no_port=udp["NoPorts"],
            interfaces_out=sum(sent for _, sent in devices),
            interfaces_in=sum(received for received, _ in devices),
            qdiscs=_dropped(qdiscs, netem=False),
            netem=_dropped(qdiscs, netem=True),
            sockets=_sockets(sections["sockets"]),
            mtu=_mtu(sections["route"], sections["interfaces"]),
        )
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"counters that cannot be read: {error!r}") from None


def _udp(text: str) -> dict[str, int]:
    """Counters of UDP over both families: IPv4 has a line of names and one of values, IPv6 a line each."""
    tables = [line.split()[1:] for line in text.splitlines() if line.startswith("Udp:")]
    names, values = tables
    counters = dict(zip(names, map(int, values), strict=True))
    for line in text.splitlines():
        name, _, value = line.removeprefix("Udp6").partition(" ")
        if line.startswith("Udp6") and name in counters:
            counters[name] += int(value)
    return counters


def _devices(text: str) -> Iterator[tuple[int, int]]:
    """What each interface dropped, received and sent ones: /proc/net/dev without the loopback."""
    for line in text.splitlines():
        name, colon, counters = line.partition(":")
        if colon and name.strip() != "lo":
            numbers = counters.split()
            yield int(numbers[3]), int(numbers[11])


def _dropped(qdiscs: Sequence[Mapping[str, Any]], *, netem: bool) -> int:
    """Of a tree of queues the root counts what its children drop, so that roots suffice.

    netem below a root of another kind is taken from it.
    """
    roots = [qdisc for qdisc in qdiscs if qdisc.get("root")]
    own = sum(int(qdisc.get("drops", 0)) for qdisc in qdiscs if qdisc["kind"] == "netem")
    total = sum(int(qdisc.get("drops", 0)) for qdisc in roots)
    return own if netem else max(0, total - own)


def _sockets(text: str) -> dict[str, int]:
    """Drops by the addresses of each socket; what ss prints of one is on one line or two."""
    by_socket: dict[str, int] = {}
    key = ""
    for line in text.splitlines():
        if socket := _SOCKET.match(line):
            key = " ".join(socket.groups())
        if key and (drops := _SOCKET_DROPS.search(line)):
            by_socket[key] = by_socket.get(key, 0) + int(drops[1])
    return by_socket


def _mtu(route: str, interfaces: str) -> int | None:
    routes = json.loads(route) if route.strip() else []
    devices = {entry.get("dev") for entry in routes}
    mtus = {name: int(mtu) for name, mtu in _INTERFACE.findall(interfaces)}
    return next((mtus[device] for device in devices if device in mtus), None)


def between(sender: tuple[Counters, Counters], receiver: tuple[Counters, Counters]) -> Drops:
    """What was dropped along a direction, from both ends' counters before and after (pure).

    Each datagram counts once: a socket also counts what the queue or interface right below it
    refused, and the sum over all receive buffers has those of the VPN's daemon in it, whose sockets
    are there before and after; that of the measuring tool is not.
    """
    out = _more(sender, "interfaces_out")
    queued = _more(sender, "qdiscs")
    daemon = sum(
        max(0, drops - receiver[0].sockets.get(key, 0))
        for key, drops in receiver[1].sockets.items()
    )
    return Drops(
        send_socket=max(0, _more(sender, "send_errors") - out - queued),
        interface_out=out,
        qdisc=queued,
        netem=_more(sender, "netem") + _more(receiver, "netem"),
        interface_in=_more(receiver, "interfaces_in"),
        daemon_buffer=daemon,
        receive_buffer=max(0, _more(receiver, "receive_errors") - daemon),
        too_late=_more(receiver, "no_port"),
    )


def _more(counters: tuple[Counters, Counters], name: str) -> int:
    before, after = (int(getattr(reading, name)) for reading in counters)
    return max(0, after - before)


def pairs(commands: Sequence[Command], role: str) -> Iterator[tuple[str, Counters]]:
    """Of commands, the host and counters of those in a role that can be read."""
    for command in commands:
        if command.role == role:
            yield command.host, read(command.stdout)
