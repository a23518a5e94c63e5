"""WireGuard: the kernel's module where there is one, wireguard-go otherwise."""

import base64
import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from pydantic import Field

from meshbench.config.packages import Debian
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed import programs
from meshbench.testbed.host import File, Host
from meshbench.util.errors import UnavailableError
from meshbench.vpns.base import Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service

_FIELDS = 7
"""Of a peer in `wg show … dump`, up to the bytes sent."""


class Options(Strict):
    implementation: Literal["auto", "kernel", "go"] = "auto"
    mtu: Annotated[int, Field(ge=1280, le=9000)] = 1420
    port: Annotated[int, Field(ge=1, le=65535)] = 6666


class WireGuard(Driver):
    """A full mesh of static peers, as the thesis configured it."""

    name = "wireguard"
    version = 1
    options_class = Options
    package = Debian(names=("wireguard-go",))
    packages = ("wireguard-tools",)
    programs = ("wg",)
    card = Card(
        title="WireGuard",
        data_path="kernel module; wireguard-go in user space (TUN) where the kernel has none",
        threads="one worker per core for encryption; wireguard-go: also goroutines per peer",
        offloads="GSO and GRO on the tunnel in the kernel and in wireguard-go from 2023 on",
        encryption="ChaCha20-Poly1305",
        transport="UDP",
        ports="UDP 6666",
        mtu="1420",
        special_host="none",
        remarks=(
            "A full mesh of static peers; no keepalive.",
            "The record's version says whether the kernel or wireguard-go carried the packets.",
        ),
    )
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        return {node.name: _key_pair() for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        own, port = material[node.name]["private"], self.options.port
        sections = [f"[Interface]\nPrivateKey = {own}\nListenPort = {port}\n"]
        sections += [
            f"[Peer]\nPublicKey = {material[peer.name]['public']}\n"
            f"AllowedIPs = {peer.overlay}/32\nEndpoint = {peer.underlay}:{port}\n"
            for peer in network.others(node)
        ]
        return [
            File(self.folder / "wg.conf", "\n".join(sections).encode(), 0o600),
        ]

    async def probe(self, host: Host) -> Mapping[str, str]:
        wanted = self.options.implementation
        if wanted != "go":
            trial = await host.run(
                ["ip", "link", "add", "mbprobe", "type", "wireguard"], check=False
            )
            if trial.returncode == 0:
                await host.run(["ip", "link", "del", "mbprobe"])
                return {"implementation": "kernel"}
            if wanted == "kernel":
                raise UnavailableError(
                    f"{host.name}: the kernel has no wireguard: {trial.stderr.strip()}"
                )
        if await programs.absent(host, [self.program("wireguard-go")]):
            raise UnavailableError(
                f"{host.name}: no wireguard module and wireguard-go is not installed"
            )
        return {"implementation": "go"}

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        interface = self.interface
        configure = [
            [self.program("wg"), "setconf", interface, str(self.folder / "wg.conf")],
            ["ip", "address", "add", f"{node.overlay}/24", "dev", interface],
            ["ip", "link", "set", interface, "up", "mtu", str(self.options.mtu)],
        ]
        if facts["implementation"] == "kernel":
            add = ["ip", "link", "add", interface, "type", "wireguard"]
            return Service(add, configure, ["ip", "link", "del", interface], kind="oneshot")
        # Without -f it returns only when the interface is there.
        return Service([self.program("wireguard-go"), interface], configure, kind="forking")

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {**self.options.model_dump(), "topology": "full mesh", "keepalive": None}

    async def installed_version(self, host: Host) -> str:
        if (await self.probe(host))["implementation"] == "kernel":
            return f"kernel module, {(await host.run(['uname', '-r'])).stdout.strip()}"
        command = await host.run([self.program("wireguard-go"), "--version"])
        return command.stdout.splitlines()[0].strip()

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        dump = await host.run([self.program("wg"), "show", self.interface, "dump"])
        by_allowed = {
            fields[3]: fields
            for fields in (line.split("\t") for line in dump.stdout.splitlines()[1:])
            if len(fields) >= _FIELDS and all(map(str.isdecimal, fields[4:7]))
        }
        return {
            other.name: _path(by_allowed[f"{other.overlay}/32"])
            for other in network.others(node)
            if f"{other.overlay}/32" in by_allowed
        }

    def handshakes(self, node: Node, since_s: float) -> Sequence[str]:
        """The latest one with each peer, in whole seconds, rounded down."""
        show = f"{shlex.quote(self.program('wg'))} show {self.interface} latest-handshakes"
        return ["sh", "-c", f'{show} | while read -r peer at; do echo "$at $peer"; done']

    def watched(self) -> Sequence[str]:
        return ("wireguard-go",)


def _key_pair() -> dict[str, str]:
    private = X25519PrivateKey.generate()
    raw = private.private_bytes(
        serialization.Encoding.Raw, serialization.PrivateFormat.Raw, serialization.NoEncryption()
    )
    public = private.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw
    )
    return {
        "private": base64.b64encode(raw).decode(),
        "public": base64.b64encode(public).decode(),
    }


def _path(fields: Sequence[str]) -> PathState:
    # wg(8) dump: key, psk, endpoint, allowed-ips, latest-handshake, rx, tx, keepalive.
    return PathState(
        kind="direct",
        transport="udp",
        endpoint=None if fields[2] == "(none)" else fields[2],
        details={
            "latest_handshake": int(fields[4]),
            "received_bytes": int(fields[5]),
            "sent_bytes": int(fields[6]),
        },
    )


DRIVER = WireGuard
