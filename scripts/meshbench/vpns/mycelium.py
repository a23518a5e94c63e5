"""Mycelium: static peers, all with all, no public nodes and no discovery."""

import ipaddress
import json
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from meshbench.config.packages import Local
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import RUN, File, Host
from meshbench.util import foreign
from meshbench.util.foreign import Told
from meshbench.vpns.base import Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service

PORT = 9651
_API = "127.0.0.1:8989"
_RPC = "127.0.0.1:8990"
# The interface is the daemon's own and comes a moment after its start; systemd limits the wait.
_SET_MTU = 'until ip link set "$1" mtu "$2" 2>/dev/null; do sleep 0.05; done'


class Options(Strict):
    transport: Literal["tcp", "quic"] = "tcp"
    port: Annotated[int, Field(ge=1, le=65535)] = PORT
    mtu: Annotated[int, Field(ge=1280, le=1400)] | None = None
    """By default what it takes itself, 1400. Its QUIC drops full-size packets then: 1320 passes."""


class Mycelium(Driver):
    """Addresses follow from the keys; each host listens and dials all others."""

    name = "mycelium"
    version = 1
    options_class = Options
    # It is not on crates.io.
    package = Local(environment="MESHBENCH_MYCELIUM", licence="Apache-2.0")
    programs = ("mycelium",)
    card = Card(
        title="Mycelium",
        data_path="user space, TUN",
        threads="one worker per core",
        offloads="GSO and GRO on the tunnel",
        encryption="AES-256-GCM end to end; QUIC's TLS 1.3 besides with `transport: quic`",
        transport="TCP, or QUIC by `transport`",
        ports="TCP 9651, UDP 9651",
        mtu="1400; with QUIC full-size packets are lost at that, 1320 passes (`mtu`)",
        special_host="none",
        remarks=(
            "IPv6 only, with addresses that follow from the keys.",
            (
                "Every host dials every other; no public nodes, no discovery on the link. The published "
                "data of the thesis went over ThreeFold's public nodes instead."
            ),
            "You supply the program (MESHBENCH_MYCELIUM), or name a release and its checksum in `package`.",
        ),
    )
    admits_anyone = (
        "Mycelium is a public network: every key is a member, and links have no password"
    )
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        """Addresses from the program itself, which alone knows how they follow from a key."""
        return {n.name: await _identity(self.program("mycelium"), hosts[0]) for n in network.nodes}

    def address(self, node: Node, material: Material) -> str:
        return material[node.name]["address"]

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        options = self.options
        config = {
            "peers": [
                f"{options.transport}://{o.underlay}:{options.port}" for o in network.others(node)
            ],
            "tcp_listen_port": options.port,
            "quic_listen_port": options.port,
            "disable_peer_discovery": True,
            "tun_name": self.interface,
            "api_addr": _API,
            "jsonrpc_addr": _RPC,
        }
        # A JSON string, number, boolean or list of strings is a TOML value.
        lines = [f"{key} = {json.dumps(value)}\n" for key, value in config.items()]
        addresses = {other.name: self.address(other, material) for other in network.others(node)}
        return [
            File(self.folder / "mycelium.toml", "".join(lines).encode()),
            File(self.folder / "key", material[node.name]["private"].encode(), 0o600),
            File(self.folder / "addresses.json", json.dumps(addresses).encode()),
        ]

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        start = [
            self.program("mycelium"),
            *("--config-file", str(self.folder / "mycelium.toml")),
            *("--key-file", str(self.folder / "key")),
            *("--log-format", "plain"),
        ]
        if self.options.mtu is None:
            return Service(start)
        return Service(start, [["sh", "-c", _SET_MTU, "sh", self.interface, str(self.options.mtu)]])

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {**self.options.model_dump(), "peers": "static, full mesh", "discovery": False}

    async def installed_version(self, host: Host) -> str:
        return (await host.run([self.program("mycelium"), "--version"])).stdout.split()[-1]

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        # It logs to its standard output, and makes a folder for a key if it is given none.
        quiet = ["--silent", "--key-file", str(self.folder / "key"), "--api-addr", _API]
        ask = [self.program("mycelium"), *quiet, "routes", "selected", "--json"]
        entries = foreign.document((await host.run(ask)).stdout.strip() or "[]")
        routes = foreign.valid(Route, entries)
        addresses = json.loads(
            (await host.run(["cat", str(self.folder / "addresses.json")])).stdout
        )
        return {
            other.name: _path(route, other)
            for other in network.others(node)
            if (route := _route(routes, addresses[other.name])) is not None
        }


async def _identity(program: str, host: Host) -> dict[str, str]:
    # Any 32 bytes are an X25519 key (RFC 7748, section 5); text can be kept as text.
    private = secrets.token_urlsafe(24)
    folder = RUN / "mycelium-key"
    await host.run(["install", "-d", "-m", "700", str(folder)])
    try:
        await host.upload([File(folder / "key", private.encode(), 0o600)])
        inspect = [program, "--silent", "--key-file", str(folder / "key"), "inspect", "--json"]
        inspected = json.loads((await host.run(inspect)).stdout)
    finally:
        await host.run(["rm", "-rf", "--", str(folder)])
    return {
        "private": private,
        "public": inspected["publicKey"],
        "address": str(ipaddress.IPv6Address(inspected["address"])),
    }


class Route(Told):
    subnet: Annotated[ipaddress.IPv6Network, BeforeValidator(str)]
    next_hop: Annotated[str, StringConstraints(pattern=r"^\S+ .*\S:\d+$")] = Field(alias="nextHop")
    metric: Any = None


def _route(routes: Sequence[Route], address: str) -> Route | None:
    target = ipaddress.IPv6Address(address)
    return next((route for route in routes if target in route.subnet), None)


def _path(route: Route, target: Node) -> PathState:
    """The next hop is `TCP us <-> them` or `QUIC -> them`; if that is another host, it relays."""
    transport, *_, endpoint = route.next_hop.split()
    address, port = _split(endpoint)
    return PathState(
        kind="direct" if address == target.underlay else "relay",
        transport=transport.lower(),
        endpoint=f"{address}:{port}",
        details={"metric": route.metric},
    )


def _split(endpoint: str) -> tuple[str, str]:
    """Address and port, as IPv4 where it is written as mapped into IPv6."""
    host, _, port = endpoint.rpartition(":")
    address = ipaddress.ip_address(host.strip("[]"))
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address), port


DRIVER = Mycelium
