"""VXLAN between all hosts: no encryption, no daemon; what encapsulation alone costs."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from meshbench.config.strict import Strict
from meshbench.results.records import PathState
from meshbench.testbed.host import Host
from meshbench.util.errors import UnavailableError
from meshbench.vpns.base import Card, Driver, Network, Node
from meshbench.vpns.common.units import Service


class Options(Strict):
    vni: Annotated[int, Field(ge=1, lt=2**24)] = 88
    port: Annotated[int, Field(ge=1, le=65535)] = 4789
    mtu: Annotated[int, Field(ge=576, le=9000)] = 1450


class Vxlan(Driver):
    """The kernel's tunnel with a static list of the other ends (bridge(8) fdb)."""

    name = "vxlan"
    version = 1
    options_class = Options
    packages = ("iproute2",)
    programs = ("ip", "bridge")
    card = Card(
        title="VXLAN",
        data_path="kernel; an Ethernet interface with a static list of the other ends",
        threads="the kernel's",
        offloads="the kernel's UDP tunnel segmentation",
        encryption="none",
        transport="UDP",
        ports="UDP 4789",
        mtu="1450: what 1500 leaves after 50 bytes of headers",
        special_host="none",
        remarks=("A control: what encapsulation alone costs.",),
    )
    admits_anyone = "VXLAN has no keys: what comes to its port is taken"
    options: Options

    async def probe(self, host: Host) -> Mapping[str, str]:
        trial = await host.run(
            ["ip", "link", "add", "mbprobe", "type", "vxlan", "id", "1", "dstport", "4789"],
            check=False,
        )
        if trial.returncode != 0:
            raise UnavailableError(f"{host.name}: the kernel has no vxlan: {trial.stderr.strip()}")
        await host.run(["ip", "link", "del", "mbprobe"])
        return {}

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        interface, options = self.interface, self.options
        # Always the same address, or after a restart the others would send to the old one.
        mac = f"02:6d:62:00:02:{node.index:02x}"
        add = [
            "ip", "link", "add", interface, "mtu", str(options.mtu), "address", mac, "type", "vxlan",
            "id", str(options.vni), "dstport", str(options.port), "local", node.underlay,
        ]  # fmt: skip
        flood = [
            [
                "bridge",
                "fdb",
                "append",
                "00:00:00:00:00:00",
                "dev",
                interface,
                "dst",
                other.underlay,
            ]
            for other in network.others(node)
        ]
        configure = [
            *flood,
            ["ip", "address", "add", f"{node.overlay}/24", "dev", interface],
            ["ip", "link", "set", interface, "up"],
        ]
        return Service(add, configure, ["ip", "link", "del", interface], kind="oneshot")

    def effective(self, network: Network) -> Mapping[str, Any]:
        return {**self.options.model_dump(), "encryption": None}

    async def installed_version(self, host: Host) -> str:
        return f"kernel {(await host.run(['uname', '-r'])).stdout.strip()}"

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        table = await host.run(["bridge", "fdb", "show", "dev", self.interface])
        addresses = {
            words[words.index("dst") + 1]
            for line in table.stdout.splitlines()
            if "dst" in (words := line.split())[:-1]
        }
        return {
            other.name: PathState(
                kind="direct", transport="udp", endpoint=f"{other.underlay}:{self.options.port}"
            )
            for other in network.others(node)
            if other.underlay in addresses
        }


DRIVER = Vxlan
