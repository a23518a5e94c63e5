"""Changing a host's address on the data network, below the system under test."""

import asyncio
import contextlib
import ipaddress
import shlex
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files

from meshbench.benchmarks.base import CANNOT
from meshbench.results.records import Command
from meshbench.testbed.host import RUN, Host

LIFETIME_S = 60.0
"""How long after the stated limit a host takes its address back when the controller has gone."""
_TIMER = "meshbench-address"
_BACK = RUN / "address-back.sh"
"""On a host whose address is another one: how it takes its own back."""
_FREE = ipaddress.ip_network("198.18.0.0/15")
"""RFC 2544: in nobody's use, so that another address in there may be chosen without asking."""
_AWAY = 100
_RESTORE = '[ ! -e "$1" ] || { sh "$1"; date +%s.%N; }'


@contextlib.asynccontextmanager
async def readdressed(
    host: Host, hosts: Sequence[Host], to: str | None, limit_s: float
) -> AsyncIterator[list[Command]]:
    """Give a host another address in the block, of the same network and on the same interface.

    The list has the command that changed it, and after the block the one that took the address back;
    both print when it was done. Where it is impossible the first one ends with `CANNOT`, having
    changed nothing.

    Args:
        host: whose address it is.
        hosts: all of the testbed; none has the address that is chosen.
        to: the other address; where none is given, one is chosen in RFC 2544's network only.
        limit_s: how long the block may take; a minute later the host mends itself.
    """
    commands: list[Command] = []
    try:
        commands.append(await _change(host, hosts, to, limit_s))
        yield commands
    finally:
        if not commands or commands[0].returncode != CANNOT:
            commands.append(await restore(host))


async def restore(host: Host) -> Command:
    """Take a host's own address back, if it has another one. Idempotent. Prints when it was done."""
    restored = await host.run(["sh", "-c", _RESTORE, "sh", str(_BACK)], check=False)
    await host.stop(f"{_TIMER}.timer")
    return restored


async def recover(hosts: Sequence[Host]) -> None:
    """Give every host its own address back, after a controller that was killed."""
    await asyncio.gather(*(restore(host) for host in hosts))


async def _change(host: Host, hosts: Sequence[Host], to: str | None, limit_s: float) -> Command:
    address = to or another(host, hosts)
    if address is None:
        return await cannot(host, "no second address is known for it: option `second_addresses`")
    if host.address.control == host.address.data_address:
        return await cannot(host, "it is reached over SSH by the address that would change")
    script = (files(__package__) / "readdress.sh").read_text(encoding="utf-8")
    where = [host.address.data_interface, host.address.data_address, address]
    return await host.run(
        ["sh", "-c", script, "sh", *where, str(_BACK), _TIMER, f"{LIFETIME_S + limit_s:.0f}"],
        check=False,
    )


def another(host: Host, hosts: Sequence[Host]) -> str | None:
    """An address in the same /24 of RFC 2544's network that no host has; None elsewhere."""
    own = ipaddress.ip_address(host.address.data_address)
    if own not in _FREE:
        return None
    taken = {other.address.data_address for other in hosts}
    network = ipaddress.ip_network(f"{own}/24", strict=False)
    away = int(own) - int(network.network_address) + _AWAY
    order = (network[1 + (away + step) % 253] for step in range(253))
    return next((str(address) for address in order if str(address) not in taken), None)


async def cannot(host: Host, why: str) -> Command:
    """A fault's command that only says why it is impossible."""
    script = f"printf %s {shlex.quote(why)}; exit {CANNOT}"
    return await host.run(["sh", "-c", script], check=False)
