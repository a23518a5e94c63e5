"""Waiting for what a host becomes."""

from collections.abc import Awaitable, Callable

from meshbench.testbed.host import Host
from meshbench.util.waiting import until


async def active(host: Host, unit: str) -> bool:
    """Whether a service runs."""
    asked = await host.run(["systemctl", "is-active", "--quiet", "--", unit], check=False)
    return asked.returncode == 0


async def ready(
    host: Host, unit: str, holds: Callable[[], Awaitable[bool]], limit_s: float
) -> bool:
    """Whether a service became what is waited for within the limit, or before it ended."""
    held = False

    async def settled() -> bool:
        nonlocal held
        held = await holds()
        return held or not await active(host, unit)

    await until(settled, limit_s)
    return held


async def listening(
    host: Host, port: int, limit_s: float, protocols: str = "tu", unit: str | None = None
) -> bool:
    """Whether a program listened on a TCP (t) or UDP (u) port of a host within the limit.

    Where its service is named, it is not waited for once that has ended.
    """

    async def listens() -> bool:
        return bool((await host.run(["ss", f"-Hln{protocols}", f"sport = :{port}"])).stdout.strip())

    return await (ready(host, unit, listens, limit_s) if unit else until(listens, limit_s))
