"""Which congestion controls the lab's hosts may choose: the machine's own list says it for all.

A network namespace can only be given one that `net.ipv4.tcp_allowed_congestion_control` of the
initial namespace names, and keeps it when the list is put back (tcp_cong.c).
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from meshbench.testbed.lab.layout import LABS
from meshbench.util import machine_lock

ALLOWED = Path("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
_FOUND = LABS / "allowed-congestion-control"
"""What the list was, while it is another one: what was killed meanwhile is put back from it."""
_LOCK = LABS / "allowed-congestion-control.lock"


@contextlib.asynccontextmanager
async def permitted(name: str) -> AsyncIterator[None]:
    """Let namespaces of this machine choose a congestion control while the block runs.

    A machine that does not have it or lets nobody change the list is left as it is: the kernel
    then tells whoever chooses.
    """
    async with machine_lock.alone(_LOCK):
        _put_back()
        allowed = ALLOWED.read_text(encoding="ascii").split()
        if name not in allowed:
            _FOUND.write_text(" ".join(allowed), encoding="ascii")
            with contextlib.suppress(OSError):
                ALLOWED.write_text(" ".join([*allowed, name]), encoding="ascii")
        try:
            yield
        finally:
            _put_back()


async def recover() -> None:
    """Put back what a killed process has left."""
    if _FOUND.exists():
        async with machine_lock.alone(_LOCK):
            _put_back()


def _put_back() -> None:
    if _FOUND.exists():
        with contextlib.suppress(OSError):
            ALLOWED.write_text(_FOUND.read_text(encoding="ascii"), encoding="ascii")
        _FOUND.unlink()
