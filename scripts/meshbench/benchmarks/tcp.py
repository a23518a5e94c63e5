"""TCP goodput of one stream by iperf3: one direction at a time, and both as in the thesis."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

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
from meshbench.benchmarks.tools.iperf3 import Iperf3Servers, error_text, judge
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

Mode = Literal["forward", "reverse", "bidir"]
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
        argv = [
            "iperf3", "-c", link.target_address, "-p", str(link.port), "-B", link.source_address,
            "--json", "--get-server-output", "-i", str(options.interval_s),
            "--connect-timeout", str(round(options.connect_limit_s * 1000)),
            "-l", str(options.block_bytes),
            *(["-Z"] if options.zero_copy else []),
            *(["-C", options.congestion] if options.congestion else []),
            *self.servers.client_arguments, *extra,
        ]  # fmt: skip
        return await link.source.run(
            argv, secrets=self.servers.client_secrets, limit_s=limit_s, check=False
        )

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        for command in link.commands:
            try:
                run = json.loads(command.stdout)
            except ValueError:
                continue
            if not error_text(run) and run.get("end"):
                yield from parse_run(run, link.pair)

    def duration_s(self) -> float:
        options = self.options
        return len(options.modes) * (options.duration_s + options.omit_s + 0.3)


def _judged(outcome: Outcome, mode: Mode, command: Command) -> Outcome:
    """The outcome of a link after one more run."""
    status, reason = judge(command, outcome.limit_s)
    told = None if status is Status.OK else f"{mode}: {reason}"
    return Outcome(status, told, [*outcome.commands, command], outcome.limit_s)


def parse_run(run: Mapping[str, Any], pair: Pair) -> Iterator[Observation]:
    """The values of one iperf3 JSON document, whatever its mode.

    In a bidirectional run `sum_*` is the client's stream and `sum_*_bidir_reverse` the server's.
    """
    test = run["start"]["test_start"]
    # Not every iperf3 says `bidir` of itself: 3.12 does not.
    if test.get("bidir") or "sum_received_bidir_reverse" in run["end"]:
        yield from _direction(run, pair, "bidir", "forward", suffix="", sender=True)
        yield from _direction(run, pair, "bidir", "reverse", suffix="_bidir_reverse", sender=False)
        yield from _cpu(run, pair, "bidir", "forward")
        return
    direction: Direction = "reverse" if test.get("reverse") else "forward"
    yield from _direction(run, pair, "single", direction, suffix="", sender=direction == "forward")
    yield from _cpu(run, pair, "single", direction)


def _direction(
    run: Mapping[str, Any],
    pair: Pair,
    mode: str,
    direction: Direction,
    *,
    suffix: str,
    sender: bool,
) -> Iterator[Observation]:
    def value(metric: Metric, number: float | None, t_s: float | None = None) -> Observation:
        return Observation(metric, number, pair, direction, mode, t_s=t_s)

    end, mss = run["end"], run["start"].get("tcp_mss_default")
    sent, received = end[f"sum_sent{suffix}"], end[f"sum_received{suffix}"]
    yield value(GOODPUT, received["bits_per_second"])
    yield value(SEND_RATE, sent["bits_per_second"])
    yield value(SENT, sent["bytes"])
    if mss:
        yield value(MSS, mss)
    if (retransmits := sent.get("retransmits")) is not None:
        yield value(RETRANSMITS, retransmits)
        if mss and sent["bytes"]:
            yield value(RETRANSMIT_RATE, retransmits / (sent["bytes"] / mss))
    for stream in _summaries(run, sender=sender):
        yield from _sender_summary(stream, value)
    for side, intervals in _intervals(run):
        for stream in (s for i in intervals for s in i["streams"] if not s.get("omitted")):
            # The client's own list has its sending streams; the server's list mirrors them.
            if stream.get("sender", side == "client") is (
                sender if side == "client" else not sender
            ):
                yield from _interval(stream, value)


def _intervals(run: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    yield "client", run.get("intervals", [])
    yield "server", (run.get("server_output_json") or {}).get("intervals", [])


def _summaries(run: Mapping[str, Any], *, sender: bool) -> Iterator[Mapping[str, Any]]:
    """What the sending end says of its sockets; of the other end's streams it knows its own only."""
    said = run if sender else run.get("server_output_json") or {}
    for stream in said.get("end", {}).get("streams", []):
        if (summary := stream.get("sender", {})).get("sender"):
            yield summary


def _sender_summary(summary: Mapping[str, Any], value: Any) -> Iterator[Observation]:
    for metric, key, factor in (
        (CWND_MAX, "max_snd_cwnd", 1),
        (SND_WND_MAX, "max_snd_wnd", 1),
        (TCP_RTT_MEAN, "mean_rtt", 1e-3),
    ):
        if summary.get(key):
            yield value(metric, summary[key] * factor)


def _interval(stream: Mapping[str, Any], value: Any) -> Iterator[Observation]:
    t_s = stream["start"]
    if not stream.get("sender"):
        yield value(GOODPUT, stream["bits_per_second"], t_s)
        return
    for metric, key, factor in (
        (RETRANSMITS, "retransmits", 1),
        (CWND, "snd_cwnd", 1),
        (TCP_RTT, "rtt", 1e-3),
        (PMTU, "pmtu", 1),
        (REORDERING, "reorder", 1),
    ):
        if key in stream:
            yield value(metric, stream[key] * factor, t_s)


def _cpu(
    run: Mapping[str, Any], pair: Pair, mode: str, direction: Direction
) -> Iterator[Observation]:
    use = run["end"].get("cpu_utilization_percent", {})
    for metric, key in ((CPU_CLIENT, "host_total"), (CPU_SERVER, "remote_total")):
        if key in use:
            yield Observation(metric, use[key] / 100, pair, direction, mode)


BENCHMARK = Tcp
register(*Tcp.metrics)
