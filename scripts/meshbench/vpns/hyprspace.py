"""Hyprspace: libp2p between static peers, without the public DHT."""

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from meshbench.config.packages import Local
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import RUN, File, Host
from meshbench.vpns.base import Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service, command_line

_CLOSED = "http://127.0.0.1:9"
"""A proxy that is not there: its requests for peers to a server on the internet end on the host."""
_LISTEN = {"tcp": "/ip4/{address}/tcp/{port}", "quic": "/ip4/{address}/udp/{port}/quic-v1"}
_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PREFIX = b"\xfd\x00hyprspace\x00"


class Options(Strict):
    transport: Literal["tcp", "quic"] = "tcp"
    """Hyprspace listens on both; in 0.15.0 a short read over QUIC can end the daemon."""
    port: Annotated[int, Field(ge=1, le=65535)] = 8001


class Hyprspace(Driver):
    """Every node knows the others' addresses in place of the DHT, so that each pair is direct."""

    name = "hyprspace"
    version = 1
    options_class = Options
    # No Go module of it can be built: a part of its source is generated.
    package = Local(environment="MESHBENCH_HYPRSPACE", licence="Apache-2.0")
    programs = ("hyprspace",)
    card = Card(
        title="Hyprspace",
        data_path="user space, TUN",
        threads="a goroutine per packet to send, one per peer to receive",
        offloads="none",
        encryption="Noise or TLS 1.3 of libp2p, per connection",
        transport="TCP (a reliable stream); QUIC as an option",
        ports="TCP 8001 (UDP with QUIC)",
        mtu="1420",
        special_host="none",
        remarks=(
            "Goroutines that send packets to one peer overtake each other: they arrive reordered.",
            "QUIC is off by default, unlike upstream: in 0.15.0 it can end the daemon (a short read).",
            "IPv6, with addresses that follow from the keys.",
            "No public DHT: every host knows the others' addresses.",
        ),
    )
    strays = {
        "224.0.0.251/32": "mDNS, compiled in",
        "ff02::fb/128": "mDNS, compiled in",
        "239.255.255.250/32": "looks for a router that maps ports (UPnP), compiled in",
    }
    options: Options

    @property
    def _config(self) -> str:
        return str(self.folder / "config.json")

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        program = self.program("hyprspace")
        return {node.name: await _identity(program, hosts[0]) for node in network.nodes}

    def address(self, node: Node, material: Material) -> str:
        return address_of(material[node.name]["public"])

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        listen = _LISTEN[self.options.transport]
        ids = {other: material[other.name]["public"] for other in network.others(node)}

        def at(member: Node) -> str:
            return listen.format(address=member.underlay, port=self.options.port)

        config = {
            "privateKey": material[node.name]["private"],
            "listenAddresses": [at(node)],
            "bootstrapPeers": [f"{at(other)}/p2p/{peer}" for other, peer in ids.items()],
            "peers": [{"name": other.name, "id": peer} for other, peer in ids.items()],
        }
        return [File(self.folder / "config.json", json.dumps(config).encode(), 0o600)]

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        socket = f"/run/hyprspace-rpc.{self.interface}.sock"
        return Service(
            [self.program("hyprspace"), "up", "-c", self._config, "-i", self.interface],
            environment={"HTTPS_PROXY": _CLOSED, "HTTP_PROXY": _CLOSED},
            properties={"ExecStopPost": command_line(["rm", "-f", "--", socket])},
        )

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {
            **self.options.model_dump(),
            "peers": "static, full mesh",
            "dht": "no public bootstrap peers",
            "delegated_routing": "p2p.privatevoid.net is compiled in; kept on the host",
            "mdns": "compiled in, on the link",
            "port_mapping": "compiled in, on the link",
        }

    async def installed_version(self, host: Host) -> str:
        return (await host.run([self.program("hyprspace"), "version"])).stdout.split()[-1]

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        status, routes = [
            (await host.run([self.program("hyprspace"), *words, "-i", self.interface])).stdout
            for words in (("status",), ("route", "show"))
        ]
        states = {other.name: path(other.name, status, routes) for other in network.others(node)}
        return {name: state for name, state in states.items() if state}


async def _identity(program: str, host: Host) -> dict[str, str]:
    """A key pair from the program itself, in a folder that is gone afterwards."""
    folder = RUN / "hyprspace-key"
    config = str(folder / "config.json")
    await host.run(["install", "-d", "-m", "700", str(folder)])
    try:
        stdout = (await host.run([program, "init", "-c", config])).stdout
        private = json.loads((await host.run(["cat", config])).stdout)["privateKey"]
    finally:
        await host.run(["rm", "-rf", "--", str(folder)])
    return {"private": private, "public": _ID.findall(stdout)[-1]}


_ID = re.compile(r'"id": "(\w+)"')


def address_of(peer_id: str) -> str:
    """The tunnel address of a peer: fd00:hyprspace, then its id folded into four bytes by XOR.

    Source: config/idhash.go of Hyprspace.
    """
    folded = bytearray.fromhex("deadbeef")
    for i, byte in enumerate(_base58(peer_id)):
        folded[i % 4] ^= byte
    return str(ipaddress.IPv6Address(_PREFIX + bytes(folded)))


def _base58(text: str) -> bytes:
    number = 0
    for sign in text:
        number = number * 58 + _ALPHABET.index(sign)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


_CONNECTION = re.compile(
    r"^\s+@(?P<name>\S+) \((?P<latency>\S+)\) (?P<address>/\S+)$", re.MULTILINE
)
_CIRCUIT = "/p2p-circuit"


def path(peer: str, status: str, routes: str) -> PathState | None:
    """How a peer is reached: `route show` knows which connection carries packets, `status` where
    each one leads. None when it is not connected.
    """
    relayed = any(
        f" via @{peer} " in line and _CIRCUIT in line and line.endswith(" connected")
        for line in routes.splitlines()
    )
    for connection in _CONNECTION.finditer(status):
        where = connection["address"]
        if connection["name"] == peer and (_CIRCUIT in where) == relayed:
            parts: list[str] = where.split("/")
            _, family, host, layer, port, *rest = [*parts, "", "", "", ""]
            if family not in {"ip4", "ip6"} or not port.isdecimal():
                continue
            return PathState(
                kind="relay" if relayed else "direct",
                transport="quic" if "quic-v1" in rest else layer,
                endpoint=f"[{host}]:{port}" if family == "ip6" else f"{host}:{port}",
                details={"multiaddr": where},
            )
    return None


DRIVER = Hyprspace
