"""Measuring one cell: reconcile the testbed, verify it, measure, verify again, one record."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from meshbench import __version__, benchmarks, collectors
from meshbench.benchmarks.base import FIRST_PORT, PORTS_PER_LINK, Arena, Benchmark, Link
from meshbench.benchmarks.tools import versions
from meshbench.config.models import STOCK
from meshbench.config.plan import weather
from meshbench.config.profile import emulators, on_link
from meshbench.faults.base import MeshFaults, Restore, recover
from meshbench.impairment import engine, physics
from meshbench.packages.store import Manifest
from meshbench.results import records
from meshbench.results.records import Command, LinkRecord, PathState, Record, Status, now
from meshbench.runner import groups, marks, programs, reconcile, tuned
from meshbench.runner.groups import Measured
from meshbench.runner.jobs import MeasureJob
from meshbench.runner.reconcile import Up
from meshbench.runner.session import Session, session
from meshbench.runner.stopwatch import Stopwatch
from meshbench.testbed import state, tuning
from meshbench.testbed.host import Host
from meshbench.testbed.lab import load
from meshbench.testbed.together import together
from meshbench.util.errors import ToolError, VpnError
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh
from meshbench.vpns.common.supplies import planned

LIFETIME_MARGIN_S = 600.0


async def measure(job: MeasureJob, store: Path) -> Record:
    """Measure a cell and return its record. What a VPN cannot do is a result, not an error.

    Raises:
        TestbedError: when our own side breaks; nothing is recorded then.
    """
    cell = job.cell
    purpose = f"{job.where.campaign}: {cell.path}"
    spent = Stopwatch("opening_s")
    async with session(job.where, job.profile, purpose, [job.kind]) as bed:
        begun = Begun(now(), spent)
        spent.turn("evidence_s")
        vpn = records.VpnRecord(
            driver=job.system.driver, options=job.system.options.model_dump(mode="json")
        )
        asked = await _ask(job, bed, store)
        before = asked.before.result()
        if state.broken(before):
            await recover(bed.hosts)
        try:
            settings, before = await tuned.settle(bed, asked.tuned.result(), before)
            tool_versions = asked.tools.result()
            brought = asked.programs.result()[bed.hosts[0].name]
            built = asked.built.result()
            first = built.packages.get(bed.hosts[0].name, ())
            vpn.packages = [manifest.model_dump(mode="json") for manifest in first]
            vpn.effective = dict(built.driver.effective(built.network))
            vpn.control_server = built.driver.control_server(built.network)
            spent.turn("vpn_s")
            up = await reconcile.only(bed, built, before, reconcile.attempt(cell.round))
            vpn.ready_s = dict(up.readiness.times_s) if up.started else {}
            vpn.silent, vpn.direct_s = list(up.readiness.silent), dict(up.direct_s)
            _tell_revived(vpn, up.revived)
            vpn.version = asked.version.result()
            record = await _measure(job, bed, up, vpn, settings, before, begun)
        except (VpnError, ToolError) as error:
            vpn.status, vpn.reason = Status(error.status), str(error)
            return _failed(job, bed, vpn, before, begun)
        record.programs = [manifest.model_dump(mode="json") for manifest in brought]
        tools = [tool.name for tool in benchmarks.load(job.kind).tools]
        record.tools = {
            host: {name: mine[name] for name in tools} for host, mine in tool_versions.items()
        }
        return record


@dataclass(frozen=True)
class Begun:
    """When a cell began, and where its time has gone since."""

    started: datetime
    spent: Stopwatch


@dataclass(frozen=True)
class _Asked:
    """What was asked before a cell, all of it ended: `result` gives what came of it, or its error."""

    before: asyncio.Task[dict[str, dict[str, Any]]]
    tuned: asyncio.Task[tuning.Applied]
    tools: asyncio.Task[dict[str, dict[str, str]]]
    programs: asyncio.Task[Mapping[str, tuple[Manifest, ...]]]
    built: asyncio.Task[Mesh]
    version: asyncio.Task[str]


async def _ask(job: MeasureJob, bed: Session, store: Path) -> _Asked:
    """The hosts' state, kernel settings, tools and programs, in as few exchanges as can be."""
    start = asyncio.create_task
    # That a VPN is up is found out by ping, whatever is measured.
    tools = dict.fromkeys((versions.PING, *benchmarks.load(job.kind).tools))
    with together():
        built = start(_assemble(job, bed, store))
        asked = _Asked(
            before=start(state.read(bed.hosts)),
            tuned=start(tuned.apply(job, bed, _settings_s(job))),
            tools=start(versions.check(tuple(tools), bed.hosts)),
            programs=start(_provide(job, bed)),
            built=built,
            version=start(_version(built, bed.hosts[0])),
        )
        tasks = [getattr(asked, field.name) for field in fields(asked)]
        await asyncio.gather(*tasks, return_exceptions=True)
    return asked


async def _assemble(job: MeasureJob, bed: Session, store: Path) -> Mesh:
    supplies = planned(job.cell.vpn, job.system, job.packages)
    return await reconcile.assemble(bed, job.cell.vpn, job.system, store, supplies)


def _benchmark(job: MeasureJob) -> Benchmark[Any]:
    return benchmarks.load(job.kind)(job.options)


async def _provide(job: MeasureJob, bed: Session) -> Mapping[str, tuple[Manifest, ...]]:
    benchmark = _benchmark(job)
    programs.check(benchmark, job.programs)
    return await programs.provide(benchmark, bed.hosts)


async def _version(built: asyncio.Task[Mesh], host: Host) -> str:
    return await lifecycle.version(await built, host)


async def _measure(
    job: MeasureJob,
    bed: Session,
    up: Up,
    vpn: records.VpnRecord,
    settings: dict[str, dict[str, str]],
    before: Mapping[str, Any],
    begun: Begun,
) -> Record:
    begun.spent.turn("preparing_s")
    settings = await tuned.complete(job, bed, up.mesh, settings, _settings_s(job))
    benchmark, arena = _benchmark(job), _arena(job, bed, up)
    silent = {link.pair for link in arena.links if "->".join(link.pair) in up.readiness.silent}
    collected: dict[str, list[Command]] = {}
    async with (
        _ready(job, bed, up, benchmark, arena) as (impairment, paths_before),
        _collecting(up.mesh, collected),
    ):
        idle = bed.load()
        begun.spent.turn("measuring_s")
        done = await groups.measure(benchmark, arena, silent)
        begun.spent.turn("preparing_s")
        used = load.between(idle, bed.load())
    begun.spent.turn("evidence_s")
    with together():
        paths_after, after, fallen, impairment.after, changed = await asyncio.gather(
            lifecycle.paths(up.mesh),
            state.read(bed.hosts),
            lifecycle.dead(up.mesh),
            bed.engine.read(),
            tuned.differences(job.tuning, up.mesh),
        )
    engine.verify(_plan(job, bed), impairment.after)
    for link in done.links:
        _complete(link, up, paths_before, paths_after, {} if benchmark.disturbs else fallen)
    vpn.log_tail = fallen
    underlay = {host.name: host.address.data_address for host in bed.hosts}
    return _record(
        job, bed, vpn, done, begun=begun, before=before, after=after,
        impairment=impairment, tuning_=settings, changed=changed, collected=collected, used=used,
        marked=[
            *([str(up.revived)] if up.revived else []),
            *marks.of(
                done.links, impairment, before, after, underlay, used, disturbed=benchmark.disturbs
            ),
            *marks.apart(done.groups),
            *tuned.marks(changed, before, after),
            *(mark for link in done.links for mark in benchmark.marks(link)),
            *(
                mark
                for kind in collectors.every()
                if not benchmark.reboots
                for mark in kind().marks(collected.get(kind.name, ()))
            ),
        ],
    )  # fmt: skip


def _tell_revived(vpn: records.VpnRecord, revived: reconcile.Revived | None) -> None:
    if revived:
        vpn.silent_before, vpn.fallen_before = list(revived.silent), list(revived.fallen)
        vpn.log_tail_before = dict(revived.log_tail)


@contextlib.asynccontextmanager
async def _ready(
    job: MeasureJob, bed: Session, up: Up, benchmark: Benchmark[Any], arena: Arena
) -> AsyncIterator[tuple[records.ImpairmentRecord, Mapping[tuple[str, str], PathState]]]:
    """Everything that a measurement needs, and what the paths are before it."""
    async with contextlib.AsyncExitStack() as stack:
        serving = asyncio.create_task(stack.enter_async_context(benchmark.serving(arena)))
        try:
            impairment = await _impair(job, bed)
            with together():
                paths, impairment.before, _, _ = await asyncio.gather(
                    lifecycle.paths(up.mesh),
                    bed.engine.read(),
                    _forget_tcp(bed.hosts),
                    tuned.verify(job.tuning, up.mesh),
                )
            engine.verify(_plan(job, bed), impairment.before)
        finally:
            await serving
        yield impairment, paths


@contextlib.asynccontextmanager
async def _collecting(mesh: Mesh, collected: dict[str, list[Command]]) -> AsyncIterator[None]:
    """Every collector runs in the block; what they saw is in `collected` after it.

    They are ended in one exchange with each host.
    """
    running = [collector() for collector in collectors.every()]
    await asyncio.gather(*(collector.start(mesh) for collector in running))
    try:
        yield
    finally:
        with together():
            seen = await asyncio.gather(*(collector.stop(mesh) for collector in running))
        names = (collector.name for collector in running)
        collected |= {
            name: list(commands) for name, commands in zip(names, seen, strict=True) if commands
        }


def _plan(job: MeasureJob, bed: Session) -> engine.Plan:
    where = job.where
    names = [host.name for host in bed.hosts]
    return engine.Plan(
        profile=job.profile,
        placement=where.placement,
        limit=physics.queue_limit(job.profile, bed.rate_bps),
        seeds={
            emulator.name: weather(where.seed, job.cell.round, job.cell.profile, emulator.name)
            for emulator in emulators(job.profile, where.placement, names)
        },
    )


async def _impair(job: MeasureJob, bed: Session) -> records.ImpairmentRecord:
    """Apply the profile from its seed, so that every cell of a round meets the same weather."""
    plan = _plan(job, bed)
    commands: Mapping[str, list[list[str]]] = {}
    if job.profile.impairs:
        commands = await bed.engine.apply(plan, _lifetime_s(job, _benchmark(job)))
    else:
        await bed.engine.clear()
    return records.ImpairmentRecord(
        engine=bed.engine.name if job.profile.impairs else "none",
        placement=job.where.placement,
        profile=job.profile.model_dump(),
        seed=job.where.seed,
        commands=dict(commands),
    )


def _lifetime_s(job: MeasureJob, benchmark: Benchmark[Any]) -> float:
    """How long impairment may last without a word from the controller; in coarse steps, so that
    an emulator need not be restarted for each benchmark.
    """
    longest_s = len(benchmark.groups(job.where.links)) * benchmark.longest_s() + LIFETIME_MARGIN_S
    return math.ceil(longest_s / LIFETIME_MARGIN_S) * LIFETIME_MARGIN_S


def _settings_s(job: MeasureJob) -> float:
    """How long a tuning may last without a word from the controller: as the impairment that comes
    after it, and a VPN has to come up before.
    """
    return _lifetime_s(job, _benchmark(job)) + LIFETIME_MARGIN_S


async def _forget_tcp(hosts: Sequence[Host]) -> None:
    # What TCP remembers of one VPN's path must not start the next one's.
    flush = ["ip", "tcp_metrics", "flush"]
    await asyncio.gather(*(host.run(flush, check=False) for host in hosts))


def _arena(job: MeasureJob, bed: Session, up: Up) -> Arena:
    links = [
        _link(job, bed, up, pair, FIRST_PORT + number * PORTS_PER_LINK)
        for number, pair in enumerate(job.where.links)
    ]
    return Arena(tuple(bed.hosts), tuple(links), MeshFaults(up.mesh, putting_back(job, bed)))


def putting_back(job: MeasureJob, bed: Session) -> Restore:
    """Puts settings and impairment back on a host that has rebooted; in words, what it had lost."""

    async def put_back(host: Host) -> Sequence[str]:
        lost = []
        lifetime_s = _settings_s(job)
        again = await tuning.apply(job.tuning, [host], bed.permit, lifetime_s=lifetime_s)
        if again.changed and job.cell.tuning != STOCK:
            lost.append("tuning")
        if job.profile.impairs:
            plan = _plan(job, bed)
            await bed.engine.apply(plan, _lifetime_s(job, _benchmark(job)))
            engine.verify(plan, await bed.engine.read())
            lost.append("impairment")
        return lost

    return put_back


def _link(job: MeasureJob, bed: Session, up: Up, pair: tuple[str, str], port: int) -> Link:
    source, target = pair
    there = on_link(job.profile, job.where.placement, source, target)
    back = on_link(job.profile, job.where.placement, target, source)
    return Link(
        source=bed.host(source),
        target=bed.host(target),
        source_address=up.mesh.address(source),
        target_address=up.mesh.address(target),
        interface=lifecycle.interface_of(up.mesh, bed.host(source)),
        delay_s=physics.largest_round_trip_s(there, back),
        rate_bps=there.rate_bps,
        back_rate_bps=back.rate_bps,
        port=port,
    )


def _complete(
    link: LinkRecord,
    up: Up,
    before: Mapping[tuple[str, str], PathState],
    after: Mapping[tuple[str, str], PathState],
    fallen: Mapping[str, str],
) -> None:
    pair = (link.source, link.target)
    mtu = up.path_mtu.get(lifecycle.pair(*pair))
    link.path_before, link.path_after = (
        path.model_copy(update={"path_mtu": mtu}) if (path := paths.get(pair)) else None
        for paths in (before, after)
    )
    link.ready_s = up.readiness.times_s.get(lifecycle.pair(*pair)) if up.started else None
    link.direct_s = up.direct_s.get(lifecycle.pair(*pair))
    if dead := sorted({link.source, link.target} & fallen.keys()):
        link.status = Status.FAILED
        link.reason = f"the daemon died on {', '.join(dead)} during the measurement"


def _failed(
    job: MeasureJob,
    bed: Session,
    vpn: records.VpnRecord,
    before: Mapping[str, Any],
    begun: Begun,
) -> Record:
    links = [
        LinkRecord(source=source, target=target, status=vpn.status, reason=vpn.reason)
        for source, target in job.where.links
    ]
    impairment = records.ImpairmentRecord(
        engine="none", placement=job.where.placement, profile=job.profile.model_dump(),
        seed=job.where.seed,
    )  # fmt: skip
    return _record(
        job, bed, vpn, Measured(links), begun=begun, before=before, after={},
        impairment=impairment, tuning_={}, collected={}, marked=[],
    )  # fmt: skip


def _record(
    job: MeasureJob,
    bed: Session,
    vpn: records.VpnRecord,
    done: Measured,
    *,
    begun: Begun,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    impairment: records.ImpairmentRecord,
    tuning_: dict[str, dict[str, str]],
    collected: dict[str, list[Command]],
    marked: list[str],
    used: Mapping[str, float] | None = None,
    changed: dict[str, dict[str, str]] | None = None,
) -> Record:
    versions = {
        "meshbench": __version__,
        "vpn_method": job.vpn_method,
        "benchmark_method": job.benchmark_method,
    }
    testbed = records.TestbedRecord(
        name=job.where.testbed, kind=bed.kind, shared_cpu=bed.shared_cpu,
        facts={**bed.facts, **({"cpu": dict(used)} if used else {})},
        before=dict(before), after=dict(after),
    )  # fmt: skip
    return Record(
        campaign=job.where.campaign,
        cell=job.cell,
        placement=job.where.placement,
        started=begun.started,
        ended=now(),
        spent=begun.spent.read(),
        versions=versions,
        settings=job.model_dump(mode="json"),
        testbed=testbed,
        impairment=impairment,
        tuning=tuning_,
        tuning_changed=changed or {},
        vpn=vpn,
        links=done.links,
        groups=done.groups,
        commands=done.kept,
        failures=done.failures,
        collected=collected,
        marks=marked,
    )
