"""What a reader must know before believing a cell's numbers, from the evidence in its record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshbench.impairment import engine
from meshbench.results.records import GroupRecord, ImpairmentRecord, LinkRecord, Status
from meshbench.runner.groups import START_SPREAD_S
from meshbench.vpns.common import lifecycle

LATE_MS = 0.5
"""By how much an emulator may forward late on average: a calibration's own tolerance of the delay."""
STOLEN = 0.1
"""The share of a host's CPU time that others may take without a mark."""
_CPU_TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")

Facts = Mapping[str, Mapping[str, Any]]
"""By host, what `testbed.state` read there."""


def of(
    links: Sequence[LinkRecord],
    impairment: ImpairmentRecord,
    before: Facts,
    after: Facts,
    underlay: Mapping[str, str],
) -> list[str]:
    """A cell's marks. Equal ones are counted together, so what varies is left to the record.

    `underlay` is the data address by host.
    """
    return [
        *_emulator(impairment),
        *_stolen(before, after),
        *(mark for link in links for mark in _path(link, underlay)),
    ]


def apart(groups: Sequence[GroupRecord]) -> Iterator[str]:
    """Groups whose links did not start together."""
    for group in groups:
        if group.start_spread_s is not None and group.start_spread_s > START_SPREAD_S:
            yield (
                f"links measured together started {1000 * group.start_spread_s:.0f} ms apart, more "
                f"than {1000 * START_SPREAD_S:.0f} ms"
            )


def _emulator(impairment: ImpairmentRecord) -> Iterator[str]:
    for host, packets in engine.tail_drops(impairment.before, impairment.after).items():
        yield f"the emulator of {host} had no room for {packets} packets"
    readings = impairment.after.items()
    if late := [host for host, said in readings if said.get("late_ms", 0) > LATE_MS]:
        yield f"the emulator of {', '.join(late)} was more than {LATE_MS} ms late on average"


def _stolen(before: Facts, after: Facts) -> Iterator[str]:
    both = (host for host in before if host in after)
    if hosts := [host for host in both if stolen(before[host], after[host]) > STOLEN]:
        yield f"others took more than {STOLEN:.0%} of the CPU time of {', '.join(hosts)} (steal)"


def stolen(before: Mapping[str, Any], after: Mapping[str, Any]) -> float:
    """The share of a host's CPU time between two states that its hypervisor gave to others.

    From the first line of /proc/stat (proc_stat(5)). 0 where a state does not say.
    """
    earlier, later = _ticks(before), _ticks(after)
    spent = {name: later[name] - earlier[name] for name in earlier.keys() & later.keys()}
    total = sum(spent.values())
    return spent.get("steal", 0) / total if total > 0 else 0.0


def _ticks(state: Mapping[str, Any]) -> dict[str, int]:
    words = str(state.get("cpu_time") or "").split()[1:]
    return {name: int(word) for name, word in zip(_CPU_TIMES, words, strict=False)}


def _path(link: LinkRecord, underlay: Mapping[str, str]) -> Iterator[str]:
    name = lifecycle.pair(link.source, link.target)
    before, after = link.path_before, link.path_after
    if link.status is Status.OK and after and not after.known:
        yield f"{name}: path unknown"
    if link.status is Status.OK and link.reason:
        yield f"{name}: {link.reason}"
    relayed = "relay" in {path.kind for path in (before, after) if path}
    if relayed:
        yield f"{name} went over a relay"
    endpoint = after.endpoint if after else None
    inside = set(underlay.values()) if relayed else {underlay[link.target]}
    if endpoint and (endpoint.rpartition(":")[0] or endpoint) not in inside:
        yield f"{name} went to {endpoint}, past the data network"
    if link.path_changed:
        yield f"the path of {name} changed during the measurement"
