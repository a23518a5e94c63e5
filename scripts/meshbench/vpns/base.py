"""The contract of a VPN: its keys, files and service per host, and what it can say of its paths."""

import ipaddress
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, ClassVar

from meshbench.config.packages import Debian, Package, provides
from meshbench.config.strict import Strict
from meshbench.packages.supply import Supply, resolve
from meshbench.results.records import PathState
from meshbench.testbed.host import STATE, File, Host
from meshbench.vpns.common.units import Service, unit_name

OVERLAY = ipaddress.ip_network("10.88.0.0/24")
"""Tunnel addresses where the VPN lets us choose them; only one VPN is up at a time."""
INTERFACE = "mesh0"

_HANDSHAKES = (
    'journalctl -q -o short-unix -u "$1" --since "$2" | grep -E -- "$3" | head -n 100 || true'
)
Material = Mapping[str, Mapping[str, str]]
"""Secrets and public halves by host name; kept in a mode-600 file on the controller."""


@dataclass(frozen=True)
class Node:
    """A host as its VPN sees it. The first node is the special one (lighthouse, controller)."""

    index: int
    name: str
    underlay: str

    @property
    def overlay(self) -> str:
        return str(OVERLAY[self.index])


@dataclass(frozen=True)
class Network:
    """All nodes of a mesh, in the testbed's order."""

    nodes: tuple[Node, ...]

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def others(self, node: Node) -> tuple[Node, ...]:
        return tuple(other for other in self.nodes if other != node)


@dataclass(frozen=True)
class Card:
    """What a reader should know of a VPN before believing its numbers, in a few words each.

    `docs/vpns.md` is made from the cards and from the options' defaults (`make docs`).
    """

    title: str
    """Its name as its makers write it."""
    data_path: str
    """Kernel or user space, and the kind of interface: TUN or TAP."""
    threads: str
    """What carries packets at the same time; "one" where nothing runs side by side."""
    offloads: str
    """Segmentation offloads that it uses on the tunnel or the socket; "none"."""
    encryption: str
    transport: str
    """Between two hosts, by default, e.g. "UDP"."""
    ports: str
    """By default, e.g. "UDP 655, TCP 655"."""
    mtu: str
    """Of the tunnel by default, and where it comes from if that is not the program's default."""
    special_host: str
    """What the first host is to the others; "none" where all are alike."""
    remarks: tuple[str, ...] = ()
    """What else decides its numbers here, e.g. how the closed world is made up for."""


class Driver(ABC):
    """One VPN. A subclass in a module of this package is found by itself.

    A driver only describes; installing, starting, proving readiness and taking away are done for
    all alike by `vpns.lifecycle`.
    """

    name: ClassVar[str]
    version: ClassVar[int]
    """Of the method. Bumping it measures the VPN's cells again; a refactoring does not."""
    options_class: ClassVar[type[Strict]] = Strict
    package: ClassVar[Package] = Debian()
    """Where its programs come from, unless the system's file says otherwise."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Debian packages the hosts need besides, wherever the programs come from."""
    programs: ClassVar[tuple[str, ...]] = ()
    """What must be on a host before it is tried; `program` says where each one is."""
    ready_limit_s: ClassVar[float] = 30.0
    listen_port: ClassVar[int | None] = None
    """Where the special host must listen before the others are started, if they give up fast."""
    card: ClassVar[Card]
    hub: bool = False
    """Whether all traffic between other hosts goes over the first one by design."""
    admits_anyone: ClassVar[str | None] = None
    """Why a host without keys is let in; None where it must not be."""
    strays: ClassVar[Mapping[str, str]] = {}
    """Known packets outside the testbed: destination network, and why they are sent."""
    handshake_words: ClassVar[str | None] = None
    """What its log says when a tunnel has been made: an extended regular expression (grep -E)."""
    interface: str = INTERFACE

    def __init__(
        self,
        system: str,
        options: Strict | None = None,
        supplies: Sequence[Supply] = (),
    ) -> None:
        self.system = system
        self.options = self.options_class() if options is None else options
        self.supplies = tuple(supplies)

    @property
    def folder(self) -> PurePosixPath:
        """Everything this system keeps on a host is below it."""
        return STATE / self.system

    def helper_packages(self) -> Sequence[Package]:
        """Packages of what runs beside it with these options, e.g. of a control server."""
        return ()

    def sources(self, package: Package | None = None) -> tuple[Supply, ...]:
        """Where its programs come from on this machine now: a system's package before its own.

        What Debian's packages bring is not among them.
        """
        wanted = provides(self.package) or self.programs
        main = resolve(package or self.package, "system" if package else "driver", wanted)
        helpers = [resolve(helper, "driver") for helper in self.helper_packages()]
        return tuple(supply for supply in (main, *helpers) if supply)

    def debian_names(self, package: Package | None = None) -> tuple[str, ...]:
        """The Debian packages that hosts need; `package` is the system's own, if it has one."""
        chosen = package or self.package
        return (*(chosen.names if isinstance(chosen, Debian) else ()), *self.packages)

    def program(self, name: str) -> str:
        """How a host runs a program: by its name from Debian, else by its absolute path.

        Every argument list names programs of the VPN in this way and no other.
        """
        for supply in self.supplies:
            if name in supply.programs:
                return str(supply.path(name))
        return name

    async def material(self, network: Network, hosts: Sequence[Host]) -> Material:
        """Make keys and whatever else must be the same at every installation."""
        return {node.name: {} for node in network.nodes}

    def files(self, node: Node, network: Network, material: Material) -> Sequence[File]:
        """The configuration of one host, below `folder`. Secrets have mode 600."""
        return ()

    @abstractmethod
    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service | None:
        """What runs on one host; None for the bare link. `facts` is what `probe` found."""

    def companions(
        self, node: Node, network: Network, facts: Mapping[str, str]
    ) -> Mapping[str, Service]:
        """What else runs on one host, by a short name, e.g. a control server on the first.

        It is started before the main service (the first host's before all others), stopped and
        taken away with it, and its death is the VPN's. The unit is `units.unit_name(system, name)`.
        """
        return {}

    async def settle(self, hosts: Sequence[Host], network: Network, material: Material) -> None:
        """What is to be done once after all daemons have started, e.g. to authorise members.

        The time it takes counts as time to readiness. A command that fails here is the VPN's
        failure; raise VpnError to say more. Runs again whenever the VPN is started again.
        """
        return

    async def probe(self, host: Host) -> Mapping[str, str]:
        """What of the host decides how the VPN runs there, e.g. whether the kernel has it."""
        return {}

    def address(self, node: Node, material: Material) -> str:
        """Where other nodes reach this one through the tunnel."""
        return node.overlay

    def effective(self, network: Network) -> Mapping[str, Any]:
        """The configuration in force, without secrets: the options and what they stand for."""
        return self.options.model_dump(mode="json")

    @abstractmethod
    async def installed_version(self, host: Host) -> str:
        """The version of the program on the host."""

    @abstractmethod
    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        """How a host reaches each other one, by name, from the daemon's own status."""

    def handshakes(self, node: Node, since_s: float) -> Sequence[str] | None:
        """A command on a host that prints a line for each tunnel made there, beginning with when.

        In seconds since the epoch; lines from before `since_s` do not matter. None where the daemon
        does not tell. The default looks for `handshake_words` in the journal of its unit.
        """
        if self.handshake_words is None:
            return None
        unit = unit_name(self.system)
        return ["sh", "-c", _HANDSHAKES, "sh", unit, f"@{since_s:.6f}", self.handshake_words]

    def control_server(self, network: Network) -> str | None:
        """Who brings the hosts together and where, e.g. "lighthouse on lom"; None: nobody does."""
        return None

    def watched(self) -> Sequence[str]:
        """Names of the processes that are this VPN (as in /proc/PID/comm)."""
        return self.programs
