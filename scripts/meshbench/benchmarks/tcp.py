"""TCP goodput of one stream by iperf3: one direction at a time, and both as in the thesis."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from meshbench.benchmarks.base import (
    Arena,
    Direction,
    Headline,
    Link,
    Observation,
    Outcome,
    Pair,
    PerLink,
)
from meshbench.benchmarks.tools import iperf3_output, versions
from meshbench.benchmarks.tools.iperf3 import Iperf3Servers, judge
from meshbench.benchmarks.tools.iperf3_output import Cpu, Mode, Run, Socket, Stream, Sum
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Status

_END = "iperf3 JSON: end"
_INTERVAL = "iperf3 JSON: intervals[].streams[]"
GOODPUT = Metric(
    "goodput", "bit/s", "TCP goodput", "higher",
    "Payload received per second by the receiving application; per interval where t_s is given.",
    f"{_END}.sum_received.bits_per_second; {_INTERVAL} of the receiving side",
)  # fmt: skip
SEND_RATE = Metric(
    "send_rate", "bit/s", "TCP send rate", "higher",
    "Payload handed to the sender's socket per second; what the thesis reports.",
    f"{_END}.sum_sent.bits_per_second",
)  # fmt: skip
SENT = Metric("sent", "byte", "Sent", "neither", "Payload sent.", f"{_END}.sum_sent.bytes")
RETRANSMITS = Metric(
    "retransmits", "1", "Retransmitted segments", "lower",
    "Segments the sender sent again, spurious ones included; per interval where t_s is given.",
    f"{_END}.sum_sent.retransmits (tcpi_total_retrans)",
)  # fmt: skip
RETRANSMIT_RATE = Metric(
    "retransmit_rate", "1", "Retransmit rate", "lower",
    "Retransmitted segments over estimated segments sent (bytes sent / MSS).",
    "published-data.md section 4, as in the thesis",
)  # fmt: skip
CWND = Metric(
    "cwnd", "byte", "Congestion window", "neither", "At an interval's end.", f"{_INTERVAL}.snd_cwnd"
)
CWND_MAX = Metric(
    "cwnd_max",
    "byte",
    "Largest congestion window",
    "neither",
    "Of a run.",
    f"{_END}.streams[].sender.max_snd_cwnd",
)
SND_WND_MAX = Metric(
    "snd_wnd_max",
    "byte",
    "Largest send window",
    "neither",
    "Of a run.",
    f"{_END}.streams[].sender.max_snd_wnd",
)
TCP_RTT = Metric(
    "tcp_rtt",
    "ms",
    "RTT seen by TCP",
    "lower",
    "Smoothed RTT at an interval's end.",
    f"{_INTERVAL}.rtt (stored in µs)",
)
TCP_RTT_MEAN = Metric(
    "tcp_rtt_mean",
    "ms",
    "Mean RTT seen by TCP",
    "lower",
    "Mean of the smoothed RTT.",
    f"{_END}.streams[].sender.mean_rtt (stored in µs)",
)
MSS = Metric(
    "mss", "byte", "TCP MSS", "higher", "Payload per segment.", "iperf3 JSON: start.tcp_mss_default"
)
PMTU = Metric("pmtu", "byte", "Path MTU", "higher", "Of the sender's route.", f"{_INTERVAL}.pmtu")
REORDERING = Metric(
    "reordering_seen",
    "1",
    "Reordering seen by TCP",
    "lower",
    "Reordering events the sender saw (0 when iperf3 is older than 3.20 and does not say).",
    f"{_INTERVAL}.reorder",
)
CPU_CLIENT = Metric(
    "iperf3_cpu_client",
    "1",
    "CPU of iperf3, client",
    "lower",
    "Of one core; says nothing about the VPN's daemon.",
    f"{_END}.cpu_utilization_percent.host_total",
)
CPU_SERVER = Metric(
    "iperf3_cpu_server",
    "1",
    "CPU of iperf3, server",
    "lower",
    "Of one core; says nothing about the VPN's daemon.",
    f"{_END}.cpu_utilization_percent.remote_total",
)

_FLAGS: Mapping[str, Sequence[str]] = {"forward": (), "reverse": ("-R",), "bidir": ("--bidir",)}
_DIRECTIONS: Mapping[str, Sequence[Direction]] = {
    "forward": ("forward",),
    "reverse": ("reverse",),
    "bidir": ("forward", "reverse"),
}
WARM_UP_BYTES = 128 * 1024


class Options(Strict):
    duration_s: Annotated[int, Field(ge=1, le=3600)] = 30
    omit_s: Annotated[int, Field(ge=0, le=60)] = 0
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = ("forward", "reverse", "bidir")
    interval_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    connect_limit_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    block_bytes: Annotated[int, Field(ge=1024, le=1_048_576)] = 128 * 1024
    """What iperf3 reads at once. It counts whole blocks only: a short run on a slow path needs
    small ones, or what arrived is reported as nothing."""
    zero_copy: bool = False
    congestion: str | None = None
    warm_up: bool = True


class Tcp(PerLink[Options]):
    """One stream per direction, bound to the tunnel's addresses; the links one after the other."""

    name = "tcp"
    version = 2
    options_class = Options
    metrics = (
        GOODPUT, SEND_RATE, SENT, RETRANSMITS, RETRANSMIT_RATE, CWND, CWND_MAX, SND_WND_MAX,
        TCP_RTT, TCP_RTT_MEAN, MSS, PMTU, REORDERING, CPU_CLIENT, CPU_SERVER,
    )  # fmt: skip
    packages = ("iperf3", "iproute2")
    tools = (versions.IPERF3,)

    def headlines(self) -> Sequence[Headline]:
        return [
            Headline(metric, direction, "bidir" if mode == "bidir" else "single")
            for mode in self.options.modes
            for direction in _DIRECTIONS[mode]
            for metric in (GOODPUT, SEND_RATE, RETRANSMITS, RETRANSMIT_RATE)
        ]

    @property
    def attempts(self) -> int:
        return self.options.attempts

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        self.servers = Iperf3Servers(arena.links)
        async with self.servers.running():
            yield

    async def warm_up(self, group: Sequence[Link], arena: Arena) -> None:
        if self.options.warm_up:
            # The last -i wins; with a longer one iperf3 waits for an interval's end.
            words = ["-n", str(WARM_UP_BYTES), "-i", "0.1"]
            await asyncio.gather(*(self._client(link, words, 20.0) for link in group))
        await self.servers.free(group)

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        """Mode by mode, each starting on all links together; a link's first failure ends its own."""
        outcomes = {link.pair: Outcome(Status.OK, None, [], self._limit_s(link)) for link in group}
        for mode in self.options.modes:
            going = [link for link in group if outcomes[link.pair].status is Status.OK]
            await self.servers.free(going)
            runs = await asyncio.gather(*(self._run(link, mode) for link in going))
            for link, command in zip(going, runs, strict=True):
                outcomes[link.pair] = _judged(outcomes[link.pair], mode, command)
        return list(outcomes.values())

    async def _run(self, link: Link, mode: Mode) -> Command:
        time = ["-t", str(self.options.duration_s), "-O", str(self.options.omit_s)]
        command = await self._client(link, [*time, *_FLAGS[mode]], self._limit_s(link))
        return command.in_role(mode)

    def _limit_s(self, link: Link) -> float:
        options = self.options
        return (
            options.duration_s + options.omit_s + options.connect_limit_s + 40 * link.delay_s + 10
        )

    async def _client(self, link: Link, extra: Sequence[str], limit_s: float) -> Command:
        options = self.options
        words = [
            "-B", link.source_address, "--json", "--get-server-output", "-i", str(options.interval_s),
            "--connect-timeout", str(round(options.connect_limit_s * 1000)),
            "-l", str(options.block_bytes),
            *(["-Z"] if options.zero_copy else []),
            *(["-C", options.congestion] if options.congestion else []),
            *extra,
        ]  # fmt: skip
        return await self.servers.client(link, words, limit_s)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        for command in link.commands:
            try:
                yield from _values(command, link.pair)
            except ValueError:
                # That a run failed stands in the link's status.
                if link.status is Status.OK:
                    raise

    def duration_s(self) -> float:
        options = self.options
        return len(options.modes) * (options.duration_s + options.omit_s + 0.3)


def _judged(outcome: Outcome, mode: Mode, command: Command) -> Outcome:
    """The outcome of a link after one more run."""
    status, reason = judge(command, outcome.limit_s)
    told = None if status is Status.OK else f"{mode}: {reason}"
    return Outcome(status, told, [*outcome.commands, command], outcome.limit_s)


def _values(command: Command, pair: Pair) -> list[Observation]:
    run = iperf3_output.read(command.stdout)
    if run.error_text:
        raise ValueError(run.error_text)
    return list(parse_run(run, pair, iperf3_output.mode_of(command, run)))


def parse_run(
    document: Run | Mapping[str, Any], pair: Pair, mode: Mode | None = None
) -> Iterator[Observation]:
    """The values of one iperf3 run; of the mode that the document tells, if none is given.

    Raises ValueError when it has not the sums of its mode.
    """
    run = Run.model_validate(document)
    mode = mode or iperf3_output.mode_told(run)
    kind = "bidir" if mode == "bidir" else "single"
    sums = list(run.sums(mode))
    for direction, sent, received in sums:
        yield from _totals(run, pair, kind, direction, sent, received)
        yield from _streams(run, pair, kind, direction)
    yield from _cpu(run.end.cpu_utilization_percent, pair, kind, sums[0][0])


def _totals(
    run: Run, pair: Pair, kind: str, direction: Direction, sent: Sum, received: Sum
) -> Iterator[Observation]:
    mss = run.start.tcp_mss_default
    values = {
        GOODPUT: received.bits_per_second,
        SEND_RATE: sent.bits_per_second,
        SENT: sent.bytes,
        MSS: mss or None,
        RETRANSMITS: sent.retransmits,
    }
    if mss and sent.bytes and sent.retransmits is not None:
        values[RETRANSMIT_RATE] = sent.retransmits / (sent.bytes / mss)
    for metric, number in values.items():
        if number is not None:
            yield Observation(metric, number, pair, direction, kind)


def _streams(run: Run, pair: Pair, kind: str, direction: Direction) -> Iterator[Observation]:
    """What the ends of a direction's streams say of their sockets, and by interval."""
    # The server's list mirrors the client's: where one sends, the other receives.
    for side, sends in (
        (run, direction == "forward"),
        (run.server_output_json, direction != "forward"),
    ):
        sockets = [stream.sender for stream in side.end.streams if stream.sender.sender]
        for socket in sockets if sends else ():
            for metric, number in _socket(socket):
                yield Observation(metric, number, pair, direction, kind)
        for stream in (s for i in side.intervals for s in i.streams if not s.omitted):
            if stream.sender is sends or (stream.sender is None and kind == "single"):
                for metric, number in _interval(stream, sends=sends):
                    yield Observation(metric, number, pair, direction, kind, t_s=stream.start)


def _socket(socket: Socket) -> Iterator[tuple[Metric, float]]:
    for metric, number, factor in (
        (CWND_MAX, socket.max_snd_cwnd, 1),
        (SND_WND_MAX, socket.max_snd_wnd, 1),
        (TCP_RTT_MEAN, socket.mean_rtt, 1e-3),
    ):
        if number:
            yield metric, number * factor


def _interval(stream: Stream, *, sends: bool) -> Iterator[tuple[Metric, float]]:
    if not sends:
        yield GOODPUT, stream.bits_per_second
        return
    for metric, number, factor in (
        (RETRANSMITS, stream.retransmits, 1),
        (CWND, stream.snd_cwnd, 1),
        (TCP_RTT, stream.rtt, 1e-3),
        (PMTU, stream.pmtu, 1),
        (REORDERING, stream.reorder, 1),
    ):
        if number is not None:
            yield metric, number * factor


def _cpu(use: Cpu, pair: Pair, kind: str, direction: Direction) -> Iterator[Observation]:
    for metric, percent in ((CPU_CLIENT, use.host_total), (CPU_SERVER, use.remote_total)):
        if percent is not None:
            yield Observation(metric, percent / 100, pair, direction, kind)


BENCHMARK = Tcp
register(*Tcp.metrics)
