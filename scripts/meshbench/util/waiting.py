"""Waiting for what will be, by looking again and again: no fixed sleeps."""

import asyncio
import time
from collections.abc import Awaitable, Callable

EVERY_S = 0.02


async def until(
    holds: Callable[[], Awaitable[bool]], limit_s: float, every_s: float = EVERY_S
) -> bool:
    """Whether something held within the limit; looked at once at least."""
    deadline = time.monotonic() + limit_s
    while not await holds():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every_s)
    return True


async def persist(
    attempt: Callable[[], Awaitable[object]],
    limit_s: float,
    *errors: type[Exception],
    every_s: float = EVERY_S,
) -> Exception | None:
    """Attempt something until it raises none of these errors.

    Returns the last error when the limit is over, None after a success.
    """
    last: list[Exception] = []

    async def succeeds() -> bool:
        try:
            await attempt()
        except errors as error:
            last[:] = [error]
            return False
        return True

    return None if await until(succeeds, limit_s, every_s) else last[0]
