"""Tailscale's nodes with a control server of one's own on the first host."""

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from meshbench.config.packages import Go, Package
from meshbench.config.strict import Strict
from meshbench.packages.supply import Supply, resolve
from meshbench.results.records import PathState
from meshbench.testbed.host import File, Host
from meshbench.testbed.waiting import active
from meshbench.util import foreign
from meshbench.util.errors import VpnError
from meshbench.util.foreign import Told
from meshbench.vpns.base import Card, Driver, Material, Network, Node
from meshbench.vpns.common import tailscale_control
from meshbench.vpns.common.units import Service, command_line, unit_name

VERSION = "1.102.5"
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
    card = Card(
        title="Tailscale with headscale",
        data_path="user space, TUN (wireguard-go)",
        threads="one worker per core for encryption, goroutines per peer",
        offloads="GSO and GRO on the tunnel and on the UDP socket",
        encryption="ChaCha20-Poly1305",
        transport="UDP; over a relay (DERP) TLS over TCP",
        ports="UDP 41641; on the special host TCP 8443 and UDP 3478",
        mtu="1280",
        special_host="control server, relay and STUN server: headscale where its program is "
        "supplied, else our tools/tailscale-control on Tailscale's testcontrol",
        remarks=(
            "No other DERP, STUN or log server is known to any node; no port mapping, no DNS.",
            "A new node logs in once; later starts go on with the keys it has.",
            "`relay: true` is the system `headscale-relay`: all traffic goes over the special host.",
        ),
    )
    options: Options

    def __init__(
        self,
        system: str,
        options: Strict | None = None,
        supplies: Sequence[Supply] = (),
    ) -> None:
        super().__init__(system, options, supplies)
        self.hub = self.options.relay

    @property
    def _chosen(self) -> str:
        """Which control server it is: that whose program was supplied to this system."""
        supplied = {program for supply in self.supplies for program in supply.programs}
        for name, (kind, _) in tailscale_control.CONTROLS.items():
            if kind.program in supplied:
                return name
        if self.options.control != "auto":
            return self.options.control
        headscale = resolve(tailscale_control.HEADSCALE, "driver")
        return "headscale" if headscale and headscale.content else "testcontrol"

    def helper_packages(self) -> Sequence[Package]:
        return [tailscale_control.CONTROLS[self._chosen][1]]

    def _control(self, network: Network) -> tailscale_control.Control:
        return tailscale_control.CONTROLS[self._chosen][0](self.folder, self._state(network))

    def _state(self, network: Network) -> PurePosixPath:
        """What nodes know of one control server is worth nothing with another."""
        return self.folder / "state" / f"{self._chosen}-{network.nodes[0].underlay}"

    @property
    def _socket(self) -> str:
        return str(self.folder / "tailscaled.sock")

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        first = network.nodes[0]
        tls = tailscale_control.certificate(first.underlay)
        shared = {"certificate": tls.pop("certificate"), **self._control(network).material()}
        return {node.name: shared | (tls if node == first else {}) for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        server, mine = self._control(network), material[node.name]
        public, private = server.tls
        files = [File(public, mine["certificate"].encode()), *server.files(node, network, mine)]
        if node == network.nodes[0]:
            files.append(File(private, mine["private"].encode(), 0o600))
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
        has_key = await server.prepare(self.program(server.program), hosts, network)
        key = [f"--auth-key=file:{server.auth_key}"] if has_key else []
        for host in hosts:
            # One that is down cannot log in; why it is down is asked of its journal later.
            if await active(host, unit_name(self.system)):
                await self._log_in(host, network, key)
                await self._check(host, network)

    @property
    def _login_limit_s(self) -> float:
        return self.ready_limit_s / 2

    async def _log_in(self, host: Host, network: Network, key: Sequence[str]) -> None:
        server = f"https://{network.nodes[0].underlay}:{tailscale_control.PORT}"
        await self._ask(
            host, "up", f"--login-server={server}", *key, f"--hostname={host.name}",
            "--accept-dns=false", f"--timeout={self._login_limit_s:.0f}s",
        )  # fmt: skip

    async def _check(self, host: Host, network: Network) -> None:
        has = (await self._ask(host, "ip", "-4")).strip()
        if has != (planned := tailscale_control.address(network.node(host.name))):
            raise VpnError(
                f"{host.name}: {self._chosen} gave it {has} and not {planned}: it knows nodes "
                f"from before; remove {self.folder / 'state'} on all hosts"
            )

    async def _ask(self, host: Host, *words: str) -> str:
        argv = [self.program("tailscale"), f"--socket={self._socket}", *words]
        return (await host.run(argv, limit_s=self._login_limit_s + 5)).stdout

    def address(self, node: Node, material: Material) -> str:
        return tailscale_control.address(node)

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {
            **self.options.model_dump(),
            "control_server": self._chosen,
            "derp": [f"{network.nodes[0].underlay}:{tailscale_control.PORT}"],
            "port_mapping": False,
            "logs_to_vendor": False,
        }

    def control_server(self, network: Network) -> str:
        return f"{self._chosen} on {network.nodes[0].name}"

    async def installed_version(self, host: Host) -> str:
        version = (await host.run([self.program("tailscaled"), "--version"])).stdout.split()[0]
        server = tailscale_control.CONTROLS[self._chosen][0]
        asked = await host.run([self.program(server.program), "version"])
        word = asked.stdout.splitlines()[0].split()[-1]
        return f"{version} ({server.name} {word.removeprefix('v')})"

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        status = Peers.model_validate(foreign.document(await self._ask(host, "status", "--json")))
        peers = {
            address: peer
            for peer in foreign.valid(Peer, (status.peers or {}).values())
            for address in peer.addresses or ()
        }
        by_node = {
            other: peers[tailscale_control.address(other)]
            for other in network.others(node)
            if tailscale_control.address(other) in peers
        }
        derp = f"{network.nodes[0].underlay}:{tailscale_control.PORT}"
        return {other.name: _path(peer, derp) for other, peer in by_node.items()}

    def watched(self) -> Sequence[str]:
        return ("tailscaled", tailscale_control.CONTROLS[self._chosen][0].program)


class Peers(Told):
    """What `tailscale status --json` says of peers, by key."""

    peers: dict[str, Any] | None = Field(alias="Peer")


class Peer(Told):
    addresses: tuple[str, ...] | None = Field(None, alias="TailscaleIPs")
    current: str = Field("", alias="CurAddr")
    relay: str = Field("", alias="PeerRelay")
    active: bool = Field(alias="Active")


def _path(peer: Peer, derp: str) -> PathState:
    """An active peer without an address of its own is reached through DERP."""
    if peer.current:
        return PathState(kind="direct", transport="udp", endpoint=peer.current)
    if peer.relay:
        return PathState(kind="relay", transport="udp", endpoint=peer.relay)
    if peer.active:
        return PathState(kind="relay", transport="derp", endpoint=derp)
    return PathState()


DRIVER = Tailscale
