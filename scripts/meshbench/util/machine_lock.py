"""Building and measuring exclude each other on one machine, also across workflows (flock(2)).

Many may measure at a time, in labs of their own; who builds is alone. A builder that waits goes
before those who come after it. All who share a cache folder are meant.
"""

import contextlib
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from meshbench.util.errors import TestbedError
from meshbench.util.files import cache
from meshbench.util.waiting import persist

log = logging.getLogger(__name__)

PATIENCE_S = 3 * 3600.0
_POLL_S = 0.1


class _Held:
    """The lock that this process measures under, so that it can build in between."""

    handle: int | None = None


@contextlib.asynccontextmanager
async def measuring() -> AsyncIterator[None]:
    """Nobody builds on this machine while the block runs.

    Raises:
        TestbedError: when somebody builds for longer than `PATIENCE_S`.
    """
    if _Held.handle is not None:
        yield
        return
    with _opened(cache() / "machine.queue") as queue, _opened(cache() / "machine.lock") as handle:
        await _lock(queue, fcntl.LOCK_SH)
        await _lock(handle, fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        _Held.handle = handle
        try:
            yield
        finally:
            _Held.handle = None


@contextlib.asynccontextmanager
async def building() -> AsyncIterator[None]:
    """Nobody measures or builds on this machine while the block runs; not even this process.

    Raises:
        TestbedError: when the others take longer than `PATIENCE_S`.
    """
    own = _Held.handle
    with _opened(cache() / "machine.queue") as queue, _opened(cache() / "machine.lock") as fresh:
        handle = fresh if own is None else own
        if own is not None:
            # Given up first: two who measure and both wait to build would wait for ever.
            fcntl.flock(own, fcntl.LOCK_UN)
        try:
            await _lock(queue, fcntl.LOCK_EX)
            await _lock(handle, fcntl.LOCK_EX)
            yield
        finally:
            fcntl.flock(queue, fcntl.LOCK_UN)
            if own is not None:
                fcntl.flock(own, fcntl.LOCK_UN)
                await _lock(own, fcntl.LOCK_SH)


@contextlib.asynccontextmanager
async def alone(path: Path) -> AsyncIterator[None]:
    """Nobody else is in a block with the same file.

    Raises:
        TestbedError: when somebody is for longer than `PATIENCE_S`.
    """
    with _opened(path) as handle:
        await _lock(handle, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        ours = path.is_relative_to(cache())
        hint = ": set MESHBENCH_CACHE to a folder that can" if ours else ""
        raise TestbedError(f"{path} cannot be written ({error.strerror}){hint}") from error
    try:
        yield handle
    finally:
        os.close(handle)


async def _lock(handle: int, kind: int) -> None:
    async def take() -> None:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)

    if await persist(take, 0, BlockingIOError) is None:
        return
    log.info("waiting for others who measure or build on this machine")
    if await persist(take, PATIENCE_S, BlockingIOError, every_s=_POLL_S):
        raise TestbedError(
            f"others measure or build on this machine for {PATIENCE_S:.0f} s already"
        )
