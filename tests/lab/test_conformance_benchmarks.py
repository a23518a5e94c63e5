"""Every benchmark keeps its contract, and tunings come and go. A new module is found by being there."""

import asyncio
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshbench import benchmarks
from meshbench.benchmarks.base import Arena, Benchmark, Link, Outcome
from meshbench.config.load import load_named
from meshbench.config.models import System, Tuning
from meshbench.results import metrics
from meshbench.results.records import Command, LinkRecord, Record, Status
from meshbench.runner import programs
from meshbench.runner.session import Session
from meshbench.testbed import tuning
from meshbench.testbed.host import Host
from meshbench.testbed.lab import congestion
from meshbench.testbed.lab.lab import Lab
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.units import unit_name
from tests.lab import support
from tests.lab.meshes import with_bed
from tests.lab.support import said
from tests.unit import making

# --- tunings -----------------------------------------------------------------------------------


def test_tunings_come_and_go(lab: Lab) -> None:
    tuned = Tuning(
        sysctls={"net.ipv4.tcp_reordering": 7, "net.ipv4.tcp_rmem": "4096 131072 7654321"}
    )

    async def work(bed: Session) -> None:
        async def values(host: Host) -> list[str]:
            said_ = await said(host, "sysctl", "-n", *tuned.sysctls)
            return [" ".join(line.split()) for line in said_.splitlines()]

        stock = [await values(host) for host in bed.hosts]
        for _ in range(2):
            applied = await tuning.apply(tuned, bed.hosts)
            assert applied.values.keys() == {"lom", "yuki", "luna"}
            assert [await values(host) for host in bed.hosts] == [["7", "4096 131072 7654321"]] * 3
        await tuning.apply(Tuning(), bed.hosts)
        assert [await values(host) for host in bed.hosts] == stock

    assert lab.running()
    with_bed(work)


def test_stock_is_cubic_whatever_the_machine_prefers(lab: Lab) -> None:
    """And the machine's own list of what may be chosen is as it was."""
    stock = load_named(support.CHECKOUT / "config/tunings", "stock", Tuning, ("test", None))
    machine = congestion.ALLOWED.read_text()

    async def work(bed: Session) -> None:
        before = [await said(host, "sysctl", "-n", tuning.CONGESTION) for host in bed.hosts]
        try:
            await tuning.apply(stock, bed.hosts, bed.permit)
            for host in bed.hosts:
                for key, value in stock.sysctls.items():
                    assert (await said(host, "sysctl", "-n", key)).split() == str(value).split()
            assert congestion.ALLOWED.read_text() == machine
        finally:
            await tuning.apply(Tuning(), bed.hosts, bed.permit)
        assert [await said(host, "sysctl", "-n", tuning.CONGESTION) for host in bed.hosts] == before

    assert lab.running()
    with_bed(work)


def test_a_congestion_control_that_no_kernel_has_is_unsupported(lab: Lab, store: Path) -> None:
    job = support.job("internal")
    job = job.model_copy(update={"tuning": Tuning(sysctls={tuning.CONGESTION: "meshbench"})})
    record = support.measured(job, store)
    assert lab.running()
    assert {link.status for link in record.links} == {Status.UNSUPPORTED}
    assert all(f"{tuning.CONGESTION} is " in str(link.reason) for link in record.links)


# --- benchmarks --------------------------------------------------------------------------------

UNITS = {"1", "1/s", "1/min", "ms", "s", "bit/s", "byte"}


def benchmark_of(name: str, **options: Any) -> Benchmark[Any]:
    return benchmarks.make(name, support.short_options(name, **options))


BARE, KERNEL, USER_SPACE = "bare link", "kernel", "user space, MTU 1280"
TUNNELS = {
    BARE: making.system("internal"),
    KERNEL: making.system("vxlan"),
    USER_SPACE: making.system("nebula", mtu=1280),
}
HOWS = ("nobody there", "dropped", "nothing listens")


def goes_over(name: str, tunnel: str) -> bool:
    """Whether a benchmark is measured over it; over both kinds of tunnel each of them is."""
    if support.FULL or name in support.INSTRUMENTS:
        return True
    # What reboots takes long: test_reboot.py has it in user space.
    return tunnel == KERNEL or (tunnel == USER_SPACE and not benchmarks.reboots(name))


# Tunnel by tunnel: one that is up stays up.
MEASURED = [
    pytest.param(name, system, id=f"{name}-{tunnel}")
    for tunnel, system in TUNNELS.items()
    for name in benchmarks.names()
    if goes_over(name, tunnel)
]
UNANSWERED = [
    (name, how)
    for name in benchmarks.names()
    for how in HOWS
    if support.FULL or how == "dropped" or name not in support.LENGTHY
]


@pytest.mark.parametrize(("benchmark_name", "system"), MEASURED)
def test_benchmark_measures(lab: Lab, store: Path, benchmark_name: str, system: System) -> None:
    support.has_programs(benchmark_name)
    # A tool may break once, as in a campaign.
    job = support.job(system.driver, benchmark_name, system=system, attempts=3)
    judge(lab, support.measured(job, store))


@pytest.mark.parametrize(
    "benchmark_name", benchmarks.names() if support.FULL else support.INSTRUMENTS
)
def test_a_daemon_killed_half_way(
    lab: Lab, store: Path, benchmark_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its host's links are failed because of it, in bounded time, and the record can be read."""
    support.has_programs(benchmark_name)
    kind = benchmarks.load(benchmark_name)
    whole = kind.measure

    async def kill(host: Host) -> None:
        await asyncio.sleep(0.5)
        await host.run(["systemctl", "kill", "-s", "KILL", unit_name("nebula")], check=False)

    async def measure(self: Any, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        killing = asyncio.create_task(kill(arena.hosts[1]))
        try:
            return await whole(self, group, arena)
        finally:
            await killing

    monkeypatch.setattr(kind, "measure", measure)
    job = support.job("nebula", benchmark_name, duration_s=3, count=30)
    record = support.measured(job, store)
    assert lab.running()
    with_bed(lambda bed: lifecycle.purge(bed.hosts, "nebula"))
    for link in record.links:
        if "yuki" in link.pair and not kind.disturbs:
            assert link.status is Status.FAILED, link.reason
            assert link.reason == "the daemon died on yuki during the measurement"
        limit_s = link.limit_s or 0
        assert all(command.duration_s < limit_s + 10 for command in link.commands)
    list(kind(job.options).parse(record))


def test_the_calibration_measures_the_bare_link(lab: Lab, store: Path) -> None:
    judge(lab, support.measured(support.job("internal", benchmarks.CALIBRATION), store))


def judge(lab: Lab, record: Record) -> None:
    """Every link is ok, and its values are of declared metrics and physically possible."""
    assert lab.rate_bps
    assert support.reasons(record) == {}
    assert len(record.links) == 3
    benchmark = benchmark_of(record.cell.benchmark)
    for link in record.links:
        assert link.status is Status.OK
        assert link.commands
        assert all(ended_well(command) for command in link.commands)
        again = LinkRecord.model_validate_json(link.model_dump_json())
        parsed = list(benchmark.parse(record.model_copy(update={"links": [again]})))
        assert parsed
        for value in parsed:
            metric = value.metric
            assert metric in benchmark.metrics, f"{metric.name} is not declared"
            assert metrics.get(metric.name) == metric
            assert metric.unit in UNITS
            assert value.direction in {"forward", "reverse"}
            if value.value is None:
                continue
            assert math.isfinite(value.value)
            # A load may keep a host awake, so that it answers sooner than an idle one.
            assert value.value >= 0 or metric.name.startswith("added_delay")
            assert value.t_s is None or value.t_s >= 0
            # What a sender is asked for, or hands to its own host, no link has carried.
            if metric.unit == "bit/s" and metric.better == "higher" and value.t_s is None:
                assert 1e6 < value.value < 1.05 * lab.rate_bps, metric.name
            if metric.unit == "ms":
                assert value.value < 1000, metric.name
        assert any(value.value for value in parsed)
    assert {headline.metric for headline in benchmark.headlines()} <= set(benchmark.metrics)
    assert benchmark.duration_s() > 0


def ended_well(command: Command) -> bool:
    """Ping ends with 1 where nothing came back, which is an answer where sizes are tried."""
    return command.returncode == 0 or (command.returncode == 1 and command.argv[0] == "ping")


async def stop_units(host: Host) -> None:
    """Stop whatever serves there."""
    listed = await said(host, "systemctl", "list-units", "--plain", "--no-legend", "meshbench-*")
    await host.stop(*(line.split()[0] for line in listed.splitlines()))


DROP = b"""table inet test {
    chain in { type filter hook input priority 0; iifname "data0" drop; }
}
"""


@pytest.mark.parametrize(("benchmark_name", "how"), UNANSWERED)
def test_benchmark_without_an_answer(lab: Lab, benchmark_name: str, how: str) -> None:
    """Never ok, always with a reason, within the limit that the outcome states."""
    support.has_programs(benchmark_name)
    benchmark = benchmark_of(benchmark_name)

    async def work(bed: Session) -> None:
        source, target = bed.hosts[:2]
        silent = "198.19.0.250"
        link = Link(
            source, target, source.address.data_address, target.address.data_address, "data0"
        )
        arena = making.arena(link)
        await programs.provide(benchmark, bed.hosts)
        try:
            async with benchmark.serving(arena):
                if how == "nobody there":
                    link = replace(link, target_address=silent)
                elif how == "dropped":
                    await target.run(["nft", "-f", "-"], stdin=DROP)
                else:
                    await stop_units(target)
                await benchmark.warm_up([link], arena)
                [outcome] = await benchmark.measure([link], arena)
        finally:
            await target.run(["nft", "delete", "table", "inet", "test"], check=False)
        if how == "nothing listens" and outcome.status is Status.OK:
            return  # it needs no server, or started it anew
        assert outcome.status in {Status.FAILED, Status.TIMEOUT, Status.TOOL_FAILED}
        if how != "nothing listens":
            assert outcome.status is not Status.TOOL_FAILED, "the path is to blame, not the tool"
        assert outcome.reason
        assert outcome.commands
        assert all(command.duration_s < outcome.limit_s + 10 for command in outcome.commands)

    assert lab.running()
    with_bed(work)

    async def nothing_left(bed: Session) -> None:
        for host in bed.hosts:
            listed = await said(
                host, "systemctl", "list-units", "--plain", "--no-legend", "meshbench-*"
            )
            # A VPN that a test before this one had up is none of the benchmark's units.
            units = [line for line in listed.splitlines() if "meshbench-vpn-" not in line]
            assert units == []

    with_bed(nothing_left)
