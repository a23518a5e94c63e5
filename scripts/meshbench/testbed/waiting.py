"""Waiting for what a host becomes, by looking again and again: no fixed sleeps."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from meshbench.testbed.host import Host

EVERY_S = 0.02


async def until(holds: Callable[[], Awaitable[bool]], limit_s: float) -> bool:
    """Whether something held within the limit; looked at once at least."""
    deadline = time.monotonic() + limit_s
    while not await holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(EVERY_S)
    return True


async def listening(host: Host, port: int, limit_s: float, protocols: str = "tu") -> bool:
    """Whether a program listened on a TCP (t) or UDP (u) port of a host within the limit."""

    async def listens() -> bool:
        return bool((await host.run(["ss", f"-Hln{protocols}", f"sport = :{port}"])).stdout.strip())

    return await until(listens, limit_s)
