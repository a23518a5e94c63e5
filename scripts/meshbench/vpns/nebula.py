"""Nebula: one certificate authority, the first host is the lighthouse."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import yaml
from pydantic import Field

from meshbench.config.packages import Debian
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import RUN, File, Host
from meshbench.util import foreign
from meshbench.util.foreign import Told
from meshbench.vpns.base import Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service

PORT = 4242
_ADMIN_PORT = 2242
_ADMIN = "meshbench"


class Options(Strict):
    mtu: Annotated[int, Field(ge=576, le=9000)] = 1300
    cipher: Annotated[str, Field(pattern="^(aes|chachapoly)$")] = "aes"
    routines: Annotated[int, Field(ge=1, le=64)] = 1


class Nebula(Driver):
    """Defaults throughout; a debug SSH server on the loopback tells which path is in use."""

    name = "nebula"
    version = 1
    options_class = Options
    package = Debian(names=("nebula",))
    packages = ("openssh-client",)
    programs = ("nebula", "nebula-cert")
    card = Card(
        title="Nebula",
        data_path="user space, TUN",
        threads="one reader of the TUN and one of the socket (`routines`)",
        offloads="none; packets of the socket are received in batches",
        encryption="AES-256-GCM (`cipher: aes`), or ChaCha20-Poly1305",
        transport="UDP",
        ports="UDP 4242",
        mtu="1300",
        special_host="lighthouse: tells the others where they are; carries none of their traffic",
        remarks=("Certificates of one authority; relays are off.",),
    )
    # Of the side that asked, and of the one that answered.
    handshake_words = "Handshake message (received|sent).*stage:2"
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        import asyncssh  # noqa: PLC0415  (a quarter of a second for each run that only plans)

        by_node = await _certificates(self.program("nebula-cert"), hosts[0], network)
        for node in network.nodes:
            admin = asyncssh.generate_private_key("ssh-ed25519")
            by_node[node.name] |= {
                "admin": admin.export_private_key().decode(),
                "admin_public": admin.export_public_key().decode().strip(),
                "admin_host": asyncssh.generate_private_key("ssh-ed25519")
                .export_private_key()
                .decode(),
            }
        return by_node

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        import asyncssh  # noqa: PLC0415

        mine = material[node.name]
        config = yaml.safe_dump(self._config(node, network, mine["admin_public"]))
        host_key = asyncssh.import_private_key(mine["admin_host"]).export_public_key().decode()
        return [
            File(self.folder / "config.yml", config.encode()),
            File(self.folder / "ca.crt", mine["ca"].encode()),
            File(self.folder / "host.crt", mine["certificate"].encode()),
            File(self.folder / "host.key", mine["private"].encode(), 0o600),
            File(self.folder / "admin.key", mine["admin"].encode(), 0o600),
            File(self.folder / "admin_host.key", mine["admin_host"].encode(), 0o600),
            File(self.folder / "known_hosts", f"[127.0.0.1]:{_ADMIN_PORT} {host_key}".encode()),
        ]

    def _config(self, node: Node, network: Network, admin_key: str) -> dict[str, Any]:
        first = network.nodes[0]
        anyone = [{"port": "any", "proto": "any", "host": "any"}]
        lighthouse: dict[str, Any] = {"am_lighthouse": node == first}
        if node != first:
            lighthouse["hosts"] = [first.overlay]
        return {
            "pki": {
                "ca": str(self.folder / "ca.crt"),
                "cert": str(self.folder / "host.crt"),
                "key": str(self.folder / "host.key"),
            },
            "static_host_map": {first.overlay: [f"{first.underlay}:{PORT}"]},
            "lighthouse": lighthouse,
            "listen": {"host": "0.0.0.0", "port": PORT},  # noqa: S104
            "cipher": self.options.cipher,
            "routines": self.options.routines,
            "tun": {"dev": self.interface, "mtu": self.options.mtu},
            "firewall": {"inbound": anyone, "outbound": anyone},
            "logging": {"level": "info"},
            "sshd": {
                "enabled": True,
                "listen": f"127.0.0.1:{_ADMIN_PORT}",
                "host_key": str(self.folder / "admin_host.key"),
                "authorized_users": [{"user": _ADMIN, "keys": [admin_key]}],
            },
        }

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        return Service([self.program("nebula"), "-config", str(self.folder / "config.yml")])

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {**self.options.model_dump(), "lighthouse": network.nodes[0].name, "relay": False}

    def control_server(self, network: Network) -> str:
        return f"lighthouse on {network.nodes[0].name}"

    async def installed_version(self, host: Host) -> str:
        command = await host.run([self.program("nebula"), "-version"])
        return command.stdout.strip().removeprefix("Version: ")

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        entries = foreign.document(
            (await self._admin(host, "list-hostmap", "-json")).strip() or "[]"
        )
        tunnels = foreign.valid(Tunnel, entries or [])
        by_address = {address: tunnel for tunnel in tunnels for address in tunnel.addresses}
        return {
            other.name: _path(by_address[other.overlay])
            for other in network.others(node)
            if other.overlay in by_address
        }

    async def _admin(self, host: Host, *command: str) -> str:
        answer = await host.run([
            "ssh", "-q", "-p", str(_ADMIN_PORT), "-i", str(self.folder / "admin.key"),
            "-o", f"UserKnownHostsFile={self.folder / 'known_hosts'}",
            "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes",
            f"{_ADMIN}@127.0.0.1", *command,
        ])  # fmt: skip
        return answer.stdout

    def watched(self) -> Sequence[str]:
        return ("nebula",)


async def _certificates(program: str, host: Host, network: Network) -> dict[str, dict[str, str]]:
    """Sign every node's certificate on the first host, in a folder that is gone afterwards."""
    folder = RUN / "nebula-ca"

    async def read(name: str) -> str:
        return (await host.run(["cat", "--", str(folder / name)])).stdout

    await host.run(["install", "-d", "-m", "700", str(folder)])
    try:
        ca = ["-out-crt", str(folder / "ca.crt"), "-out-key", str(folder / "ca.key")]
        await host.run([program, "ca", "-name", "meshbench", "-duration", "87600h", *ca])
        by_node = {}
        for node in network.nodes:
            await host.run([
                program, "sign", "-name", node.name, "-ip", f"{node.overlay}/24",
                "-ca-crt", str(folder / "ca.crt"), "-ca-key", str(folder / "ca.key"),
                "-out-crt", str(folder / f"{node.name}.crt"), "-out-key", str(folder / f"{node.name}.key"),
            ])  # fmt: skip
            by_node[node.name] = {
                "ca": await read("ca.crt"),
                "certificate": await read(f"{node.name}.crt"),
                "private": await read(f"{node.name}.key"),
            }
        return by_node
    finally:
        await host.run(["rm", "-rf", "--", str(folder)])


class Remote(Told):
    ip: str
    port: int

    def __str__(self) -> str:
        return f"{self.ip}:{self.port}"


class Tunnel(Told):
    """A tunnel in `list-hostmap`. Nebula 1.9 says vpnIp, 1.10 and later vpnAddrs."""

    vpn_ip: str | None = Field(None, alias="vpnIp")
    vpn_addresses: tuple[str, ...] | None = Field(None, alias="vpnAddrs")
    remote: str | Remote | None = Field(alias="currentRemote")
    relays: tuple[str, ...] | None = Field(None, alias="currentRelaysToMe")

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.vpn_ip,) if self.vpn_ip else self.vpn_addresses or ()


def _path(tunnel: Tunnel) -> PathState:
    direct = bool(tunnel.remote) and not tunnel.relays
    return PathState(
        kind="direct" if direct else "relay",
        transport="udp",
        endpoint=str(tunnel.remote) if tunnel.remote else None,
        details={"relays": list(tunnel.relays or ())},
    )


DRIVER = Nebula
