"""A real iperf3 server between two clients: who comes too early waits, and is not turned away."""

import asyncio
from collections.abc import Awaitable, Callable

from meshbench.benchmarks.base import Link
from meshbench.benchmarks.tcp import Tcp
from meshbench.benchmarks.tools.iperf3 import UNIT
from meshbench.results.records import Status
from meshbench.runner.session import Session
from meshbench.testbed.lab.lab import Lab
from tests.lab.meshes import with_bed


def measuring(lab: Lab, work: Callable[[Tcp, Link], Awaitable[None]]) -> None:
    """With servers in place, and the link from the first host to the second."""

    async def inner(bed: Session) -> None:
        source, target = bed.hosts[:2]
        addresses = source.address.data_address, target.address.data_address
        benchmark = Tcp({"duration_s": 1, "modes": ["forward"]})
        await benchmark.prepare(bed.hosts)
        try:
            await work(benchmark, Link(source, target, *addresses, "data0"))
        finally:
            await benchmark.clean_up(bed.hosts)

    assert lab.running()
    with_bed(inner)


def test_a_busy_server_is_waited_for(lab: Lab) -> None:
    async def work(benchmark: Tcp, link: Link) -> None:
        first = asyncio.create_task(benchmark.measure(link))
        await asyncio.sleep(0.5)
        second = await benchmark.measure(link)
        assert (await first).status is Status.OK
        assert (second.status, second.reason) == (Status.OK, None)

    measuring(lab, work)


def test_a_server_that_died_is_started_anew(lab: Lab) -> None:
    async def work(benchmark: Tcp, link: Link) -> None:
        await link.target.stop(UNIT)
        outcome = await benchmark.measure(link)
        assert (outcome.status, outcome.reason) == (Status.OK, None)

    measuring(lab, work)
