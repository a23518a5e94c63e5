"""RTT and loss by ICMP echo, every reply with its time stamp."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from typing import Annotated

from pydantic import Field

from meshbench.benchmarks.base import Arena, Headline, L, Link, Observation, Outcome, PerLink
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import LinkRecord, Status

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

_REPLY = re.compile(
    r"^\[(?P<at>\d+\.\d+)\] \d+ bytes from .*icmp_seq=(?P<seq>\d+) .*time=(?P<rtt>[\d.]+) ms"
    r"(?P<duplicate> \(DUP!\))?",
    re.MULTILINE,
)
_COUNTS = re.compile(r"^(\d+) packets transmitted, (\d+) received", re.MULTILINE)
_SUMMARY = re.compile(
    r"^rtt min/avg/max/mdev = ([\d.]+)/([\d.]+)/([\d.]+)/([\d.]+) ms", re.MULTILINE
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
        status, reason = _judge(command.returncode, command.stdout, command.stderr, limit_s)
        return Outcome(status, reason, [command], limit_s)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        pair = link.pair
        text = link.commands[-1].stdout if link.commands else ""
        if not (counts := _COUNTS.search(text)):
            return
        sent = int(counts[1])
        replies = [match for match in _REPLY.finditer(text) if not match["duplicate"]]
        received = len({match["seq"] for match in replies})
        yield Observation(SENT, sent, pair)
        yield Observation(RECEIVED, received, pair)
        yield Observation(LOSS, (sent - received) / sent, pair)
        if summary := _SUMMARY.search(text):
            for metric, value in zip(
                (RTT_MIN, RTT_AVG, RTT_MAX, RTT_MDEV), summary.groups(), strict=True
            ):
                yield Observation(metric, float(value), pair)
        if replies:
            start = float(replies[0]["at"]) - float(replies[0]["rtt"]) / 1000
            for match in replies:
                at_s = round(float(match["at"]) - start, 6)
                yield Observation(RTT, float(match["rtt"]), pair, t_s=at_s)

    def duration_s(self) -> float:
        return self.options.count * self.options.interval_s


def _judge(code: int | None, text: str, error: str, limit_s: float) -> tuple[Status, str | None]:
    counts = _COUNTS.search(text)
    if counts and int(counts[2]) > 0:
        return Status.OK, None
    if counts:
        return Status.FAILED, f"none of {counts[1]} echo requests was answered"
    if code is None:
        return Status.TIMEOUT, f"ping gave no summary within {limit_s:.1f} s"
    return Status.TOOL_FAILED, f"ping ended with {code}: {error.strip()[:300]}"


BENCHMARK = Ping
register(*Ping.metrics)
