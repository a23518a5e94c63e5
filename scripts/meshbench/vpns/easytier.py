"""EasyTier: the first host is known to all, the others find each other through it."""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from meshbench.config.packages import Cargo
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import File, Host
from meshbench.util import foreign
from meshbench.util.foreign import Told
from meshbench.vpns.base import OVERLAY, Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service

PORT = 11010
_RPC = "127.0.0.1:15888"


class Options(Strict):
    transport: Literal["tcp", "udp", "wg"] = "tcp"
    """The only kind of listener that hosts have, and so of link."""
    mtu: Annotated[int, Field(ge=576, le=9000)] = 1380
    """As it counts: the interface has 20 bytes less where it encrypts."""
    encryption: bool = True
    latency_first: bool = False
    multi_thread: bool = False


class EasyTier(Driver):
    """Links of one transport, as the thesis dialled them, to listeners on the data network only.

    It enumerates addresses of all interfaces and would else find a way past the data network.
    """

    name = "easytier"
    version = 1
    options_class = Options
    package = Cargo(
        crate="easytier", version="2.0.3", programs=("easytier-core", "easytier-cli"),
        needs=("protobuf-compiler", "libprotobuf-dev"), licence="Apache-2.0",
    )  # fmt: skip
    programs = ("easytier-core", "easytier-cli")
    card = Card(
        title="EasyTier",
        data_path="user space, TUN",
        threads="one (`multi_thread: true`: two)",
        offloads="none",
        encryption="AES-128-GCM with one key from the network's secret (`encryption: false`: none)",
        transport="TCP, as the thesis dialled it; UDP or its WireGuard by `transport`",
        ports="TCP 11010 (UDP with the other transports)",
        mtu="1360: its 1380 less 20 for encryption",
        special_host="the one that the others dial; they find each other through it, which relays "
        "until they have",
        remarks=(
            "Hosts listen on the data network only: it tries all addresses of a peer's interfaces.",
            (
                "Its public STUN servers are built in; a closed testbed does not reach them, so no UDP "
                "hole is punched and links have the listeners' transport."
            ),
            "IPv4 only inside, in this version.",
        ),
    )
    listen_port = PORT
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        secret = secrets.token_urlsafe(24)
        return {node.name: {"private": secret} for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        text = self._config(node, network, material[node.name]["private"])
        return [File(self.folder / "easytier.toml", text.encode(), 0o600)]

    def _url(self, node: Node) -> str:
        return f"{self.options.transport}://{node.underlay}:{PORT}"

    def _config(self, node: Node, network: Network, secret: str) -> str:
        first = network.nodes[0]
        options = self.options
        sections: dict[str, dict[str, Any]] = {
            "": {
                "instance_name": self.system,
                "hostname": node.name,
                "ipv4": f"{node.overlay}/{OVERLAY.prefixlen}",
                "listeners": [self._url(node)],
                "rpc_portal": _RPC,
            },
            "[network_identity]": {"network_name": "meshbench", "network_secret": secret},
            "[flags]": {
                "default_protocol": options.transport,
                "dev_name": self.interface,
                "enable_encryption": options.encryption,
                "enable_ipv6": False,
                "latency_first": options.latency_first,
                "mtu": options.mtu,
            },
            "[console_logger]": {"level": "warn"},
        }
        if node != first:
            sections["[[peer]]"] = {"uri": self._url(first)}
        return "\n".join(
            line
            for head, values in sections.items()
            # A JSON string, number, boolean or list of strings is a TOML value.
            for line in [head, *(f"{key} = {json.dumps(value)}" for key, value in values.items())]
        )

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        start = [self.program("easytier-core"), "-c", str(self.folder / "easytier.toml")]
        more = ["--multi-thread"] if self.options.multi_thread else []
        properties = {
            # It prints its whole configuration with the secret there; its log is on standard error.
            "StandardOutput": "null",
            # So that it finds none of the public STUN servers that are built in.
            "BindReadOnlyPaths": "/dev/null:/etc/resolv.conf",
        }
        return Service([*start, *more], environment={"NO_COLOR": "1"}, properties=properties)

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {
            **self.options.model_dump(),
            "known_to_all": network.nodes[0].name,
            "stun": "none: the built-in public servers' names are not resolved",
            "ipv6": False,
        }

    def control_server(self, network: Network) -> str:
        return f"first peer on {network.nodes[0].name}"

    async def installed_version(self, host: Host) -> str:
        stdout = (await host.run([self.program("easytier-core"), "--version"])).stdout
        return stdout.split()[-1]

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        ask = [self.program("easytier-cli"), "-p", _RPC]
        command = await host.run([*ask, "peer", "list", "-v"], check=False)
        read = routes
        if command.returncode != 0:
            # From 2.3 on -v stands before the subcommand, and makes it print JSON.
            command, read = await host.run([*ask, "-v", "peer", "list"]), routes_json
        by_host = read(command.stdout)
        if not by_host and command.stdout.strip() != "[]":
            raise ValueError(f"no peers in {foreign.quoted(command.stdout)}")
        return {o.name: by_host[o.name] for o in network.others(node) if o.name in by_host}


class Url(Told):
    url: str


class Tunnel(Told):
    tunnel_type: str
    remote_addr: Url | None = None


class Connection(Told):
    tunnel: Tunnel | None = None


class Peer(Told):
    conns: tuple[Connection, ...] = ()


class Route(Told):
    hostname: str
    cost: int
    version: str = ""


class PeerRoutePair(Told):
    """What `easytier-cli -v peer list` prints a list of, from 2.3 on."""

    route: Route
    peer: Peer | None = None


def routes_json(stdout: str) -> dict[str, PathState]:
    """By host name, from what `easytier-cli -v peer list` of 2.3 and later prints."""
    return {
        pair.route.hostname: _state(
            str(pair.route.cost),
            pair.route.version,
            [
                (tunnel.tunnel_type, tunnel.remote_addr.url)
                for connection in (pair.peer.conns if pair.peer else ())
                if (tunnel := connection.tunnel) and tunnel.remote_addr
            ],
        )
        for pair in foreign.valid(PeerRoutePair, foreign.document(stdout))
    }


_ROUTE = re.compile(r"^    PeerRoutePair \{\n(.*?)^    \},$", re.MULTILINE | re.DOTALL)
_CONNECTION = re.compile(r'tunnel_type: "(\w+)".*?remote_addr: .*?url: "(\S+?)"', re.DOTALL)


def routes(stdout: str) -> dict[str, PathState]:
    """By host name, from what `easytier-cli peer list -v` prints (Rust's debugging format)."""
    return {
        _field(r'hostname: "(.*?)"', text): _path(text)
        for text in (match[1] for match in _ROUTE.finditer(stdout))
    }


def _path(text: str) -> PathState:
    version = _field(r'version: "(.*?)"', text)
    return _state(_field(r"cost: (\d+)", text), version, _CONNECTION.findall(text))


def _state(cost: str, version: str, tunnels: Sequence[tuple[str, str]]) -> PathState:
    connections = sorted(tunnels)
    direct = cost == "1"
    used = connections[0] if direct and connections else None
    return PathState(
        kind="direct" if direct else "relay",
        transport=used[0] if used else None,
        endpoint=used[1].rpartition("://")[2] if used else None,
        details={
            "cost": cost,
            "version": version,
            "connections": [url for _, url in connections],
        },
    )


def _field(pattern: str, text: str) -> str:
    field = re.search(pattern, text)
    return field[1] if field else ""


DRIVER = EasyTier
