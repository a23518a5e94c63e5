"""What the network really does to packets, measured with no VPN by sequence-numbered probes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean, pstdev, quantiles
from typing import Any

from meshbench.benchmarks.base import (
    Arena,
    Direction,
    L,
    Link,
    Observation,
    Outcome,
    Pair,
    PerLink,
)
from meshbench.benchmarks.tools import line_probe, versions
from meshbench.benchmarks.tools.iperf3 import Iperf3Servers
from meshbench.config import models
from meshbench.config.profile import Profile, on_link
from meshbench.impairment.physics import expected
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Record, Status
from meshbench.testbed.host import Unit
from meshbench.testbed.waiting import listening
from meshbench.util import foreign
from meshbench.util.errors import ToolError

_IRTT = "irtt JSON: round_trips[]"
OWD_MEAN = Metric(
    "owd_mean",
    "ms",
    "Mean one-way delay",
    "lower",
    "Mean over the probes that arrived (RFC 7679).",
    f"{_IRTT}.delay; both hosts must share a clock",
)
OWD_SD = Metric(
    "owd_sd",
    "ms",
    "One-way delay deviation",
    "lower",
    "Standard deviation over the probes that arrived.",
    f"{_IRTT}.delay",
)
OWD_P50 = Metric(
    "owd_p50",
    "ms",
    "Median one-way delay",
    "lower",
    "Median over the probes that arrived.",
    f"{_IRTT}.delay",
)
OWD_P99 = Metric(
    "owd_p99",
    "ms",
    "99th percentile of one-way delay",
    "lower",
    "Over the probes that arrived.",
    f"{_IRTT}.delay",
)
PROBE_PLANNED = Metric(
    "probe_planned",
    "1",
    "Probes planned",
    "neither",
    "What the duration and the interval come to; forward only, as each probe sent is answered.",
    "config: calibration",
)
PROBE_SENT = Metric(
    "probe_sent",
    "1",
    "Probes sent",
    "neither",
    "In this direction; a probe lost on the way there is never sent back.",
    _IRTT,
)
PROBE_RECEIVED = Metric(
    "probe_received", "1", "Probes received", "higher", "In this direction.", _IRTT
)
PROBE_LOSS = Metric(
    "probe_loss",
    "1",
    "One-way loss",
    "lower",
    "Share of the probes sent in this direction that did not arrive (RFC 7680).",
    f"{_IRTT}.lost",
)
REORDERED = Metric(
    "reordered",
    "1",
    "Reordered probes",
    "lower",
    "Share of the probes that arrived after one sent later (RFC 4737 section 4: Type-P-Reordered-Ratio); depends on the probes' spacing.",
    _IRTT,
)
_PROFILE = "the profile's file"
NOMINAL = {
    "nominal_delay": ("ms", "Nominal delay", "delay_ms", 1.0),
    "nominal_jitter": ("ms", "Nominal jitter", "jitter_ms", 1.0),
    "nominal_loss": ("1", "Nominal loss", "loss_percent", 0.01),
    "nominal_reorder": ("1", "Nominal reordering", "reorder_percent", 0.01),
}
NOMINAL_METRICS = {
    name: Metric(name, unit, title, "neither", "What the profile asks for.", _PROFILE)
    for name, (unit, title, _, _) in NOMINAL.items()
}
EXPECTED_DELAY = Metric(
    "expected_delay",
    "ms",
    "Expected delay",
    "neither",
    "Mean of the profile's clipped uniform delay.",
    "tc-netem(8); impairment.physics.expected",
)
EXPECTED_DELAY_SD = Metric(
    "expected_delay_sd",
    "ms",
    "Expected delay deviation",
    "neither",
    "Standard deviation of the profile's clipped uniform delay.",
    "impairment.physics.expected",
)
EXPECTED_LOSS = Metric(
    "expected_loss", "1", "Expected loss", "neither", "The profile's loss.", _PROFILE
)
TOLERANCE_DELAY = Metric(
    "tolerance_delay",
    "ms",
    "Tolerance of the delay",
    "neither",
    "How far the achieved mean may be from the expected one.",
    "config: calibration",
)
TOLERANCE_LOSS = Metric(
    "tolerance_loss",
    "1",
    "Tolerance of the loss",
    "neither",
    "How far the achieved loss may be from the expected one, besides chance; never below 0.01 %.",
    "config: calibration",
)
LOSS_VARIANCE = Metric(
    "loss_variance",
    "1",
    "Variance of the loss",
    "neither",
    "Over that of independent losses: (1 + c) / (1 - c) with the profile's correlation c.",
    "impairment.physics.expected",
)

NOMINAL_RATE = Metric(
    "nominal_rate", "bit/s", "Nominal rate", "neither", "Of the profile's bottleneck.", _PROFILE
)
LINE_RATE = Metric(
    "line_rate",
    "bit/s",
    "Rate of the bottleneck",
    "higher",
    "Of Ethernet frames that arrive of a UDP flow of 1.25 times the nominal rate; median of its seconds.",
    "iperf3 JSON of the receiver: intervals[].streams[].bits_per_second",
)
TOLERANCE_RATE = Metric(
    "tolerance_rate",
    "bit/s",
    "Tolerance of the rate",
    "neither",
    "How far the achieved rate may be from the nominal one: 5 %.",
    "benchmarks.calibration",
)
NOMINAL_QUEUE = Metric(
    "nominal_queue",
    "ms",
    "Nominal queue",
    "neither",
    "How long a packet waits in the bottleneck's full queue; one counted in packets is full of those of "
    "the flow.",
    _PROFILE,
)
QUEUE_WAIT = Metric(
    "queue_wait",
    "ms",
    "Wait in the full queue",
    "lower",
    "Median round trip beside the flow that fills the queue, less the median without it.",
    "ping: time=",
)
TOLERANCE_QUEUE = Metric(
    "tolerance_queue",
    "ms",
    "Tolerance of the queue",
    "neither",
    "How far the wait may be from the nominal one: as that of the delay, and two frames of the flow.",
    "config: calibration",
)

UNIT = "meshbench-irtt"
PROBE, ECHO = "irtt", "ping"
_DIRECTIONS: tuple[Direction, ...] = ("forward", "reverse")
LISTEN_LIMIT_S = 10.0
_NS_PER_MS = 1e6
_ECHO_MS = 50
_PERCENTILES = 100
_PROBE_BYTES = 200
_PROBE_BITS = 8 * (_PROBE_BYTES + 8 + 20 + 14)
MOST_OF_A_LINE = 0.05
"""The share of a bottleneck that the probes of one direction of a link may take."""
RATE_TOLERANCE = 0.05
LEAST_TOLERANCE_LOSS = 1e-4
"""A loss that no tolerance goes below. At a round trip of 1 ms Mathis' formula (CCR 27(3), 1997) lets a
stream have 1.4 Gbit/s at it, more than a lab's link: one stray probe says nothing of the network."""
FEW_PROBES = 0.9
"""irtt sends late when it does not get the CPU, and gives up probes: below this share that is marked."""


class Calibration(PerLink[models.Calibration]):
    """irtt in both directions and a ping beside it, on all links at once: they load nothing.

    A profile's bottlenecks are then filled one after the other: that they have the rate and the queue
    that was asked for shows only when there is too much for them.
    """

    name = "calibration"
    version = 1
    options_class = models.Calibration
    metrics = (
        OWD_MEAN, OWD_SD, OWD_P50, OWD_P99, PROBE_PLANNED, PROBE_SENT, PROBE_RECEIVED,
        PROBE_LOSS, REORDERED, *NOMINAL_METRICS.values(), EXPECTED_DELAY, EXPECTED_DELAY_SD, EXPECTED_LOSS,
        TOLERANCE_DELAY, TOLERANCE_LOSS, LOSS_VARIANCE, NOMINAL_RATE, LINE_RATE, TOLERANCE_RATE,
        NOMINAL_QUEUE, QUEUE_WAIT, TOLERANCE_QUEUE,
    )  # fmt: skip
    packages = ("irtt", "iputils-ping")
    tools = (versions.IRTT, versions.PING)

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        try:
            await asyncio.gather(*(_serve(link) for link in arena.links))
            async with self._line_servers(arena.links):
                yield
        finally:
            await asyncio.gather(*(link.target.stop(_unit(link)) for link in arena.links))

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        outcomes = await asyncio.gather(*(self._probe(link) for link in group))
        return await self._fill(group, outcomes)

    @contextlib.asynccontextmanager
    async def _line_servers(self, links: Sequence[Link]) -> AsyncIterator[None]:
        if not any(line_probe.batches(links)):
            yield
            return
        await line_probe.check(links)
        self._lines = Iperf3Servers([line_probe.on_own_port(link) for link in links])
        async with self._lines.running():
            yield

    async def _fill(self, group: Sequence[Link], outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """The same outcomes with what the bottlenecks carried; a group with trouble is not filled."""
        if any(outcome.status is not Status.OK for outcome in outcomes):
            return outcomes
        ran: dict[Pair, list[Command]] = {link.pair: [] for link in group}
        for batch in line_probe.batches(group):
            await self._lines.free([line_probe.on_own_port(flow.link) for flow in batch])
            done = await asyncio.gather(*(line_probe.saturate(flow, self._lines) for flow in batch))
            for flow, commands in zip(batch, done, strict=True):
                ran[flow.link.pair] += commands
        return [
            _filled(outcome, ran[link.pair], line_probe.limit_of(link))
            for link, outcome in zip(group, outcomes, strict=True)
        ]

    async def _probe(self, link: Link) -> Outcome:
        options = self.options
        limit_s = options.duration_s + 20 + link.delay_s
        probe = [
            "irtt", "client", "-q", "-o", "-", "-l", str(_PROBE_BYTES),
            "-i", f"{self._interval_ms(link):g}ms", "-d", f"{options.duration_s:g}s",
            f"--local={link.source_address}", f"{link.target_address}:{link.port}",
        ]  # fmt: skip
        echo = [
            "ping", "-n", "-D", "-i", f"{_ECHO_MS / 1000:g}", "-w", f"{max(1, round(options.duration_s))}",
            "-I", link.interface, link.target_address,
        ]  # fmt: skip
        probed, echoed = await asyncio.gather(
            link.source.run(probe, limit_s=limit_s, check=False),
            link.source.run(echo, limit_s=limit_s, check=False),
        )
        commands = [probed.in_role(PROBE), echoed.in_role(ECHO)]
        if commands[0].returncode != 0:
            reason = f"irtt ended with {commands[0].returncode}: {commands[0].stderr.strip()[:300]}"
            return Outcome(Status.TOOL_FAILED, reason, commands, limit_s)
        return Outcome(Status.OK, None, commands, limit_s)

    def parse(self, record: Record) -> Iterator[Observation]:
        profile = Profile.model_validate(record.settings["profile"])
        for link in record.links:
            observations = list(self.parse_link(link))
            if link.status is Status.OK and link.commands and not observations:
                raise ValueError(f"no probes in {foreign.quoted(link.commands[0].stdout)}")
            yield from observations
            for direction in _DIRECTIONS:
                yield from self._expected(profile, record, link, direction)
            yield Observation(PROBE_PLANNED, self._planned(link), link.pair)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        pair = link.pair
        try:
            document = foreign.document(link.in_role(PROBE)[-1].stdout)
            trips, arrived = (
                document["round_trips"],
                int(document["stats"]["server_packets_received"]),
            )
        except (IndexError, ValueError, KeyError):
            return
        # irtt guesses from a window of sequence numbers in which direction a probe was lost, and
        # reordering spoils the guess; how many the server got is counted.
        returned = [trip for trip in trips if trip["lost"] == "false"]
        yield from _counts(pair, "forward", len(trips), arrived)
        yield from _counts(pair, "reverse", arrived, len(returned))
        yield from _delays(pair, "forward", returned, "send", _forward_order(returned))
        yield from _delays(pair, "reverse", returned, "receive", _reverse_order(returned))
        for direction in _DIRECTIONS:
            if (rate_bps := line_probe.rate_bps(link, direction)) is not None:
                yield Observation(LINE_RATE, rate_bps, pair, direction)
            if (wait_ms := line_probe.wait_ms(link, direction, ECHO)) is not None:
                yield Observation(QUEUE_WAIT, wait_ms, pair, direction)

    def _expected(
        self, whole: Profile, record: Record, link: LinkRecord, direction: Direction
    ) -> Iterator[Observation]:
        ends = link.pair if direction == "forward" else (link.target, link.source)
        profile = on_link(whole, record.placement, *ends)
        options = self.options
        means = expected(profile, self._spacing_ms(record, ends), _PROBE_BITS)
        values = {
            EXPECTED_DELAY: means.delay_ms,
            EXPECTED_DELAY_SD: means.delay_sd_ms,
            EXPECTED_LOSS: means.loss,
            TOLERANCE_DELAY: options.near_ms(means.delay_ms),
            TOLERANCE_LOSS: max(
                LEAST_TOLERANCE_LOSS, options.loss_tolerance_percent / 100 * means.loss
            ),
            LOSS_VARIANCE: means.loss_variance,
        }
        for name, (_, _, key, factor) in NOMINAL.items():
            values[NOMINAL_METRICS[name]] = getattr(profile, key) * factor
        if profile.loss_model:
            values[NOMINAL_METRICS["nominal_loss"]] = means.loss
        for metric, value in (values | self._line(profile)).items():
            yield Observation(metric, value, link.pair, direction)

    def _line(self, profile: Profile) -> dict[Metric, float]:
        """What is expected of a bottleneck, if there is one."""
        if profile.rate_bps is None:
            return {}
        frame_ms = 8000 * line_probe.FRAME_BYTES / profile.rate_bps
        wait_ms = (
            profile.queue_packets * frame_ms if profile.queue_packets else profile.longest_wait_ms
        )
        return {
            NOMINAL_RATE: profile.rate_bps,
            TOLERANCE_RATE: RATE_TOLERANCE * profile.rate_bps,
            NOMINAL_QUEUE: wait_ms,
            TOLERANCE_QUEUE: self.options.near_ms(wait_ms) + 2 * frame_ms,
        }

    def _spacing_ms(self, record: Record, ends: Pair) -> float:
        """Between packets of the emulator on this way: probes and pings of several links may share it."""
        apart = record.settings["profile"].get("links", {})
        own = "->".join(ends)
        at = 1 if record.placement == "ingress" else 0
        ways = [(link, way) for link in record.links for way in (link.pair, link.pair[::-1])]
        seen = [
            link
            for link, way in ways
            if ("->".join(way) == own if own in apart else way[at] == ends[at])
            and ("->".join(way) in apart) == (own in apart)
        ]
        asked_ms = self.options.interval_ms
        return 1 / sum(1 / _interval_of(link, asked_ms) + 1 / _ECHO_MS for link in seen)

    def marks(self, link: LinkRecord) -> Iterator[str]:
        sent = {o.direction: o.value or 0 for o in self.parse_link(link) if o.metric is PROBE_SENT}
        planned = self._planned(link)
        if link.status is Status.OK and sent.get("forward", 0) < FEW_PROBES * planned:
            yield (
                f"irtt sent {sent.get('forward', 0):,.0f} of {planned:,} probes on "
                f"{link.source}->{link.target}"
            )

    def _planned(self, link: LinkRecord) -> int:
        interval_ms = _interval_of(link, self.options.interval_ms)
        return round(1000 * self.options.duration_s / interval_ms)

    def _interval_ms(self, link: Link) -> float:
        """As asked for; longer where the probes would be more than a few percent of a bottleneck."""
        rates = [rate for rate in (link.rate_bps, link.back_rate_bps) if rate]
        least_ms = max((1000 * _PROBE_BITS / MOST_OF_A_LINE / rate for rate in rates), default=0)
        return max(self.options.interval_ms, least_ms)

    def duration_s(self) -> float:
        return self.options.duration_s


def _filled(outcome: Outcome, commands: Sequence[Command], limit_s: float) -> Outcome:
    outcome = replace(outcome, commands=[*outcome.commands, *commands])
    reason = line_probe.judge(commands, limit_s)
    return replace(outcome, status=Status.TOOL_FAILED, reason=reason) if reason else outcome


def _interval_of(link: LinkRecord, asked_ms: float) -> float:
    """The interval in the command that ran."""
    for command in link.in_role(PROBE):
        if "-i" in command.argv:
            word = command.argv[command.argv.index("-i") + 1].removesuffix("ms")
            return float(word) if word.replace(".", "", 1).isdecimal() else asked_ms
    return asked_ms


def _unit(link: Link) -> str:
    return f"{UNIT}-{link.port}"


async def _serve(link: Link) -> None:
    host, unit = link.target, _unit(link)
    await host.start(Unit(unit, ["irtt", "server", "-b", f":{link.port}", "-i", "0"]))
    if not await listening(host, link.port, LISTEN_LIMIT_S, "u", unit):
        raise ToolError(f"{host.name}: irtt does not listen: {await host.logs(unit)}")


def _counts(pair: Pair, direction: Direction, sent: int, received: int) -> Iterator[Observation]:
    yield Observation(PROBE_SENT, sent, pair, direction)
    yield Observation(PROBE_RECEIVED, received, pair, direction)
    if sent:
        yield Observation(PROBE_LOSS, (sent - received) / sent, pair, direction)


def _delays(
    pair: Pair, direction: Direction, returned: Sequence[Any], way: str, order: Sequence[int]
) -> Iterator[Observation]:
    """Over the probes whose answer came back: only they carry all four time stamps."""
    delays_ms = [float(trip["delay"][way]) / _NS_PER_MS for trip in returned]
    if len(delays_ms) > 1:
        cuts = quantiles(delays_ms, n=_PERCENTILES, method="inclusive")
        yield Observation(OWD_MEAN, fmean(delays_ms), pair, direction)
        yield Observation(OWD_SD, pstdev(delays_ms), pair, direction)
        yield Observation(OWD_P50, cuts[49], pair, direction)
        yield Observation(OWD_P99, cuts[98], pair, direction)
        yield Observation(REORDERED, reordered(order), pair, direction)


def reordered(sequence: Sequence[int]) -> float:
    """Share of packets that arrive after a later one: RFC 4737 section 4.1.

    Args:
        sequence: send positions in the order of arrival.
    """
    late, highest = 0, -1
    for position in sequence:
        late += position < highest
        highest = max(highest, position)
    return late / len(sequence)


def _forward_order(trips: Sequence[Mapping[str, Any]]) -> list[int]:
    arrived = sorted(trips, key=lambda trip: _wall(trip, "server", "receive"))
    return [trip["seqno"] for trip in arrived]


def _reverse_order(trips: Sequence[Mapping[str, Any]]) -> list[int]:
    sent_back = sorted(trips, key=lambda trip: _wall(trip, "server", "send"))
    position = {trip["seqno"]: index for index, trip in enumerate(sent_back)}
    arrived = sorted(trips, key=lambda trip: _wall(trip, "client", "receive"))
    return [position[trip["seqno"]] for trip in arrived]


def _wall(trip: Mapping[str, Any], side: str, event: str) -> int:
    return int(trip["timestamps"][side][event]["wall"])


BENCHMARK = Calibration
register(*Calibration.metrics)
