"""What a record says of faults and of how a system came back from them, in stages."""

import json
import math
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshbench.benchmarks.base import CANNOT, Observation, Pair
from meshbench.benchmarks.tools import clocks, probe
from meshbench.benchmarks.tools.probe import Outage, Request
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, Status

_SINCE = (
    "since the fault's command began on its host, of a cut since the underlay was back, of a cold start since all "
    "hosts were told to start; one repetition"
)
_PROBE = "ping -D -O, 20 requests a second on every ordered pair"
ACTIVE = Metric(
    "reconnect_active", "s", "Unit active", "lower",
    f"Until systemd said that the units run again, {_SINCE}.", "date around systemctl on the host",
)  # fmt: skip
HANDSHAKE = Metric(
    "reconnect_handshake", "s", "First handshake", "lower",
    f"Until the host's daemon made its first tunnel by its own account, {_SINCE}; WireGuard says whole "
    "seconds, which are rounded down, but not to before the unit was active.",
    "the daemon's journal; wg show latest-handshakes",
)  # fmt: skip
FIRST = Metric(
    "reconnect_first", "s", "First packet", "lower",
    f"Until the first reply after at least two requests in turn were lost or late, {_SINCE}.", _PROBE,
)  # fmt: skip
STEADY = Metric(
    "reconnect_steady", "s", "Ten packets in a row", "lower",
    f"Until the first of the first ten requests in turn that were all answered, {_SINCE}.", _PROBE,
)  # fmt: skip
DIRECT = Metric(
    "reconnect_direct", "s", "Direct path", "lower",
    f"Until the daemon was first seen to say that the path is direct, {_SINCE}; asked when all pairs had "
    "come back, looked for every 0.5 s, so it is never less than that.",
    "the daemon's status",
)  # fmt: skip
OUTAGE = Metric(
    "reconnect_outage", "s", "Outage", "lower",
    "From the last reply before a fault was noticed to the first one after it; one repetition.", _PROBE,
)  # fmt: skip
LOST = Metric(
    "reconnect_lost", "1", "Packets lost", "lower",
    "Requests without a reply from the fault on until ten in a row were answered; one repetition.", _PROBE,
)  # fmt: skip
NOTICED = Metric(
    "reconnect_noticed", "1", "Noticed", "lower",
    "1 if at least two requests in turn were lost or late, else 0; one repetition.", _PROBE,
)  # fmt: skip
MEDIAN = Metric(
    "reconnect_median", "s", "Recovery time (median)", "lower",
    "Median over the repetitions that hit one of the link's hosts of the time until the first packet; one "
    "that the link did not notice is 0, one that was not over at the limit longer than all others.",
    _PROBE,
)  # fmt: skip
UNNOTICED = Metric(
    "reconnect_unnoticed", "1", "Repetitions not noticed", "higher",
    "Share of the repetitions that hit one of the link's hosts without two requests in turn lost or late.",
    _PROBE,
)  # fmt: skip
METRICS = (
    ACTIVE, HANDSHAKE, FIRST, STEADY, DIRECT, OUTAGE, LOST, NOTICED, MEDIAN, UNNOTICED,
    clocks.OFFSET, clocks.UNCERTAINTY,
)  # fmt: skip

FAULT, MENDED, HANDSHAKES, PATHS = "fault", "mended", "handshakes", "paths"
COLD, EVERYWHERE = "cold", "*"
"""The fault that stops the system and starts it at once, and its place: all hosts."""
_ENDED_ALONE = {"readdress"}
"""Faults whose mending is an event of its own, that ends what is known of them."""


@dataclass(frozen=True)
class Which:
    """One repetition: which fault, on which host or `EVERYWHERE`, and its number."""

    fault: str
    host: str
    number: int

    def role(self, kind: str) -> str:
        """Of a command that belongs to it."""
        return f"{kind}/{self.fault}/{self.host}/{self.number}"

    def hits(self, pair: Pair) -> bool:
        """Whether one of a pair's hosts is hit."""
        return self.host in {EVERYWHERE, *pair}

    @property
    def mode(self) -> str:
        """Of its observations."""
        return f"{self.fault} {self.host}"


@dataclass(frozen=True)
class Event:
    """A repetition as it went; times by the controller's clock in seconds since the epoch.

    Attributes:
        start_s, done_s: when the fault's command began, and was done; of a cold start, when it was
            told to stop and to start.
        since_s: from when its stages count.
        until_s: to when something is known of it.
        handshake_s: the first one that the host's daemon tells of.
        direct_s: by pair, each time at which its path was seen to be direct.
        trouble: why the fault did not take place, or not end well.
    """

    which: Which
    start_s: float
    done_s: float
    since_s: float
    until_s: float
    handshake_s: float | None
    direct_s: Mapping[Pair, Sequence[float]]
    trouble: tuple[Status, str] | None = None


def _which(command: Command, kind: str) -> Which | None:
    role, _, rest = command.role.partition("/")
    parts = rest.split("/")
    if role != kind or len(parts) != 3 or not parts[2].isdecimal():  # noqa: PLR2004
        return None
    return Which(parts[0], parts[1], int(parts[2]))


def events(
    commands: Sequence[Command], offsets_s: Mapping[str, float], limit_s: float
) -> list[Event]:
    """The repetitions in a record's commands, in their order (pure).

    Args:
        commands: as the benchmark kept them.
        offsets_s: by host, how far its clock is ahead of the controller's.
        limit_s: after which a repetition is not looked at any more.
    """
    faults = [(which, c) for c in commands if (which := _which(c, FAULT))]
    edges = sorted(
        at_s
        for c in commands
        if (which := _which(c, FAULT) or _which(c, MENDED))
        and (_which(c, FAULT) or which.fault in _ENDED_ALONE)
        for at_s in _times(c, offsets_s)[:1]
    )
    return [_event(which, c, commands, offsets_s, edges, limit_s) for which, c in faults]


def _times(command: Command, offsets_s: Mapping[str, float]) -> list[float]:
    return [at - offsets_s.get(command.host, 0.0) for at in clocks.stamps(command.stdout)]


def _event(
    which: Which,
    fault: Command,
    commands: Sequence[Command],
    offsets_s: Mapping[str, float],
    edges: Sequence[float],
    limit_s: float,
) -> Event:
    mine = [c for c in commands if c.role.endswith(which.role(""))]
    times = _times(fault, offsets_s) or [fault.started.timestamp()]
    mended = [t for c in mine if _which(c, MENDED) for t in _times(c, offsets_s)]
    ended_alone = which.fault in _ENDED_ALONE
    since_s = mended[0] if mended and not ended_alone else times[0]
    if which.fault == COLD:
        since_s = times[-1]
    until_s = min((edge for edge in edges if edge > since_s), default=math.inf)
    return Event(
        which, times[0], times[-1], since_s, min(until_s, since_s + limit_s),
        _handshake_s(mine, offsets_s, since_s, times[-1]), _direct_s(mine), _trouble(fault),
    )  # fmt: skip


def _trouble(fault: Command) -> tuple[Status, str] | None:
    if fault.returncode == 0:
        return None
    if fault.returncode == CANNOT:
        return Status.UNSUPPORTED, fault.stdout.strip()
    ended = "did not end" if fault.returncode is None else f"ended with {fault.returncode}"
    return Status.FAILED, f"{fault.host}: the fault's command {ended}: {fault.stderr.strip()[:300]}"


def _handshake_s(
    mine: Sequence[Command], offsets_s: Mapping[str, float], since_s: float, done_s: float
) -> float | None:
    """The first one since then; one in whole seconds was not before the fault was done."""
    times_s = []
    for command in mine:
        if _which(command, HANDSHAKES):
            for line in command.stdout.splitlines():
                word = line.partition(" ")[0]
                whole = word.isdecimal()
                if whole or word.replace(".", "", 1).isdecimal():
                    at_s = float(word) - offsets_s.get(command.host, 0.0)
                    if at_s >= (math.floor(since_s) if whole else since_s):
                        times_s.append(max(at_s, since_s, done_s) if whole else at_s)
    return min(times_s, default=None)


def _direct_s(mine: Sequence[Command]) -> dict[Pair, list[float]]:
    times_s: dict[Pair, list[float]] = {}
    for command in mine:
        if _which(command, PATHS):
            at_s = command.started.timestamp() + command.duration_s
            for source, target, kind in json.loads(command.stdout):
                if kind == "direct":
                    times_s.setdefault((source, target), []).append(at_s)
    return times_s


@dataclass(frozen=True)
class Recovery:
    """What one pair saw of one repetition."""

    event: Event
    seen: Outage

    @property
    def first_s(self) -> float | None:
        """Until the first packet: 0 where nothing was noticed; None where none came in time."""
        if not self.seen.noticed:
            return 0.0
        after_s = self.seen.first_after_s
        return None if after_s is None else max(0.0, after_s - self.event.since_s)


def recoveries(
    repetitions: Iterable[Event], traces: Mapping[Pair, Sequence[Request]]
) -> dict[Pair, list[Recovery]]:
    """By pair, what it saw of every repetition that took place; pairs without a reply see none."""
    happened = [event for event in repetitions if event.trouble is None]
    return {
        pair: [
            Recovery(event, probe.outage(sent, event.start_s, event.until_s)) for event in happened
        ]
        for pair, sent in traces.items()
        if any(request.replied_s is not None for request in sent)
    }


def of_repetition(recovery: Recovery, pair: Pair) -> Iterator[Observation]:
    """The values of one repetition on one pair."""
    event, seen, which = recovery.event, recovery.seen, recovery.event.which

    def value(metric: Metric, number: float | None, reason: str | None = None) -> Observation:
        status = Status.TIMEOUT if reason else Status.OK
        return Observation(
            metric, number, pair, mode=which.mode, stream=which.number, status=status,
            reason=reason, settled=True,
        )  # fmt: skip

    def since(at_s: float) -> float:
        return max(0.0, at_s - event.since_s)

    yield value(NOTICED, float(seen.noticed))
    yield value(LOST, seen.lost)
    if not seen.noticed:
        return
    limit_s = event.until_s - event.since_s
    for metric, at_s in ((FIRST, seen.first_after_s), (STEADY, seen.steady_s)):
        if at_s is None:
            yield value(metric, None, f"not within {limit_s:.3f} s")
        else:
            yield value(metric, since(at_s))
    if seen.first_after_s is not None and seen.last_before_s is not None:
        yield value(OUTAGE, seen.first_after_s - seen.last_before_s)
    if seen.steady_s is not None:
        # What a daemon says before its pair is back may be of the path before the fault.
        for at_s in [at_s for at_s in event.direct_s.get(pair, ()) if at_s >= seen.steady_s][:1]:
            yield value(DIRECT, since(at_s))


def of_event(event: Event) -> Iterator[Observation]:
    """The values of a repetition that belong to the host that it hit."""
    which = event.which
    stages = {ACTIVE: event.done_s if which.fault in {"restart", "kill"} else None}
    stages[HANDSHAKE] = event.handshake_s
    for metric, at_s in stages.items():
        if event.trouble is None and at_s is not None:
            yield Observation(
                metric, max(0.0, at_s - event.since_s), which.host, mode=which.mode,
                stream=which.number,
            )  # fmt: skip


def of_link(
    pair: Pair, fault: str, repetitions: Sequence[Event], seen: Sequence[Recovery]
) -> Iterator[Observation]:
    """The headlines of a link and a fault, over the repetitions that hit one of its hosts."""
    hits = [r for r in seen if r.event.which.fault == fault and r.event.which.hits(pair)]
    if not hits:
        of_fault = [event for event in repetitions if event.which.fault == fault]
        troubles = [event.trouble for event in of_fault if event.trouble]
        none = Status.UNAVAILABLE, "neither of its hosts is one that was hit"
        status, reason = troubles[0] if troubles else none
        yield Observation(MEDIAN, None, pair, mode=fault, status=status, reason=reason)
        return
    times = sorted(math.inf if r.first_s is None else r.first_s for r in hits)
    median_s = statistics.median_high(times)
    late = sum(time == math.inf for time in times)
    if median_s == math.inf:
        reason = f"{late} of {len(times)} repetitions were not over within their limit"
        yield Observation(MEDIAN, None, pair, mode=fault, status=Status.TIMEOUT, reason=reason)
    else:
        yield Observation(MEDIAN, median_s, pair, mode=fault)
    unnoticed = sum(not r.seen.noticed for r in hits) / len(hits)
    yield Observation(UNNOTICED, unnoticed, pair, mode=fault)
