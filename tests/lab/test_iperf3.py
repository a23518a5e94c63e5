"""A real iperf3 server between two clients: who comes too early waits, and is not turned away."""

import asyncio
from collections.abc import Awaitable, Callable

from meshbench.benchmarks.base import Link, Outcome
from meshbench.benchmarks.tcp import Tcp
from meshbench.benchmarks.tools.iperf3 import UNIT
from meshbench.benchmarks.tools.tcp_session import TcpOptions
from meshbench.results.records import Status
from meshbench.runner.session import Session
from meshbench.testbed.lab.lab import Lab
from tests.lab.meshes import with_bed
from tests.unit import making

Measure = Callable[[], Awaitable[Outcome]]


def measuring(lab: Lab, work: Callable[[Measure, Link], Awaitable[None]]) -> None:
    """With servers in place, and the link from the first host to the second."""

    async def inner(bed: Session) -> None:
        source, target = bed.hosts[:2]
        addresses = source.address.data_address, target.address.data_address
        link = Link(source, target, *addresses, "data0")
        benchmark, arena = Tcp(TcpOptions(duration_s=1, modes=("forward",))), making.arena(link)

        async def measure() -> Outcome:
            [outcome] = await benchmark.measure([link], arena)
            return outcome

        async with benchmark.serving(arena):
            await work(measure, link)

    assert lab.running()
    with_bed(inner)


def test_a_busy_server_is_waited_for(lab: Lab) -> None:
    async def work(measure: Measure, _: Link) -> None:
        first = asyncio.ensure_future(measure())
        await asyncio.sleep(0.5)
        second = await measure()
        assert (await first).status is Status.OK
        assert (second.status, second.reason) == (Status.OK, None)

    measuring(lab, work)


def test_a_server_that_died_is_started_anew(lab: Lab) -> None:
    async def work(measure: Measure, link: Link) -> None:
        await link.target.stop(f"{UNIT}-{link.port}")
        outcome = await measure()
        assert (outcome.status, outcome.reason) == (Status.OK, None)

    measuring(lab, work)
