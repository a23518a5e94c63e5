"""One host at a time really reboots: how long until it, its VPN and each pair are there again."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from meshbench.benchmarks.base import (
    RESTORED,
    Arena,
    Benchmark,
    Headline,
    L,
    Link,
    Observation,
    Outcome,
    Pair,
)
from meshbench.benchmarks.tools import (
    boot_probe,
    boot_times,
    probe,
    reboot_stages,
    reboot_values,
    versions,
)
from meshbench.benchmarks.tools import reboot_metrics as m
from meshbench.benchmarks.tools.probe import Probe
from meshbench.benchmarks.tools.reboot_stages import BESIDE, REBOOT, TUNNEL, role
from meshbench.config.profile import HostName
from meshbench.config.strict import Strict
from meshbench.results.metrics import register
from meshbench.results.records import Command, LinkRecord, Record, Status, now
from meshbench.testbed.host import Host
from meshbench.util.foreign import quoted
from meshbench.util.waiting import until

SETTLE_S = 4.0
"""How long a pair may take to answer ten requests in turn before a reboot, beside its path's delay."""
BACK_S = 300.0
"""How long a host may be away, as `faults.reboot` has it, unless its last boot took long."""
_LOOK_S = 0.5
_USUAL_S = 8.0
"""Of one reboot in the lab with what is around it."""
_USUAL_HOSTS = 3


class Options(Strict):
    repetitions: Annotated[int, Field(ge=1, le=100)] = 3
    """Reboots of each host."""
    limit_s: Annotated[float, Field(gt=0, le=3600)] = 120
    """From the host's first reply beside the VPN until a pair is stable."""
    hosts: tuple[HostName, ...] | None = None
    """Those that are rebooted; all at the ends of the campaign's links if not said."""


class Reboot(Benchmark[Options]):
    """Host after host, `repetitions` times; all pairs are watched all the time.

    In the benchmark, and only there, the VPN's units are wanted by the hosts' boot.
    """

    name = "reboot"
    version = 1
    options_class = Options
    metrics = m.ALL
    packages = ("iputils-ping",)
    tools = (versions.PING,)
    disturbs = True
    reboots = True

    def headlines(self) -> Sequence[Headline]:
        return [Headline(metric) for metric in reboot_values.HEADLINES]

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        async with arena.faults.at_boot():
            yield

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        delay_s = max(link.delay_s for link in group)
        watch = boot_probe.of(group, self._longest_reboot_s + delay_s)
        run = _Run(self.options, group, arena, watch, delay_s)
        async with boot_probe.at_boot(watch):
            await run.reboots()
        return [run.outcome(link) for link in group]

    def parse(self, record: Record) -> Iterator[Observation]:
        events = reboot_stages.events(record.commands)
        on_links = [
            reboot_stages.of_link(link, events, self.options.limit_s) for link in record.links
        ]
        yield from reboot_values.of_hosts(events, on_links)
        for on_link in on_links:
            yield from reboot_values.of_link(on_link)

    def marks(self, link: LinkRecord) -> Iterator[str]:
        outputs = (c.stdout.splitlines() for c in link.commands if c.role == RESTORED)
        for lost in dict.fromkeys(word for words in outputs for word in words):
            yield f"until a host that rebooted answered the controller it was without its {lost}"

    @property
    def _longest_reboot_s(self) -> float:
        return SETTLE_S + BACK_S + self.options.limit_s + 60

    def duration_s(self) -> float:
        return self.options.repetitions * _USUAL_S * len(self.options.hosts or range(_USUAL_HOSTS))

    def longest_s(self) -> float:
        hosts = len(self.options.hosts or range(_USUAL_HOSTS))
        return self.options.repetitions * hosts * self._longest_reboot_s


@dataclass
class _Run:
    """The reboots of one cell, and what is kept of them."""

    options: Options
    group: Sequence[Link]
    arena: Arena
    watch: Probe
    delay_s: float
    commands: dict[Pair, list[Command]] = field(default_factory=dict)
    kept: list[Command] = field(default_factory=list)

    @property
    def hosts(self) -> list[Host]:
        """Those that are to be rebooted, in the testbed's order."""
        ends = {host for link in self.group for host in link.pair}
        chosen = ends if self.options.hosts is None else ends & {*self.options.hosts}
        return [host for host in self.arena.hosts if host.name in chosen]

    async def reboots(self) -> None:
        """Ends early when no pair passes any traffic any more."""
        for number in range(1, self.options.repetitions + 1):
            for host in self.hosts:
                if not await self._reboot(host, number):
                    return

    async def _reboot(self, host: Host, number: int) -> bool:
        """Whether anything passed before."""
        commands: list[Command] = []
        await self.watch.start()
        began, clock = now(), time.monotonic()
        try:
            if passed := await self._steady(SETTLE_S + self.delay_s):
                commands.append(await self._asked(host, number))
                await self._steady(self.options.limit_s + self.delay_s)
                commands += await self._facts(host, number)
        finally:
            ran = {"started": began, "duration_s": round(time.monotonic() - clock, 6)}
            stopped = await boot_probe.stop(self.watch)
            by_pair = {pair: c.model_copy(update=ran) for pair, c in stopped.items()}
        self.kept += commands
        self.arena.keep(*commands)
        for link in self.group:
            self.commands.setdefault(link.pair, []).extend(
                self._probes(link, by_pair, host, number)
            )
        return passed

    async def _asked(self, host: Host, number: int) -> Command:
        asked = await self.arena.faults.reboot(host.name)
        restored = await self.arena.faults.restore(host.name)
        for link in self.group:
            if host.name in link.pair:
                self.commands.setdefault(link.pair, []).extend(restored)
        return asked.in_role(role(REBOOT, host.name, number))

    async def _steady(self, limit_s: float) -> bool:
        """Wait until every pair answers ten requests in turn; whether any did."""
        passing: set[Pair] = set()

        async def all_do() -> bool:
            passing.clear()
            passing.update(await boot_probe.passing(self.watch, self.group))
            return len(passing) == len(self.group)

        await until(all_do, limit_s, _LOOK_S)
        return bool(passing)

    async def _facts(self, host: Host, number: int) -> list[Command]:
        peers = [self.arena.host(p) for p in self.watch.targets if p != host.name]
        booted, *clocks = await asyncio.gather(
            self.arena.faults.booted(host.name), *(boot_times.ask_clock(peer) for peer in peers)
        )
        return [
            command.in_role(role(command.role, host.name, number))
            for command in (*booted, *(command for those in clocks for command in those))
        ]

    def _probes(
        self, link: Link, by_pair: dict[Pair, Command], host: Host, number: int
    ) -> Iterator[Command]:
        source, target = link.pair
        yield by_pair[source, target].in_role(role(TUNNEL, host.name, number))
        if host.name in link.pair:
            peer = target if host.name == source else source
            yield by_pair[peer, boot_probe.beside(host.name)].in_role(
                role(BESIDE, host.name, number)
            )

    def outcome(self, link: Link) -> Outcome:
        limit_s = self.options.limit_s + self.delay_s
        commands = self.commands.get(link.pair, [])
        source, target = link.pair
        record = LinkRecord(source=source, target=target, status=Status.OK, commands=commands)
        status, reason = judge(record, self.kept, self.options.limit_s)
        return Outcome(status, reason, commands, limit_s)


def judge(link: LinkRecord, kept: Sequence[Command], limit_s: float) -> tuple[Status, str | None]:
    """What the reboots mean for a link."""
    try:
        events = reboot_stages.events(kept)
        on_link = reboot_stages.of_link(link, events, limit_s)
    except ValueError as error:
        return Status.TOOL_FAILED, str(error)
    outputs = [command.stdout for command in link.commands]
    if outputs and not any(probe.ran(text) for text in outputs):
        return Status.TOOL_FAILED, f"ping did not ask: it said {quoted(outputs[0].strip()[-300:])}"
    if not events:
        return Status.FAILED, f"no reply within {SETTLE_S:g} s before a reboot"
    if trouble := next((s.trouble for s in on_link.stages if s.trouble), None):
        return Status.TIMEOUT, trouble
    if on_link.skipped:
        return Status.FAILED, on_link.skipped[0]
    return Status.OK, None


BENCHMARK = Reboot
register(*Reboot.metrics)
