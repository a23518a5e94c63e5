"""What the network really does to packets, measured with no VPN by sequence-numbered probes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
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
from meshbench.benchmarks.tools import versions
from meshbench.config import models
from meshbench.config.models import Profile
from meshbench.impairment.physics import expected
from meshbench.results.metrics import Metric, register
from meshbench.results.records import LinkRecord, Record, Status
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

UNIT = "meshbench-irtt"
PROBE, ECHO = "irtt", "ping"
LISTEN_LIMIT_S = 10.0
_NS_PER_MS = 1e6
_PERCENTILES = 100
_PROBE_BYTES = 200
LEAST_TOLERANCE_LOSS = 1e-4
"""A loss that no tolerance goes below. At a round trip of 1 ms Mathis' formula (CCR 27(3), 1997) lets a
stream have 1.4 Gbit/s at it, more than a lab's link: one stray probe says nothing of the network."""
FEW_PROBES = 0.9
"""irtt sends late when it does not get the CPU, and gives up probes: below this share that is marked."""


class Calibration(PerLink[models.Calibration]):
    """irtt in both directions and a ping beside it, on all links at once: they load nothing."""

    name = "calibration"
    version = 1
    options_class = models.Calibration
    metrics = (
        OWD_MEAN, OWD_SD, OWD_P50, OWD_P99, PROBE_PLANNED, PROBE_SENT, PROBE_RECEIVED,
        PROBE_LOSS, REORDERED, *NOMINAL_METRICS.values(), EXPECTED_DELAY, EXPECTED_DELAY_SD, EXPECTED_LOSS,
        TOLERANCE_DELAY, TOLERANCE_LOSS, LOSS_VARIANCE,
    )  # fmt: skip
    packages = ("irtt", "iputils-ping")
    tools = (versions.IRTT, versions.PING)

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        try:
            await asyncio.gather(*(_serve(link) for link in arena.links))
            yield
        finally:
            await asyncio.gather(*(link.target.stop(_unit(link)) for link in arena.links))

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return await asyncio.gather(*(self._probe(link) for link in group))

    async def _probe(self, link: Link) -> Outcome:
        options = self.options
        limit_s = options.duration_s + 20
        probe = [
            "irtt", "client", "-q", "-o", "-", "-l", str(_PROBE_BYTES),
            "-i", f"{options.interval_ms:g}ms", "-d", f"{options.duration_s:g}s",
            f"--local={link.source_address}", f"{link.target_address}:{link.port}",
        ]  # fmt: skip
        echo = [
            "ping", "-n", "-D", "-i", "0.05", "-w", f"{max(1, round(options.duration_s))}",
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
            told = list(self.parse_link(link))
            if link.status is Status.OK and link.commands and not told:
                raise ValueError(f"no probes in {foreign.quoted(link.commands[0].stdout)}")
            yield from told
            yield from self._expected(profile, link.pair)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        pair = link.pair
        try:
            said = foreign.document(link.in_role(PROBE)[-1].stdout)
            trips, arrived = said["round_trips"], int(said["stats"]["server_packets_received"])
        except (IndexError, ValueError, KeyError):
            return
        # irtt guesses from a window of sequence numbers in which direction a probe was lost, and
        # reordering spoils the guess; how many the server got is counted.
        returned = [trip for trip in trips if trip["lost"] == "false"]
        yield from _counts(pair, "forward", len(trips), arrived)
        yield from _counts(pair, "reverse", arrived, len(returned))
        yield from _delays(pair, "forward", returned, "send", _forward_order(returned))
        yield from _delays(pair, "reverse", returned, "receive", _reverse_order(returned))

    def _expected(self, profile: Profile, pair: Pair) -> Iterator[Observation]:
        means, options = expected(profile), self.options
        values = {
            EXPECTED_DELAY: means.delay_ms,
            EXPECTED_DELAY_SD: means.delay_sd_ms,
            EXPECTED_LOSS: means.loss,
            TOLERANCE_DELAY: max(
                options.delay_tolerance_ms, options.delay_tolerance_percent / 100 * means.delay_ms
            ),
            TOLERANCE_LOSS: max(
                LEAST_TOLERANCE_LOSS, options.loss_tolerance_percent / 100 * means.loss
            ),
            LOSS_VARIANCE: means.loss_variance,
        }
        for name, (_, _, key, factor) in NOMINAL.items():
            values[NOMINAL_METRICS[name]] = getattr(profile, key) * factor
        yield Observation(PROBE_PLANNED, self._planned, pair)
        directions: tuple[Direction, ...] = ("forward", "reverse")
        for direction in directions:
            for metric, value in values.items():
                yield Observation(metric, value, pair, direction)

    def marks(self, link: LinkRecord) -> Iterator[str]:
        sent = {o.direction: o.value or 0 for o in self.parse_link(link) if o.metric is PROBE_SENT}
        if link.status is Status.OK and sent.get("forward", 0) < FEW_PROBES * self._planned:
            yield (
                f"irtt sent {sent.get('forward', 0):,.0f} of {self._planned:,} probes on "
                f"{link.source}->{link.target}"
            )

    @property
    def _planned(self) -> int:
        return round(1000 * self.options.duration_s / self.options.interval_ms)

    def duration_s(self) -> float:
        return self.options.duration_s


def _unit(link: Link) -> str:
    return f"{UNIT}-{link.port}"


async def _serve(link: Link) -> None:
    host, unit = link.target, _unit(link)
    await host.start(Unit(unit, ["irtt", "server", "-b", f":{link.port}", "-i", "0"]))
    if not await listening(host, link.port, LISTEN_LIMIT_S, "u"):
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
