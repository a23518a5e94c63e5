"""The benchmark of packet sizes over paths of which it is known what they do to them."""

from collections.abc import Sequence

import pytest

from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.mtu import Mtu, Options
from meshbench.results.records import Status
from meshbench.runner.session import Session
from meshbench.testbed.host import Host
from meshbench.testbed.lab.lab import Lab
from tests.lab import support
from tests.lab.meshes import with_bed
from tests.unit import making

OPTIONS = Options(sizes_bytes=(576, 1280, 1400, 1500, 4000), silence_s=1)
SILENT = """table inet test {
    chain in { type filter hook input priority 0; iifname "data0" ip length > 1404 ip frag-off & 0x4000 != 0 drop; }
}
"""
REFUSED = """table inet test {
    chain in { type filter hook input priority 0; iifname "data0" ip length > 1404 ip frag-off & 0x4000 != 0 reject with icmp 4; }
}
"""


async def asked(source: Host, target: Host) -> list[Observation]:
    here, there = source.address.data_address, target.address.data_address
    link = Link(source, target, here, there, "data0")
    benchmark = Mtu(OPTIONS)
    [outcome] = await benchmark.measure([link], making.arena(link))
    assert isinstance(outcome, Outcome)
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    return list(benchmark.parse_link(making.link(*outcome.commands)))


def whole(values: Sequence[Observation], name: str) -> dict[str, float | None]:
    return {v.direction: v.value for v in values if v.metric.name == name and v.t_s is None}


@pytest.mark.parametrize(
    ("rules", "silent"), [(SILENT, 1), (REFUSED, 0)], ids=["silent", "refused"]
)
def test_a_path_narrower_than_its_interface(lab: Lab, rules: str, silent: int) -> None:
    """Whatever is longer than 1,404 bytes with DF set does not arrive, one way only."""

    async def work(bed: Session) -> None:
        source, target = bed.hosts[:2]
        try:
            await target.run(["nft", "-f", "-"], stdin=rules.encode())
            values = await asked(source, target)
        finally:
            await target.run(["nft", "delete", "table", "inet", "test"], check=False)
        assert whole(values, "tunnel_mtu") == {"forward": 1500, "reverse": 1500}
        assert whole(values, "largest_whole") == {"forward": 1404, "reverse": 1500}
        assert whole(values, "largest_any") == {"forward": 4000, "reverse": 4000}
        assert whole(values, "black_hole") == {"forward": silent, "reverse": 0}

    assert lab.running()
    with_bed(work)


def test_a_tunnel_of_1280_bytes_says_so(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Longer packets are the sending kernel's own matter, and pass in fragments."""
    store = tmp_path_factory.mktemp("keys") / "secrets"
    job = support.job("vxlan", "mtu", system=making.system("vxlan", mtu=1280))
    record = support.measured(job, store)
    assert lab.running()
    assert support.reasons(record) == {}
    for link in record.links:
        values = list(Mtu().parse_link(link))
        for metric, expected in (("tunnel_mtu", 1280), ("largest_whole", 1280), ("black_hole", 0)):
            assert set(whole(values, metric).values()) == {expected}
        assert set(whole(values, "largest_any").values()) == {9000}
