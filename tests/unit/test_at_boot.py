"""In a block, and only there, a host's boot starts a system and the probes of a reboot."""

import asyncio
from collections.abc import Sequence

import pytest

from meshbench.benchmarks.base import RESTORED, Link
from meshbench.benchmarks.tools import boot_probe
from meshbench.faults.base import MeshFaults
from meshbench.testbed.host import Host
from meshbench.util.errors import TestbedError
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common import at_boot
from meshbench.vpns.common.lifecycle import Mesh
from tests.unit import making
from tests.unit.making import ScriptedHost

UNIT = "meshbench-vpn-nebula.service"


def mesh(driver: str, *hosts: ScriptedHost) -> Mesh:
    network = Network(
        tuple(Node(n, h.name, h.address.data_address) for n, h in enumerate(hosts, 1))
    )
    return Mesh(making.driver(driver), network, hosts, {}, {host.name: {} for host in hosts})


def wanted(host: ScriptedHost) -> list[list[str]]:
    return [argv for argv in host.asked if "add-wants" in argv]


def forgotten(host: ScriptedHost) -> list[list[str]]:
    return [argv for argv in host.asked if argv[0] == "sh" and UNIT in argv]


def test_units_are_wanted_by_the_boot_in_the_block_only() -> None:
    host = ScriptedHost()

    async def work() -> None:
        async with at_boot.started_at_boot(mesh("nebula", host)):
            assert wanted(host) == [
                ["systemctl", "--quiet", "add-wants", "multi-user.target", UNIT]
            ]
            assert not forgotten(host)
            raise RuntimeError("the measurement breaks")

    with pytest.raises(RuntimeError):
        asyncio.run(work())
    assert len(forgotten(host)) == 1
    [text] = [file.content.decode() for path, file in host.files.items() if UNIT in path]
    assert "After=network-online.target\n" in text


def test_a_unit_waits_for_those_that_are_started_before_it() -> None:
    text = at_boot.drop_in("main.service", ["beside.service"]).content.decode()
    assert "After=network-online.target beside.service\n" in text


def test_a_system_without_units_needs_nothing() -> None:
    host = ScriptedHost()

    async def work() -> None:
        async with at_boot.started_at_boot(mesh("internal", host)):
            pass

    asyncio.run(work())
    assert host.asked == []


@pytest.mark.parametrize("lost", [[], ["kernel settings", "impairment"]])
def test_what_was_put_back_is_said(lost: list[str]) -> None:
    async def put_back(host: Host) -> Sequence[str]:
        assert host.name == "lom"
        return lost

    faults = MeshFaults(mesh("nebula", ScriptedHost()), put_back)
    commands = asyncio.run(faults.restore("lom"))
    assert [command.stdout.split("\n")[:-1] for command in commands] == ([lost] if lost else [])
    assert all(command.role == RESTORED and not command.measuring for command in commands)


def test_a_host_that_is_gone_keeps_no_other_from_being_put_back() -> None:
    def gone(argv: Sequence[str]) -> str:
        if "rm" in " ".join(argv):
            raise TestbedError("lom: no SSH")
        return ""

    lom, yuki = ScriptedHost("lom", gone), ScriptedHost("yuki", index=2)

    async def work() -> None:
        async with at_boot.started_at_boot(mesh("nebula", lom, yuki)):
            pass

    with pytest.raises(TestbedError, match="^lom: no SSH$"):
        asyncio.run(work())
    assert forgotten(yuki)


# --- probes ------------------------------------------------------------------------------------


def links(*names: str) -> list[Link]:
    hosts = {name: ScriptedHost(name, index=index) for index, name in enumerate("abc", 1)}
    return [
        Link(hosts[pair[0]], hosts[pair[1]], f"10.0.0.{pair[0]}", f"10.0.0.{pair[1]}", "mesh0")
        for pair in names
    ]


def test_each_pair_is_asked_through_the_tunnel_and_from_both_ends_beside_it() -> None:
    watch = boot_probe.of(links("ab", "bc"), 60)
    asked = {
        source: {target.name: target.address for target in targets}
        for source, targets in watch.targets.items()
    }
    assert asked == {
        "a": {"b": "10.0.0.b", "b.data": "192.0.2.2"},
        "b": {"a.data": "192.0.2.1", "c": "10.0.0.c", "c.data": "192.0.2.3"},
        "c": {"b.data": "192.0.2.2"},
    }


def test_what_a_boot_starts_is_what_the_host_ran_before_on_a_disk() -> None:
    watch = boot_probe.of(links("ab"), 60)
    text = boot_probe.unit_file(watch, "a").content.decode()
    assert "RuntimeMaxSec=60\n" in text
    assert '"/var/lib/meshbench/probe"' in text
    assert '"b=10.0.0.b" "b.data=192.0.2.2"\n' in text


def test_probes_are_taken_away_also_when_the_measurement_breaks() -> None:
    mesh_links = links("ab")
    watch = boot_probe.of(mesh_links, 60)

    async def work() -> None:
        async with boot_probe.at_boot(watch):
            raise RuntimeError("the measurement breaks")

    with pytest.raises(RuntimeError):
        asyncio.run(work())
    for host in (mesh_links[0].source, mesh_links[0].target):
        assert isinstance(host, ScriptedHost)
        assert host.stopped == [boot_probe.UNIT]
        assert any(argv[-1] == boot_probe.UNIT and "rm -f" in argv[2] for argv in host.asked[2:])
