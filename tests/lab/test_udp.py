"""Real datagrams through a queue that is too narrow for them: where they are lost, and what a search finds."""

from meshbench.benchmarks.base import Link, Observation
from meshbench.benchmarks.udp import Options, Udp
from meshbench.results.records import LinkRecord, Status
from meshbench.runner.session import Session
from meshbench.testbed.host import Host
from meshbench.testbed.lab.lab import Lab
from tests.lab.meshes import with_bed
from tests.unit import making

NARROW_BPS = 5_000_000
SEARCH = {"start": "10M", "least": "1M", "most": "20M", "steps": 5, "duration_s": 1}


async def shaped(host: Host, rate_bps: int, burst: str = "128kb") -> None:
    """What a host sends to the others, as the lab shapes it but for the rate."""
    shaper = ["tbf", "rate", f"{rate_bps}bit", "burst", burst, "latency", "20ms"]
    await host.run(["tc", "qdisc", "replace", "dev", "data0", "root", *shaper])


def test_loss_is_found_where_it_is_and_the_search_finds_the_rate_below_it(lab: Lab) -> None:
    assert lab.rate_bps
    rate_bps = lab.rate_bps
    values: list[Observation] = []
    options = {"rates": ["10M"], "overload": False, "modes": ["forward"], "duration_s": 2}
    benchmark = Udp(Options.model_validate({**options, "search": SEARCH}))

    async def work(bed: Session) -> None:
        source, target = bed.hosts[:2]
        addresses = source.address.data_address, target.address.data_address
        link = Link(source, target, *addresses, "data0")
        arena = making.arena(link)
        try:
            await shaped(source, NARROW_BPS, "16kb")
            async with benchmark.serving(arena):
                await benchmark.warm_up([link], arena)
                [outcome] = await benchmark.measure([link], arena)
        finally:
            await shaped(source, rate_bps)
        assert (outcome.status, outcome.reason) == (Status.OK, None)
        record = LinkRecord(
            source=source.name, target=target.name, status=outcome.status,
            commands=list(outcome.commands),
        )  # fmt: skip
        values.extend(benchmark.parse_link(record))

    with_bed(work)
    by_metric = {v.metric.name: v.value or 0.0 for v in values if (v.t_s, v.mode) == (None, "10M")}
    assert 0 < by_metric["udp_goodput"] < 1.05 * NARROW_BPS
    assert by_metric["udp_loss"] > 0.3
    missing = by_metric["udp_sent"] - by_metric["udp_received"]
    # Each once, though the socket above the queue counts them too.
    assert by_metric["udp_dropped_qdisc"] > 0.9 * missing
    assert by_metric["udp_dropped_send_socket"] == 0
    assert by_metric["udp_lost_elsewhere"] < 0.1 * missing
    assert (by_metric["udp_payload"], by_metric["interface_mtu"]) == (1200, 1500)
    [capacity] = [v.value for v in values if v.metric.name == "udp_capacity"]
    assert capacity
    assert 1e6 < capacity < 1.05 * NARROW_BPS
    steps = [v.value for v in values if v.metric.name == "rate_target" and v.t_s is not None]
    assert len(steps) == SEARCH["steps"]
    assert steps[:2] == [10e6, 1e6]
