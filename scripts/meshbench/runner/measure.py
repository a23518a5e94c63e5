"""Measuring one cell: reconcile the testbed, verify it, measure, verify again, one record."""

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench import __version__, benchmarks
from meshbench.benchmarks.base import Benchmark, Link, Outcome
from meshbench.config.plan import weather
from meshbench.impairment import engine, physics
from meshbench.results import records
from meshbench.results.records import LinkRecord, PathState, Record, Status, now
from meshbench.runner import marks, reconcile
from meshbench.runner.jobs import MeasureJob
from meshbench.runner.reconcile import Up
from meshbench.runner.session import Session, session
from meshbench.testbed import state, tuning
from meshbench.testbed.host import Host
from meshbench.util.errors import VpnError
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.supplies import planned

log = logging.getLogger(__name__)

LIFETIME_MARGIN_S = 600.0


async def measure(job: MeasureJob, store: Path) -> Record:
    """Measure a cell and return its record. What a VPN cannot do is a result, not an error.

    Raises:
        TestbedError: when our own side breaks; nothing is recorded then.
    """
    cell = job.cell
    purpose = f"{job.where.campaign}: {cell.path}"
    async with session(job.where, job.profile, purpose) as bed:
        started = now()
        before = await state.read(bed.hosts)
        vpn = records.VpnRecord(
            driver=job.system.driver, options=job.system.options.model_dump(mode="json")
        )
        try:
            supplies = planned(cell.vpn, job.system, job.packages)
            built = await reconcile.assemble(bed, cell.vpn, job.system, store, supplies)
            first = built.packages.get(bed.hosts[0].name, ())
            vpn.packages = [manifest.model_dump(mode="json") for manifest in first]
            vpn.effective = dict(built.driver.effective(built.network))
            vpn.control_server = built.driver.control_server(built.network)
            up = await reconcile.only(bed, built, before, reconcile.attempt(cell.round))
            vpn.ready_s = dict(up.readiness.times_s) if up.started else {}
            vpn.silent, vpn.direct_s = list(up.readiness.silent), dict(up.direct_s)
        except VpnError as error:
            vpn.status, vpn.reason = Status.FAILED, str(error)
            return _failed(job, bed, vpn, before, started)
        return await _measure(job, bed, up, vpn, before, started)


async def _measure(
    job: MeasureJob,
    bed: Session,
    up: Up,
    vpn: records.VpnRecord,
    before: Mapping[str, Any],
    started: Any,
) -> Record:
    settings, vpn.version = await asyncio.gather(
        tuning.apply(job.tuning, bed.hosts), up.mesh.driver.installed_version(bed.hosts[0])
    )
    benchmark = benchmarks.load(job.kind)(job.options)
    try:
        impairment, paths_before = await _ready(job, bed, up, benchmark)
        links = await _run(job, bed, up, benchmark)
    finally:
        await benchmark.clean_up(bed.hosts)
    paths_after, after, fallen, impairment.after = await asyncio.gather(
        lifecycle.paths(up.mesh), state.read(bed.hosts), lifecycle.dead(up.mesh), bed.engine.read()
    )
    engine.verify(_plan(job, bed), impairment.after)
    for link in links:
        _complete(link, up, paths_before, paths_after, fallen)
    vpn.log_tail = fallen
    underlay = {host.name: host.address.data_address for host in bed.hosts}
    return _record(
        job, bed, vpn, links, started=started, before=before, after=after,
        impairment=impairment, tuning_=settings,
        marked=marks.of(links, impairment, before, after, underlay),
    )  # fmt: skip


async def _ready(
    job: MeasureJob, bed: Session, up: Up, benchmark: Benchmark
) -> tuple[records.ImpairmentRecord, Mapping[tuple[str, str], PathState]]:
    """Everything that a measurement needs, and what the paths are before it."""
    preparing = asyncio.create_task(benchmark.prepare(bed.hosts))
    try:
        impairment = await _impair(job, bed, benchmark)
        paths, _ = await asyncio.gather(lifecycle.paths(up.mesh), _forget_tcp(bed.hosts))
    finally:
        await preparing
    return impairment, paths


def _plan(job: MeasureJob, bed: Session) -> engine.Plan:
    where = job.where
    return engine.Plan(
        profile=job.profile,
        placement=where.placement,
        limit=physics.queue_limit(job.profile, bed.rate_bps),
        seeds={
            host.name: weather(where.seed, job.cell.round, job.cell.profile, host.name)
            for host in bed.hosts
        },
    )


async def _impair(job: MeasureJob, bed: Session, benchmark: Benchmark) -> records.ImpairmentRecord:
    """Apply the profile from its seed, so that every cell of a round meets the same weather."""
    plan = _plan(job, bed)
    commands: Mapping[str, list[list[str]]] = {}
    if job.profile.impairs:
        commands = await bed.engine.apply(plan, _lifetime_s(job, benchmark))
    else:
        await bed.engine.clear()
    reading = await bed.engine.read()
    engine.verify(plan, reading)
    return records.ImpairmentRecord(
        engine=bed.engine.name if job.profile.impairs else "none",
        placement=job.where.placement,
        profile=job.profile.model_dump(),
        seed=job.where.seed,
        commands=dict(commands),
        before=reading,
    )


def _lifetime_s(job: MeasureJob, benchmark: Benchmark) -> float:
    """How long impairment may last without a word from the controller; in coarse steps, so that
    an emulator need not be restarted for each benchmark.
    """
    longest_s = len(job.where.links) * benchmark.duration_s() + LIFETIME_MARGIN_S
    return math.ceil(longest_s / LIFETIME_MARGIN_S) * LIFETIME_MARGIN_S


async def _forget_tcp(hosts: Sequence[Host]) -> None:
    # What TCP remembers of one VPN's path must not start the next one's.
    flush = ["ip", "tcp_metrics", "flush"]
    await asyncio.gather(*(host.run(flush, check=False) for host in hosts))


async def _run(job: MeasureJob, bed: Session, up: Up, benchmark: Benchmark) -> list[LinkRecord]:
    silent = set(up.readiness.silent)
    jobs = [
        _link(job, bed, up, benchmark, pair, lifecycle.pair(*pair) in silent)
        for pair in job.where.links
    ]
    if benchmark.concurrent:
        return list(await asyncio.gather(*jobs))
    return [await one for one in jobs]


async def _link(
    job: MeasureJob,
    bed: Session,
    up: Up,
    benchmark: Benchmark,
    pair: tuple[str, str],
    silent: bool,
) -> LinkRecord:
    source, target = pair
    record = LinkRecord(source=source, target=target, status=Status.OK, started=now())
    record.target_address = up.mesh.address(target)
    if silent:
        record.status = Status.FAILED
        record.reason = "no traffic through the tunnel on this pair before the measurement"
        return record
    link = Link(
        source=bed.host(source),
        target=bed.host(target),
        source_address=up.mesh.address(source),
        target_address=record.target_address,
        interface=lifecycle.interface_of(up.mesh, bed.host(source)),
        delay_s=physics.largest_round_trip_s(job.profile),
    )
    clock = time.monotonic()
    await benchmark.warm_up(link)
    outcome = await _attempts(benchmark, link, record, getattr(benchmark.options, "attempts", 1))
    record.status, record.reason = outcome.status, outcome.reason
    record.commands, record.limit_s = list(outcome.commands), outcome.limit_s
    record.duration_s = round(time.monotonic() - clock, 3)
    return record


async def _attempts(benchmark: Benchmark, link: Link, record: LinkRecord, most: int) -> Outcome:
    """Try again only when the tool failed: what the VPN did is not tried away."""
    while True:
        outcome = await benchmark.measure(link)
        if outcome.status is not Status.TOOL_FAILED or record.attempts >= most:
            return outcome
        log.warning("%s->%s: %s; trying again", record.source, record.target, outcome.reason)
        record.failures += outcome.commands
        record.attempts += 1


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
    started: Any,
) -> Record:
    links = [
        LinkRecord(
            source=source, target=target, status=Status.FAILED, reason=vpn.reason, attempts=1
        )
        for source, target in job.where.links
    ]
    impairment = records.ImpairmentRecord(
        engine="none", placement=job.where.placement, profile=job.profile.model_dump(),
        seed=job.where.seed,
    )  # fmt: skip
    return _record(
        job, bed, vpn, links, started=started, before=before, after={},
        impairment=impairment, tuning_={}, marked=[],
    )  # fmt: skip


def _record(
    job: MeasureJob,
    bed: Session,
    vpn: records.VpnRecord,
    links: list[LinkRecord],
    *,
    started: Any,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    impairment: records.ImpairmentRecord,
    tuning_: dict[str, dict[str, str]],
    marked: list[str],
) -> Record:
    versions = {
        "meshbench": __version__,
        "vpn_method": job.vpn_method,
        "benchmark_method": job.benchmark_method,
    }
    testbed = records.TestbedRecord(
        name=job.where.testbed, kind=bed.kind, shared_cpu=bed.shared_cpu, facts=bed.facts,
        before=dict(before), after=dict(after),
    )  # fmt: skip
    return Record(
        campaign=job.where.campaign,
        cell=job.cell,
        placement=job.where.placement,
        started=started,
        ended=now(),
        versions=versions,
        settings=job.model_dump(mode="json"),
        testbed=testbed,
        impairment=impairment,
        tuning=tuning_,
        vpn=vpn,
        links=links,
        marks=marked,
    )
