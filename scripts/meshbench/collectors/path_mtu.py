"""The path MTU through a tunnel: searched for with echo requests that may not be fragmented."""

import asyncio
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

from meshbench.benchmarks.base import Observation
from meshbench.benchmarks.tools import sized_ping
from meshbench.collectors.base import Collector
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Record
from meshbench.testbed.host import Host
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh

PATH_MTU = Metric(
    "path_mtu",
    "byte",
    "Path MTU",
    "higher",
    "The largest packet that passed the tunnel whole when the VPN had come up.",
    "ping -M do (RFC 1191, RFC 8201)",
)
FIRST_LIMIT_S = 0.5
SHORTEST_LIMIT_S = 0.15
LONGEST_LIMIT_S = 1.0


async def search(mesh: Mesh) -> dict[str, int]:
    """The largest packet in bytes that each ordered pair passes whole, by the pair's name.

    A pair that answers nothing, or whose interface is not there, is left out. It is a search on an
    unimpaired network: a size counts as too large when two requests in turn stay without a reply
    for ten times the pair's RTT.
    """
    pairs = list(itertools.permutations(mesh.hosts, 2))
    sizes = await asyncio.gather(*(_largest(mesh, source, target) for source, target in pairs))
    # What the kernels have learned of the path on the way must not decide what is measured later.
    await asyncio.gather(*(_forget(host) for host in mesh.hosts))
    return {
        lifecycle.pair(source.name, target.name): size
        for (source, target), size in zip(pairs, sizes, strict=True)
        if size is not None
    }


async def _forget(host: Host) -> None:
    for family in ("-4", "-6"):
        await host.run(["ip", family, "route", "flush", "cache"], check=False)


@dataclass(frozen=True)
class _Path:
    source: Host
    interface: str
    address: str

    async def rtt_s(self, size: int, limit_s: float) -> float | None:
        """Of one packet of `size` bytes that may not be fragmented; None if nothing came back."""
        limits = ("-q", "-W", f"{limit_s:.3f}")
        row = sized_ping.request(self.address, size, "do", self.interface, *limits)
        rtt_ms = sized_ping.rtt_ms(await self.source.run(row, check=False))
        return None if rtt_ms is None else rtt_ms / 1000

    async def passes(self, size: int, limit_s: float) -> bool:
        for _ in range(2):
            if await self.rtt_s(size, limit_s) is not None:
                return True
        return False


async def _largest(mesh: Mesh, source: Host, target: Host) -> int | None:
    interface = lifecycle.interface_of(mesh, source)
    link = await source.run(["cat", f"/sys/class/net/{interface}/mtu"], check=False)
    if not link.stdout.strip().isdigit():
        return None
    path = _Path(source, interface, mesh.address(target.name))
    whole = sized_ping.LEAST[sized_ping.version(path.address)]
    ceiling = min(int(link.stdout), sized_ping.LARGEST)
    first = [await path.rtt_s(whole, FIRST_LIMIT_S) for _ in range(2)]
    rtts_s = [rtt_s for rtt_s in first if rtt_s is not None]
    if not rtts_s:
        return None
    limit_s = min(max(10 * max(rtts_s), SHORTEST_LIMIT_S), LONGEST_LIMIT_S)

    async def passes(size: int) -> bool:
        return await path.passes(size, limit_s)

    return ceiling if await passes(ceiling) else await sized_ping.largest(passes, whole, ceiling)


class PathMtu(Collector):
    """Of each link's path, as `search` found it when the VPN had come up."""

    name = "path_mtu"
    metrics = (PATH_MTU,)

    def parse(self, record: Record) -> Iterator[Observation]:
        for link in record.links:
            if link.path_after and link.path_after.path_mtu is not None:
                yield Observation(PATH_MTU, link.path_after.path_mtu, link.pair)


COLLECTOR = PathMtu
register(*PathMtu.metrics)
