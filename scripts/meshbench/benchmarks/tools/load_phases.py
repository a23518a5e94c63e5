"""The phases of a path, idle and under load: what ping and iperf3 said in each of them.

Ping stamps its replies by the source host's clock, and the load's client says what that clock shows
before it connects: all times are of one clock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

from meshbench.benchmarks import ping
from meshbench.benchmarks.base import Direction
from meshbench.benchmarks.tools import iperf3_output
from meshbench.benchmarks.tools.iperf3_output import Interval, Mode, Run
from meshbench.results.records import Command

Phase = Literal["idle", "up", "down", "both"]
Path = Literal["inside", "beside"]
PHASES: tuple[Phase, ...] = get_args(Phase)
PATHS: tuple[Path, ...] = get_args(Path)
LOAD = "load"
MODES: Mapping[Phase, Mode] = {"up": "forward", "down": "reverse", "both": "bidir"}
"""Of the load. `up`: the link's source sends."""
DIRECTIONS: Mapping[Phase, tuple[Direction, ...]] = {
    "idle": (), "up": ("forward",), "down": ("reverse",), "both": ("forward", "reverse"),
}  # fmt: skip
_CLOCK = re.compile(r"^(\d{1,12}\.\d{1,9})\s", re.ASCII)


def role(phase: Phase, kind: str) -> str:
    """The role of a phase's command, and the mode of what it measured."""
    return f"{phase} {kind}"


@dataclass(frozen=True)
class Probe:
    """The echo requests of one phase on one path, which ping numbers from 1.

    Attributes:
        replies: to all requests, also those that do not count.
        skipped: how many come first, while a load settles; they do not count.
        last: the last one that counts, if the load ended before the probe did.
        n_sent: all of them; None where ping did not say, or did not show every reply.
    """

    phase: Phase
    path: Path
    replies: tuple[ping.Reply, ...]
    skipped: int
    n_sent: int | None
    last: int | None = None

    @classmethod
    def read(cls, command: Command, phase: Phase, path: Path, counted: int) -> Self:
        """Also of a ping that was ended before its summary; the last `counted` requests count."""
        skipped = max(0, int(command.argv[command.argv.index("-c") + 1]) - counted)
        run = ping.Run.read(command.stdout)
        n_sent = run.sent if run and run.whole else None
        return cls(phase, path, tuple(ping.replies(command.stdout)), skipped, n_sent)

    def until(self, end_s: float | None) -> Self:
        """Without the requests that were sent after a load's end: ping falls behind on a busy host."""
        if end_s is None:
            return self
        late = [r.sequence for r in self.replies if r.rtt_ms is not None and _sent_s(r) > end_s]
        return replace(self, last=min(late) - 1) if late else self

    def counts(self, reply: ping.Reply) -> bool:
        return self.skipped < reply.sequence and (self.last is None or reply.sequence <= self.last)

    @property
    def sent(self) -> int | None:
        """How many requests count."""
        if self.n_sent is None:
            return None
        last = self.n_sent if self.last is None else min(self.last, self.n_sent)
        return max(0, last - self.skipped)

    @property
    def received(self) -> int:
        return sum(self.counts(reply) for reply in self.replies)

    @property
    def rtts_ms(self) -> list[float]:
        return [r.rtt_ms for r in self.replies if r.rtt_ms is not None and self.counts(r)]

    def sent_at(self) -> list[tuple[float, float, bool]]:
        """Of each request that was answered: when it was sent, its RTT in ms, whether it counts."""
        return [
            (_sent_s(reply), reply.rtt_ms, self.counts(reply))
            for reply in self.replies
            if reply.rtt_ms is not None
        ]

    @property
    def silence(self) -> str:
        """What there is to say where nothing came back."""
        count = "no echo request" if self.sent is None else f"none of {self.sent} echo requests"
        return f"{self.phase}: {count} {self.path} the tunnel was answered"


def _sent_s(reply: ping.Reply) -> float:
    """On the source's clock; ping stamps the reply."""
    return reply.at_s - (reply.rtt_ms or 0.0) / 1000


@dataclass(frozen=True)
class Rate:
    """What a receiver got in one interval, all streams together."""

    start_s: float
    length_s: float
    bps: float


@dataclass(frozen=True)
class Load:
    """What iperf3 carried in one phase.

    Attributes:
        started_s: on the source's clock, before its client connected: some round trips before the
            first interval begins. None where it was not said.
    """

    phase: Phase
    run: Run
    started_s: float | None

    @classmethod
    def read(cls, command: Command, phase: Phase) -> Self:
        """Raises ValueError where iperf3 says an error, or nothing that can be read."""
        run = iperf3_output.read(command.stdout)
        if run.error_text:
            raise ValueError(run.error_text)
        clock = _CLOCK.match(command.stdout)
        return cls(phase, run, float(clock[1]) if clock else None)

    @property
    def ended_s(self) -> float | None:
        """Until when it lasted at the least: its set-up comes on top."""
        asked_s = self.run.start.test_start.duration
        return None if self.started_s is None or not asked_s else self.started_s + asked_s

    def rates(self, direction: Direction) -> list[Rate]:
        """Of each interval of the receiving end; none where that end's output was not kept."""
        side = self.run if direction == "reverse" else self.run.server_output_json
        rates = (_rate(interval, alone=self.phase != "both") for interval in side.intervals)
        return [rate for rate in rates if rate]

    def goodput_bps(self, direction: Direction, skipped_s: float) -> float:
        """After the first seconds; of the whole run where no interval after them was kept.

        Raises ValueError when iperf3 says neither.
        """
        later = [rate for rate in self.rates(direction) if rate.start_s >= skipped_s]
        if length_s := sum(rate.length_s for rate in later):
            return sum(rate.length_s * rate.bps for rate in later) / length_s
        sums = {way: received for way, _, received in self.run.sums(MODES[self.phase])}
        return sums[direction].bits_per_second


def _rate(interval: Interval, *, alone: bool) -> Rate | None:
    """Of the streams that receive; a single direction's may not say that they do."""
    receiving = [s for s in interval.streams if s.sender is False or (s.sender is None and alone)]
    length_s = max((stream.seconds or 0.0 for stream in receiving), default=0.0)
    if not length_s:
        return None
    bps = sum(stream.bits_per_second for stream in receiving)
    return Rate(receiving[0].start, length_s, bps)
