"""The benchmark contract on real hosts: groups that start together, faults, values of hosts."""

from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import pytest

from meshbench import benchmarks
from meshbench.faults import partition
from meshbench.faults.base import MeshFaults
from meshbench.results.records import Command, Record, Status
from meshbench.runner.groups import START_SPREAD_S
from meshbench.runner.session import Session
from meshbench.testbed.host import Host
from meshbench.testbed.lab.lab import Lab
from tests import throwaway
from tests.lab import meshes, support
from tests.lab.meshes import with_bed
from tests.lab.support import said

ALL = tuple(permutations(("lom", "yuki", "luna"), 2))


@pytest.fixture(autouse=True)
def throw_away() -> Iterator[None]:
    with throwaway.found():
        yield


def measured(lab: Lab, store: Path, vpn: str, benchmark: str) -> Record:
    assert lab.running()
    job = support.job(vpn, benchmark)
    where = job.where.model_copy(update={"links": ALL})
    return support.measured(job.model_copy(update={"where": where}), store)


@support.timed
def test_links_of_a_group_start_together(lab: Lab, store: Path) -> None:
    record = measured(lab, store, "wireguard", "flood")
    assert support.reasons(record) == {}
    assert [link.pair for link in record.links] == list(ALL)
    [group] = record.groups
    assert len(group.links) == len(ALL)
    assert group.start_spread_s is not None
    assert 0 < group.start_spread_s <= START_SPREAD_S


def test_every_link_of_all_has_a_server_of_its_own(lab: Lab, store: Path) -> None:
    record = measured(lab, store, "internal", "tcp")
    assert support.reasons(record) == {}
    ports = [
        argv[argv.index("-p") + 1] for link in record.links for argv in _clients(link.commands)
    ]
    assert len(set(ports)) == len(record.links) == len(ALL)


def _clients(commands: list[Command]) -> list[list[str]]:
    return [command.argv for command in commands if command.argv[0] == "iperf3"]


@pytest.mark.parametrize("vpn", ["nebula", "vxlan"])
def test_a_restart_is_timed_and_is_not_the_vpn_s_death(lab: Lab, store: Path, vpn: str) -> None:
    record = measured(lab, store, vpn, "comeback")
    assert {link.status for link in record.links} <= {Status.OK, Status.FAILED}
    restarts = [command for command in record.commands if command.role == "fault"]
    assert len(restarts) == len(ALL)
    silences = [o.value for o in benchmarks.make("comeback", {}).parse(record)]
    assert silences
    assert all(silence is not None and 0 < silence < 60 for silence in silences)
    follower = measured(lab, store, vpn, "flood")
    assert support.reasons(follower) == {}


def test_the_documentation_s_benchmark_measures(lab: Lab, store: Path) -> None:
    record = measured(lab, store, "nebula", "udp_rtt")
    assert support.reasons(record) == {}
    values = {
        (o.subject, o.metric.name): o.value or 0
        for o in benchmarks.make("udp_rtt", {}).parse(record)
    }
    assert len(values) == 2 * len(ALL)
    assert all(0 < values[pair, "udp_rtt_max"] < 1000 for pair in ALL)


def test_hosts_have_values(lab: Lab, store: Path) -> None:
    record = measured(lab, store, "internal", "memory")
    seen = {o.subject: o.value for o in benchmarks.make("memory", {}).parse(record)}
    assert seen.keys() == {"lom", "yuki", "luna"}
    assert all(value is not None and value > 2**20 for value in seen.values())


async def pings(source: Host, target: Host) -> bool:
    argv = ["ping", "-n", "-c", "1", "-W", "1", target.address.data_address]
    return (await source.run(argv, check=False)).returncode == 0


async def rules(host: Host) -> str:
    return await said(host, "nft", "list", "ruleset")


def test_a_cut_link_carries_nothing_and_is_mended(lab: Lab) -> None:
    async def work(bed: Session) -> None:
        lom, yuki, luna = bed.hosts
        async with partition.cut(lom, yuki):
            assert not await pings(lom, yuki)
            assert not await pings(yuki, lom)
            assert await pings(lom, luna)
        assert await pings(lom, yuki)
        for host in bed.hosts:
            assert partition.TABLE not in await rules(host)
            assert "meshbench-mend" not in await said(host, "systemctl", "list-timers", "--all")

    assert lab.running()
    with_bed(work)


def test_a_cut_ends_also_when_what_is_inside_breaks(lab: Lab) -> None:
    async def work(bed: Session) -> None:
        lom, yuki, _ = bed.hosts
        with pytest.raises(ZeroDivisionError):
            async with partition.cut(lom, yuki):
                raise ZeroDivisionError
        assert await pings(lom, yuki)

    assert lab.running()
    with_bed(work)


def test_a_rebooted_host_answers_again_and_has_nothing_of_before(lab: Lab, store: Path) -> None:
    async def work(bed: Session) -> None:
        faults = MeshFaults(await meshes.assemble(bed, "internal", store))
        before = await said(
            bed.hosts[1], "systemctl", "show", "--value", "-p", "UserspaceTimestamp"
        )
        await faults.reboot("yuki")
        after = await said(bed.hosts[1], "systemctl", "show", "--value", "-p", "UserspaceTimestamp")
        assert before != after
        await support.eventually(
            lambda: pings(bed.hosts[0], bed.hosts[1]), "yuki is on the data network again"
        )

    assert lab.running()
    with_bed(work)
