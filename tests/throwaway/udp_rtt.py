"""Round trips of UDP datagrams, by irtt."""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Annotated

from pydantic import Field

from meshbench.benchmarks.base import Arena, Headline, Link, Observation, Outcome, PerLink
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Status
from meshbench.testbed.host import Unit
from meshbench.testbed.waiting import listening
from meshbench.util.errors import ToolError

RTT_MAX = Metric(
    "udp_rtt_max", "ms", "Largest UDP RTT", "lower",
    "Largest round-trip time of the datagrams that came back.", "irtt JSON: stats.rtt.max",
)  # fmt: skip
LOST = Metric(
    "udp_rtt_loss", "1", "UDP round-trip loss", "lower",
    "Share of the datagrams that did not come back.", "irtt JSON: stats.packet_loss_percent",
)  # fmt: skip


class Options(Strict):
    duration_s: Annotated[float, Field(gt=0, le=3600)] = 10
    interval_ms: Annotated[float, Field(ge=1)] = 20


class UdpRtt(PerLink[Options]):
    """One link after the other, so that no link's datagrams meet another's."""

    name = "udp_rtt"
    version = 1
    options_class = Options
    metrics = (RTT_MAX, LOST)
    packages = ("irtt",)

    def headlines(self) -> Sequence[Headline]:
        return [Headline(RTT_MAX), Headline(LOST)]

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        try:
            for link in arena.links:
                argv = ["irtt", "server", "-b", f":{link.port}", "-i", "0"]
                await link.target.start(Unit(_unit(link), argv))
                if not await listening(link.target, link.port, 10, "u"):
                    raise ToolError(f"{link.target.name}: irtt does not listen")
            yield
        finally:
            for link in arena.links:
                await link.target.stop(_unit(link))

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        [link] = group
        limit_s = self.options.duration_s + 20 + link.delay_s
        argv = [
            "irtt", "client", "-q", "-o", "-", "-d", f"{self.options.duration_s:g}s",
            "-i", f"{self.options.interval_ms:g}ms", f"{link.target_address}:{link.port}",
        ]  # fmt: skip
        command = await link.source.run(argv, limit_s=limit_s, check=False)
        status, reason = _judge(command)
        return [Outcome(status, reason, [command.in_role("irtt")], limit_s)]

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        for command in link.in_role("irtt"):
            stats = json.loads(command.stdout)["stats"]
            yield Observation(RTT_MAX, stats["rtt"]["max"] / 1e6, link.pair)
            yield Observation(LOST, stats["packet_loss_percent"] / 100, link.pair)

    def duration_s(self) -> float:
        return self.options.duration_s


def _unit(link: Link) -> str:
    return f"meshbench-udp-rtt-{link.port}"


def _judge(command: Command) -> tuple[Status, str | None]:
    if command.returncode == 0:
        return Status.OK, None
    if "no reply" in command.stderr:
        return Status.FAILED, f"no datagram came back: {command.stderr.strip()[:300]}"
    ended = f"irtt ended with {command.returncode}: {command.stderr.strip()[:300]}"
    return Status.TOOL_FAILED, ended


BENCHMARK = UdpRtt
register(*UdpRtt.metrics)
