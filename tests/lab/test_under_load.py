"""Latency under load over a path of which the queue is known."""

from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.latency_under_load import LatencyUnderLoad, Options
from meshbench.results.records import Status
from meshbench.runner.session import Session
from meshbench.testbed.host import Host
from meshbench.testbed.lab.lab import Lab
from tests.lab.meshes import with_bed
from tests.unit import making

QUEUE_MS = 200
RATE_BPS = 20_000_000
# With a smaller bucket the kernel's timers let less through than the rate.
BLOATED = ("rate", str(RATE_BPS), "burst", "32kb", "limit", str(RATE_BPS * QUEUE_MS // 8000))
OPTIONS = Options(phases=("idle", "up"), phase_s=2, settle_s=0, streams=16)
"""So many streams fill the buffer at once, and this is over before CUBIC has emptied a quarter of it."""


async def asked(source: Host, target: Host) -> list[Observation]:
    here, there = source.address.data_address, target.address.data_address
    link = Link(source, target, here, there, "data0")
    benchmark, arena = LatencyUnderLoad(OPTIONS), making.arena(link)
    async with benchmark.serving(arena):
        [outcome] = await benchmark.measure([link], arena)
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    return list(benchmark.parse_link(making.link(*outcome.commands)))


def test_a_known_queue_is_what_load_adds(lab: Lab) -> None:
    """A bottleneck of 20 Mbit/s whose buffer holds 200 ms, which slow start fills (tc-tbf(8))."""
    assert lab.rate_bps
    usual = ("rate", f"{lab.rate_bps}bit", "burst", "128kb", "latency", "20ms")

    async def work(bed: Session) -> None:
        source, target = bed.hosts[:2]
        shaped = ["tc", "qdisc", "replace", "dev", "data0", "root", "tbf"]
        try:
            await source.run([*shaped, *BLOATED])
            values = await asked(source, target)
        finally:
            await source.run([*shaped, *usual])
        by_metric = {(v.metric.name, v.mode): v.value or 0.0 for v in values if v.t_s is None}
        for where in ("inside", "beside"):
            added_ms = by_metric["added_delay_p95", f"up {where}"]
            assert abs(added_ms - QUEUE_MS) < 0.1 * QUEUE_MS, where
        assert 12e6 < by_metric["goodput", "up"] < 24e6

    with_bed(work)
