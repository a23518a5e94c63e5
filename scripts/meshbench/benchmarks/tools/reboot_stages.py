"""What a reboot came to on each pair, from the probes and from what the host says of its boot (pure).

All times are on the controller's clock, in seconds since the epoch.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from meshbench.benchmarks.base import Pair
from meshbench.benchmarks.tools import boot_times, probe
from meshbench.benchmarks.tools.boot_times import BootTimes, Clock
from meshbench.benchmarks.tools.probe import Request
from meshbench.results.records import Command, LinkRecord

REBOOT, TUNNEL, BESIDE = "reboot", "tunnel", "beside"
"""Roles: the host is asked to reboot; the probes through the VPN and on the data addresses."""
LEAST_AWAY_S = 4 * probe.INTERVAL_S
"""A host that is silent for a shorter time has not rebooted."""


def role(kind: str, host: str, number: int) -> str:
    """The role of a command that belongs to one reboot of a host."""
    return f"{kind} {host} {number}"


@dataclass(frozen=True)
class Event:
    """One reboot.

    Attributes:
        number: of the host's reboots, from 1.
        asked_s: when it was asked to.
        boot: what it says of its boot.
        clocks: of the hosts, by name.
    """

    host: str
    number: int
    asked_s: float
    boot: BootTimes
    clocks: Mapping[str, Clock]

    @property
    def name(self) -> str:
        return f"{self.host}'s reboot {self.number}"


def events(commands: Sequence[Command]) -> list[Event]:
    """The reboots that a record's commands tell of. Raises ValueError when a clock is not told."""
    asked = [command for command in commands if command.role.startswith(f"{REBOOT} ")]
    return [_event(command, commands) for command in asked]


def _event(asked: Command, commands: Sequence[Command]) -> Event:
    _, host, number = asked.role.split()
    by_kind = {
        kind: [c for c in commands if c.role == role(kind, host, int(number))]
        for kind in (boot_times.CLOCK, boot_times.BOOT, boot_times.UNITS)
    }
    clocks = by_kind[boot_times.CLOCK]
    own = [
        command.in_role(kind)
        for kind, those in by_kind.items()
        for command in those
        if command.host == host
    ]
    asked_s = asked.started.timestamp()
    return Event(
        host, int(number), asked_s, BootTimes.read(own, asked_s),
        {name: Clock.read(c for c in clocks if c.host == name) for name in {c.host for c in clocks}},
    )  # fmt: skip


@dataclass(frozen=True)
class Stages:
    """One reboot on one pair that has the host at an end.

    Attributes:
        gone_s: its last reply beside the VPN.
        underlay_s: the first one after that; None if there was none.
        first_s, stable_s: as the metrics of the same names; None: not within the limit.
        replies: through the VPN after it was gone.
        lost: requests through the VPN to the host; None of the host's own.
        limit_s: from `underlay_s` on.
    """

    event: Event
    pair: Pair
    gone_s: float
    underlay_s: float | None
    first_s: float | None
    stable_s: float | None
    replies: int
    lost: int | None
    limit_s: float

    @property
    def end(self) -> str:
        """Which end of the pair was rebooted."""
        return "source" if self.pair[0] == self.event.host else "target"

    @property
    def trouble(self) -> str | None:
        """Why it was not stable within the limit, with what was done by then."""
        event = self.event
        if self.stable_s is not None:
            return None
        if self.underlay_s is None:
            return f"{event.name}: not reachable beside the VPN any more"
        facts = [f"reachable beside the VPN after {self.underlay_s - event.asked_s:.1f} s"]
        if event.boot.active_s is not None:
            facts.append(f"units active after {event.boot.active_s - event.asked_s:.1f} s")
        facts += event.boot.not_active
        facts.append(
            f"{self.replies} replies through the VPN" if self.replies else "no reply at all"
        )
        return f"{event.name}: not stable within {self.limit_s:g} s after that: {', '.join(facts)}"


@dataclass(frozen=True)
class OnLink:
    """What the reboots came to on a link.

    Attributes:
        stages: of the reboots of its own hosts.
        silences: of those of others, by host and number, the longest silence in s.
        skipped: the reboots that say nothing, with the reason.
    """

    pair: Pair
    stages: tuple[Stages, ...]
    silences: Mapping[tuple[str, int], float]
    skipped: tuple[str, ...]

    @property
    def watched(self) -> int:
        """How many reboots say anything of it."""
        return len(self.stages) + len(self.silences)


def of_link(link: LinkRecord, reboots: Sequence[Event], limit_s: float) -> OnLink:
    """What these reboots came to on a link.

    Raises ValueError when a probe's output is missing or a host was not gone.
    """
    stages, silences, skipped = [], {}, []
    for event in reboots:
        tunnel = _requests(link, TUNNEL, event, link.source)
        if not any(r.replied_s is not None and r.replied_s < event.asked_s for r in tunnel):
            skipped.append(f"{event.name}: no reply through the VPN before it")
        elif event.host in link.pair:
            peer = link.target if event.host == link.source else link.source
            beside = _requests(link, BESIDE, event, peer)
            stages.append(_stages(event, link.pair, tunnel, beside, limit_s))
        else:
            replies = [event.asked_s, *_replies(tunnel, event.asked_s)]
            gaps = [later - earlier for earlier, later in itertools.pairwise(replies)]
            silences[event.host, event.number] = max(gaps, default=0.0)
    return OnLink(link.pair, tuple(stages), silences, tuple(skipped))


def _requests(link: LinkRecord, kind: str, event: Event, source: str) -> list[Request]:
    """Of one probe, on the controller's clock."""
    commands = link.in_role(role(kind, event.host, event.number))
    if not commands or source not in event.clocks:
        raise ValueError(f"{event.name}: no {kind} probe, or nothing of its host's clock")
    ahead_s = event.clocks[source].ahead_s
    return [request.by(ahead_s) for request in probe.requests(commands[-1].stdout)]


def _replies(requests: Iterable[Request], since_s: float) -> list[float]:
    return sorted(r.replied_s for r in requests if r.replied_s and r.replied_s >= since_s)


def _stages(
    event: Event, pair: Pair, tunnel: Sequence[Request], beside: Sequence[Request], limit_s: float
) -> Stages:
    gone_s, underlay_s = away(beside, event)
    back_s = gone_s if underlay_s is None else underlay_s
    until_s = back_s + limit_s
    # While the host is away nothing can pass; the middle of that time no clock's error reaches.
    middle_s = (gone_s + back_s) / 2
    after = [probe.as_of(r, until_s) for r in tunnel if middle_s <= r.sent_s <= until_s]
    replies = _replies(after, middle_s)
    first = None if underlay_s is None else probe.first_in_a_row(after)
    stable_s = None if first is None else after[first].replied_s
    end_s = until_s if stable_s is None else stable_s
    lost = sum(r.replied_s is None for r in tunnel if event.asked_s <= r.sent_s <= end_s)
    return Stages(
        event, pair, gone_s, underlay_s, min(replies, default=None), stable_s, len(replies),
        None if pair[0] == event.host else lost, limit_s,
    )  # fmt: skip


def away(beside: Sequence[Request], event: Event) -> tuple[float, float | None]:
    """A host's last reply before it was gone and the first one after; None if there was none.

    It was gone for the longest time without a reply. Raises ValueError when that is too short.
    """
    replies = [event.asked_s, *_replies(beside, event.asked_s)]
    last_sent_s = max((request.sent_s for request in beside), default=event.asked_s)
    gone_s, back_s = max(
        itertools.pairwise([*replies, max(last_sent_s, replies[-1])]),
        key=lambda gap: gap[1] - gap[0],
    )
    if back_s - gone_s < LEAST_AWAY_S:
        raise ValueError(f"{event.name}: it answered all the time, so it did not reboot")
    return gone_s, back_s if back_s in replies else None
