"""ZeroTier: the first host is the planet's only root and the network's controller."""

import base64
import json
import re
import secrets
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import Field

from meshbench.config.packages import Local
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import RUN, File, Host
from meshbench.util import foreign
from meshbench.util.errors import VpnError
from meshbench.util.foreign import Told
from meshbench.vpns.base import OVERLAY, Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service, command_line

PORT = 9993
_ADDRESS = re.compile("[0-9a-f]{10}")
_NETWORK = "000001"
"""A network's id is its controller's address followed by six digits of one's choice."""


class Options(Strict):
    mtu: Annotated[int, Field(ge=1280, le=2800)] = 2800
    concurrency: Annotated[int, Field(ge=1, le=64)] = 1
    """Threads for the socket and for the TAP each; fewer than the host has cores."""


class ZeroTier(Driver):
    """A world of its own: the public planet's roots are not in it."""

    name = "zerotier"
    version = 1
    options_class = Options
    # Debian has none.
    package = Local(environment="MESHBENCH_ZEROTIER", licence="BUSL-1.1")
    programs = ("zerotier-one",)
    card = Card(
        title="ZeroTier",
        data_path="user space, TAP",
        threads="one for the socket and one for the TAP (`concurrency`)",
        offloads="none",
        encryption="AES-GMAC-SIV between hosts of this version",
        transport="UDP",
        ports="UDP 9993",
        mtu="2800: larger than the data network's, so that it splits a full packet in two itself",
        special_host="controller, and the planet's only root: introduces the others to each other, "
        "and relays until they have a direct path",
        remarks=(
            "A planet of its own in place of ZeroTier's public roots; no TCP relay.",
            "What a daemon learnt is kept on its host: a first start takes longer than later ones.",
            "You supply the program (MESHBENCH_ZEROTIER), or name a release and its checksum in `package`.",
        ),
    )
    # A host asks its controller again after 10 s when it came too early.
    ready_limit_s = 60.0
    listen_port = PORT
    options: Options

    @property
    def _home(self) -> PurePosixPath:
        return self.folder / "home"

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        """Identities and the planet from the program itself: an identity takes a proof of work."""
        folder = RUN / "zerotier-keys"
        await hosts[0].run(["install", "-d", "-m", "700", str(folder)])
        try:
            return await _Keys(hosts[0], self.program("zerotier-one"), folder).make(network)
        finally:
            await hosts[0].run(["rm", "-rf", "--", str(folder)])

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        """Below `config`, as they are; the daemon changes some, so it works on copies in `home`."""
        mine, first = material[node.name], network.nodes[0]
        network_id = material[first.name]["address"] + _NETWORK
        files = {
            "identity.public": mine["public"].encode(),
            "planet": base64.b64decode(material[first.name]["planet_public"]),
            "local.conf": json.dumps({"settings": self._settings(node)}).encode(),
            "devicemap": f"{network_id}={self.interface}\n".encode(),
            # That it is there means that the network is joined.
            f"networks.d/{network_id}.conf": b"\n",
            **(self._controller(network_id, network, material) if node == first else {}),
        }
        config = self.folder / "config"
        names = {material[other.name]["address"]: other.name for other in network.others(node)}
        return [
            *(File(config / path, content) for path, content in files.items()),
            File(config / "identity.secret", mine["private"].encode(), 0o600),
            File(config / "authtoken.secret", mine["token"].encode(), 0o600),
            File(self.folder / "peers.json", json.dumps(names).encode()),
        ]

    def _settings(self, node: Node) -> dict[str, Any]:
        threads = {"multicoreEnabled": True, "concurrency": self.options.concurrency}
        return {
            "bind": [node.underlay],
            "portMappingEnabled": False,
            "allowTcpFallbackRelay": False,
            "softwareUpdate": "disable",
            **(threads if self.options.concurrency > 1 else {}),
        }

    def _controller(
        self, network_id: str, network: Network, material: Material
    ) -> dict[str, bytes]:
        """The controller's database, a file for the network and one for each of its members."""
        about = {
            "id": network_id,
            "objtype": "network",
            "name": "meshbench",
            "private": True,
            "mtu": self.options.mtu,
            "multicastLimit": 32,
            "enableBroadcast": True,
            "routes": [{"target": str(OVERLAY), "via": None}],
            "rules": [{"not": False, "or": False, "type": "ACTION_ACCEPT"}],
            "v4AssignMode": {"zt": True},
            "revision": 1,
        }
        files = {f"{network_id}.json": about}
        for node in network.nodes:
            address = material[node.name]["address"]
            files[f"{network_id}/member/{address}.json"] = {
                "id": address,
                "nwid": network_id,
                "address": address,
                "objtype": "member",
                "authorized": True,
                "identity": material[node.name]["public"],
                "ipAssignments": [node.overlay],
                "revision": 1,
            }
        return {
            f"controller.d/network/{path}": json.dumps(content).encode()
            for path, content in files.items()
        }

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        # Only what is newer than the copy: what the daemon learnt outlives its restart.
        renew = ["cp", "-auT", str(self.folder / "config"), str(self._home)]
        start = [self.program("zerotier-one"), "-U", f"-p{PORT}", str(self._home)]
        properties = {
            "ExecStartPre": command_line(renew),
            # How it ends now and then when it is told to.
            "SuccessExitStatus": "SIGABRT",
        }
        return Service(start, properties=properties)

    def effective(self, network: Network) -> Mapping[str, Any]:
        first = network.nodes[0].name
        return {
            **self.options.model_dump(),
            "controller": first,
            "planet": f"own, root {first}",
            "tcp_relay": False,
        }

    def control_server(self, network: Network) -> str:
        return f"controller and root on {network.nodes[0].name}"

    async def installed_version(self, host: Host) -> str:
        return (await host.run([self.program("zerotier-one"), "-v"])).stdout.strip()

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        query = [self.program("zerotier-one"), "-q", f"-D{self._home}", f"-p{PORT}", "-j"]
        command = await host.run([*query, "listpeers"])
        names = json.loads((await host.run(["cat", str(self.folder / "peers.json")])).stdout)
        peers = foreign.valid(Peer, foreign.document(command.stdout))
        return {names[peer.address]: _path(peer) for peer in peers if peer.address in names}


class _Keys:
    """Makes identities and a planet on a host, in a folder that is gone afterwards."""

    def __init__(self, host: Host, program: str, folder: PurePosixPath) -> None:
        self._host, self._program, self._folder = host, program, folder

    async def make(self, network: Network) -> dict[str, dict[str, str]]:
        by_node = {}
        for node in network.nodes:
            private = await self._tool("generate")
            public = private.rpartition(":")[0]
            address = private.partition(":")[0]
            if not _ADDRESS.fullmatch(address):
                raise VpnError(f"{self._host.name}: no identity was generated")
            by_node[node.name] = {
                "private": private,
                "public": public,
                "address": address,
                "token": secrets.token_urlsafe(24),
            }
        first = network.nodes[0]
        planet = await self._planet(by_node[first.name]["public"], first.underlay)
        return {name: {**mine, "planet_public": planet} for name, mine in by_node.items()}

    async def _planet(self, root: str, underlay: str) -> str:
        """A signed world with one root, in base 64. Nobody keeps the key that could change it."""
        world = json.loads(await self._tool("initmoon", root))
        world["worldType"] = "planet"
        world["roots"][0]["stableEndpoints"] = [f"{underlay}/{PORT}"]
        source = self._folder / "world.json"
        await self._host.upload([File(source, json.dumps(world).encode(), 0o600)])
        await self._tool("genmoon", str(source))
        path = self._folder / f"{int(world['id'], 16):016x}.moon"
        return "".join((await self._host.run(["base64", "-w0", str(path)])).stdout.split())

    async def _tool(self, *argv: str) -> str:
        command = ["env", "-C", str(self._folder), self._program, "-i", *argv]
        return (await self._host.run(command)).stdout.strip()


class Path(Told):
    """A physical path to a peer, in `listpeers`."""

    address: str
    active: bool
    expired: bool = False
    preferred: bool = False


class Peer(Told):
    """A peer in `listpeers`; 1.8 and older do not say whether it is `tunneled` (over TCP)."""

    address: str
    paths: tuple[Path, ...]
    tunneled: bool = False
    role: str | None = None
    version: str | None = None
    latency: float | None = None


def _path(peer: Peer) -> PathState:
    """A peer without an active path of its own is reached through the root."""
    active = [path for path in peer.paths if path.active and not path.expired]
    used = next((path for path in active if path.preferred), active[0] if active else None)
    direct = used is not None and not peer.tunneled
    return PathState(
        kind="direct" if direct else "relay",
        transport="tcp" if peer.tunneled else "udp",
        endpoint=used.address.replace("/", ":") if used and direct else None,
        details={
            "role": peer.role,
            "version": peer.version,
            "latency_ms": peer.latency,
            "paths": sorted({path.address for path in active}),
        },
    )


DRIVER = ZeroTier
