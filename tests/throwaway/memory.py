"""What memory the hosts have left: values of hosts, not of links."""

import asyncio
import re
from collections.abc import Iterator, Sequence

from meshbench.benchmarks.base import Arena, Benchmark, Headline, L, Link, Observation, Outcome
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Record, Status

AVAILABLE = Metric(
    "memory_available", "byte", "Memory available", "higher", "Of a host.", "/proc/meminfo"
)
_LINE = re.compile(r"^MemAvailable:\s+(\d+) kB", re.MULTILINE)


class Options(Strict):
    pass


class Memory(Benchmark[Options]):
    name = "memory"
    version = 1
    options_class = Options
    metrics = (AVAILABLE,)

    def headlines(self) -> Sequence[Headline]:
        return [Headline(AVAILABLE, of="host")]

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        read = ["cat", "/proc/meminfo"]
        commands = await asyncio.gather(*(host.run(read, check=False) for host in arena.hosts))
        arena.keep(*(command.in_role("meminfo") for command in commands))
        return [Outcome(Status.OK, None, [], 30) for _ in group]

    def parse(self, record: Record) -> Iterator[Observation]:
        for command in record.commands:
            if available := _LINE.search(command.stdout):
                yield Observation(AVAILABLE, 1024 * int(available[1]), command.host)

    def duration_s(self) -> float:
        return 0.1


BENCHMARK = Memory
register(*Memory.metrics)
