"""What becomes of packets of each size: whole, in fragments, refused with a word, or without one."""

import asyncio
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from meshbench.benchmarks.base import (
    Arena,
    Direction,
    Headline,
    L,
    Link,
    Observation,
    Outcome,
    PerLink,
)
from meshbench.benchmarks.tools import sized_ping, versions
from meshbench.benchmarks.tools.sized_ping import Answer, Fate, Fragmenting
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Status
from meshbench.testbed.host import Host
from meshbench.util.foreign import UNREADABLE

_PING = "iputils ping"
TUNNEL_MTU = Metric(
    "tunnel_mtu", "byte", "Tunnel MTU", "neither",
    "Of the sending host's interface towards the peer.", "/sys/class/net/<interface>/mtu",
)  # fmt: skip
LARGEST_WHOLE = Metric(
    "largest_whole", "byte", "Largest packet that passes whole", "higher",
    "Largest IP packet, headers included, that the peer answered with DF set, of those tried.",
    f"{_PING}: -M probe (RFC 4821, RFC 8899)",
)  # fmt: skip
LARGEST_ANY = Metric(
    "largest_any", "byte", "Largest packet that passes", "higher",
    "Largest IP packet that the peer answered whole or in fragments, of the sizes tried.",
    f"{_PING}: -M probe, -M dont",
)  # fmt: skip
BLACK_HOLE = Metric(
    "black_hole", "1", "Path MTU black hole", "lower",
    "1 if packets of a size with DF set vanished without an answer of any kind (RFC 2923), else 0.",
    f"{_PING}: -M probe",
)  # fmt: skip
PACKET_PASSED = Metric(
    "packet_passed", "1", "Packet passed", "higher",
    "1 if the peer answered packets of the size that is the stream's number, else 0; mode 'whole' with "
    "DF set, 'search' the same of sizes looked for between those, 'any' without DF.",
    f"{_PING}: received",
)  # fmt: skip
PACKET_REFUSED = Metric(
    "packet_refused", "1", "Packet refused", "neither",
    "1 if packets of the size that is the stream's number, DF set, were refused as too large; mode "
    "'icmp' by the path (RFC 1191, RFC 8201), 'local' by the sending host's own kernel.",
    f"{_PING}: Frag needed and DF set, Packet too big; Message too long",
)  # fmt: skip
MTU_NAMED = Metric(
    "mtu_named", "byte", "MTU named", "neither",
    "What that refusal says would do; modes as of packet_refused.", f"{_PING}: mtu =",
)  # fmt: skip

_SIDES: tuple[Direction, ...] = ("forward", "reverse")
_MARGIN_S = 5
"""What a ping may take beyond its own limit before it is taken for hanging."""
_ANSWERED_S = 0.15
"""About how long a size takes that is answered."""
Size = Annotated[int, Field(ge=sized_ping.LEAST[4], le=sized_ping.LARGEST)]


class Options(Strict):
    sizes_bytes: Annotated[tuple[Size, ...], Field(min_length=1, max_length=100)] = (
        576, 1280, 1360, 1400, 1420, 1450, 1500, 2800, 9000,
    )  # fmt: skip
    """Of whole IP packets."""
    exact: bool = True
    """Whether the largest packet that passes whole is looked for to the byte."""
    silence_s: Annotated[int, Field(ge=1, le=60)] = 2
    """How long nothing may come back, with the profile's delay added, until a size counts as silent."""
    interval_s: Annotated[float, Field(ge=0.002, le=10)] = 0.2


class Mtu(PerLink[Options]):
    """Echo requests of one size after the other from both ends; the links at the same time."""

    name = "mtu"
    version = 1
    options_class = Options
    metrics = (
        TUNNEL_MTU, LARGEST_WHOLE, LARGEST_ANY, BLACK_HOLE, PACKET_PASSED, PACKET_REFUSED, MTU_NAMED,
    )  # fmt: skip
    packages = ("iputils-ping", "iproute2")
    tools = (versions.PING,)

    def headlines(self) -> Sequence[Headline]:
        metrics = (TUNNEL_MTU, LARGEST_WHOLE, LARGEST_ANY, BLACK_HOLE)
        return [Headline(metric, direction) for metric in metrics for direction in _SIDES]

    @property
    def attempts(self) -> int:
        return 2

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return await asyncio.gather(*(self._link(link) for link in group))

    async def _link(self, link: Link) -> Outcome:
        silence_s = math.ceil(self.options.silence_s + link.delay_s)
        limits = (silence_s, self.options.interval_s)
        here, there = link.source_address, link.target_address
        sides = (
            _Side(link.source, here, there, "forward", *limits),
            _Side(link.target, there, here, "reverse", *limits),
        )
        ends = await asyncio.gather(*(self._measured(side) for side in sides))
        commands = [command for side in sides for command in side.commands]
        status, reason = next((end for end in ends if end[0] is not Status.OK), (Status.OK, None))
        return Outcome(status, reason, commands, sides[0].limit_s)

    async def _measured(self, side: "_Side") -> tuple[Status, str | None]:
        """What a direction came to; what was asked until then is in its commands."""
        try:
            await self._ask(side)
        except _EndedError as ended:
            return ended.status, f"{side.direction}: {ended}"
        return Status.OK, None

    async def _ask(self, side: "_Side") -> None:
        await side.must_pass("no echo request of {} bytes was answered")
        tunnel_mtu = await side.tunnel_mtu()
        fates = {size: (await side.ask(size, "probe")).fate for size in self._sizes(tunnel_mtu)}
        await self._search(side, fates)
        # Without what the kernel learned on the way, which would have it make fragments that fit.
        await side.forget()
        for size in self.options.sizes_bytes:
            if fates[size] is not Fate.PASSED:
                await side.ask(size, "dont")
        await side.forget()
        if Fate.SILENT in fates.values():
            await side.must_pass("echo requests of {} bytes were not answered any more at the end")

    def _sizes(self, tunnel_mtu: int | None) -> list[int]:
        """The sizes of the options, and those on both sides of the tunnel's own limit."""
        edges = () if tunnel_mtu is None else (tunnel_mtu, tunnel_mtu + 1)
        possible = {
            size for size in edges if size in range(sized_ping.LEAST[4], sized_ping.LARGEST)
        }
        return sorted({*self.options.sizes_bytes, *possible})

    async def _search(self, side: "_Side", fates: dict[int, Fate]) -> None:
        whole = max((size for size in fates if fates[size] is Fate.PASSED), default=side.least)
        too_large = min((size for size in fates if size > whole), default=None)

        async def passes(size: int) -> bool:
            fates[size] = (await side.ask(size, "probe")).fate
            return fates[size] is Fate.PASSED

        if self.options.exact and too_large is not None:
            await sized_ping.largest(passes, whole, too_large)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        for direction in _SIDES:
            for command in link.in_role(f"{direction} interface"):
                if command.stdout.strip().isdecimal():
                    yield Observation(TUNNEL_MTU, int(command.stdout), link.pair, direction)
            asked = list(_asked(link, direction))
            for question in asked:
                yield from self._single(question, link, direction)
            yield from _whole(asked, link, direction)

    def _single(
        self, asked: "_Asked", link: LinkRecord, direction: Direction
    ) -> Iterator[Observation]:
        def value(metric: Metric, number: float, mode: str) -> Observation:
            return Observation(metric, number, link.pair, direction, mode, asked.size, asked.t_s)

        listed = "whole" if asked.size in self.options.sizes_bytes else "search"
        passed = asked.answer.fate is Fate.PASSED
        yield value(PACKET_PASSED, float(passed), listed if asked.with_df else "any")
        if asked.with_df and asked.answer.fate in {Fate.ICMP, Fate.LOCAL}:
            yield value(PACKET_REFUSED, 1.0, str(asked.answer.fate))
            if asked.answer.mtu is not None:
                yield value(MTU_NAMED, asked.answer.mtu, str(asked.answer.fate))

    def duration_s(self) -> float:
        # Sizes above the tunnel's MTU are asked for twice, and a search takes about as many again.
        return 3 * len(self.options.sizes_bytes) * _ANSWERED_S + self.options.silence_s


class _EndedError(Exception):
    """A direction cannot be asked further."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class _Side:
    """One direction of a link: who asks whom, and what was asked."""

    host: Host
    own_address: str
    peer_address: str
    direction: Direction
    silence_s: int
    interval_s: float
    commands: list[Command] = field(default_factory=list)

    @property
    def limit_s(self) -> float:
        """Of one command."""
        return self.silence_s + _MARGIN_S

    @property
    def least(self) -> int:
        return sized_ping.LEAST[sized_ping.version(self.peer_address)]

    async def ask(self, size: int, fragmenting: Fragmenting) -> Answer:
        """Until the first answer of any kind. Raises _EndedError where ping does not end well."""
        # With -w ping goes on until -c requests are answered or an error message comes.
        limits = ("-D", "-w", str(self.silence_s), "-i", str(self.interval_s))
        row = sized_ping.request(self.peer_address, size, fragmenting, self.own_address, *limits)
        command = await self.host.run(row, limit_s=self.limit_s, check=False)
        self.commands.append(command.in_role(self.direction))
        if command.returncode is None:
            reason = f"ping of {size} bytes did not end within {self.limit_s:.0f} s"
            raise _EndedError(Status.TIMEOUT, reason)
        try:
            return sized_ping.answer(command)
        except ValueError as error:
            raise _EndedError(Status.TOOL_FAILED, str(error)) from None

    async def must_pass(self, otherwise: str) -> None:
        """Ask with what every path has to carry. Raises _EndedError with `otherwise`."""
        answer = await self.ask(self.least, "probe")
        if answer.fate is not Fate.PASSED:
            words = f" ({answer.words})" if answer.words else ""
            reason = f"{otherwise.format(self.least)} within {self.silence_s} s{words}"
            raise _EndedError(Status.FAILED, reason)

    async def tunnel_mtu(self) -> int | None:
        route = await self.host.run(
            ["ip", "-j", "route", "get", self.peer_address, "from", self.own_address], check=False
        )
        try:
            interface = str(json.loads(route.stdout)[0]["dev"])
        except UNREADABLE:
            return None
        command = await self.host.run(["cat", f"/sys/class/net/{interface}/mtu"], check=False)
        asked = command.in_role(f"{self.direction} interface")
        self.commands.append(asked.model_copy(update={"measuring": False}))
        return int(command.stdout) if command.stdout.strip().isdecimal() else None

    async def forget(self) -> None:
        """Have the kernel forget what it learned of paths: later cells must not know it either."""
        family = f"-{sized_ping.version(self.peer_address)}"
        await self.host.run(["ip", family, "route", "flush", "cache"], check=False)


@dataclass(frozen=True)
class _Asked:
    """One size that was asked for."""

    size: int
    with_df: bool
    t_s: float
    answer: Answer


def _asked(link: LinkRecord, direction: Direction) -> Iterator[_Asked]:
    """Raises ValueError when ping's output on a link that is ok cannot be read."""
    commands = link.in_role(direction)
    for command in commands:
        try:
            answer = sized_ping.answer(command)
        except ValueError:
            # That it ended badly stands in the link's status.
            if link.status is Status.OK:
                raise
            continue
        how = command.argv[command.argv.index("-M") + 1]
        t_s = (command.started - commands[0].started).total_seconds()
        yield _Asked(sized_ping.size_of(command.argv), how == "probe", round(t_s, 6), answer)


def _whole(
    asked: Sequence[_Asked], link: LinkRecord, direction: Direction
) -> Iterator[Observation]:
    """The values of a whole run."""
    passed = [each for each in asked if each.answer.fate is Fate.PASSED]
    whole = [each.size for each in passed if each.with_df]
    if not whole:
        return
    silent = any(each.with_df and each.answer.fate is Fate.SILENT for each in asked)
    yield Observation(LARGEST_WHOLE, max(whole), link.pair, direction)
    yield Observation(LARGEST_ANY, max(each.size for each in passed), link.pair, direction)
    yield Observation(BLACK_HOLE, float(silent), link.pair, direction)


BENCHMARK = Mtu
register(*Mtu.metrics)
