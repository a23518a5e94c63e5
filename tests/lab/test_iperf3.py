"""A real iperf3 server between two clients: who comes too early waits, and is not turned away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from meshbench.benchmarks.base import Link, Outcome
from meshbench.benchmarks.tcp import Tcp
from meshbench.benchmarks.tools.iperf3 import UNIT
from meshbench.benchmarks.tools.tcp_session import TcpOptions
from meshbench.results.records import Status
from meshbench.runner.session import Session
from meshbench.testbed.lab.lab import Lab
from tests.lab.meshes import with_bed
from tests.lab.support import said
from tests.unit import making

AVAILABLE = "net.ipv4.tcp_available_congestion_control"
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


def test_what_the_kernel_allows_is_used_and_what_it_does_not_is_unsupported(lab: Lab) -> None:
    async def work(bed: Session) -> None:
        async def outcome(**options: Any) -> Outcome:
            source, target = bed.hosts[:2]
            addresses = source.address.data_address, target.address.data_address
            link = Link(source, target, *addresses, "data0")
            words = {"duration_s": 1, "modes": ("bidir",), "warm_up": False, **options}
            benchmark, arena = Tcp(TcpOptions.model_validate(words)), making.arena(link)
            async with benchmark.serving(arena):
                for _ in range(benchmark.attempts):
                    [outcome] = await benchmark.measure([link], arena)
                    if outcome.status is not Status.TOOL_FAILED:
                        break
            return outcome

        used = await outcome(congestion="reno")
        assert (used.status, used.reason) == (Status.OK, None)
        assert '"sender_tcp_congestion":\t"reno"' in used.commands[0].stdout
        refused = await outcome(window_bytes=2**29)
        assert refused.status is Status.UNSUPPORTED
        assert "net.core.rmem_max" in str(refused.reason)
        available = (await said(bed.hosts[0], "sysctl", "-n", AVAILABLE)).split()
        modern = await outcome(congestion="bbr")
        assert modern.status is (Status.OK if "bbr" in available else Status.UNSUPPORTED)

    assert lab.running()
    with_bed(work)
