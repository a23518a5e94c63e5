"""RTT inside and beside a tunnel while the link is idle, and while TCP fills it in either direction."""

import asyncio
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from meshbench.benchmarks import ping
from meshbench.benchmarks.base import Arena, Headline, Link, Observation, Outcome, PerLink
from meshbench.benchmarks.tools import iperf3, iperf3_output, load_metrics, load_values, versions
from meshbench.benchmarks.tools.iperf3 import CLOCKED, Served
from meshbench.benchmarks.tools.load_phases import (
    DIRECTIONS,
    LOAD,
    MODES,
    PATHS,
    PHASES,
    Path,
    Phase,
    role,
)
from meshbench.benchmarks.tools.tcp_metrics import GOODPUT
from meshbench.benchmarks.tools.tcp_session import WARM_UP_BYTES
from meshbench.config.strict import Strict
from meshbench.results.records import Command, LinkRecord, Status

_FLAGS = {"forward": (), "reverse": ("-R",), "bidir": ("--bidir",)}
_AFTER_S = 0.25
"""How much longer the load is to last than the probes beside it, at the least."""
_SET_UP_TRIPS = 6
"""Round trips that iperf3 takes until its streams run: control connection, exchange, streams."""
_QUEUED_S = 20.0
"""What a filled queue may add to the time limits: ping waits for twice its longest RTT in the end."""
_AROUND_S = 0.6
"""About how long a phase with load takes besides its probes: set-up, results, a free server."""


class Options(Strict):
    """What is asked for; there is nothing of the thesis's, which did not measure it."""

    phases: Annotated[tuple[Phase, ...], Field(min_length=1)] = PHASES
    """Each once; the idle one comes first, as a load leaves filled queues behind."""
    phase_s: Annotated[float, Field(ge=0.2, le=3600)] = 8.0
    """Of each phase, for as long as its values are taken."""
    settle_s: Annotated[float, Field(ge=0, le=60)] = 1.5
    """Before that in a phase with load, while TCP starts."""
    probe_interval_s: Annotated[float, Field(ge=0.002, le=0.05)] = 0.02
    payload_bytes: Annotated[int, Field(ge=16, le=1400)] = 56
    """Of an echo request."""
    streams: Annotated[int, Field(ge=1, le=32)] = 4
    """Of the load in each direction: one alone halves its window at a loss and leaves a queue."""
    interval_s: Annotated[float, Field(ge=0.1, le=60)] = 0.5
    """Between the values of the load's goodput."""
    block_bytes: Annotated[int, Field(ge=1024, le=1024 * 1024)] = 16 * 1024
    """What iperf3 reads at once; it counts whole blocks only."""
    connect_limit_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    reply_limit_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    """Of each phase, while a tool fails."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if len(set(self.phases)) < len(self.phases):
            raise PydanticCustomError("phases", "each phase can be had once only")
        if "idle" in self.phases[1:]:
            raise PydanticCustomError(
                "phases", "idle must come first: a load leaves filled queues behind"
            )
        return self

    @property
    def counted(self) -> int:
        """How many requests of a probe the values of its phase are of."""
        return max(1, round(self.phase_s / self.probe_interval_s))


class LatencyUnderLoad(Served, PerLink[Options]):
    """The links one after the other, and on each its phases: two pings at once, beside them a load."""

    name = "latency_under_load"
    carries_tcp = True
    version = 1
    options_class = Options
    metrics = (*load_metrics.OF_A_PROBE, *load_metrics.OF_A_LOAD)
    packages = ("iputils-ping", "iperf3", "iproute2")
    tools = (versions.PING, versions.IPERF3)

    def headlines(self) -> Sequence[Headline]:
        return [headline for phase in self.options.phases for headline in _headlines(phase)]

    async def warm_up(self, group: Sequence[Link], arena: Arena) -> None:
        for link in group:
            words = ["-n", str(WARM_UP_BYTES), "-i", "0.1", "--json", *self._connecting(link)]
            await self.servers.client(link, words, 20.0)

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return [await self._link(link) for link in group]

    async def _link(self, link: Link) -> Outcome:
        """Phase after phase, also after one in which nothing came back."""
        commands: list[Command] = []
        ends: list[End] = []
        while len(ends) < len(self.options.phases) and all(end.goes_on for end in ends):
            ends.append(await self._phase(link, self.options.phases[len(ends)], commands))
        return Outcome(*_together(ends), commands, self._limit_s(link))

    async def _phase(self, link: Link, phase: Phase, commands: list[Command]) -> "End":
        """How a phase ended, which is repeated while a tool fails; its commands are added."""
        for attempt in range(1, self.options.attempts + 1):
            if phase in MODES:
                await self.servers.free([link])
            done = await self._at_once(link, phase)
            end = self._judged(phase, done, self._limit_s(link))
            hasty = LOAD in done and iperf3.gave_up_early(done[LOAD])
            again = end.status is Status.TOOL_FAILED or hasty
            if not again or attempt == self.options.attempts:
                break
            commands += [command.in_role(f"failed {command.role}") for command in done.values()]
        commands += done.values()
        return end

    async def _at_once(self, link: Link, phase: Phase) -> dict[str, Command]:
        """The load, if any, and both probes, by what they are."""
        settle_s = self._settle_s(link) if phase in MODES else 0.0
        running = {
            **({LOAD: self._load(link, phase, settle_s)} if phase in MODES else {}),
            "inside": self._probe(link, "inside", settle_s),
            "beside": self._probe(link, "beside", settle_s),
        }
        done = await asyncio.gather(*running.values())
        return {
            kind: command.in_role(role(phase, kind))
            for kind, command in zip(running, done, strict=True)
        }

    async def _probe(self, link: Link, path: Path, settle_s: float) -> Command:
        options = self.options
        ends = {
            "inside": (link.interface, link.target_address),
            "beside": (link.source.address.data_interface, link.target.address.data_address),
        }
        count = options.counted + math.ceil(settle_s / options.probe_interval_s)
        interface, address = ends[path]
        argv = [
            "ping", "-n", "-D", "-c", str(count), "-i", f"{options.probe_interval_s:g}",
            "-W", f"{options.reply_limit_s:g}", "-s", str(options.payload_bytes),
            "-I", interface, address,
        ]  # fmt: skip
        return await link.source.run(argv, limit_s=self._limit_s(link), check=False)

    async def _load(self, link: Link, phase: Phase, settle_s: float) -> Command:
        options = self.options
        words = [
            "--json", "--get-server-output", *self._connecting(link),
            "-i", f"{options.interval_s:g}", "-l", str(options.block_bytes),
            "-P", str(options.streams), "-t", str(self._load_s(settle_s)), *_FLAGS[MODES[phase]],
        ]  # fmt: skip
        return await self.servers.client(link, words, self._limit_s(link), CLOCKED)

    def _connecting(self, link: Link) -> list[str]:
        limit_ms = round(self.options.connect_limit_s * 1000)
        return ["-B", link.source_address, "--connect-timeout", str(limit_ms)]

    def _settle_s(self, link: Link) -> float:
        """Until the load's streams run and have filled the path."""
        return self.options.settle_s + _SET_UP_TRIPS * link.delay_s

    def _load_s(self, settle_s: float) -> int:
        """In whole seconds, which is what iperf3 takes."""
        return math.ceil(settle_s + self.options.phase_s + _AFTER_S)

    def _limit_s(self, link: Link) -> float:
        """Of each command."""
        options = self.options
        waits_s = options.connect_limit_s + options.reply_limit_s + 40 * link.delay_s
        return self._load_s(self._settle_s(link)) + waits_s + _QUEUED_S

    def _judged(self, phase: Phase, done: Mapping[str, Command], limit_s: float) -> "End":
        """What a phase came to. That a load failed comes first: pings break with the interface."""
        if load := done.get(LOAD):
            status, reason = judge_load(load, phase, self.options.streams, limit_s)
            if status is not Status.OK:
                return End(status, f"{phase}: load: {reason}")
        ends = {path: ping.judge(done[path], limit_s) for path in PATHS}
        for path, (status, reason) in ends.items():
            if status not in {Status.OK, Status.FAILED}:
                return End(status, f"{phase}: {path} the tunnel: {reason}")
        reasons = [f"{phase}: {path} the tunnel: {why}" for path, (_, why) in ends.items() if why]
        return End(ends["inside"][0], "; ".join(reasons) or None, goes_on=True)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        yield from load_values.of_link(link, self.options.counted, self.options.probe_interval_s)

    def series_start_s(self, link: LinkRecord) -> float | None:
        return load_values.start_s(link, self.options.counted)

    def duration_s(self) -> float:
        options = self.options
        loaded = sum(phase in MODES for phase in options.phases)
        load_s = self._load_s(options.settle_s) + _AROUND_S
        return (len(options.phases) - loaded) * options.phase_s + loaded * load_s


@dataclass(frozen=True)
class End:
    """How a phase ended.

    Attributes:
        status: `failed` with `goes_on` where nothing came back through the tunnel.
        reason: also of a phase that is ok, where a reader must know something.
        goes_on: whether the next phase is measured.
    """

    status: Status
    reason: str | None
    goes_on: bool = False


def _together(ends: Sequence[End]) -> tuple[Status, str | None]:
    """What a link's phases come to: as the one that ended them, or failed if none had a reply."""
    if not ends[-1].goes_on:
        return ends[-1].status, ends[-1].reason
    reasons = "; ".join(end.reason for end in ends if end.reason) or None
    silent = all(end.status is Status.FAILED for end in ends)
    return Status.FAILED if silent else Status.OK, reasons


def judge_load(
    command: Command, phase: Phase, streams: int, limit_s: float
) -> tuple[Status, str | None]:
    """What a load's end means (pure); one with other streams than asked for is the tool's failure."""
    status, reason = iperf3.judge(command, limit_s)
    if status is not Status.OK:
        return status, reason
    run = iperf3_output.read(command.stdout)
    asked, actual = streams * len(DIRECTIONS[phase]), len(run.end.streams)
    mode = iperf3_output.mode_told(run)
    if (actual and actual != asked) or mode != MODES[phase]:
        return Status.TOOL_FAILED, (
            f"asked for {asked} streams {MODES[phase]}; iperf3 tells of {actual}, mode {mode}"
        )
    return Status.OK, None


def _headlines(phase: Phase) -> Iterator[Headline]:
    """Of the tunnel; what is beside it has rows of its own with reasons."""
    inside = role(phase, "inside")
    metrics = load_metrics.ADDED.values() if phase in MODES else (ping.PERCENTILES[50],)
    for metric in (*metrics, load_metrics.RESPONSIVENESS, ping.LOSS):
        yield Headline(metric, mode=inside)
    for direction in DIRECTIONS[phase]:
        yield Headline(GOODPUT, direction, phase)


BENCHMARK = LatencyUnderLoad
