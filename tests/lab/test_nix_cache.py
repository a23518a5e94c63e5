"""Copies from binary caches of real hosts: TLS, a limit that cuts a copy off, a server that ends, a
closure of the hosts' own, and what stays on them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from meshbench import benchmarks
from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.tools import closures
from meshbench.results.records import Status
from meshbench.runner.session import Session
from meshbench.testbed.host import Host
from meshbench.testbed.lab.lab import Lab
from tests.lab import support
from tests.lab.meshes import with_bed
from tests.unit import making

SMALL = {"paths": 12, "total_bytes": 2_000_000, "attempts": 1}


def slowed(host: Host, rate: str) -> Any:
    """Let a host send no faster; the lab's own limit comes back with `default`."""
    return host.run(
        ["tc", "qdisc", "change", "dev", "data0", "root", "tbf", "rate", rate, "burst", "128kb",
         "latency", "20ms"]
    )  # fmt: skip


def measured(
    lab: Lab,
    *,
    before: Callable[[Link], Any] | None = None,
    meanwhile: Callable[[Link], Any] | None = None,
    **options: Any,
) -> tuple[Outcome, list[Observation]]:
    """One link's outcome and values; `before` runs when the server does, `meanwhile` beside copies."""
    done: list[tuple[Outcome, list[Observation]]] = []
    benchmark = benchmarks.make("nix_cache", {**SMALL, **options})

    async def work(bed: Session) -> None:
        source, target = bed.hosts[:2]
        link = Link(
            source, target, source.address.data_address, target.address.data_address, "data0"
        )
        arena = making.arena(link)
        async with benchmark.serving(arena):
            if before:
                await before(link)
            copies = asyncio.create_task(benchmark.measure([link], arena))
            if meanwhile:
                await meanwhile(link)
            [outcome] = await copies
        record = making.link(*outcome.commands, status=outcome.status)
        done.append((outcome, list(benchmark.parse(making.record(record)))))

    assert lab.running()
    with_bed(work)
    return done[0]


def value(observations: list[Observation], metric: str) -> float:
    [number] = [
        v.value
        for v in observations
        if v.metric.name == metric and v.t_s is None and v.stream is None
    ]
    assert number is not None
    return number


def test_https_copies_all_of_it(lab: Lab) -> None:
    outcome, observations = measured(lab, https=True)
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    assert value(observations, "paths_done") == 12
    assert value(observations, "bytes_done") >= value(observations, "closure_bytes") > 2_000_000


def test_a_copy_that_is_cut_off_keeps_what_came_and_no_more_than_the_link_carries(
    lab: Lab,
) -> None:
    async def narrow(link: Link) -> None:
        await slowed(link.target, "4mbit")

    try:
        outcome, observations = measured(lab, before=narrow, total_bytes=20_000_000, copy_limit_s=3)
    finally:
        with_bed(lambda bed: slowed(bed.hosts[1], f"{lab.rate_bps}bit"))
    assert outcome.status is Status.TIMEOUT
    assert "cut off at its limit of 3 s" in str(outcome.reason)
    # 3 s of 4 Mbit/s, and the burst that was there before.
    assert (
        0
        < value(observations, "bytes_done")
        < 3 * 4e6 / 8 + 128 * 1024
        < value(observations, "closure_bytes")
    )
    assert value(observations, "copies_started") >= 1
    assert value(observations, "paths_done") < value(observations, "paths_wanted") == 12


def test_a_server_that_ends_is_the_tool_s_failure(lab: Lab) -> None:
    async def stop(link: Link) -> None:
        await link.target.stop("meshbench-nix-cache-5201")

    outcome, _ = measured(lab, meanwhile=stop, copies=50)
    assert outcome.status is Status.TOOL_FAILED
    assert "nginx on the target ended" in str(outcome.reason)


def test_a_closure_of_the_host_s_own_is_exported_and_kept_once(lab: Lab) -> None:
    nix = "nix --extra-experimental-features nix-command"
    add = f"cd $(mktemp -d) && echo hello >text && {nix} store add ./text"

    tops: list[str] = []

    async def work(bed: Session) -> None:
        tops.append(await support.said(bed.hosts[1], "sh", "-c", add))

    with_bed(work)
    outcome, observations = measured(lab, closure=tops[0])
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    assert value(observations, "paths_done") == 1
    assert value(observations, "closure_bytes") > len("hello")

    async def kept(bed: Session) -> None:
        for host in bed.hosts[:2]:
            folders = await support.said(host, "sh", "-c", f"ls {closures.FOLDER} | wc -l")
            assert int(folders) <= 1
            left = f"ls -A {closures.FOLDER}-client /run/meshbench/nix-cache 2>/dev/null || true"
            assert "5201" not in await support.said(host, "sh", "-c", left)

    with_bed(kept)
