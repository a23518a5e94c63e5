"""A host really reboots under a VPN: each stage has its own time, and nothing of it stays."""

from pathlib import Path

from meshbench.benchmarks.tools import boot_probe, reboot_stages
from meshbench.benchmarks.tools.probe import INTERVAL_S
from meshbench.runner.session import Session
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.unit_files import TARGET, UNIT_FOLDER
from meshbench.vpns.common import lifecycle
from tests.lab import support
from tests.lab.meshes import with_bed
from tests.lab.support import said
from tests.lab.test_conformance_benchmarks import judge
from tests.lab.test_hosts import as_own_hosts

LIMIT_S = 60.0
VPN = "nebula"


def test_the_stages_of_a_reboot(lab: Lab, store: Path) -> None:
    """Nebula's lighthouse reboots and comes back by its own systemd, with its keys."""
    job = support.job(VPN, "reboot", hosts=("lom",), limit_s=LIMIT_S)
    record = support.measured(job, store)
    judge(lab, record)
    [event] = reboot_stages.events(record.commands)
    assert event.host == "lom"
    on_links = [reboot_stages.of_link(link, [event], LIMIT_S) for link in record.links]
    assert sorted(on_link.watched for on_link in on_links) == [1, 1, 1]
    [of_others] = [on_link for on_link in on_links if not on_link.stages]
    assert of_others.pair == ("yuki", "luna")
    for stages in (of_event for link in on_links for of_event in link.stages):
        assert stages.underlay_s
        assert stages.first_s
        assert stages.stable_s
        assert event.boot.active_s
        assert event.asked_s < stages.gone_s < event.boot.started_s < stages.underlay_s
        assert event.boot.started_s < event.boot.active_s < stages.stable_s
        assert stages.underlay_s - INTERVAL_S < stages.first_s <= stages.stable_s

    async def nothing_of_it_stays(bed: Session) -> None:
        for host in bed.hosts:
            there = await said(host, "ls", str(UNIT_FOLDER), str(UNIT_FOLDER / f"{TARGET}.wants"))
            assert boot_probe.UNIT not in there
            assert ".service.d" not in there
            assert f"{TARGET}.wants" in there
            wanted = there.rpartition(".wants:")[2].split()
            assert [name for name in wanted if name.startswith("meshbench-")] == []
        await lifecycle.purge(bed.hosts, VPN)

    with_bed(nothing_of_it_stays)


def test_a_host_of_one_s_own_reboots_too(lab: Lab, store: Path) -> None:
    """By the same SSH, and by nothing of the lab's."""
    at = support.where(as_own_hosts(lab), testbed="own")
    job = support.job("internal", "reboot", at=at, hosts=("yuki",), limit_s=LIMIT_S)
    record = support.measured(job, store)
    assert support.reasons(record) == {}
    assert support.marks_of(record) == []
    [event] = reboot_stages.events(record.commands)
    on_links = [reboot_stages.of_link(link, [event], LIMIT_S) for link in record.links]
    reached = [stages.first_s for link in on_links for stages in link.stages]
    assert len(reached) == 2
    assert all(first_s and first_s > event.boot.started_s > event.asked_s for first_s in reached)
