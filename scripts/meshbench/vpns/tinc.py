"""tinc 1.0 in router mode."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from cryptography.hazmat.primitives.serialization import PublicFormat
from pydantic import Field

from meshbench.config.packages import Debian
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import File, Host
from meshbench.util.keys import rsa_pair
from meshbench.util.waiting import until
from meshbench.vpns.base import Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service, unit_name

PORT = 655
_DUMP_LIMIT_S = 2.0
_UP = b'#!/bin/sh\nip link set "$INTERFACE" up\nip address add "$(cat "${0%/*}/address")" dev "$INTERFACE"\n'
# "Dumping nodes": NAME at HOST port PORT cipher … nexthop NAME via NAME pmtu N (min … max …)
_NODE = re.compile(
    r" (?P<name>\w+) at (?P<at>\S+) port (?P<port>\d+) cipher (?P<cipher>\d+) digest (?P<digest>\d+)"
    r".* nexthop (?P<nexthop>\w+) via (?P<via>\w+) pmtu (?P<pmtu>\d+)"
)

# By OpenSSL's numbers (obj_mac.h), those that tinc 1.0 has had as defaults and "none".
_CIPHERS = {"0": "none", "91": "bf-cbc", "427": "aes-256-cbc"}


class Options(Strict):
    cipher: Annotated[str, Field(pattern="^[A-Za-z0-9-]+$")] | None = None
    tcp_only: bool = False
    key_bits: int = 4096


class Tinc(Driver):
    """Every node may dial the first one, as in the thesis; tinc finds the direct paths itself."""

    name = "tinc"
    version = 1
    options_class = Options
    package = Debian(names=("tinc",))
    programs = ("tincd",)
    card = Card(
        title="tinc",
        data_path="user space, TUN, router mode",
        threads="one",
        offloads="none",
        encryption="AES-256 in CBC mode with SHA-256 (the default of 1.0.36), or `cipher`",
        transport="UDP for data, TCP for control; TCP for data until UDP is proven",
        ports="UDP 655, TCP 655",
        mtu="1500; TCP's segment size is clamped to the path MTU that tinc finds",
        special_host="the one that the others dial; they find each other through it",
    )
    listen_port = PORT
    handshake_words = "Connection with .* activated"
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        return {node.name: _key_pair(self.options.key_bits) for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        first = network.nodes[0]
        lines = [
            f"Name = {_id(node)}",
            f"Interface = {self.interface}",
            "DeviceType = tun",
            "AddressFamily = ipv4",
        ]
        lines += [] if node == first else [f"ConnectTo = {_id(first)}"]
        lines += [f"Cipher = {self.options.cipher}"] if self.options.cipher else []
        lines += ["TCPOnly = yes"] if self.options.tcp_only else []
        return [
            File(self.folder / "tinc.conf", "\n".join([*lines, ""]).encode()),
            File(self.folder / "address", f"{node.overlay}/24\n".encode()),
            File(self.folder / "tinc-up", _UP, 0o755),
            File(self.folder / "rsa_key.priv", material[node.name]["private"].encode(), 0o600),
            *(self._host_file(other, material) for other in network.nodes),
        ]

    def _host_file(self, node: Node, material: Material) -> File:
        text = f"Address = {node.underlay}\nPort = {PORT}\nSubnet = {node.overlay}/32\n"
        content = text + material[node.name]["public"]
        return File(self.folder / "hosts" / _id(node), content.encode())

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        return Service([
            self.program("tincd"), "-c", str(self.folder), "-D", "-d1",
            f"--pidfile=/run/meshbench/{self.system}.pid",
        ])  # fmt: skip

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {**self.options.model_dump(), "mode": "router", "connect_to": network.nodes[0].name}

    async def installed_version(self, host: Host) -> str:
        return (await host.run([self.program("tincd"), "--version"])).stdout.split()[2]

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        unit = unit_name(self.system)
        since = (await host.run(["date", "+%s.%N"])).stdout.strip()
        await host.run(["systemctl", "kill", "-s", "USR2", unit])
        journal = ["journalctl", "-q", "-o", "cat", "--since", f"@{since}", "-u", unit]
        dumps: list[str] = []

        async def whole() -> bool:
            dumps.append((await host.run(journal)).stdout)
            return "End of nodes" in dumps[-1]

        await until(whole, _DUMP_LIMIT_S)
        by_name = {match["name"]: match for match in _NODE.finditer(dumps[-1])}
        return {
            other.name: _path(other, by_name[_id(other)])
            for other in network.others(node)
            if _id(other) in by_name
        }


def _id(node: Node) -> str:
    return f"n{node.index}"


def _path(node: Node, match: re.Match[str]) -> PathState:
    # `nexthop` is the tree of control connections; `via` is who the data goes to.
    direct = match["via"] == _id(node)
    return PathState(
        kind="direct" if direct else "relay",
        transport="udp" if int(match["pmtu"]) > 0 else "tcp",
        endpoint=f"{match['at']}:{match['port']}",
        cipher=_CIPHERS.get(match["cipher"], f"OpenSSL's number {match['cipher']}"),
        details={key: match[key] for key in ("nexthop", "via", "pmtu", "cipher", "digest")},
    )


def _key_pair(bits: int) -> dict[str, str]:
    private, public = rsa_pair(bits, PublicFormat.PKCS1)
    return {"private": private, "public": public}


DRIVER = Tinc
