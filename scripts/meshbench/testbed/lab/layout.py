"""Names, addresses and paths of one lab, all derived from its name (pure)."""

import hashlib
import ipaddress
from dataclasses import dataclass
from pathlib import Path

CONTROL_POOL = ipaddress.IPv4Network("198.18.0.0/16")
CONTROL_NETWORKS = tuple(CONTROL_POOL.subnets(new_prefix=24))
DATA_NETWORK = ipaddress.IPv4Network("198.19.0.0/24")
"""RFC 2544's benchmarking addresses: in nobody's use. The data network is inside a namespace."""
LABS = Path("/run/meshbench")
MTU = 1500


@dataclass(frozen=True)
class HostLayout:
    """One host's names on the outer machine and its addresses."""

    name: str
    index: int
    lab: "Layout"

    @property
    def unique(self) -> str:
        return f"{self.lab.id}-{self.name}"

    @property
    def folder(self) -> Path:
        return self.lab.folder / self.name

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def control_port(self) -> str:
        return f"{self.lab.id}c{self.index}"

    @property
    def control_mac(self) -> str:
        return f"02:6d:62:00:01:{self.index:02x}"

    @property
    def data_port(self) -> str:
        return f"h{self.index}"

    @property
    def data_mac(self) -> str:
        return f"02:6d:62:00:00:{self.index:02x}"

    @property
    def data_address(self) -> str:
        return str(DATA_NETWORK[self.index])

    def control_address(self, subnet: int) -> str:
        return str(self.lab.control_network(subnet)[10 + self.index])


@dataclass(frozen=True)
class Layout:
    """One lab: `id` keeps everything it makes apart from every other lab on this machine."""

    name: str
    owner: str
    host_names: tuple[str, ...]

    @property
    def id(self) -> str:
        """Short enough for interface names (15 characters with a port's suffix)."""
        return "mb" + hashlib.sha256(f"{self.owner}\x1f{self.name}".encode()).hexdigest()[:6]

    @property
    def folder(self) -> Path:
        return LABS / self.id

    @property
    def wire(self) -> str:
        """The namespace with the data network's switch and link emulators."""
        return f"{self.id}-wire"

    @property
    def control_bridge(self) -> str:
        return f"{self.id}ctl"

    @property
    def hosts(self) -> tuple[HostLayout, ...]:
        return tuple(
            HostLayout(name, index, self) for index, name in enumerate(self.host_names, start=1)
        )

    @staticmethod
    def control_network(subnet: int) -> ipaddress.IPv4Network:
        return CONTROL_NETWORKS[subnet]
