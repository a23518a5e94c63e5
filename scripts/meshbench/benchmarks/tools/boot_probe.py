"""Probes of a reboot: each host asks its links' targets through the tunnel, and its peers beside it.

The probes of a host that reboots end with it. Its peers' go on, in both directions of its pairs where
the echo comes back; its own are begun again by its boot: a unit that is wanted by multi-user.target
asks all of its targets from before the network is there. What it says goes on in the same files, which
are on disk.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from meshbench.benchmarks.base import Link, Pair
from meshbench.benchmarks.tools import probe
from meshbench.benchmarks.tools.probe import Probe, Target
from meshbench.results.records import Command
from meshbench.testbed.host import SLICE, STATE, File, Host
from meshbench.testbed.unit_files import TARGET, UNIT_FOLDER, command_line

UNIT = "meshbench-probe-at-boot.service"
FOLDER = STATE / "probe"
_REMOVE = """
rm -f -- "$1/$2" "$1/multi-user.target.wants/$2"
systemctl daemon-reload
"""


def beside(host: str) -> str:
    """The name of a host as the target of a probe beside the VPN."""
    return f"{host}.data"


def of(links: Sequence[Link], limit_s: float) -> Probe:
    """The probes of these links, through the tunnel and, of each of their pairs, beside it."""
    hosts: dict[str, Host] = {}
    targets: dict[str, dict[str, Target]] = {}
    for link in links:
        source, target = link.pair
        hosts |= {source: link.source, target: link.target}
        mine = targets.setdefault(source, {})
        mine[target] = Target(target, link.target_address)
        for host, other in ((link.source, link.target), (link.target, link.source)):
            name = beside(other.name)
            targets.setdefault(host.name, {})[name] = Target(name, other.address.data_address)
    ordered = {name: tuple(those.values()) for name, those in targets.items()}
    return Probe(hosts, ordered, limit_s, FOLDER)


@contextlib.asynccontextmanager
async def at_boot(watch: Probe) -> AsyncIterator[None]:
    """In the block each host that boots begins its probes again by itself."""
    try:
        await asyncio.gather(*(_want(watch, name) for name in watch.targets))
        yield
    finally:
        await asyncio.gather(*(remove(watch.hosts[name]) for name in watch.targets))


async def _want(watch: Probe, source: str) -> None:
    host = watch.hosts[source]
    await host.upload([unit_file(watch, source)])
    await host.run(["systemctl", "daemon-reload"])
    await host.run(["systemctl", "--quiet", "add-wants", TARGET, UNIT])


def unit_file(watch: Probe, source: str) -> File:
    """What a host is to start at boot."""
    lines = [
        "[Unit]",
        "Description=meshbench: the probes of a host that has rebooted",
        "[Service]",
        f"Slice={SLICE}",
        f"RuntimeMaxSec={watch.limit_s:.0f}",
        "Environment=LC_ALL=C",
        f"ExecStart={command_line(watch.argv(source))}",
    ]
    return File(UNIT_FOLDER / UNIT, "\n".join([*lines, ""]).encode())


async def remove(host: Host) -> None:
    """Take the unit away. Idempotent."""
    await host.stop(UNIT)
    await host.run(["sh", "-c", _REMOVE, "sh", str(UNIT_FOLDER), UNIT])


async def passing(watch: Probe, links: Sequence[Link]) -> set[Pair]:
    """The links' pairs of which the last ten requests were answered, just now."""
    tails = await watch.look()
    return {link.pair for link in links if probe.steady(tails.get(link.pair, ""))}


async def stop(watch: Probe) -> dict[Pair, Command]:
    """End the probes, those that a boot began too; what ping said on each pair."""
    await asyncio.gather(*(watch.hosts[name].stop(UNIT) for name in watch.targets))
    return await watch.stop()
