"""The testbed's lease: one user at a time, held on the hosts by an open connection."""

import asyncio
import contextlib
import json
import logging
import os
import shlex
import socket
from collections.abc import AsyncIterator

import asyncssh

from meshbench.results.records import now
from meshbench.testbed.host import RUN
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError

log = logging.getLogger(__name__)

_FILE = f"{RUN}/lease"
# flock(1) holds the lock while cat lives; when the connection ends, in whatever way, so does cat.
_HOLD = 'read -r owner; printf "%s\\n" "$owner" >"$0.owner"; echo held; exec cat >/dev/null'
_ACQUIRE = f"mkdir -p {RUN} && exec flock -w \"$1\" -E 75 {_FILE} sh -c '{_HOLD}' {_FILE}"


@contextlib.asynccontextmanager
async def lease(host: SshHost, purpose: str, wait_s: float = 600.0) -> AsyncIterator[None]:
    """Hold the testbed while the block runs; `host` is the testbed's first one.

    What the block raises is passed on as it is.

    Raises:
        TestbedError: when somebody else holds it for longer than `wait_s`, saying who; when the
            lease is lost before the block has ended, which ends the block at once.
    """
    holder = await _start(host, wait_s)
    try:
        await _take(host, holder, purpose, wait_s)
        async with _kept(host, holder):
            yield
    finally:
        with contextlib.suppress(OSError, asyncssh.Error):
            holder.stdin.write_eof()
        holder.close()


async def _start(host: SshHost, wait_s: float) -> asyncssh.SSHClientProcess[str]:
    connection = await host.connect()
    log.debug("%s: taking the lease, waiting %.0f s at most", host.name, wait_s)
    try:
        line = f"sh -c {shlex.quote(_ACQUIRE)} sh {wait_s:.0f}"
        return await connection.create_process(line)
    except (OSError, asyncssh.Error) as error:
        raise TestbedError(f"{host.name}: no lease: {error}") from error


async def _take(
    host: SshHost, holder: asyncssh.SSHClientProcess[str], purpose: str, wait_s: float
) -> None:
    owner = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "purpose": purpose,
        "since": now().isoformat(timespec="seconds"),
    }
    try:
        holder.stdin.write(json.dumps(owner) + "\n")
        answer = await asyncio.wait_for(holder.stdout.readline(), wait_s + 10)
    except (OSError, asyncssh.Error, TimeoutError) as error:
        raise TestbedError(f"{host.name}: no lease: {str(error) or 'no answer'}") from error
    if answer.strip() != "held":
        raise TestbedError(f"the testbed is in use by {await _owner(host)}; waited {wait_s:.0f} s")


@contextlib.asynccontextmanager
async def _kept(host: SshHost, holder: asyncssh.SSHClientProcess[str]) -> AsyncIterator[None]:
    """End the block when what holds the lease ends: somebody else may take it from then on."""
    limit = asyncio.timeout(None)

    async def watch() -> None:
        await holder.wait_closed()
        limit.reschedule(asyncio.get_running_loop().time())

    try:
        async with limit:
            watching = asyncio.create_task(watch())
            try:
                yield
            finally:
                watching.cancel()
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TestbedError(f"{host.name}: the lease was lost on the way") from error


async def _owner(host: SshHost) -> str:
    said = await host.run(["cat", f"{_FILE}.owner"], check=False)
    return said.stdout.strip() or "somebody"
