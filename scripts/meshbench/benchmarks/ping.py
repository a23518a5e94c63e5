"""RTT and loss by ICMP echo, every reply with its time stamp."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import Field

from meshbench.benchmarks.base import (
    Arena,
    Headline,
    L,
    Link,
    Observation,
    Outcome,
    Pair,
    PerLink,
)
from meshbench.benchmarks.tools import delays, versions
from meshbench.benchmarks.tools.thesis import ThesisOptions
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Status
from meshbench.util.foreign import quoted

_PING = "iputils ping"
RTT = Metric("rtt", "ms", "RTT", "lower", "Round-trip time of one echo request.", f"{_PING}: time=")
RTT_MIN = Metric("rtt_min", "ms", "Minimum RTT", "lower", "Smallest RTT of a run.", f"{_PING}: min")
RTT_AVG = Metric(
    "rtt_avg", "ms", "Mean RTT", "lower", "Mean RTT over the replies.", f"{_PING}: avg"
)
RTT_MAX = Metric("rtt_max", "ms", "Maximum RTT", "lower", "Largest RTT of a run.", f"{_PING}: max")
RTT_MDEV = Metric(
    "rtt_mdev", "ms", "RTT deviation", "lower",
    "Standard deviation of the RTT over the replies of a run.", f"{_PING}: mdev",
)  # fmt: skip
SENT = Metric(
    "ping_sent", "1", "Echo requests", "neither", "Requests sent.", f"{_PING}: transmitted"
)
RECEIVED = Metric(
    "ping_received", "1", "Echo replies", "higher", "Distinct requests answered.", _PING
)
LOSS = Metric(
    "ping_loss", "1", "Round-trip loss", "lower",
    "Share of echo requests without a reply, both directions together.", f"{_PING}: packet loss",
)  # fmt: skip
PERCENTILES = {
    share: Metric(
        f"rtt_p{share}", "ms", f"RTT, {share}th percentile", "lower",
        f"{share}th percentile of the RTT over the replies, linearly interpolated; none of fewer than "
        f"{delays.least(share)} replies, as fewer have none above it.",
        f"{_PING}: time=",
    )
    for share in (50, 90, 95, 99)
}  # fmt: skip
IPDV = Metric(
    "rtt_ipdv", "ms", "Jitter between neighbours (IPDV)", "lower",
    "Mean of the absolute difference in RTT of two requests in turn that were both answered.",
    "RFC 3393, RFC 5481 section 4.1, of round trips",
)  # fmt: skip
PDV = Metric(
    "rtt_pdv", "ms", "Jitter above the smallest RTT (PDV)", "lower",
    "95th percentile of the RTT less the smallest RTT; none of fewer than "
    f"{delays.least(95)} replies.",
    "RFC 5481 section 4.2, of round trips",
)  # fmt: skip
RUNS = Metric("ping_runs", "1", "Ping runs", "neither", "Runs of ping on a link.", _PING)
LOST_RUNS = Metric(
    "ping_lost_runs", "1", "Ping runs without any reply", "lower",
    "Runs of which no request was answered: outages, which are no loss rate.", _PING,
)  # fmt: skip
LOSS_APART = Metric(
    "ping_loss_apart", "1", "Round-trip loss apart from outages", "lower",
    "Share of echo requests without a reply in the runs that had any.", f"{_PING}: packet loss",
)  # fmt: skip
LOSS_PERIOD = Metric(
    "ping_loss_period", "1", "Longest loss period", "lower",
    "Most requests in turn without a reply within a run.", "RFC 3357 (loss period), of round trips",
)  # fmt: skip
REORDERED = Metric(
    "ping_reordered", "1", "Replies out of order", "lower",
    "Share of the replies that came after that to a later request: only what is later than the "
    "interval between requests can be.",
    "RFC 4737 section 3, of round trips",
)  # fmt: skip
DUPLICATES = Metric(
    "ping_duplicates", "1", "Duplicate replies", "lower",
    "Replies beyond the first one to a request.", f"{_PING}: duplicates",
)  # fmt: skip

_SEQUENCES = 1 << 16
"""The sequence number of an echo request has 16 bits (RFC 792)."""
# Without a time where the reply was cut short.
_REPLY = re.compile(
    r"^\[(?P<at>\d{1,12}\.\d{1,9})\] \d+ bytes from .*icmp_seq=(?P<seq>\d{1,5})\b"
    r"(?:.* time=(?P<rtt>\d{1,9}(?:\.\d{1,9})?) ms)?(?P<notes>.*)$",
    re.MULTILINE | re.ASCII,
)
_COUNTS = re.compile(
    r"^(\d{1,9}) packets transmitted, (\d{1,9}) received(?:, \+(\d{1,9}) duplicates)?",
    re.MULTILINE | re.ASCII,
)
_MS = r"(\d{1,9}(?:\.\d{1,9})?)"
_SUMMARY = re.compile(
    rf"^rtt min/avg/max/mdev = {_MS}/{_MS}/{_MS}/{_MS} ms", re.MULTILINE | re.ASCII
)


_OUTAGE = "of ping had no reply at all: an outage, not a loss rate"


class Options(ThesisOptions):
    """With `thesis` the reference's `ping -c 100 -i 0.2 -W 1`, three times."""

    of_the_thesis: ClassVar[Mapping[str, Any]] = {
        "runs": 3, "count": 100, "interval_s": 0.2, "reply_limit_s": 1.0, "payload_bytes": 56,
    }  # fmt: skip

    runs: Annotated[int, Field(ge=1, le=100)] = 1
    """One after the other; of each its own values are kept."""
    count: Annotated[int, Field(ge=1, le=100_000)] = 300
    """Of each run."""
    interval_s: Annotated[float, Field(ge=0.002, le=60)] = 0.2
    reply_limit_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    payload_bytes: Annotated[int, Field(ge=16, le=65_000)] = 56


class Ping(PerLink[Options]):
    """Echo requests at a fixed interval; the links at the same time, as they load nothing."""

    name = "ping"
    version = 1
    options_class = Options
    metrics = (
        RTT, RTT_MIN, RTT_AVG, RTT_MAX, RTT_MDEV, *PERCENTILES.values(), IPDV, PDV, SENT, RECEIVED,
        LOSS, RUNS, LOST_RUNS, LOSS_APART, LOSS_PERIOD, REORDERED, DUPLICATES,
    )  # fmt: skip
    packages = ("iputils-ping",)
    tools = (versions.PING,)

    def headlines(self) -> Sequence[Headline]:
        return [Headline(metric) for metric in (RTT_AVG, RTT_MIN, RTT_MAX, RTT_MDEV, LOSS)]

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return await asyncio.gather(*(self._link(link) for link in group))

    async def _link(self, link: Link) -> Outcome:
        """Run after run, also after one without any reply, until the tool breaks."""
        options = self.options
        limit_s = self._run_s + options.reply_limit_s + link.delay_s + 5
        commands: list[Command] = []
        ends: list[tuple[Status, str | None]] = []
        while len(ends) < options.runs and (not ends or ends[-1][0] in {Status.OK, Status.FAILED}):
            commands.append(await self._run(link, limit_s))
            ends.append(judge(commands[-1], limit_s))
        return Outcome(*_together(ends), commands, limit_s)

    async def _run(self, link: Link, limit_s: float) -> Command:
        options = self.options
        return await link.source.run(
            [
                "ping", "-n", "-D", "-c", str(options.count), "-i", str(options.interval_s),
                "-W", str(options.reply_limit_s), "-s", str(options.payload_bytes),
                "-I", link.interface, link.target_address,
            ],
            limit_s=limit_s,
            check=False,
        )  # fmt: skip

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        runs = _runs(link)
        if not runs:
            return
        if len(runs) > 1:
            for number, run in enumerate(runs):
                for metric, value in run.values():
                    yield Observation(metric, value, link.pair, stream=number)
        for metric, value in (*_whole(runs), *_spread(runs), *_losses(runs)):
            yield Observation(metric, value, link.pair)
        yield from _series(runs, link.pair)

    def series_start_s(self, link: LinkRecord) -> float | None:
        return _start_s(_timed(_runs(link)))

    def marks(self, link: LinkRecord) -> Iterator[str]:
        # A mark stands for several links, so it does not say which.
        if link.status is Status.OK and link.reason and link.reason.endswith(_OUTAGE):
            yield link.reason

    @property
    def _run_s(self) -> float:
        return self.options.count * self.options.interval_s

    def duration_s(self) -> float:
        return self.options.runs * self._run_s


@dataclass(frozen=True)
class Reply:
    """The first reply to a request; without a time if it was cut short."""

    at_s: float
    sequence: int
    """Counted on where ping's 16 bits begin anew."""
    rtt_ms: float | None


def replies(text: str) -> list[Reply]:
    """The first reply to each request, in the order of arrival (ping -D)."""
    first: dict[int, Reply] = {}
    latest = 0
    for line in _REPLY.finditer(text):
        if "BAD CHECKSUM" in line["notes"]:  # ping does not count it either
            continue
        # The number nearest to the one before that has these 16 bits.
        half = _SEQUENCES // 2
        latest += (int(line["seq"]) - latest + half) % _SEQUENCES - half
        rtt = line["rtt"]
        reply = Reply(float(line["at"]), latest, float(rtt) if rtt else None)
        first.setdefault(latest, reply)
    return list(first.values())


@dataclass(frozen=True)
class Run:
    """What one run of ping says.

    Attributes:
        rtts_ms: of its summary: min, avg, max, mdev; none where nothing came back.
        replies: of its lines; all of them only where they are as many as `received`.
    """

    sent: int
    received: int
    duplicates: int
    rtts_ms: tuple[float, ...]
    replies: tuple[Reply, ...]

    @classmethod
    def read(cls, text: str) -> "Run | None":
        """None where ping does not say what it sent and received, or says what cannot be."""
        if not (counts := _counts(text)):
            return None
        summary = _SUMMARY.search(text)
        rtts_ms = tuple(float(word) for word in summary.groups()) if summary else ()
        return cls(*counts, rtts_ms, tuple(replies(text)))

    def values(self) -> Iterator[tuple[Metric, float]]:
        """Of its counts and its summary."""
        yield SENT, self.sent
        yield RECEIVED, self.received
        yield LOSS, (self.sent - self.received) / self.sent
        yield from zip((RTT_MIN, RTT_AVG, RTT_MAX, RTT_MDEV), self.rtts_ms, strict=False)

    @property
    def timed(self) -> list[tuple[int, float]]:
        """Sequence number and RTT in ms of the replies that have one."""
        return [(r.sequence, r.rtt_ms) for r in self.replies if r.rtt_ms is not None]

    @property
    def whole(self) -> bool:
        """Whether each reply that was counted is also shown."""
        return len(self.replies) == self.received


def _whole(runs: Sequence[Run]) -> Iterator[tuple[Metric, float]]:
    """All runs as one: RTTs over all replies, but the deviation as the mean of the runs' own."""
    sent, received = sum(run.sent for run in runs), sum(run.received for run in runs)
    yield SENT, sent
    yield RECEIVED, received
    yield LOSS, (sent - received) / sent
    summaries = [(run.received, *run.rtts_ms) for run in runs if run.rtts_ms and run.received]
    if summaries:
        counts, smallest, means, largest, deviations = zip(*summaries, strict=True)
        weighted = sum(n * mean for n, mean in zip(counts, means, strict=True))
        yield RTT_MIN, min(smallest)
        yield RTT_AVG, weighted / sum(counts) if len(summaries) > 1 else means[0]
        yield RTT_MAX, max(largest)
        yield RTT_MDEV, sum(deviations) / len(deviations)


def _spread(runs: Sequence[Run]) -> Iterator[tuple[Metric, float]]:
    """Percentiles and jitter, of as many replies as they need."""
    rtts_ms = [rtt_ms for run in runs for _, rtt_ms in run.timed]
    for share, metric in PERCENTILES.items():
        if (value := delays.percentile(rtts_ms, share)) is not None:
            yield metric, value
    steps = [step for run in runs for step in delays.steps(run.timed)]
    if steps:
        yield IPDV, sum(steps) / len(steps)
    if (value := delays.percentile(rtts_ms, 95)) is not None:
        yield PDV, value - min(rtts_ms)


def _losses(runs: Sequence[Run]) -> Iterator[tuple[Metric, float]]:
    """How what is missing is distributed, and what came twice or late."""
    alive = [run for run in runs if run.received]
    yield RUNS, len(runs)
    yield LOST_RUNS, len(runs) - len(alive)
    yield DUPLICATES, sum(run.duplicates for run in runs)
    if alive:
        sent = sum(run.sent for run in alive)
        yield LOSS_APART, (sent - sum(run.received for run in alive)) / sent
    if all(run.whole for run in runs):
        answered = [[reply.sequence for reply in run.replies] for run in runs]
        yield (
            LOSS_PERIOD,
            max(delays.longest_gap(a, run.sent) for a, run in zip(answered, runs, strict=True)),
        )
        if alive:
            late = sum(delays.reordered(sequences) for sequences in answered)
            yield REORDERED, late / sum(run.received for run in alive)


def _runs(link: LinkRecord) -> list[Run]:
    return [run for command in link.commands if (run := Run.read(command.stdout))]


def _timed(runs: Sequence[Run]) -> list[tuple[float, float]]:
    """When each reply came, and its RTT in ms."""
    return [
        (reply.at_s, reply.rtt_ms)
        for run in runs
        for reply in run.replies
        if reply.rtt_ms is not None
    ]


def _start_s(timed: Sequence[tuple[float, float]]) -> float | None:
    """When the first answered request was sent."""
    return timed[0][0] - timed[0][1] / 1000 if timed else None


def _series(runs: Sequence[Run], pair: Pair) -> Iterator[Observation]:
    """Every RTT at its time since the first answered request."""
    timed = _timed(runs)
    start_s = _start_s(timed) or 0.0
    for at_s, rtt_ms in timed:
        yield Observation(RTT, rtt_ms, pair, t_s=round(at_s - start_s, 6))


def _counts(text: str) -> tuple[int, int, int] | None:
    """What ping says it sent, received and received twice; None where it does not, or what cannot be."""
    counts = _COUNTS.search(text)
    sent, received, twice = (int(word or 0) for word in counts.groups()) if counts else (0, 0, 0)
    return (sent, received, twice) if 0 < sent >= received else None


def _together(ends: Sequence[tuple[Status, str | None]]) -> tuple[Status, str | None]:
    """What the ends of a link's runs mean: it failed if none had a reply, or as the last one did."""
    status, reason = ends[-1]
    if status not in {Status.OK, Status.FAILED} or len(ends) == 1:
        return status, reason
    lost = [why for end, why in ends if end is Status.FAILED]
    if len(lost) == len(ends):
        return Status.FAILED, f"{lost[0]}, in each of {len(ends)} runs"
    if lost:
        return Status.OK, f"{len(lost)} of {len(ends)} runs {_OUTAGE}"
    return Status.OK, next((why for _, why in ends if why), None)


def judge(command: Command, limit_s: float) -> tuple[Status, str | None]:
    """What ping's end means. A link that is ok with a reason is one to be marked."""
    text = command.stdout
    if counts := _counts(text):
        sent, received, _ = counts
        if not received:
            return Status.FAILED, f"none of {sent} echo requests was answered"
        shown = len(replies(text))
        differs = f"ping's summary says {received} replies, its lines show {shown}"
        return Status.OK, None if shown == received else differs
    if command.returncode is None:
        return Status.TIMEOUT, f"ping gave no summary within {limit_s:.1f} s"
    problem = command.stderr.strip()[:300] or f"no summary that can be read: {quoted(text[-200:])}"
    return Status.TOOL_FAILED, f"ping ended with {command.returncode}: {problem}"


BENCHMARK = Ping
register(*Ping.metrics)
