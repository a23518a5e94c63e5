"""How systems come back from a fault on one host: a restart, a crash, a cut underlay, a new address."""

import asyncio
import json
import logging
import random
import time
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from meshbench.benchmarks.base import (
    CANNOT,
    Arena,
    Benchmark,
    Headline,
    L,
    Link,
    Observation,
    Outcome,
    Pair,
)
from meshbench.benchmarks.tools import clocks, probe, recovery, versions
from meshbench.benchmarks.tools.probe import Probe
from meshbench.benchmarks.tools.recovery import Which
from meshbench.config.strict import Strict
from meshbench.results.metrics import register
from meshbench.results.records import Command, Record, Status, now, own_command
from meshbench.util.errors import VpnError

log = logging.getLogger(__name__)

Fault = Literal["restart", "kill", "cut", "readdress", "cold"]
_ASSUMED_HOSTS = 3
_AROUND_S = 2.0
"""What a repetition takes besides being watched: the fault, and what is asked of the daemons."""
_FIRST_LIMIT_S = 3.0
"""How long a pair, which has passed traffic, may take to answer before anything is broken."""
_LOOK_S = 0.5
_AFRESH_S = 0.6
"""After so long the ten requests that make a pair steady were all sent after the fault."""
_DIRECT_LIMIT_S = 10.0


class Options(Strict):
    faults: Annotated[tuple[Fault, ...], Field(min_length=1)] = (
        "restart", "kill", "cut", "readdress",
    )  # fmt: skip
    repetitions: Annotated[int, Field(ge=1, le=1000)] = 10
    """Of each fault on each host, and of `cold` on all at once; in one order, drawn from `seed`."""
    hosts: Literal["all", "special"] | Annotated[tuple[str, ...], Field(min_length=1)] = "all"
    """Hosts that are hit; the special one is the first of the testbed."""
    cut_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    watch_s: Annotated[float, Field(ge=0.5, le=600)] = 3.0
    """The least that is waited after a fault: what is noticed later than that may be missed."""
    limit_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """Of one repetition, after which the system is started anew."""
    second_addresses: Mapping[str, str] = {}
    """By host, the address that it gets; not needed in RFC 2544's network, where the lab is."""
    seed: int = 1


class Reconnect(Benchmark[Options]):
    """A probe on every ordered pair runs through all repetitions; all that is known comes of its log."""

    name = "reconnect"
    version = 2
    options_class = Options
    metrics = recovery.METRICS
    packages = ("iputils-ping",)
    tools = (versions.PING,)
    disturbs = True

    def headlines(self) -> Sequence[Headline]:
        return [Headline(recovery.MEDIAN, mode=fault) for fault in self.options.faults]

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        probing = probe.of(arena.hosts, _addresses((*arena.links, *group)), self.longest_s() + 600)
        schedule = self.schedule([host.name for host in arena.hosts])
        arena.keep(*await clocks.read(arena.hosts))
        began, clock = now(), time.monotonic()
        await probing.start()
        broken = None
        try:
            alive = await _first(probing, max(link.delay_s for link in group))
            if alive:
                await self._all(schedule, probing, alive, arena)
        except VpnError as error:
            broken = str(error)
        finally:
            by_pair = await probing.stop()
        arena.keep(*await clocks.read(arena.hosts))
        ran = {"started": began, "duration_s": round(time.monotonic() - clock, 3)}
        by_pair = {pair: command.model_copy(update=ran) for pair, command in by_pair.items()}
        of_links = {link.pair for link in group}
        arena.keep(*(command for pair, command in by_pair.items() if pair not in of_links))
        return [self._outcome(link, by_pair[link.pair], arena.kept, broken) for link in group]

    def schedule(self, hosts: Sequence[str]) -> list[Which]:
        """Every repetition, in an order that is the same for every system."""
        options = self.options
        chosen = {"all": tuple(hosts), "special": tuple(hosts[:1])}
        wanted = chosen[options.hosts] if isinstance(options.hosts, str) else options.hosts
        numbers = range(1, options.repetitions + 1)
        order = [
            Which(fault, host, number)
            for fault in options.faults
            for host in ((recovery.EVERYWHERE,) if fault == recovery.COLD else wanted)
            for number in numbers
        ]
        random.Random(options.seed).shuffle(order)  # noqa: S311
        return order

    async def _all(
        self, schedule: Sequence[Which], probing: Probe, alive: Collection[Pair], arena: Arena
    ) -> None:
        impossible: set[tuple[str, str]] = set()
        for which in schedule:
            if (which.fault, which.host) in impossible:
                continue
            try:
                over = await self._once(which, probing, alive, arena)
            finally:
                cannot = arena.kept[-1].returncode == CANNOT
            if cannot:
                impossible.add((which.fault, which.host))
            elif not over:
                log.info("reconnect: %s is not over; the system is started anew", which.mode)
                await arena.faults.revive()
                await self._over(probing, alive)

    async def _once(
        self, which: Which, probing: Probe, alive: Collection[Pair], arena: Arena
    ) -> bool:
        """One repetition; whether all pairs are back after it, and after what mended it."""
        faults, options, host = arena.faults, self.options, which.host
        fault, mended = which.role(recovery.FAULT), which.role(recovery.MENDED)
        if which.fault == "cut":
            async with faults.isolated(host, options.cut_s) as commands:
                arena.keep(commands[0].in_role(fault))
                await asyncio.sleep(options.cut_s)
            arena.keep(commands[1].in_role(mended))
            return await self._watched(which, probing, alive, arena)
        if which.fault == "readdress":
            address = options.second_addresses.get(host)
            async with faults.readdressed(host, address, options.limit_s) as commands:
                arena.keep(commands[0].in_role(fault))
                if commands[0].returncode == 0:
                    await self._watched(which, probing, alive, arena)
            arena.keep(*(command.in_role(mended) for command in commands[1:]))
            return len(commands) == 1 or await self._over(probing, alive)
        if which.fault == recovery.COLD:
            broken = await faults.cold_start()
        else:
            broken = await (faults.restart(host) if which.fault == "restart" else faults.kill(host))
        arena.keep(broken.in_role(fault))
        if broken.returncode != 0:
            return False
        return await self._watched(which, probing, alive, arena)

    async def _watched(
        self, which: Which, probing: Probe, alive: Collection[Pair], arena: Arena
    ) -> bool:
        """Wait until it is over, and ask the daemons as soon as it seems to be, and in the end."""
        last = arena.kept[-1]
        since_s = next(iter(clocks.stamps(last.stdout)), last.started.timestamp())

        async def ask() -> None:
            arena.keep(await _paths(arena, which))

        over = await self._over(probing, alive, ask)
        everywhere = which.host == recovery.EVERYWHERE
        if not everywhere and (handshakes := await arena.faults.handshakes(which.host, since_s)):
            arena.keep(handshakes.in_role(which.role(recovery.HANDSHAKES)))
        deadline = time.monotonic() + _DIRECT_LIMIT_S
        while over:
            paths = await _paths(arena, which)
            arena.keep(paths)
            relayed = "relay" in paths.stdout and not arena.faults.hub
            if not relayed or time.monotonic() > deadline:
                break
            await asyncio.sleep(_LOOK_S)
        return over

    async def _over(
        self,
        probing: Probe,
        alive: Collection[Pair],
        at_first: Callable[[], Awaitable[None]] | None = None,
    ) -> bool:
        """Whether all pairs that had answered do so steadily again within the limit.

        `at_first` is done when they first do, which may be before the fault is noticed.
        """
        limit_s = self.options.limit_s
        watch_s = min(self.options.watch_s, limit_s)
        began = time.monotonic()
        await asyncio.sleep(min(_AFRESH_S, watch_s) if at_first else watch_s)
        while True:
            steady = await _steady(probing, alive)
            rest_s = began + watch_s - time.monotonic()
            if steady and at_first:
                await at_first()
                at_first = None
            if steady and rest_s <= 0:
                return True
            if rest_s < watch_s - limit_s:
                return False
            await asyncio.sleep(rest_s if rest_s > 0 and not at_first else _LOOK_S)

    def _outcome(
        self, link: Link, command: Command, kept: Sequence[Command], broken: str | None
    ) -> Outcome:
        limit_s = self.longest_s() + 60 + link.delay_s
        sent = probe.requests(command.stdout)
        if not any(request.replied_s for request in sent):
            if sent and probe.ran(command.stdout):
                return Outcome(
                    Status.FAILED, f"none of {len(sent)} requests was answered", [command], limit_s
                )
            why = (command.stdout + command.stderr).strip()[-300:] or "nothing"
            return Outcome(
                Status.TOOL_FAILED, f"ping did not ask: it said {why}", [command], limit_s
            )
        events = recovery.events(kept, {}, self.options.limit_s)
        troubles = [event.trouble for event in events if event.trouble]
        if broken:
            return Outcome(Status.FAILED, broken, [command], limit_s)
        if events and len(troubles) == len(events):
            return Outcome(*troubles[0], [command], limit_s)
        return Outcome(Status.OK, None, [command], limit_s)

    def parse(self, record: Record) -> Iterator[Observation]:
        by_host = clocks.clocks(record.commands, shared=record.testbed.kind != "ssh")
        for host, clock in by_host.items():
            yield Observation(clocks.OFFSET, abs(clock.ahead_s) * 1000, host)
            yield Observation(clocks.UNCERTAINTY, clock.uncertainty_s * 1000, host)
        offsets_s = {host: clock.ahead_s for host, clock in by_host.items()}
        commands = [*record.commands, *(c for link in record.links for c in link.commands)]
        events = recovery.events(record.commands, offsets_s, self.options.limit_s)
        seen = recovery.recoveries(events, probe.traces(commands, offsets_s))
        for event in events:
            yield from recovery.of_event(event)
        for pair, recoveries in seen.items():
            for repetition in recoveries:
                yield from recovery.of_repetition(repetition, pair)
        for link in record.links:
            for fault in self.options.faults if link.pair in seen else ():
                yield from recovery.of_link(link.pair, fault, events, seen[link.pair])

    def duration_s(self) -> float:
        return self._repetitions_s(self.options.watch_s) + 2

    def longest_s(self) -> float:
        return self._repetitions_s(3 * self.options.limit_s) + 60

    def _repetitions_s(self, watched_s: float) -> float:
        options = self.options
        hosts = {"all": _ASSUMED_HOSTS, "special": 1}.get(str(options.hosts), len(options.hosts))
        extra = {"cut": options.cut_s, "readdress": watched_s}
        each = [
            (1 if fault == recovery.COLD else hosts) * (watched_s + _AROUND_S + extra.get(fault, 0))
            for fault in options.faults
        ]
        return options.repetitions * sum(each)


def _addresses(links: Sequence[Link]) -> dict[str, str]:
    """By host, where the others reach it."""
    return {
        name: address
        for link in links
        for name, address in (
            (link.source.name, link.source_address), (link.target.name, link.target_address),
        )
    }  # fmt: skip


async def _first(probing: Probe, delay_s: float) -> list[Pair]:
    """The pairs that answer steadily before anything is broken."""
    deadline = time.monotonic() + _FIRST_LIMIT_S + 4 * delay_s
    while True:
        steady = [pair for pair, tail in (await probing.look()).items() if probe.steady(tail)]
        if len(steady) == len(probing.pairs) or time.monotonic() > deadline:
            return steady
        await asyncio.sleep(_LOOK_S / 2)


async def _steady(probing: Probe, alive: Collection[Pair]) -> bool:
    tails = await probing.look()
    return all(probe.steady(tails[pair]) for pair in alive)


async def _paths(arena: Arena, which: Which) -> Command:
    """What the daemons tell of their paths, as a command's output: source, target and kind of each."""
    started = now()
    paths = await arena.faults.paths()
    output = json.dumps([[*pair, state.kind] for pair, state in paths.items()])
    role = which.role(recovery.PATHS)
    return own_command(which.host, ["(the daemons' status)"], output, started, role=role)


BENCHMARK = Reconnect
register(*Reconnect.metrics)
