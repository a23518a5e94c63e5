"""Kernel settings on the hosts: set, verified, and put back to what they were."""

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import ClassVar

from meshbench.config.models import Tuning
from meshbench.testbed import sysctls
from meshbench.testbed.host import RUN, File, Host
from meshbench.util.errors import VpnError

CONGESTION = "net.ipv4.tcp_congestion_control"
_STOCK = RUN / "sysctl-stock.json"

Permit = Callable[[str], AbstractAsyncContextManager[None]]
"""Makes a testbed's hosts able to choose a congestion control while the block runs."""


class UnsupportedError(VpnError):
    """A kernel does not have a setting or does not take its value; names host, key and why."""

    status: ClassVar[str] = "unsupported"


@dataclass(frozen=True)
class Applied:
    """A tuning's settings as read back, by host, and whether any had to be changed for it."""

    values: dict[str, dict[str, str]]
    changed: bool


async def apply(
    tuning: Tuning, hosts: Sequence[Host], permit: Permit = lambda _: nullcontext()
) -> Applied:
    """Make every host's kernel have the tuning's settings and no other tuning's.

    The values found before the first change are kept on the host until it reboots, as the
    settings are.

    Raises:
        UnsupportedError: when a kernel cannot have a setting; all are as they were found then.
    """
    try:
        return await _apply_all(tuning, hosts, permit)
    except UnsupportedError:
        await _apply_all(Tuning(), hosts, permit)
        raise


async def _apply_all(tuning: Tuning, hosts: Sequence[Host], permit: Permit) -> Applied:
    wanted = {key: _words(value) for key, value in tuning.sysctls.items()}
    # Only for as long as it is written: a namespace keeps what it has been given.
    async with permit(wanted[CONGESTION]) if CONGESTION in wanted else nullcontext():
        done = await asyncio.gather(
            *(_apply(wanted, host) for host in hosts), return_exceptions=True
        )
    for result in done:
        if isinstance(result, BaseException):
            raise result
    changes = [result for result in done if isinstance(result, bool)]
    return Applied({host.name: dict(wanted) for host in hosts}, any(changes))


async def _apply(wanted: dict[str, str], host: Host) -> bool:
    """Whether anything had to be changed."""
    kept = await host.run(["cat", str(_STOCK)], check=False)
    stock: dict[str, str] = json.loads(kept.stdout) if kept.returncode == 0 and kept.stdout else {}
    keys = list({**stock, **wanted})
    if not keys:
        return False
    has = await sysctls.read(host, keys)
    if lacking := [key for key in wanted if key not in has]:
        raise UnsupportedError(f"{host.name}: this kernel has no {', '.join(lacking)}")
    if new := {key: has[key] for key in wanted if key not in stock}:
        stock |= new
        await host.upload([File(_STOCK, json.dumps(stock).encode())])
    target = {**stock, **wanted}
    change = {key: value for key, value in target.items() if has.get(key) != value}
    if not change:
        return False
    written = await sysctls.write(host, change)
    real = await sysctls.read(host, list(target))
    for key, value in target.items():
        if (got := real.get(key)) != value:
            said = f" ({written.stderr.strip()})" if written.stderr.strip() else ""
            raise UnsupportedError(f"{host.name}: {key} is {got}, not {value}{said}")
    return True


def _words(value: object) -> str:
    return " ".join(str(value).split())
