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
from meshbench.util.waiting import until

log = logging.getLogger(__name__)

RENEW_LIMIT_S = 300.0
"""How long a host may be away, e.g. for a reboot, before its lease counts as lost."""
LOCK = f"{RUN}/lease"
# flock(1) holds the lock while cat lives; when the connection ends, in whatever way, so does cat.
_HOLD = (
    'read -r owner; last=$(cat "$0.owner" 2>/dev/null); printf "%s\\n" "$owner" >"$0.owner"; '
    'printf "held %s\\n" "$last"; exec cat >/dev/null'
)
_ACQUIRE = f'mkdir -p {RUN} && exec flock -w "$1" -E 75 {LOCK} sh -c {shlex.quote(_HOLD)} {LOCK}'

Holder = asyncssh.SSHClientProcess[str]


@contextlib.asynccontextmanager
async def lease(host: SshHost, purpose: str, wait_s: float = 600.0) -> AsyncIterator[None]:
    """Hold the testbed while the block runs; `host` is the testbed's first one.

    What the block raises is passed on as it is. A host that is rebooted in the block, or whose
    connection breaks, forgets the lease: it is taken again if nobody had it meanwhile.

    Raises:
        TestbedError: when somebody else holds it for longer than `wait_s`, saying who; when it is
            lost for good before the block has ended, which ends the block at once.
    """
    mine = _Lease(host, _line(purpose))
    await mine.take(wait_s)
    try:
        async with _kept(mine):
            yield
    finally:
        mine.give_back()


def _line(purpose: str) -> str:
    owner = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "purpose": purpose,
        "since": now().isoformat(timespec="seconds"),
    }
    return json.dumps(owner)


class _InUseError(TestbedError):
    """Somebody else has it."""


class _Lease:
    """The lease in one process's hands: a command on the host that lives as long as it is held."""

    def __init__(self, host: SshHost, owner: str) -> None:
        self.host = host
        self._owner = owner
        self._holder: Holder | None = None

    async def take(self, wait_s: float) -> str:
        """Returns the line of whoever had it last. Raises TestbedError."""
        log.debug("%s: taking the lease, waiting %.0f s at most", self.host.name, wait_s)
        connection = await self.host.connect()
        try:
            words = f"sh -c {shlex.quote(_ACQUIRE)} sh {wait_s:.0f}"
            self._holder = await connection.create_process(words)
            self._holder.stdin.write(f"{self._owner}\n")
            answer = await asyncio.wait_for(self._holder.stdout.readline(), wait_s + 10)
        except (OSError, asyncssh.Error, TimeoutError) as error:
            self.give_back()
            raise TestbedError(
                f"{self.host.name}: no lease: {str(error) or 'no answer'}"
            ) from error
        word, _, last = answer.strip().partition(" ")
        if word != "held":
            self.give_back()
            raise _InUseError(
                f"the testbed is in use by {await _owner(self.host)}; waited {wait_s:.0f} s"
            )
        return last

    async def lost(self) -> None:
        """Wait until it is lost for good."""
        while self._holder:
            await self._holder.wait_closed()
            log.warning("%s: the lease has to be taken again", self.host.name)
            if not await until(self._renewed, RENEW_LIMIT_S):
                return

    async def _renewed(self) -> bool:
        """Whether it is held again, or can never be because somebody else had it meanwhile."""
        try:
            last = await self.take(0)
        except _InUseError as error:
            log.warning("%s", error)
            return True
        except TestbedError as error:
            log.debug("%s", error)
            return False
        if last not in {"", self._owner}:
            self.give_back()
        return True

    def give_back(self) -> None:
        holder, self._holder = self._holder, None
        if holder:
            with contextlib.suppress(OSError, asyncssh.Error):
                holder.stdin.write_eof()
            holder.close()


@contextlib.asynccontextmanager
async def _kept(mine: _Lease) -> AsyncIterator[None]:
    """End the block when the lease is lost for good: somebody else may have it from then on."""
    limit = asyncio.timeout(None)

    async def watch() -> None:
        await mine.lost()
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
        raise TestbedError(f"{mine.host.name}: the lease was lost on the way") from error


async def _owner(host: SshHost) -> str:
    command = await host.run(["cat", f"{LOCK}.owner"], check=False)
    return command.stdout.strip() or "somebody"
