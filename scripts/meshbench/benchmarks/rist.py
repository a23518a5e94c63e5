"""Video over RIST: a stream encoded once, sent by librist, and counted at the receiver."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field

from meshbench.benchmarks.base import Arena, Headline, Link, Observation, Outcome, PerLink
from meshbench.benchmarks.tools import (
    kernel_counters,
    librist,
    rist_metrics,
    rist_values,
    stream,
    versions,
)
from meshbench.benchmarks.tools.rist_values import Role
from meshbench.benchmarks.tools.thesis import ThesisOptions
from meshbench.results.metrics import register
from meshbench.results.records import Command, LinkRecord, Status, now
from meshbench.testbed.host import STATE, Host, Unit
from meshbench.testbed.waiting import active, listening
from meshbench.util.waiting import until

FOLDER = STATE / "rist"
UNIT = "meshbench-rist"
TS_BYTES = 188
LISTEN_LIMIT_S = 5.0
SESSION_LIMIT_S = 10.0
STATISTICS_S = 1.5
"""After the stream's end, until both ends have told their last second."""
ENCODE_LIMIT_S = 120.0
THESIS_ENCODE_LIMIT_S = 540.0
"""Ten seconds of 4K, on all sources at once: below the margin of the impairment's lifetime."""
THESIS_LIMIT_S = 30.0
"""What the thesis gave ffmpeg beyond the stream's length (reference-runner.md section 4)."""


def _whole(sizes: tuple[int, ...]) -> tuple[int, ...]:
    if wrong := [size for size in sizes if size % TS_BYTES]:
        raise ValueError(f"{wrong[0]} is not a multiple of {TS_BYTES}, a transport-stream packet")
    if len(set(sizes)) < len(sizes):
        raise ValueError("a size stands there twice")
    return sizes


PacketBytes = Annotated[int, Field(ge=TS_BYTES, le=50 * TS_BYTES)]


class Options(ThesisOptions):
    """With `thesis`, its test pattern and its sender, but encoded beforehand (reference-runner.md
    section 5.7): three hosts of a lab share the cores that one 4K encoder needs.
    """

    of_the_thesis: ClassVar[Mapping[str, Any]] = {
        "duration_s": 30, "bitrate_mbit": 25, "buffer_ms": 400, "profile": "main",
        "packet_bytes": (1316,), "attempts": 3,
    }  # fmt: skip

    duration_s: Annotated[float, Field(ge=1, le=3600)] = 30
    bitrate_mbit: Annotated[float, Field(ge=1.5, le=200)] = 25
    buffer_ms: Annotated[int, Field(ge=20, le=30_000)] = 400
    profile: librist.Profile = "main"
    packet_bytes: Annotated[
        tuple[PacketBytes, ...], Field(min_length=1, max_length=20), AfterValidator(_whole)
    ] = (1316,)
    """Of the stream in a RIST packet; the first one's values have no mode."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3


class Rist(PerLink[Options]):
    """One link after the other, each with fresh programs for each packet size."""

    name = "rist"
    version = 2
    options_class = Options
    metrics = rist_metrics.every()
    packages = ("ffmpeg", "rist-tools")
    tools = (versions.FFMPEG, versions.RISTSENDER, versions.RISTRECEIVER)

    def headlines(self) -> Sequence[Headline]:
        return [
            Headline(metric, mode=rist_values.mode(index, size))
            for index, size in enumerate(self.options.packet_bytes)
            for metric in rist_values.HEADLINES
        ]

    @property
    def attempts(self) -> int:
        return self.options.attempts

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        """Every source has the clip; on a host that cannot make it, the links say so."""
        self._clips: Mapping[str, Command] = {}
        hosts = {host.name: host for link in arena.links for host in (link.source, link.target)}
        sources = {link.source.name: link.source for link in arena.links}
        try:
            clips = await asyncio.gather(*(self._clip(host, arena) for host in sources.values()))
            self._clips = dict(zip(sources, clips, strict=True))
            yield
        finally:
            await asyncio.gather(*(_clean(host, arena.links) for host in hosts.values()))

    async def _clip(self, host: Host, arena: Arena) -> Command:
        """What ffprobe says of the host's clip, which is encoded if it is not there yet."""
        path = self._clip_path
        describe = stream.describe(path)
        probed = await host.run(describe, check=False)
        if probed.returncode != 0:
            part = path.with_suffix(".part")
            await host.run(["mkdir", "-p", str(FOLDER)])
            encoded = await host.run(self._encode(part), limit_s=self._encode_limit_s, check=False)
            arena.keep(encoded.model_copy(update={"role": "encode", "measuring": False}))
            if encoded.returncode != 0:
                return encoded.model_copy(update={"role": Role.CLIP, "measuring": False})
            await host.run(["mv", "--", str(part), str(path)], check=False)
            probed = await host.run(describe, check=False)
        return probed.model_copy(update={"role": Role.CLIP, "measuring": False})

    @property
    def _least_bps(self) -> int:
        """What the source must reach; the thesis's never came near to what it asked for."""
        return 0 if self.options.thesis else self._bitrate_bps

    @property
    def _bitrate_bps(self) -> int:
        return round(self.options.bitrate_mbit * 1e6)

    def _encode(self, path: PurePosixPath) -> list[str]:
        if self.options.thesis:
            return stream.encode_thesis(path)
        return stream.encode(self._bitrate_bps, path)

    @property
    def _encode_limit_s(self) -> float:
        return THESIS_ENCODE_LIMIT_S if self.options.thesis else ENCODE_LIMIT_S

    @property
    def _clip_path(self) -> PurePosixPath:
        return FOLDER / stream.clip_name(self._encode(PurePosixPath()))

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return await asyncio.gather(*(self._link(link) for link in group))

    async def _link(self, link: Link) -> Outcome:
        """Packet size by packet size."""
        sizes, limit_s = self.options.packet_bytes, self._limit_s(link)
        commands: list[Command] = []
        if clip := self._clips.get(link.source.name):
            commands.append(clip)
            if problem := rist_values.source_problem(clip, self._least_bps):
                return Outcome(Status.TOOL_FAILED, problem, commands, limit_s)
        for size in sizes:
            of_size = await self._run(link, size)
            commands += [
                command.in_role(rist_values.role(command.role, size)) for command in of_size
            ]
        return Outcome(*rist_values.judge_all(commands, self._expected), commands, limit_s)

    async def _run(self, link: Link, size: int) -> list[Command]:
        """One stream with fresh programs at both ends."""
        run = _Run(self.options, link, self._clip_path, size)
        await run.prepare()
        before = await run.counters(Role.BEFORE)
        try:
            await run.start()
            fed = await run.feed(self._expected)
            alive = [*await run.alive(), *await run.drops()]
        finally:
            await run.stop()
        return [*before, *fed, *alive, *await run.counters(Role.AFTER), *await run.told()]

    @property
    def _expected(self) -> rist_values.Expected:
        options = self.options
        return rist_values.Expected(
            options.duration_s, self._bitrate_bps, options.buffer_ms, options.thesis
        )

    def _limit_s(self, link: Link) -> float:
        sizes = len(self.options.packet_bytes)
        return sizes * (
            _session_limit_s(link) + _feed_limit_s(self.options) + _drain_s(self.options, link)
        )

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        yield from rist_values.observations(link, self._expected)

    def marks(self, link: LinkRecord) -> Iterator[str]:
        yield from rist_values.marks(link, self._expected)

    def duration_s(self) -> float:
        options = self.options
        around_s = options.buffer_ms / 1000 + STATISTICS_S + 1
        return len(options.packet_bytes) * (options.duration_s + around_s)


class _Run:
    """The programs of one stream: ffmpeg and ristsender here, ristreceiver and ffmpeg there."""

    def __init__(self, options: Options, link: Link, clip: PurePosixPath, size: int) -> None:
        self._options, self._link, self._clip, self._size = options, link, clip, size
        self._folder = _folder(link)
        # RIST's simple profile needs an even port, and has RTCP on the next one.
        self._port = link.port + link.port % 2
        self._inward, self._outward = link.port + 4, link.port + 5
        self._capture = self._folder / "received.ts"
        self._started = {Role.RECEIVER: now(), Role.SENDER: now()}

    async def prepare(self) -> None:
        for host in (self._link.source, self._link.target):
            await host.run(["rm", "-rf", "--", str(self._folder)])
            await host.run(["mkdir", "-p", "--", str(self._folder)])

    async def counters(self, role: Role) -> list[Command]:
        hosts = (self._link.source, self._link.target)
        commands = await asyncio.gather(
            *(host.run(kernel_counters.COMMAND, check=False) for host in hosts)
        )
        return [_aside(command, role) for command in commands]

    @property
    def _receiver(self) -> list[str]:
        options, target = self._options, self._link.target_address
        address = "::" if options.thesis else target
        url = librist.url(address, self._port, listens=True, buffer=options.buffer_ms)
        return librist.receiver(options.profile, url, self._outward)

    @property
    def _target(self) -> str:
        address, options = self._link.target_address, self._options
        if options.thesis:
            return librist.url(address, self._port)
        return librist.url(address, self._port, buffer=options.buffer_ms)

    @property
    def _sender(self) -> list[str]:
        return librist.sender(self._options.profile, self._inward, self._target)

    async def start(self) -> None:
        """The programs run and have a session, or have not within the limit."""
        link = self._link
        await link.target.start(
            self._unit(Role.CAPTURE, stream.capture(self._outward, self._capture))
        )
        await self._listens(self._outward, Role.CAPTURE)
        self._started[Role.RECEIVER] = now()
        await link.target.start(self._unit(Role.RECEIVER, self._receiver))
        await self._listens(self._port, Role.RECEIVER)
        if not self._options.thesis:
            self._started[Role.SENDER] = now()
            await link.source.start(self._unit(Role.SENDER, self._sender))
            await until(self._settled, _session_limit_s(link), every_s=0.1)

    async def _listens(self, port: int, role: Role) -> None:
        """Wait for a program on the target, at most as long as it runs."""
        await listening(self._link.target, port, LISTEN_LIMIT_S, "u", self._name(role))

    async def _settled(self) -> bool:
        """Whether there is a session, or an end of it has ended and there will be none."""
        link = self._link
        ends = ((link.source, Role.SENDER), (link.target, Role.RECEIVER))
        return await self._connected() or not all(
            [await active(host, self._name(role)) for host, role in ends]
        )

    async def _connected(self) -> bool:
        grep = ["grep", "-q", "--", librist.CONNECTED, str(self._log(Role.SENDER))]
        return (await self._link.source.run(grep, check=False)).returncode == 0

    async def feed(self, expected: rist_values.Expected) -> list[Command]:
        """The stream, and waiting until it is through; nothing where there is no session."""
        options, limit_s = self._options, _feed_limit_s(self._options)
        if options.thesis:
            argv = stream.thesis_feed(self._clip, options.duration_s, self._target)
        elif await self._connected():
            argv = stream.feed(
                self._clip, options.duration_s, expected.bitrate_bps, self._inward, self._size
            )
        else:
            return []
        fed = await self._link.source.run(argv, limit_s=limit_s, check=False)
        await asyncio.sleep(_drain_s(options, self._link))
        return [fed.in_role(Role.FEED)]

    async def alive(self) -> list[Command]:
        """Whether the programs still run."""
        return [
            _aside(
                await host.run(["systemctl", "is-active", "--", *names], check=False), Role.ALIVE
            )
            for host, names in self._units()
        ]

    async def drops(self) -> list[Command]:
        """What the sockets between programs of one host have dropped so far."""
        ends = ((self._link.source, self._inward), (self._link.target, self._outward))
        return [
            _aside(await host.run(["ss", "-Hunam", f"sport = :{port}"], check=False), Role.DROPS)
            for host, port in ends
        ]

    async def stop(self) -> None:
        for host, names in self._units():
            for name in names:  # in this order: what is on its way is still taken in
                await host.stop(name)

    def _units(self) -> list[tuple[Host, list[str]]]:
        there = (self._link.target, [self._name(Role.RECEIVER), self._name(Role.CAPTURE)])
        here = (self._link.source, [self._name(Role.SENDER)])
        return [there] if self._options.thesis else [here, there]

    async def told(self) -> list[Command]:
        """What the programs wrote, and what is in the stream that was received."""
        link = self._link
        logs = [await self._wrote(Role.RECEIVER, link.target, self._receiver)]
        if not self._options.thesis:
            logs.append(await self._wrote(Role.SENDER, link.source, self._sender))
        size = await link.target.run(["stat", "-c", "%s", "--", str(self._capture)], check=False)
        commands = [*logs, _aside(size, Role.CAPTURED)]
        if size.stdout.strip() not in {"", "0"}:
            frames = await link.target.run(stream.count(self._capture), limit_s=60, check=False)
            commands.append(_aside(frames, Role.FRAMES))
        return commands

    async def _wrote(self, role: Role, host: Host, argv: Sequence[str]) -> Command:
        """A program's log, as if it had been waited for."""
        started, read = (
            self._started[role],
            await host.run(["cat", "--", str(self._log(role))], check=False),
        )
        took_s = (read.started - started).total_seconds()
        return read.model_copy(
            update={
                "argv": list(argv),
                "role": role,
                "started": started,
                "duration_s": max(0.0, took_s),
            }
        )

    def _log(self, role: Role) -> PurePosixPath:
        return self._folder / f"{role}.log"

    def _name(self, role: Role) -> str:
        return f"{UNIT}-{role}-{self._link.port}"

    def _unit(self, role: Role, argv: Sequence[str]) -> Unit:
        log = f"file:{self._log(role)}"
        return Unit(
            self._name(role), argv,
            {
                "StandardOutput": log, "StandardError": log, "TimeoutStopSec": "5",
                # The others are not what is measured: a busy host must not make them drop packets.
                **({} if role is Role.RECEIVER else {"Nice": "-20"}),
                "KillSignal": "SIGKILL" if role is Role.CAPTURE else "SIGTERM",
            },
        )  # fmt: skip


def _aside(command: Command, role: Role) -> Command:
    """A command beside the measurement."""
    return command.model_copy(update={"role": role, "measuring": False})


def _folder(link: Link) -> PurePosixPath:
    return FOLDER / str(link.port)


async def _clean(host: Host, links: Sequence[Link]) -> None:
    """No program and no stream is left; the clip is, for the next cell."""
    roles = (Role.SENDER, Role.RECEIVER, Role.CAPTURE)
    mine = [link for link in links if host.name in link.pair]
    await host.stop(*(f"{UNIT}-{role}-{link.port}" for link in mine for role in roles))
    await host.run(["rm", "-rf", "--", *(str(_folder(link)) for link in mine)])


def _session_limit_s(link: Link) -> float:
    return SESSION_LIMIT_S + 20 * link.delay_s


def _feed_limit_s(options: Options) -> float:
    return options.duration_s + (THESIS_LIMIT_S if options.thesis else 10 + options.duration_s / 10)


def _drain_s(options: Options, link: Link) -> float:
    return options.buffer_ms / 1000 + 2 * link.delay_s + STATISTICS_S


BENCHMARK = Rist
register(*Rist.metrics)
