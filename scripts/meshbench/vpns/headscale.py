"""Tailscale's nodes with a control server of one's own on the first host."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from meshbench.config import Strict
from meshbench.errors import VpnError
from meshbench.packages.spec import Go, Package
from meshbench.packages.supply import resolve
from meshbench.records import PathState
from meshbench.testbed.host import File, Host
from meshbench.vpns import control
from meshbench.vpns.base import Driver, Material, Network, Node
from meshbench.vpns.units import Service, command_line, unit_name

VERSION = "1.102.5"
LOGIN_LIMIT_S = 60
COMPANION = "control"


class Options(Strict):
    control: Literal["auto", "headscale", "testcontrol"] = "auto"
    """Auto: headscale if a program of that name is supplied, else testcontrol."""
    port: Annotated[int, Field(ge=1, le=65535)] = 41641
    relay: bool = False
    """Never talk UDP with a peer (TS_DEBUG_NEVER_DIRECT_UDP): all traffic goes through DERP."""


class Tailscale(Driver):
    """Defaults throughout; the only DERP and STUN server known is the control server's own."""

    name = "headscale"
    version = 1
    options_class = Options
    package = Go(
        module="tailscale.com",
        version=f"v{VERSION}",
        programs={"tailscaled": "./cmd/tailscaled", "tailscale": "./cmd/tailscale"},
        ldflags=f"-X tailscale.com/version.longStamp={VERSION} "
        f"-X tailscale.com/version.shortStamp={VERSION}",
        licence="BSD-3-Clause",
    )
    programs = ("tailscaled", "tailscale")
    ready_limit_s = 60.0
    options: Options

    @property
    def _chosen(self) -> str:
        """Which control server it is: that whose program was supplied to this system."""
        supplied = {program for supply in self.supplies for program in supply.programs}
        for name, (kind, _) in control.CONTROLS.items():
            if kind.program in supplied:
                return name
        if self.options.control != "auto":
            return self.options.control
        found = resolve(control.HEADSCALE, "driver")
        return "headscale" if found and found.content else "testcontrol"

    def helper_packages(self) -> Sequence[Package]:
        return [control.CONTROLS[self._chosen][1]]

    def _control(self, network: Network) -> control.Control:
        return control.CONTROLS[self._chosen][0](self.folder, self._state(network))

    def _state(self, network: Network) -> PurePosixPath:
        """What nodes know of one control server is worth nothing with another."""
        return self.folder / "state" / f"{self._chosen}-{network.nodes[0].underlay}"

    @property
    def _socket(self) -> str:
        return str(self.folder / "tailscaled.sock")

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        first = network.nodes[0]
        made = control.certificate(first.underlay)
        shared = {"certificate": made.pop("certificate"), **self._control(network).material()}
        return {node.name: shared | (made if node == first else {}) for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        server, mine = self._control(network), material[node.name]
        public, private = server.tls
        files = [File(public, mine["certificate"].encode()), *server.files(node, network, mine)]
        if node == network.nodes[0]:
            files.append(File(private, mine["certificate_key"].encode(), 0o600))
        return files

    def companions(
        self, node: Node, network: Network, facts: Mapping[str, str]
    ) -> Mapping[str, Service]:
        if node != network.nodes[0]:
            return {}
        server = self._control(network)
        return {COMPANION: server.service(self.program(server.program), network)}

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        state = str(self._state(network))
        daemon = self.program("tailscaled")
        return Service(
            [
                daemon, f"--statedir={state}", f"--socket={self._socket}", f"--tun={self.interface}",
                f"--port={self.options.port}", "--no-logs-no-support",
            ],
            kind="notify",
            environment={
                "SSL_CERT_FILE": str(self._control(network).tls[0]),
                "TS_LOGS_DIR": state,
                "TS_NO_LOGS_NO_SUPPORT": "true",
                "TS_DISABLE_PORTMAPPER": "1",
                **({"TS_DEBUG_NEVER_DIRECT_UDP": "1"} if self.options.relay else {}),
            },
            properties={"ExecStopPost": command_line([daemon, "--cleanup", f"--tun={self.interface}"])},
        )  # fmt: skip

    async def settle(self, hosts: Sequence[Host], network: Network, material: Material) -> None:
        """Log in, one host after the other: addresses come in the order of first login."""
        server = self._control(network)
        await server.prepare(self.program(server.program), hosts)
        for host in hosts:
            await self._ask(
                host, "up", f"--login-server=https://{network.nodes[0].underlay}:{control.PORT}",
                f"--auth-key=file:{server.auth_key}", f"--hostname={host.name}",
                "--accept-dns=false", f"--timeout={LOGIN_LIMIT_S}s",
            )  # fmt: skip
            has = (await self._ask(host, "ip", "-4")).strip()
            if has != (planned := self.address(network.node(host.name), material)):
                raise VpnError(
                    f"{host.name}: {server.name} gave it {has} and not {planned}: it knows nodes "
                    f"from before; remove {self.folder / 'state'} on all hosts"
                )

    async def _ask(self, host: Host, *words: str) -> str:
        argv = [self.program("tailscale"), f"--socket={self._socket}", *words]
        return (await host.run(argv, limit_s=LOGIN_LIMIT_S + 5)).stdout

    def address(self, node: Node, material: Material) -> str:
        return control.address(node)

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {
            **self.options.model_dump(),
            "control_server": self._chosen,
            "control_host": network.nodes[0].name,
            "derp": [f"{network.nodes[0].underlay}:{control.PORT}"],
            "port_mapping": False,
            "logs_to_vendor": False,
        }

    async def installed_version(self, host: Host) -> str:
        said = (await host.run([self.program("tailscaled"), "--version"])).stdout.split()[0]
        server = control.CONTROLS[self._chosen][0]
        asked = await host.run([self.program(server.program), "version"])
        word = next(word for word in asked.stdout.split() if word[:1] == "v" or word[:1].isdigit())
        return f"{said} ({server.name} {word.removeprefix('v')})"

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        status = json.loads(await self._ask(host, "status", "--json"))
        peers = {
            address: peer
            for peer in (status.get("Peer") or {}).values()
            for address in peer.get("TailscaleIPs") or []
        }
        known = {
            other: peers[control.address(other)]
            for other in network.others(node)
            if control.address(other) in peers
        }
        changes = await self._changes(host)
        derp = f"{network.nodes[0].underlay}:{control.PORT}"
        return {
            other.name: _path(
                peer, derp, self._chosen, changes.get(short_key(peer["PublicKey"]), {})
            )
            for other, peer in known.items()
        }

    async def _changes(self, host: Host) -> Mapping[str, Mapping[str, Any]]:
        """What the daemon's log says of each peer's path since it was started."""
        properties = ["-p", "InvocationID", "-p", "ExecMainStartTimestampMonotonic"]
        shown = await host.run(["systemctl", "show", *properties, unit_name(self.system)])
        said = dict(line.split("=", 1) for line in shown.stdout.split())
        journal = await host.run([
            "journalctl", "-q", "-o", "json", "--output-fields=MESSAGE", "--grep=now using",
            f"_SYSTEMD_INVOCATION_ID={said['InvocationID']}",
        ], check=False)  # fmt: skip
        return path_changes(journal.stdout, int(said["ExecMainStartTimestampMonotonic"]))

    def watched(self) -> Sequence[str]:
        return ("tailscaled", control.CONTROLS[self._chosen][0].program)


def short_key(public: str) -> str:
    """As the daemon's log calls a node: five characters of its key in base64."""
    return base64.b64encode(bytes.fromhex(public.removeprefix("nodekey:"))).decode()[:5]


_NOW_USING = re.compile(
    r"disco: node \[(?P<key>\S{5})\] \S+ now using (?P<endpoint>\S+) mtu=(?P<mtu>\d+)"
)


def path_changes(journal: str, started_us: int) -> dict[str, dict[str, Any]]:
    """By short key: seconds from the daemon's start to the first direct path, and its last path.

    Args:
        journal: journalctl's JSON lines.
        started_us: the daemon's start, in microseconds of the monotonic clock as in the journal.
    """
    found: dict[str, dict[str, Any]] = {}
    for line in journal.splitlines():
        entry = json.loads(line)
        if not (change := _NOW_USING.search(str(entry["MESSAGE"]))):
            continue
        after_s = round((int(entry["__MONOTONIC_TIMESTAMP"]) - started_us) / 1e6, 3)
        seen = found.setdefault(change["key"], {"direct_after_s": after_s, "path_changes": 0})
        seen["path_changes"] += 1
        seen["path_mtu"] = int(change["mtu"])
    return found


def _path(peer: Mapping[str, Any], derp: str, server: str, changes: Mapping[str, Any]) -> PathState:
    """An active peer without an address of its own is reached through DERP."""
    details = {"control_server": server, "active": peer.get("Active", False), **changes}
    if endpoint := peer.get("CurAddr"):
        return PathState(kind="direct", transport="udp", endpoint=endpoint, details=details)
    if endpoint := peer.get("PeerRelay"):
        return PathState(kind="relay", transport="udp", endpoint=endpoint, details=details)
    if peer.get("Active"):
        return PathState(kind="relay", transport="derp", endpoint=derp, details=details)
    return PathState(details=details)


DRIVER = Tailscale
