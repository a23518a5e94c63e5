"""OpenVPN: the first host is the server, and all traffic of the others goes over it."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from cryptography.hazmat.primitives import hashes
from pydantic import Field

from meshbench.config.packages import Debian
from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import RUN, File, Host
from meshbench.util import certificates
from meshbench.vpns.base import OVERLAY, Card, Driver, Material, Network, Node
from meshbench.vpns.common.units import Service

PORT = 1194


class Options(Strict):
    transport: Literal["udp", "tcp"] = "udp"
    mtu: Annotated[int, Field(ge=576, le=9000)] = 1500
    cipher: Annotated[str, Field(pattern="^[A-Za-z0-9-]+$")] | None = None


class OpenVpn(Driver):
    """Self-signed certificates that know each other by fingerprint (openvpn(8), peer-fingerprint)."""

    name = "openvpn"
    version = 1
    options_class = Options
    package = Debian(names=("openvpn",))
    programs = ("openvpn",)
    card = Card(
        title="OpenVPN",
        data_path="user space, TUN; the kernel's ovpn-dco where its module is there",
        threads="one",
        offloads="none",
        encryption="AES-256-GCM, as negotiated (`cipher` decides it)",
        transport="UDP, or TCP by `transport`",
        ports="UDP 1194",
        mtu="1500: larger packets outside than the data network's are fragmented there; TCP's "
        "segment size is clamped instead",
        special_host="server: the others dial it, and it forwards what they send to each other",
        remarks=("The example of docs/add-a-vpn.md; no system of the thesis.",),
    )
    hub = True
    listen_port = PORT
    options: Options

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        return {node.name: _identity(node) for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        first = network.nodes[0]
        server = node == first
        peers = network.others(first) if server else (first,)
        lines = [*self._common(), *(self._server(node) if server else self._client(first))]
        lines += ["<peer-fingerprint>"]
        lines += [material[peer.name]["public_fingerprint"] for peer in peers]
        lines += ["</peer-fingerprint>", ""]
        addresses = [
            File(
                self.folder / "clients" / client.name,
                f"ifconfig-push {client.overlay} {OVERLAY.netmask}\n".encode(),
            )
            for client in (network.others(first) if server else ())
        ]
        return [
            File(self.folder / "openvpn.conf", "\n".join(lines).encode()),
            File(self.folder / "host.crt", material[node.name]["certificate"].encode()),
            File(self.folder / "host.key", material[node.name]["private"].encode(), 0o600),
            *addresses,
        ]

    def _common(self) -> list[str]:
        cipher = self.options.cipher
        return [
            f"dev {self.interface}",
            "dev-type tun",
            "topology subnet",
            f"tun-mtu {self.options.mtu}",
            "dh none",
            f"cert {self.folder / 'host.crt'}",
            f"key {self.folder / 'host.key'}",
            f"status {self._status} 1",
            "status-version 3",
            *([f"data-ciphers {cipher}"] if cipher else []),
            # So that a restart is seen at once and not after a minute of silence; UDP has no end.
            *(["explicit-exit-notify 1"] if self.options.transport == "udp" else []),
        ]

    def _server(self, node: Node) -> list[str]:
        tcp = self.options.transport == "tcp"
        return [
            "mode server",
            "tls-server",
            "proto tcp4-server" if tcp else "proto udp4",
            f"local {node.underlay}",
            f"port {PORT}",
            f"ifconfig {node.overlay} {OVERLAY.netmask}",
            'push "topology subnet"',
            f"client-config-dir {self.folder / 'clients'}",
            "ccd-exclusive",
            "client-to-client",
            "keepalive 10 60",
        ]

    def _client(self, first: Node) -> list[str]:
        tcp = self.options.transport == "tcp"
        return [
            "client",
            "nobind",
            f"remote {first.underlay} {PORT} {'tcp4-client' if tcp else 'udp4'}",
        ]

    @property
    def _status(self) -> str:
        return str(RUN / f"{self.system}.status")

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        return Service([self.program("openvpn"), "--config", str(self.folder / "openvpn.conf")])

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {**self.options.model_dump(), "topology": f"hub: {network.nodes[0].name}"}

    def control_server(self, network: Network) -> str:
        return f"server on {network.nodes[0].name}"

    async def installed_version(self, host: Host) -> str:
        # `openvpn --version` ends with 1 in some releases.
        command = await host.run([self.program("openvpn"), "--version"], check=False)
        return command.stdout.split()[1]

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        status = (await host.run(["cat", self._status], check=False)).stdout
        first = network.nodes[0]
        if node == first:
            return _clients(status, self.options.transport)
        if not _heard(status):
            return {}
        to_server = PathState(
            kind="direct",
            transport=self.options.transport,
            endpoint=f"{first.underlay}:{PORT}",
        )
        over_it = to_server.model_copy(update={"kind": "relay"})
        return {
            other.name: to_server if other == first else over_it for other in network.others(node)
        }


def _clients(status: str, transport: str) -> dict[str, PathState]:
    """The server's status, version 3: tab-separated, the columns named in a HEADER line."""
    rows = [line.split("\t") for line in status.splitlines()]
    heads = [row[2:] for row in rows if row[:2] == ["HEADER", "CLIENT_LIST"]]
    if not heads:
        return {}
    # An older server has fewer columns.
    clients = [
        dict(zip(heads[0], row[1:], strict=False)) for row in rows if row[0] == "CLIENT_LIST"
    ]
    return {
        client["Common Name"]: PathState(
            kind="direct",
            transport=transport,
            endpoint=client["Real Address"],
            cipher=client.get("Data Channel Cipher"),
            details={"connected_since": client.get("Connected Since")},
        )
        for client in clients
        if {"Common Name", "Real Address"} <= client.keys()
    }


def _heard(status: str) -> bool:
    """Whether a client's status says that the server has sent it anything."""
    fields = dict(line.partition(",")[::2] for line in status.splitlines())
    read_bytes = fields.get("TCP/UDP read bytes", "0")
    return read_bytes.isdecimal() and read_bytes.strip("0") != ""


def _identity(node: Node) -> dict[str, str]:
    private, certificate = certificates.self_signed(node.name)
    return {
        "private": private,
        "certificate": certificates.pem(certificate),
        "public_fingerprint": certificate.fingerprint(hashes.SHA256()).hex(":").upper(),
    }


DRIVER = OpenVpn
