"""RTT and loss by ICMP echo, every reply with its time stamp."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from meshbench.benchmarks.base import Arena, Headline, L, Link, Observation, Outcome, PerLink
from meshbench.benchmarks.tools import versions
from meshbench.config.strict import Strict
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

_SEQUENCES = 1 << 16
"""The sequence number of an echo request has 16 bits (RFC 792)."""
# Without a time where the reply was cut short.
_REPLY = re.compile(
    r"^\[(?P<at>\d{1,12}\.\d{1,9})\] \d+ bytes from .*icmp_seq=(?P<seq>\d{1,5})\b"
    r"(?:.* time=(?P<rtt>\d{1,9}(?:\.\d{1,9})?) ms)?(?P<notes>.*)$",
    re.MULTILINE | re.ASCII,
)
_COUNTS = re.compile(r"^(\d{1,9}) packets transmitted, (\d{1,9}) received", re.MULTILINE | re.ASCII)
_MS = r"(\d{1,9}(?:\.\d{1,9})?)"
_SUMMARY = re.compile(
    rf"^rtt min/avg/max/mdev = {_MS}/{_MS}/{_MS}/{_MS} ms", re.MULTILINE | re.ASCII
)


class Options(Strict):
    count: Annotated[int, Field(ge=1, le=100_000)] = 300
    interval_s: Annotated[float, Field(ge=0.002, le=60)] = 0.2
    reply_limit_s: Annotated[float, Field(gt=0, le=60)] = 1.0
    payload_bytes: Annotated[int, Field(ge=16, le=65_000)] = 56


class Ping(PerLink[Options]):
    """Echo requests at a fixed interval; the links at the same time, as they load nothing."""

    name = "ping"
    version = 1
    options_class = Options
    metrics = (RTT, RTT_MIN, RTT_AVG, RTT_MAX, RTT_MDEV, SENT, RECEIVED, LOSS)
    packages = ("iputils-ping",)
    tools = (versions.PING,)

    def headlines(self) -> Sequence[Headline]:
        return [Headline(metric) for metric in (RTT_AVG, RTT_MIN, RTT_MAX, RTT_MDEV, LOSS)]

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return await asyncio.gather(*(self._ping(link) for link in group))

    async def _ping(self, link: Link) -> Outcome:
        options = self.options
        limit_s = self.duration_s() + options.reply_limit_s + link.delay_s + 5
        command = await link.source.run(
            [
                "ping", "-n", "-D", "-c", str(options.count), "-i", str(options.interval_s),
                "-W", str(options.reply_limit_s), "-s", str(options.payload_bytes),
                "-I", link.interface, link.target_address,
            ],
            limit_s=limit_s,
            check=False,
        )  # fmt: skip
        return Outcome(*judge(command, limit_s), [command], limit_s)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        pair = link.pair
        text = link.commands[-1].stdout if link.commands else ""
        if not (counts := _counts(text)):
            return
        sent, received = counts
        yield Observation(SENT, sent, pair)
        yield Observation(RECEIVED, received, pair)
        yield Observation(LOSS, (sent - received) / sent, pair)
        if summary := _SUMMARY.search(text):
            for metric, value in zip(
                (RTT_MIN, RTT_AVG, RTT_MAX, RTT_MDEV), summary.groups(), strict=True
            ):
                yield Observation(metric, float(value), pair)
        timed = [(reply.at_s, reply.rtt_ms) for reply in replies(text) if reply.rtt_ms is not None]
        for at_s, rtt_ms in timed:
            start_s = timed[0][0] - timed[0][1] / 1000
            yield Observation(RTT, rtt_ms, pair, t_s=round(at_s - start_s, 6))

    def duration_s(self) -> float:
        return self.options.count * self.options.interval_s


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


def _counts(text: str) -> tuple[int, int] | None:
    """What ping says it sent and received; None where it says neither, or what cannot be."""
    said = _COUNTS.search(text)
    sent, received = (int(said[1]), int(said[2])) if said else (0, 0)
    return (sent, received) if 0 < sent >= received else None


def judge(command: Command, limit_s: float) -> tuple[Status, str | None]:
    """What ping's end means. A link that is ok with a reason is one to be marked."""
    text = command.stdout
    if counts := _counts(text):
        sent, received = counts
        if not received:
            return Status.FAILED, f"none of {sent} echo requests was answered"
        shown = len(replies(text))
        differs = f"ping's summary says {received} replies, its lines show {shown}"
        return Status.OK, None if shown == received else differs
    if command.returncode is None:
        return Status.TIMEOUT, f"ping gave no summary within {limit_s:.1f} s"
    said = command.stderr.strip()[:300] or f"no summary that can be read: {quoted(text[-200:])}"
    return Status.TOOL_FAILED, f"ping ended with {command.returncode}: {said}"


BENCHMARK = Ping
register(*Ping.metrics)
