"""QUIC goodput and set-up times by tools/quicperf (quic-go): one connection, several, or as in the thesis."""

import asyncio
import contextlib
import statistics
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from meshbench.benchmarks.base import (
    PORTS_PER_LINK,
    Arena,
    Direction,
    Headline,
    Link,
    Observation,
    Outcome,
    Pair,
    PerLink,
)
from meshbench.benchmarks.tools import quicperf
from meshbench.benchmarks.tools.quic_metrics import (
    CONNECT,
    CPU,
    GOODPUT,
    GSO,
    LOSS,
    OWN,
    PACKET,
    RTT,
    RTT_MIN,
    SPREADS,
    TTFB,
)
from meshbench.benchmarks.tools.quicperf import Counted, Run
from meshbench.benchmarks.tools.thesis import ThesisOptions
from meshbench.results.imported_metrics import Spread
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Status, worst
from meshbench.testbed.host import Host
from meshbench.util import foreign
from meshbench.util.errors import ToolError

WARM_UP_S = 0.2
_ROLE, _VERSIONS = "quic", "versions"
_QUARTILES = ("p25", "p50", "p75")
_TOGETHER = 2
"""How many values there must be for quartiles."""


class Options(ThesisOptions):
    # `qperf -i 1 -g 1 -t 30` of each logical CPU against `qperf -g -s`.
    of_the_thesis: ClassVar[Mapping[str, Any]] = {
        "duration_s": 30, "interval_s": 1, "processes": "cpus", "connections": 1, "gso": True,
        "sender": "server", "warm_up": False, "attempts": 3,
    }  # fmt: skip
    duration_s: Annotated[float, Field(ge=0.5, le=3600)] = 10
    interval_s: Annotated[float, Field(ge=0.1, le=60)] = 1
    processes: Annotated[int, Field(ge=1, le=64)] | Literal["cpus"] = 1
    """Clients at the same time; `cpus`: one per logical CPU of the link's source."""
    connections: Annotated[int, Field(ge=1, le=64)] = 1
    """Of each process."""
    sender: Literal["client", "server"] = "client"
    """Who sends payload: the link's source, or its target as with qperf."""
    gso: bool = True
    packet_bytes: Annotated[int, Field(ge=1200, le=1452)] | None = None
    """UDP payload of the first packets; by default 1,280, or what the interface's MTU leaves."""
    mtu_discovery: bool = True
    connect_limit_s: Annotated[float, Field(gt=0, le=600)] = 10
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    warm_up: bool = True

    @model_validator(mode="after")
    def _has_an_interval(self) -> "Options":
        if self.interval_s > self.duration_s:
            raise PydanticCustomError(
                "interval", "is longer than duration_s, so that nothing is whole",
                {"key": "interval_s"},
            )  # fmt: skip
        return self


class Quic(PerLink[Options]):
    """Links one after the other; all processes and connections of a link at the same time."""

    name = "quic"
    version = 1
    options_class = Options
    metrics = (
        *(metric for s in SPREADS for metric in (s.mean, *s.statistics.values())), *OWN,
    )  # fmt: skip
    packages = ("iproute2",)
    programs = (quicperf.PACKAGE,)

    def headlines(self) -> Sequence[Headline]:
        spreads = (GOODPUT, CONNECT, TTFB)
        return [
            Headline(metric, self.direction)
            for metric in (*(spread.mean for spread in spreads), LOSS)
        ]

    @property
    def direction(self) -> Direction:
        """Of payload. Published runs call it forward although qperf's server sends; so does `thesis`."""
        away = self.options.sender == "client" or self.options.thesis
        return "forward" if away else "reverse"

    @property
    def attempts(self) -> int:
        return self.options.attempts

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        self.servers = quicperf.Servers(
            self.program(quicperf.NAME), arena.links, self._common_flags()
        )
        async with self.servers.running():
            yield

    async def warm_up(self, group: Sequence[Link], arena: Arena) -> None:
        if self.options.warm_up:
            short = ["--duration", str(WARM_UP_S), "--interval", str(WARM_UP_S)]
            await asyncio.gather(*(self._client(link, 0, short) for link in group))

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        numbers = await asyncio.gather(*(self._processes(link) for link in group))
        return await asyncio.gather(*map(self._link, group, numbers))

    async def _processes(self, link: Link) -> int:
        wanted = self.options.processes
        return wanted if isinstance(wanted, int) else await _cpus(link.source)

    async def _link(self, link: Link, processes: int) -> Outcome:
        limit_s = self._limit_s(link)
        runs = await asyncio.gather(*(self._client(link, n) for n in range(processes)))
        ends = [quicperf.judge(command, limit_s) for command in runs]
        status = worst([status for status, _ in ends])
        reason = next((reason for client_status, reason in ends if client_status is status), None)
        bad = sum(client_status is not Status.OK for client_status, _ in ends)
        if bad and processes > 1:
            reason = f"{bad} of {processes} clients: {reason}"
        version = await link.source.run([self.program(quicperf.NAME), "version"], check=False)
        version = version.in_role(_VERSIONS).model_copy(update={"measuring": False})
        return Outcome(status, reason, [*(run.in_role(_ROLE) for run in runs), version], limit_s)

    def _limit_s(self, link: Link) -> float:
        options = self.options
        return options.duration_s + 2 * options.connect_limit_s + 40 * link.delay_s + 15

    def _common_flags(self) -> list[str]:
        options = self.options
        return [
            f"--gso={str(options.gso).lower()}",
            f"--mtu-discovery={str(options.mtu_discovery).lower()}",
            "--packet-size", str(options.packet_bytes or 0),
        ]  # fmt: skip

    async def _client(self, link: Link, number: int, last: Sequence[str] = ()) -> Command:
        options = self.options
        port = link.port + number % PORTS_PER_LINK
        argv = [
            self.program(quicperf.NAME), "client",
            "--connect", quicperf.endpoint(link.target_address, port),
            "--local", link.source_address, "--sender", options.sender,
            "--duration", str(options.duration_s), "--interval", str(options.interval_s),
            "--connections", str(options.connections),
            "--handshake-limit", str(options.connect_limit_s),
            "--finish-limit", str(5 + 20 * link.delay_s), *self._common_flags(), *last,
        ]  # fmt: skip
        return await link.source.run(
            argv, secrets=self.servers.client_secrets, limit_s=self._limit_s(link), check=False
        )

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        ok = link.status is Status.OK
        try:
            runs = [quicperf.read(command.stdout) for command in link.in_role(_ROLE)]
            whole = list(_whole(runs, link.pair)) if ok and runs else []
        except ValueError:
            # That a run failed stands in the link's status.
            if ok:
                raise
            return
        for observation in (*whole, *_by_interval(runs, link.pair)):
            yield replace(observation, direction=self.direction)

    def duration_s(self) -> float:
        return self.options.duration_s + (WARM_UP_S if self.options.warm_up else 0) + 0.3


async def _cpus(host: Host) -> int:
    """How many logical CPUs a host has."""
    answer = await host.run(["nproc"])
    try:
        return int(answer.stdout)
    except ValueError:
        raise ToolError(f"{host.name}: nproc says {foreign.quoted(answer.stdout)}") from None


def _whole(runs: Sequence[Run], pair: Pair) -> Iterator[Observation]:
    """The values of a link whose every connection ended well."""
    yield from _spread(GOODPUT, list(_goodput_bps(runs).values()), pair)
    yield from _spread(CPU, [cpu.cpu for run in runs for cpu in run.cpu], pair)
    first = [first.ttfb_ms for run in runs for first in run.first_bytes]
    yield from _spread(TTFB, first, pair)
    client = [
        connection for run in runs for connection in run.connected if connection.side == "client"
    ]
    yield from _spread(CONNECT, [c.handshake_ms for c in client if c.handshake_ms], pair)
    senders = [end for run in runs for end in run.total("sender")]
    for metric, value in _as_quic_saw_it(senders).items():
        yield Observation(metric, value, pair)
    if rtts := list(_rtt_ms(runs).values()):
        yield Observation(RTT, statistics.fmean(rtts), pair)
    sides = {end.side for end in senders}
    sending = [
        connection.gso for run in runs for connection in run.connected if connection.side in sides
    ]
    if sending:
        yield Observation(GSO, float(all(sending)), pair)


def _as_quic_saw_it(senders: Sequence[Counted]) -> dict[Metric, float]:
    packets = sum(end.packets_sent for end in senders)
    values = {RTT_MIN: min(end.rtt_min_ms for end in senders)}
    if packets:
        values[LOSS] = max(0.0, sum(end.packets_lost for end in senders) / packets)
        values[PACKET] = sum(end.bytes_sent for end in senders) / packets
    return values


def _spread(spread: Spread, values: Sequence[float], pair: Pair) -> Iterator[Observation]:
    """The mean under the metric's name and the statistics beside it, as published runs have them."""
    if not values:
        return
    yield Observation(spread.mean, statistics.fmean(values), pair)
    by_name = {"min": min(values), "max": max(values)}
    if len(values) >= _TOGETHER:
        by_name |= dict(zip(_QUARTILES, statistics.quantiles(values), strict=True))
    for name, value in by_name.items():
        yield Observation(spread.statistics[name], value, pair)


def _by_interval(runs: Sequence[Run], pair: Pair) -> Iterator[Observation]:
    for t_s, value in _goodput_bps(runs).items():
        yield Observation(GOODPUT.mean, value, pair, t_s=t_s)
    for t_s, value in _rtt_ms(runs).items():
        yield Observation(RTT, value, pair, t_s=t_s)


def _goodput_bps(runs: Sequence[Run]) -> dict[float, float]:
    """By an interval's start in seconds, the sum over all connections that were to be, in bit/s."""
    intervals = _of_all(runs, "receiver")
    return {t_s: sum(8 * i.bytes / i.seconds for i in some) for t_s, some in intervals.items()}


def _rtt_ms(runs: Sequence[Run]) -> dict[float, float]:
    intervals = _of_all(runs, "sender")
    return {t_s: statistics.fmean(i.rtt_ms for i in some) for t_s, some in intervals.items()}


def _of_all(runs: Sequence[Run], role: quicperf.Role) -> dict[float, list[Counted]]:
    """By their start, the intervals that every connection has: a sum without one of them is none."""
    wanted = sum(run.connections for run in runs)
    by_start: dict[float, list[Counted]] = defaultdict(list)
    for interval in (i for run in runs for i in run.intervals):
        if interval.role == role and interval.seconds:
            by_start[interval.start_s].append(interval)
    return {t_s: some for t_s, some in sorted(by_start.items()) if len(some) == wanted}


BENCHMARK = Quic
register(*Quic.metrics)
