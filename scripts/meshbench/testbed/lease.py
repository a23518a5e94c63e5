"""The testbed's lease: one user at a time, held on the hosts by an open connection."""

import asyncio
import contextlib
import json
import os
import shlex
import socket
from collections.abc import AsyncIterator

import asyncssh

from meshbench.results.records import now
from meshbench.testbed.host import RUN
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError

_FILE = f"{RUN}/lease"
# flock(1) holds the lock while cat lives; when the connection ends, in whatever way, so does cat.
_HOLD = 'read -r owner; printf "%s\\n" "$owner" >"$0.owner"; echo held; exec cat >/dev/null'
_ACQUIRE = f"mkdir -p {RUN} && exec flock -w \"$1\" -E 75 {_FILE} sh -c '{_HOLD}' {_FILE}"


@contextlib.asynccontextmanager
async def lease(host: SshHost, purpose: str, wait_s: float = 600.0) -> AsyncIterator[None]:
    """Hold the testbed while the block runs; `host` is the testbed's first one.

    Raises:
        TestbedError: when somebody else holds it for longer than `wait_s`, saying who.
    """
    connection = await host.connect()
    owner = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "purpose": purpose,
        "since": now().isoformat(timespec="seconds"),
    }
    line = f"sh -c {shlex.quote(_ACQUIRE)} sh {wait_s:.0f}"
    process = await connection.create_process(line)
    process.stdin.write(json.dumps(owner) + "\n")
    try:
        said = await asyncio.wait_for(process.stdout.readline(), wait_s + 10)
        if said.strip() != "held":
            raise TestbedError(
                f"the testbed is in use by {await _owner(host)}; waited {wait_s:.0f} s"
            )
        yield
    except (TimeoutError, asyncssh.Error) as error:
        raise TestbedError(f"{host.name}: no lease: {error}") from error
    finally:
        process.stdin.write_eof()
        process.close()


async def _owner(host: SshHost) -> str:
    said = await host.run(["cat", f"{_FILE}.owner"], check=False)
    return said.stdout.strip() or "somebody"
