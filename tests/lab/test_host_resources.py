"""What a host spends is found on real hosts: a daemon held at a fifth of a core is seen to be CPU-bound."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from meshbench.collectors import host_resources
from meshbench.collectors.host_resources import HostResources
from meshbench.collectors.resources import metrics
from meshbench.results.metrics import Metric
from meshbench.results.records import Record
from meshbench.testbed.lab import cgroups
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.ssh import SshHost
from meshbench.vpns.common.units import unit_name
from tests.lab import support

VPN = "tinc"
"""Its one thread carries every packet."""
SHARE = 0.2
PERIOD_US = 100_000
CPU_V1 = cgroups.ROOT / "cpu"
"""Where this machine's CPU quotas are set if it has control groups of both versions."""


@contextlib.contextmanager
def held_back(lab: Lab, unit: str) -> Iterator[None]:
    """A unit has `SHARE` of a core on each host: by its systemd, or by the machine where that cannot."""
    if CPU_V1.is_dir():
        with _held_from_outside(lab, unit):
            yield
        return

    async def hold(hosts: list[SshHost], quota: str) -> None:
        for host in hosts:
            words = ["systemctl", "set-property", "--runtime", unit, f"CPUQuota={quota}"]
            await support.said(host, *words)

    support.on_hosts(lab, lambda hosts: hold(hosts, f"{SHARE:.0%}"))
    try:
        yield
    finally:
        support.on_hosts(lab, lambda hosts: hold(hosts, ""))


@contextlib.contextmanager
def _held_from_outside(lab: Lab, unit: str) -> Iterator[None]:
    tops = (top for name in cgroups.named(f"{lab.layout.id}-") for top in cgroups.folders(name))
    groups = [group for top in tops for group in top.rglob(unit)]
    pids = {pid for group in groups for pid in (group / "cgroup.procs").read_text().split()}
    assert len(pids) == len(lab.layout.hosts)
    holds = [CPU_V1 / f"{lab.layout.id}-held-{pid}" for pid in sorted(pids)]
    try:
        for hold in holds:
            hold.mkdir()
            (hold / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (hold / "cpu.cfs_quota_us").write_text(f"{SHARE * PERIOD_US:.0f}")
            (hold / "cgroup.procs").write_text(hold.name.rpartition("-")[2])
        yield
    finally:
        for hold in filter(Path.is_dir, holds):
            for pid in (hold / "cgroup.procs").read_text().split():
                (CPU_V1 / "cgroup.procs").write_text(pid)
            hold.rmdir()


def values(record: Record, metric: Metric) -> dict[str, float]:
    return {
        str(o.subject): o.value
        for o in HostResources().parse(record)
        if o.metric is metric and o.value is not None and o.stream is None
    }


def test_a_daemon_that_is_held_back_is_found_to_be_bound_by_its_cpu(lab: Lab, store: Path) -> None:
    """By UDP without a limit: TCP would send less and let the daemon sleep."""
    assert lab.running()
    links = (("lom", "yuki"),)
    at = support.where(links=links)
    idle = support.measured(support.job(VPN, count=20, at=at), store)
    with held_back(lab, unit_name(VPN)):
        busy = support.measured(
            support.job(VPN, "udp", at=at, rates=(), search=None, duration_s=6, modes=("forward",)),
            store,
        )
    assert support.reasons(busy) == {}
    share, wanted = (
        values(busy, metric) for metric in (metrics.BUSIEST_THREAD, metrics.BUSIEST_THREAD_DEMAND)
    )
    assert share["lom"] < 1.5 * SHARE
    assert wanted["lom"] > 0.85
    assert values(idle, metrics.BUSIEST_THREAD_DEMAND)["lom"] < 0.5
    assert values(busy, metrics.VPN_CPU_PER_GIGABYTE).keys() >= {"lom", "yuki"}
    assert all(cost < 0.05 for cost in values(busy, metrics.SAMPLING_COST).values())
    assert not [mark for mark in busy.marks if "was not sampled" in mark]
    assert _left(lab) == []


def _left(lab: Lab) -> list[str]:
    """What of the sampling is still on the hosts but its program."""

    async def look(hosts: list[SshHost]) -> list[str]:
        names = []
        for host in hosts:
            active = await support.ends(host, "systemctl", "is-active", host_resources.UNIT) == 0
            there = await support.ends(host, "test", "-e", str(host_resources.OUTPUT)) == 0
            names += [host.name] if active or there else []
        return names

    return support.on_hosts(lab, look)
