"""The bare link, measured as if it were a VPN."""

from collections.abc import Mapping

from meshbench.results.records import PathState
from meshbench.testbed.host import Host
from meshbench.vpns.base import Card, Driver, Material, Network, Node


class Internal(Driver):
    """No daemon, no tunnel: the data network itself."""

    name = "internal"
    version = 1
    card = Card(
        title="Bare link",
        data_path="none: the data network itself",
        threads="the kernel's",
        offloads="the data interface's",
        encryption="none",
        transport="IP",
        ports="none",
        mtu="of the data interface (1500 in the lab)",
        special_host="none",
    )
    admits_anyone = "the bare link knows no keys"

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> None:
        return None

    def address(self, node: Node, material: Material) -> str:
        return node.underlay

    async def installed_version(self, host: Host) -> str:
        return (await host.run(["uname", "-r"])).stdout.strip()

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        return {
            other.name: PathState(kind="direct", transport="ip", endpoint=other.underlay)
            for other in network.others(node)
        }


DRIVER = Internal
