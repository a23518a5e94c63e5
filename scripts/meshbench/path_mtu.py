"""The path MTU through a tunnel: a search with echo requests that may not be fragmented."""

import asyncio
import ipaddress
import itertools

from meshbench.testbed.host import Host
from meshbench.vpns import lifecycle
from meshbench.vpns.lifecycle import Mesh

LEAST = {4: 68, 6: 1280}
"""By IP version, what every path has to carry (RFC 791, RFC 8200)."""
_HEADERS = {4: 20 + 8, 6: 40 + 8}
_ANSWER_LIMIT_S = 0.5


async def search(mesh: Mesh) -> dict[str, int]:
    """The largest packet in bytes that each ordered pair passes whole, by the pair's name.

    A pair that answers nothing, or whose interface is not there, is left out. It is a search on an
    unimpaired network: a size counts as too large when two requests in turn stay without a reply.
    """
    pairs = list(itertools.permutations(mesh.hosts, 2))
    found = await asyncio.gather(*(_largest(mesh, source, target) for source, target in pairs))
    # What the kernels have learned of the path on the way must not decide what is measured later.
    await asyncio.gather(*(_forget(host) for host in mesh.hosts))
    return {
        lifecycle.pair(source.name, target.name): size
        for (source, target), size in zip(pairs, found, strict=True)
        if size is not None
    }


async def _forget(host: Host) -> None:
    for family in ("-4", "-6"):
        await host.run(["ip", family, "route", "flush", "cache"], check=False)


async def _largest(mesh: Mesh, source: Host, target: Host) -> int | None:
    interface, address = lifecycle.interface_of(mesh, source), mesh.address(target.name)
    link = await source.run(["cat", f"/sys/class/net/{interface}/mtu"], check=False)
    if not link.stdout.strip().isdigit():
        return None
    version = ipaddress.ip_address(address).version
    too_large = min(int(link.stdout), 65535) + 1
    passes = LEAST[version]

    async def whole(size: int) -> bool:
        payload = str(size - _HEADERS[version])
        row = [
            "ping", "-n", "-q", "-c", "1", "-W", str(_ANSWER_LIMIT_S), "-M", "do", "-s", payload,
            "-I", interface, address,
        ]  # fmt: skip
        return (await source.run(row, check=False)).returncode == 0

    async def tried(size: int) -> bool:
        return await whole(size) or await whole(size)

    if await tried(too_large - 1):
        return too_large - 1
    if not await tried(passes):
        return None
    while too_large - passes > 1:
        middle = (passes + too_large) // 2
        if await tried(middle):
            passes = middle
        else:
            too_large = middle
    return passes
