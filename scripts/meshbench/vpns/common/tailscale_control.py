"""The control server of Tailscale nodes: headscale where it is supplied, testcontrol otherwise."""

import ipaddress
import json
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar

import yaml
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from meshbench.config.packages import Go, Local, Package
from meshbench.testbed.host import File, Host
from meshbench.util import certificates
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common.units import Service, command_line

PORT = 8443
"""TCP, of the control server and of DERP."""
STUN_PORT = 3478
HEADSCALE = Local(environment="MESHBENCH_HEADSCALE", programs={"headscale": "headscale"})
TESTCONTROL = Go(
    folder=str(Path(__file__).parents[4] / "tools" / "tailscale-control"),
    programs={"tailscale-control": "."},
)
_USER = "meshbench"
_VALID_DAYS = 3650


def address(node: Node) -> str:
    """What both servers give the node that registers in the place of its index."""
    return f"100.64.0.{node.index}"


def certificate(server: str) -> dict[str, str]:
    """A self-signed certificate of an address and its key, PEM."""
    private, certificate = certificates.self_signed(
        server,
        [
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(server))]),
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
        ],
    )
    return {"certificate": certificates.pem(certificate), "private": private}


class Control(ABC):
    """A control server on the first host, with DERP and STUN of its own and no others known."""

    name: ClassVar[str]
    program: ClassVar[str]

    def __init__(self, folder: PurePosixPath, state: PurePosixPath) -> None:
        self.folder = folder
        self.state = state

    @property
    def tls(self) -> tuple[PurePosixPath, PurePosixPath]:
        """The certificate, on all hosts, and its key, on the first."""
        return self.folder / "control.crt", self.folder / "control.key"

    @property
    def own(self) -> PurePosixPath:
        """The server's own folder, on the first host."""
        return self.state.with_name(f"{self.state.name}-control")

    def make_own(self) -> Mapping[str, str]:
        """Properties of the service: its folder is there before it starts."""
        return {"ExecStartPre": command_line(["install", "-d", "-m", "700", str(self.own)])}

    @property
    @abstractmethod
    def auth_key(self) -> PurePosixPath:
        """The file on every host with what a new node must know."""

    @abstractmethod
    def material(self) -> dict[str, str]:
        """The secrets of admission that are made beforehand, the same for all nodes."""

    @abstractmethod
    def files(self, node: Node, network: Network, mine: Mapping[str, str]) -> Sequence[File]: ...

    @abstractmethod
    def service(self, program: str, network: Network) -> Service: ...

    @abstractmethod
    async def prepare(self, program: str, hosts: Sequence[Host], network: Network) -> bool:
        """See to it that every host has the auth key, once the server runs; False if none can be had."""


class TestControl(Control):
    """tools/tailscale-control: Tailscale's own test server, made to survive restarts."""

    __test__ = False
    name = "testcontrol"
    program = "tailscale-control"

    @property
    def auth_key(self) -> PurePosixPath:
        return self.folder / "authkey"

    def material(self) -> dict[str, str]:
        return {"auth_key": secrets.token_urlsafe(32)}

    def files(self, node: Node, network: Network, mine: Mapping[str, str]) -> Sequence[File]:
        return [File(self.auth_key, mine["auth_key"].encode(), 0o600)]

    def service(self, program: str, network: Network) -> Service:
        public, private = self.tls
        return Service(
            [
                program, "--listen", network.nodes[0].underlay, "--port", str(PORT),
                "--stun-port", str(STUN_PORT), "--cert", str(public), "--key", str(private),
                "--auth-key-file", str(self.auth_key), "--state", str(self.own / "state.json"),
                *(word for node in network.nodes for word in ("--node", f"{node.name}={address(node)}")),
            ],
            listens=PORT,
            properties=self.make_own(),
        )  # fmt: skip

    async def prepare(self, program: str, hosts: Sequence[Host], network: Network) -> bool:
        return True


class Headscale(Control):
    """Headscale with its embedded DERP; it makes the auth key, and addresses in order of login."""

    name = "headscale"
    program = "headscale"

    @property
    def auth_key(self) -> PurePosixPath:
        return self.state.with_name(f"{self.state.name}-authkey")

    @property
    def _config(self) -> PurePosixPath:
        return self.folder / "headscale.yaml"

    def material(self) -> dict[str, str]:
        return {}

    def files(self, node: Node, network: Network, mine: Mapping[str, str]) -> Sequence[File]:
        if node != network.nodes[0]:
            return ()
        return [File(self._config, yaml.safe_dump(self.config(network)).encode())]

    def config(self, network: Network) -> dict[str, Any]:
        server = network.nodes[0].underlay
        public, private = self.tls
        state = self.own
        return {
            "server_url": f"https://{server}:{PORT}",
            "listen_addr": f"{server}:{PORT}",
            "metrics_listen_addr": "",
            "grpc_listen_addr": "127.0.0.1:50443",
            "noise": {"private_key_path": str(state / "noise.key")},
            "prefixes": {
                "v4": "100.64.0.0/10", "v6": "fd7a:115c:a1e0::/48", "allocation": "sequential",
            },
            "derp": {
                "server": {
                    "enabled": True, "region_id": 900, "region_code": "meshbench",
                    "region_name": "meshbench", "verify_clients": True,
                    "stun_listen_addr": f"{server}:{STUN_PORT}",
                    "private_key_path": str(state / "derp.key"),
                    "automatically_add_embedded_derp_region": True, "ipv4": server,
                },
                "urls": [], "paths": [], "auto_update_enabled": False,
            },
            "disable_check_updates": True,
            "database": {
                "type": "sqlite",
                "sqlite": {"path": str(state / "db.sqlite"), "write_ahead_log": True},
            },
            "tls_cert_path": str(public),
            "tls_key_path": str(private),
            "log": {"level": "info", "format": "text"},
            "dns": {
                "magic_dns": False, "base_domain": "meshbench.invalid",
                "override_local_dns": False, "nameservers": {"global": []},
            },
            "unix_socket": str(state / "headscale.sock"),
            "unix_socket_permission": "0700",
            "logtail": {"enabled": False},
        }  # fmt: skip

    def service(self, program: str, network: Network) -> Service:
        command = [program, "serve", "--config", str(self._config)]
        return Service(command, listens=PORT, properties=self.make_own())

    async def prepare(self, program: str, hosts: Sequence[Host], network: Network) -> bool:
        first = next((host for host in hosts if host.name == network.nodes[0].name), None)
        if first is None:
            return False  # hosts that belong to nobody
        kept = await first.run(["cat", "--", str(self.auth_key)], check=False)
        key = kept.stdout if kept.returncode == 0 else await self._new_key(program, first)
        for host in hosts:
            await host.upload([File(self.auth_key, key.encode(), 0o600)])
        return True

    async def _new_key(self, program: str, first: Host) -> str:
        async def ask(*words: str) -> Any:
            argv = [program, "--config", str(self._config), "--output", "json", *words]
            return json.loads((await first.run(argv)).stdout or "null")

        users = {entry["name"]: entry["id"] for entry in await ask("users", "list") or []}
        created = {} if _USER in users else await ask("users", "create", _USER)
        user = users.get(_USER) or created["id"]
        lifetime = f"{24 * _VALID_DAYS}h"
        key = await ask("preauthkeys", "create", "--user", str(user), "--reusable",
                        "--expiration", lifetime)  # fmt: skip
        secret: str = key["key"]
        return secret


CONTROLS: Mapping[str, tuple[type[Control], Package]] = {
    "headscale": (Headscale, HEADSCALE),
    "testcontrol": (TestControl, TESTCONTROL),
}
