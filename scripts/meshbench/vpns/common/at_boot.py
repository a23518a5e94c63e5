"""A system that the hosts' systemd starts when they boot, for as long as a block runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from meshbench.testbed.host import File, Host
from meshbench.testbed.unit_files import TARGET, UNIT_FOLDER
from meshbench.vpns.common.lifecycle import Mesh
from meshbench.vpns.common.units import AT_BOOT, forget_at_boot


@contextlib.asynccontextmanager
async def started_at_boot(mesh: Mesh) -> AsyncIterator[None]:
    """In the block every unit of the system is wanted by its host's boot; afterwards none is.

    The units, the configuration and the keys are where `lifecycle.install` put them, on disk. As
    distributions' own units do, they wait for `network-online.target`, and for those beside them
    that are started first.

    Raises:
        CommandError: when a host's systemd refuses. TestbedError when one cannot be reached.
    """
    hosts = [host for host in mesh.hosts if mesh.units(host.name)]
    try:
        await asyncio.gather(*(_want(host, mesh.units(host.name)) for host in hosts))
        yield
    finally:
        system = mesh.driver.system
        done = await asyncio.gather(
            *(_forget(host, system) for host in hosts), return_exceptions=True
        )
        if failed := [result for result in done if isinstance(result, BaseException)]:
            raise failed[0]


async def _want(host: Host, units: Sequence[str]) -> None:
    await host.upload([drop_in(unit, units[:index]) for index, unit in enumerate(units)])
    await host.run(["systemctl", "daemon-reload"])
    await host.run(["systemctl", "--quiet", "add-wants", TARGET, *units])


async def _forget(host: Host, system: str) -> None:
    await host.run(forget_at_boot(system))
    await host.run(["systemctl", "daemon-reload"])


def drop_in(unit: str, first: Sequence[str]) -> File:
    """What a unit waits for at boot; `first` are the units that are started before it."""
    after = " ".join(["network-online.target", *first])
    text = f"[Unit]\nWants=network-online.target\nAfter={after}\n"
    return File(UNIT_FOLDER / f"{unit}.d" / AT_BOOT, text.encode())
