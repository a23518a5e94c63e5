"""What a reader must know before believing a cell's numbers, from the evidence in its record."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from meshbench.impairment import engine
from meshbench.results.records import GroupRecord, ImpairmentRecord, LinkRecord, Status
from meshbench.runner.groups import START_SPREAD_S
from meshbench.testbed import state
from meshbench.vpns.common import lifecycle

LATE_MS = 0.5
"""By how much an emulator may forward late on average: a calibration's own tolerance of the delay."""
STOLEN = 0.1
"""The share of a host's CPU time that others may take without a mark."""
OUTSIDE = STOLEN
"""The share of a lab's machine that its other programs may have: as much as a hypervisor may take."""
OWN = STOLEN
"""The share that meshbench itself may have beside a measurement, e.g. with figures drawn meanwhile."""
WAITING = 0.2
"""The share of the time during which something may wait for a CPU while a lab needs few of them: a fifth
of a ping's requests would meet a busy CPU. Beside as many busy programs as CPUs it was 0.96 to 0.99."""
NEEDS_LITTLE = 0.25
"""The share of its machine, with the kernel's for its packets, below which a lab that waits for a CPU is
not itself the reason."""

Facts = Mapping[str, Mapping[str, Any]]
"""By host, what `testbed.state` read there."""


def of(
    links: Sequence[LinkRecord],
    impairment: ImpairmentRecord,
    before: Facts,
    after: Facts,
    underlay: Mapping[str, str],
    used: Mapping[str, float] | None = None,
    *,
    disturbed: bool = False,
) -> list[str]:
    """A cell's marks. Equal ones are counted together, so what varies is left to the record.

    `underlay` is the data address by host, `used` what `testbed.lab.load` says of the machine while
    the cell was measured, `disturbed` whether paths were broken on purpose.
    """
    return [
        *_emulator(impairment),
        *of_machine(before, after, used or {}),
        *(mark for link in links for mark in _path(link, underlay, disturbed)),
    ]


def of_machine(before: Facts, after: Facts, used: Mapping[str, float]) -> list[str]:
    """The marks that tell of the machine alone, e.g. of its neighbours."""
    return [*_stolen(before, after), *_load(used)]


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
    if late := [host for host, reading in readings if reading.get("late_ms", 0) > LATE_MS]:
        yield f"the emulator of {', '.join(late)} was more than {LATE_MS} ms late on average"


def _stolen(before: Facts, after: Facts) -> Iterator[str]:
    both = (host for host in before if host in after)
    if hosts := [h for h in both if (state.stolen(before[h], after[h]) or 0.0) > STOLEN]:
        yield f"others took more than {STOLEN:.0%} of the CPU time of {', '.join(hosts)} (steal)"


def _load(used: Mapping[str, float]) -> Iterator[str]:
    if used.get("outside", 0) > OUTSIDE:
        yield f"other programs took more than {OUTSIDE:.0%} of the CPU time of the lab's machine"
    if used.get("meshbench", 0) > OWN:
        yield f"meshbench itself took more than {OWN:.0%} of the CPU time of the lab's machine"
    if used.get("waiting", 0) > WAITING and used["lab"] + used.get("kernel", 0) < NEEDS_LITTLE:
        yield (
            f"something waited for a CPU for more than {WAITING:.0%} of the time, although the lab "
            f"needed less than {NEEDS_LITTLE:.0%} of its machine"
        )


def _path(link: LinkRecord, underlay: Mapping[str, str], disturbed: bool) -> Iterator[str]:
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
    if link.path_changed and not disturbed:
        yield f"the path of {name} changed during the measurement"
