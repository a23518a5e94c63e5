"""Debian packages on hosts that are not the lab's: there, installed if that is allowed, or named."""

import asyncio
from collections.abc import Sequence

from meshbench.testbed import programs
from meshbench.testbed.host import CommandError, Host
from meshbench.util.errors import UnavailableError, VpnError
from meshbench.vpns.base import Driver

_LIMIT_S = 600.0
_APT = ("apt-get", "install", "-y", "--no-install-recommends")


async def lacking(driver: Driver, host: Host) -> list[str]:
    """Those of the VPN's programs that a host does not have."""
    lacks = await programs.absent(host, [driver.program(name) for name in driver.programs])
    return [name for name in driver.programs if driver.program(name) in lacks]


async def provide(
    hosts: Sequence[Host], driver: Driver, names: Sequence[str], allowed: bool
) -> None:
    """Install a VPN's Debian packages on the hosts that lack its programs.

    Raises:
        UnavailableError: when it is not allowed, with the command that does it.
        VpnError: with what apt says.
    """
    await asyncio.gather(*(_provide(host, driver, names, allowed) for host in hosts))


async def _provide(host: Host, driver: Driver, names: Sequence[str], allowed: bool) -> None:
    # Programs from elsewhere are put there by ourselves.
    wanted = [name for name in await lacking(driver, host) if driver.program(name) == name]
    if not wanted or not names:
        return
    words = " ".join([*_APT, *names])
    if not allowed:
        raise UnavailableError(
            f"{host.name}: {', '.join(wanted)} is not installed; do there, as root: {words}, or "
            "say install: true in the testbed's file"
        )
    try:
        await host.run(["env", "DEBIAN_FRONTEND=noninteractive", *_APT, *names], limit_s=_LIMIT_S)
    except CommandError as error:
        raise VpnError(str(error)) from error
