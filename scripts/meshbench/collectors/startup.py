"""When a VPN that was started passed traffic, and when its paths were direct: facts of a record."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from meshbench.results import metrics
from meshbench.results.metrics import Metric
from meshbench.results.records import Record, Status

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
metrics.register(READY, DIRECT)
METRICS = (READY.name, DIRECT.name)


@dataclass(frozen=True)
class Start:
    """One value of an ordered pair, of the cell that started the VPN."""

    metric: Metric
    source: str
    target: str
    value: float | None
    status: Status = Status.OK
    reason: str | None = None


def of(record: Record) -> Iterator[Start]:
    """What a record says of starting its VPN: nothing where it was up already."""
    vpn = record.vpn
    if vpn.status is not Status.OK:
        hosts = dict.fromkeys(host for link in record.links for host in (link.source, link.target))
        for source, target in itertools.permutations(hosts, 2):
            yield Start(READY, source, target, None, vpn.status, vpn.reason)
        return
    if not vpn.ready_s:
        return
    for metric, times in ((READY, vpn.ready_s), (DIRECT, vpn.direct_s)):
        for pair, value in times.items():
            yield Start(metric, *_ends(pair), value)
    for pair in vpn.silent:
        reason = "no traffic through the tunnel on this pair"
        yield Start(READY, *_ends(pair), None, Status.FAILED, reason)


def _ends(pair: str) -> tuple[str, str]:
    source, _, target = pair.partition("->")
    return source, target
