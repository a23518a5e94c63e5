"""How long a link is silent when its target's daemon is restarted."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from meshbench.benchmarks.base import Arena, Headline, Link, Observation, Outcome, PerLink
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import LinkRecord, Status

SILENCE = Metric(
    "comeback_silence", "s", "Silence after a restart", "lower",
    "Longest time without a reply around a restart of the target's daemon.", "ping -D",
)  # fmt: skip
_REPLY = re.compile(r"^\[([\d.]+)\] .*time=", re.MULTILINE)


class Options(Strict):
    watched_s: float = 4.0


class Comeback(PerLink[Options]):
    name = "comeback"
    version = 1
    options_class = Options
    metrics = (SILENCE,)
    disturbs = True

    def headlines(self) -> Sequence[Headline]:
        return [Headline(SILENCE)]

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        [link] = group
        count = round(self.options.watched_s / 0.05)
        argv = ["ping", "-n", "-D", "-c", str(count), "-i", "0.05", link.target_address]
        probe = asyncio.ensure_future(link.source.run(argv, limit_s=60, check=False))
        await asyncio.sleep(self.options.watched_s / 4)
        arena.keep(await arena.faults.restart(link.target.name))
        command = (await probe).in_role("probe")
        if len(_REPLY.findall(command.stdout)) > 1:
            return [Outcome(Status.OK, None, [command], 60)]
        return [Outcome(Status.FAILED, "it never came back", [command], 60)]

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        for command in link.in_role("probe"):
            times = [float(at) for at in _REPLY.findall(command.stdout)]
            gaps = [later - earlier for earlier, later in pairwise(times)]
            if gaps:
                yield Observation(SILENCE, max(gaps), link.pair)

    def duration_s(self) -> float:
        return self.options.watched_s


BENCHMARK = Comeback
register(*Comeback.metrics)
