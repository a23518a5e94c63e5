"""Ten packets on all links at once."""

import asyncio
import re
from collections.abc import Iterator, Sequence

from meshbench.benchmarks.base import Arena, Headline, L, Link, Observation, Outcome, PerLink
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import LinkRecord, Status

TOGETHER = Metric("flood_rtt", "ms", "RTT of all links at once", "lower", "Mean RTT.", "ping: avg")
_MEAN = re.compile(r"^rtt [^=]*= [\d.]+/([\d.]+)/", re.MULTILINE)


class Options(Strict):
    count: int = 10


class Flood(PerLink[Options]):
    name = "flood"
    version = 1
    options_class = Options
    metrics = (TOGETHER,)

    def headlines(self) -> Sequence[Headline]:
        return [Headline(TOGETHER)]

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return await asyncio.gather(*(self._ping(link) for link in group))

    async def _ping(self, link: Link) -> Outcome:
        argv = ["ping", "-n", "-c", str(self.options.count), "-i", "0.2", link.target_address]
        command = (await link.source.run(argv, limit_s=20, check=False)).in_role("ping")
        if _MEAN.search(command.stdout):
            return Outcome(Status.OK, None, [command], 20)
        return Outcome(Status.FAILED, "no reply", [command], 20)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        for command in link.in_role("ping"):
            if mean := _MEAN.search(command.stdout):
                yield Observation(TOGETHER, float(mean[1]), link.pair)

    def duration_s(self) -> float:
        return 0.2 * self.options.count


BENCHMARK = Flood
register(*Flood.metrics)
