"""VpnCloud: a full mesh of trusted public keys over UDP."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import yaml
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import Field

from meshbench.config.packages import Cargo
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import File, Host
from meshbench.util.foreign import Told
from meshbench.vpns.base import OVERLAY, Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service, command_line, unit_name

PORT = 3210
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# It asks the kernel for the way to this address to learn its own, sends nothing there, and dies
# where there is no way.
_ASKED = "8.8.8.8"
_EVENT = re.compile(r"(Added peer|Closing connection to|Forgot peer) (\S+?)( due to timeout)?$")


class Options(Strict):
    port: Annotated[int, Field(ge=1, le=65535)] = PORT
    cipher: Literal["fastest", "aes128", "aes256", "chacha20", "plain"] = "fastest"
    """`fastest` is its default: what two hosts' speed tests at their start agree on."""
    mtu: Annotated[int, Field(ge=576, le=9000)] = 1427
    """What it takes itself on a link of 1500 bytes."""


class VpnCloud(Driver):
    """Every host dials all others; there is no relay: what has no direct path has none."""

    name = "vpncloud"
    version = 1
    options_class = Options
    package = Cargo(crate="vpncloud", version="2.3.0", licence="GPL-3.0")
    programs = ("vpncloud",)
    card = Card(
        title="VpnCloud",
        data_path="user space, TUN",
        threads="one",
        offloads="none",
        encryption="the faster of AES-128-GCM, AES-256-GCM and ChaCha20-Poly1305 by a test of 0.1 s at "
        "each start (`cipher` decides it); Ed25519 keys",
        transport="UDP",
        ports="UDP 3210",
        mtu="1427: what it takes itself on a link of 1500 bytes",
        special_host="none",
        remarks=(
            "A full mesh of static peers; without a direct path there is none, for it does not relay.",
            (
                "Port forwarding by UPnP is off. Where a host has no default route it is given a way to "
                "8.8.8.8 on its loopback: VpnCloud looks for one to learn its own address and dies without."
            ),
            "Records have its cipher from a minute after its start on.",
            (
                "Two hosts that restart within a second or two of each other, while the other's old "
                "daemon still answers, can stay apart for minutes (`Crypto core not ready yet`). A "
                "start is a start everywhere, after a stop everywhere."
            ),
        ),
    )
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        return {node.name: _key_pair() for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        config = yaml.safe_dump(self._config(node, network, material))
        return [File(self.folder / "vpncloud.yaml", config.encode(), 0o600)]

    def _config(self, node: Node, network: Network, material: Material) -> dict[str, Any]:
        others = network.others(node)
        mine = material[node.name]
        cipher = self.options.cipher
        # Its own way of giving an address breaks when it is built with a newer Rust.
        address = f'ip address add {node.overlay}/{OVERLAY.prefixlen} dev "$IFNAME"'
        return {
            "device": {"type": "tun", "name": self.interface},
            "crypto": {
                "private-key": mine["private"],
                "public-key": mine["public"],
                "trusted-keys": [material[other.name]["public"] for other in others],
                "algorithms": [] if cipher == "fastest" else [cipher],
            },
            "listen": f"{node.underlay}:{self.options.port}",
            "peers": [f"{other.underlay}:{self.options.port}" for other in others],
            "auto-claim": False,
            "claims": [f"{node.overlay}/32"],
            "ifup": f'{address} && ip link set "$IFNAME" up mtu {self.options.mtu}',
            "port-forwarding": False,
            "stats-file": str(self._stats),
        }

    @property
    def _stats(self) -> str:
        return str(self.folder / "stats.yaml")

    async def probe(self, host: Host) -> Mapping[str, str]:
        route = (await host.run(["ip", "-4", "route", "show", "default"])).stdout.strip()
        return {"default_route": "yes" if route else "no"}

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        start = [self.program("vpncloud"), "--config", str(self.folder / "vpncloud.yaml")]
        if facts["default_route"] == "yes":
            return Service(start)
        route = [f"{_ASKED}/32", "dev", "lo"]
        add = ["ip", "route", "replace", *route, "src", node.underlay]
        properties = {
            "ExecStartPre": command_line(add),
            "ExecStopPost": f"-{command_line(['ip', 'route', 'del', *route])}",
        }
        return Service(start, properties=properties)

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {
            **self.options.model_dump(),
            "topology": "full mesh",
            "mode": "normal",
            "port_forwarding": False,
        }

    async def installed_version(self, host: Host) -> str:
        stdout = (await host.run([self.program("vpncloud"), "--version"])).stdout
        return stdout.strip().removeprefix("VpnCloud v")

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        """From the journal, which knows a peer at once, and the statistics, which follow after a
        minute and know its cipher.
        """
        unit = unit_name(self.system)
        run = (await host.run(["systemctl", "show", "-P", "InvocationID", unit])).stdout.strip()
        journal = await host.run(
            ["journalctl", "-q", "-o", "cat", "--no-pager", f"_SYSTEMD_INVOCATION_ID={run}"]
        )
        stats = await host.run(["cat", self._stats], check=False)
        peers, ciphers = connected(journal.stdout), ciphers_of(stats.stdout)
        endpoints = {o.name: f"{o.underlay}:{self.options.port}" for o in network.others(node)}
        return {
            name: PathState(
                kind="direct", transport="udp", endpoint=endpoint,
                cipher=ciphers.get(endpoint),
            )
            for name, endpoint in endpoints.items()
            if endpoint in peers
        }  # fmt: skip


class Facts(Told):
    crypto: str


class Statistics(Told):
    """The statistics file: a list with an object for each peer, by its endpoint."""

    peers: tuple[dict[str, Facts | None], ...] | None


def connected(journal: str) -> set[str]:
    """The endpoints of the peers that a daemon's log leaves connected."""
    peers: set[str] = set()
    for line in journal.splitlines():
        if event := _EVENT.search(line):
            (peers.add if event[1] == "Added peer" else peers.discard)(event[2])
    return peers


def ciphers_of(stats: str) -> dict[str, str]:
    """The cipher in use by peer, from the statistics file; empty before it is written."""
    try:
        peers = Statistics.model_validate(yaml.safe_load(stats)).peers or ()
    except (yaml.YAMLError, ValueError):  # read while it was written
        return {}
    return {endpoint: facts.crypto for peer in peers for endpoint, facts in peer.items() if facts}


def _key_pair() -> dict[str, str]:
    """An Ed25519 key pair in base 62.

    Its base 62 loses leading zero bytes and refuses what is shorter then, so those are not taken.
    """
    while True:
        key = Ed25519PrivateKey.generate()
        private, public = key.private_bytes_raw(), key.public_key().public_bytes_raw()
        if private[0] and public[0]:
            return {"private": base62(private), "public": base62(public)}


def base62(data: bytes) -> str:
    """Bytes as one big number, digits first, then capitals, then small letters."""
    number, digits = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits


DRIVER = VpnCloud
