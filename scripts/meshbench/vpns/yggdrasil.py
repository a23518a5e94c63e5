"""Yggdrasil: a full mesh of static peers, no multicast, no public peers."""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from meshbench.config.packages import Debian
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import RUN, File, Host
from meshbench.util import foreign
from meshbench.util.foreign import Told
from meshbench.vpns.base import Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service

_ADMIN = "unix:///run/meshbench/yggdrasil.sock"


class Options(Strict):
    transport: Literal["tcp", "tls", "quic"] = "tls"
    port: Annotated[int, Field(ge=1, le=65535)] = 6384
    mtu: Annotated[int, Field(ge=1280, le=65535)] = 65535


class Yggdrasil(Driver):
    """Addresses follow from the keys; each host listens and dials all others, as in the thesis:
    whichever comes up second finds the first.
    """

    name = "yggdrasil"
    version = 1
    options_class = Options
    package = Debian(names=("yggdrasil",))
    programs = ("yggdrasil", "yggdrasilctl")
    card = Card(
        title="Yggdrasil",
        data_path="user space, TUN",
        threads="goroutines per peering",
        offloads="GSO and GRO on the tunnel",
        encryption="NaCl box (XSalsa20-Poly1305) end to end, TLS 1.3 per peering",
        transport="TLS over TCP by default; QUIC and plain TCP as options",
        ports="TCP 6384 (UDP with QUIC)",
        mtu="65535",
        special_host="none",
        remarks=(
            "IPv6 only, with addresses that follow from the keys.",
            "Every host dials every other; no multicast, no public peers.",
            (
                "A session whose first answer is lost while the tree settles (15 of 117 starts on a "
                "busy machine) is silent one way until the other side speaks, or for a minute."
            ),
        ),
    )
    # The tree settles in seconds; a session whose first answer was lost is forgotten after 60 s.
    ready_limit_s = 90.0
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        """Keys from the program itself, which alone knows the address that follows from one."""
        return {
            node.name: await _identity(self.program("yggdrasil"), hosts[0])
            for node in network.nodes
        }

    def address(self, node: Node, material: Material) -> str:
        return material[node.name]["address"]

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        transport, port = self.options.transport, self.options.port
        config = {
            "PrivateKey": material[node.name]["private"],
            "Listen": [f"{transport}://{node.underlay}:{port}"],
            "Peers": [f"{transport}://{o.underlay}:{port}" for o in network.others(node)],
            "MulticastInterfaces": [],
            "AllowedPublicKeys": [material[other.name]["public"] for other in network.others(node)],
            "IfName": self.interface,
            "IfMTU": self.options.mtu,
            "AdminListen": _ADMIN,
            "NodeInfoPrivacy": True,
        }
        keys = {other.name: material[other.name]["public"] for other in network.others(node)}
        return [
            File(self.folder / "yggdrasil.conf", json.dumps(config).encode(), 0o600),
            File(self.folder / "peers.json", json.dumps(keys).encode()),
        ]

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        return Service(
            [self.program("yggdrasil"), "-useconffile", str(self.folder / "yggdrasil.conf")]
        )

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {**self.options.model_dump(), "peers": "static, full mesh", "multicast": False}

    async def installed_version(self, host: Host) -> str:
        stdout = (await host.run([self.program("yggdrasil"), "-version"])).stdout
        lines = [line for line in stdout.splitlines() if "version" in line.lower()]
        return lines[0].partition(":")[2].strip()

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        command = await host.run(
            [self.program("yggdrasilctl"), "-json", f"-endpoint={_ADMIN}", "getpeers"]
        )
        keys = json.loads((await host.run(["cat", str(self.folder / "peers.json")])).stdout)
        entries = Peers.model_validate(foreign.document(command.stdout)).peers
        peers = foreign.valid(Peer, entries)
        up = {peer.key: peer for peer in peers if peer.up}
        # Nobody carries the traffic of a host without peers, and one that cannot be read may be any.
        others_carry = bool(up) and len(peers) == len(entries)
        return {
            other.name: _path(up.get(key))
            for other in network.others(node)
            if (key := keys[other.name]) in up or others_carry
        }

    def watched(self) -> Sequence[str]:
        return ("yggdrasil",)


async def _identity(program: str, host: Host) -> dict[str, str]:
    folder = RUN / "yggdrasil-key"
    await host.run(["install", "-d", "-m", "700", str(folder)])
    try:
        generated = json.loads((await host.run([program, "-genconf", "-json"])).stdout)
        config = folder / "config"
        await host.upload(
            [File(config, json.dumps({"PrivateKey": generated["PrivateKey"]}).encode(), 0o600)]
        )
        read = [program, "-useconffile", str(config)]
        address = (await host.run([*read, "-address"])).stdout.strip()
        public = (await host.run([*read, "-publickey"])).stdout.strip()
    finally:
        await host.run(["rm", "-rf", "--", str(folder)])
    ipaddress.IPv6Address(address)
    return {"private": generated["PrivateKey"], "public": public, "address": address}


class Peers(Told):
    """What `getpeers` says; 0.3 has an object by address in place of the list."""

    peers: list[Any]


class Peer(Told):
    """A peering; before 0.5 only those that are up are told."""

    key: str
    remote: str = ""
    up: bool = True
    inbound: bool | None = None
    uptime: float | None = None


def _path(peer: Peer | None) -> PathState:
    """A peering with the node itself is a direct path; without one others carry the traffic."""
    if peer is None:
        return PathState(kind="relay")
    transport, _, endpoint = peer.remote.partition("://")
    return PathState(
        kind="direct", transport=transport or None, endpoint=endpoint or None,
        details={"inbound": peer.inbound, "uptime_s": peer.uptime},
    )  # fmt: skip


DRIVER = Yggdrasil
