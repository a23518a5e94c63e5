"""When a VPN that was started passed traffic, and when its paths were direct."""

import itertools
from collections.abc import Iterator

from meshbench.benchmarks.base import Observation, Pair
from meshbench.collectors.base import Collector
from meshbench.results import metrics
from meshbench.results.metrics import Metric
from meshbench.results.records import Record, Status, VpnRecord

READY = Metric(
    "ready_time",
    "s",
    "Time until traffic passes",
    "lower",
    "From starting the VPN on an unimpaired network to the first reply on an ordered pair; pairs "
    "are tried in turn, a few seconds at a time, so it includes the turns before.",
    "echo requests every 50 ms through the tunnel's interface",
)
DIRECT = Metric(
    "direct_time",
    "s",
    "Time until the path is direct",
    "lower",
    "From starting the VPN until its daemon was first seen to say that the path is direct; asked "
    "from the first reply of all pairs on, so it is never less than that.",
    "the daemon's status",
)


class Startup(Collector):
    """Values of the cell that started the VPN; none where it was up already."""

    name = "startup"
    metrics = (READY, DIRECT)

    def parse(self, record: Record) -> Iterator[Observation]:
        vpn = record.vpn
        if vpn.status is not Status.OK:
            yield from _never(record)
        elif vpn.ready_s:
            yield from _times(vpn)


def _never(record: Record) -> Iterator[Observation]:
    hosts = dict.fromkeys(host for link in record.links for host in link.pair)
    for pair in itertools.permutations(hosts, 2):
        yield Observation(READY, None, pair, status=record.vpn.status, reason=record.vpn.reason)


def _times(vpn: VpnRecord) -> Iterator[Observation]:
    for metric, times in ((READY, vpn.ready_s), (DIRECT, vpn.direct_s)):
        for pair, value in times.items():
            yield Observation(metric, value, _ends(pair))
    for pair in vpn.silent:
        reason = "no traffic through the tunnel on this pair"
        yield Observation(READY, None, _ends(pair), status=Status.FAILED, reason=reason)


def _ends(pair: str) -> Pair:
    source, _, target = pair.partition("->")
    return source, target


COLLECTOR = Startup
metrics.register(*Startup.metrics)
