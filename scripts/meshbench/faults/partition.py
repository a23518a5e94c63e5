"""Cutting the link between two hosts, below the system under test."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Sequence

from meshbench.results.records import Command
from meshbench.testbed.host import Host

TABLE = "meshbench_cut"
PACKAGES = ("nftables",)
LIFETIME_S = 600
"""After which a host mends the link itself when the controller has gone."""
_TIMER = "meshbench-mend"


_STAMPED = "nft -f - || exit; date +%s.%N"
_MEND = 'nft delete table inet "$1"; code=$?; date +%s.%N; exit $code'


@contextlib.asynccontextmanager
async def cut(a: Host, b: Host) -> AsyncIterator[None]:
    """Drop, in the block, what the two hosts' data addresses send each other: silently, as a cable would.

    Raises:
        CommandError: when a host's kernel or nft cannot do it.
    """
    ends = ((a, b), (b, a))
    try:
        await asyncio.gather(*(_drop(host, peer) for host, peer in ends))
        yield
    finally:
        await asyncio.gather(*(mend(host) for host, _ in ends))


@contextlib.asynccontextmanager
async def isolated(
    host: Host, peers: Sequence[Host], lifetime_s: float = LIFETIME_S
) -> AsyncIterator[list[Command]]:
    """Drop, in the block, what a host and all its peers send each other.

    The list has the command that cut them, and after the block the one that mended it; each prints
    when it was done.

    Raises:
        CommandError: when the host's kernel or nft cannot do it.
    """
    commands: list[Command] = []
    try:
        commands.append(await _drop(host, *peers, lifetime_s=lifetime_s))
        yield commands
    finally:
        commands.append(await mend(host))


async def _drop(host: Host, *peers: Host, lifetime_s: float = LIFETIME_S) -> Command:
    await mend(host)
    await host.run([
        "systemd-run", "--quiet", "--collect", f"--unit={_TIMER}", f"--on-active={lifetime_s:.0f}",
        "--timer-property=AccuracySec=1s",
        "nft", "delete", "table", "inet", TABLE,
    ])  # fmt: skip
    interface = host.address.data_interface
    matches = [_match(peer.address.data_address) for peer in peers]
    received = "\n    ".join(f'iifname "{interface}" {f} saddr {a} drop' for f, a in matches)
    sent = "\n    ".join(f'oifname "{interface}" {f} daddr {a} drop' for f, a in matches)
    rules = f"""table inet {TABLE} {{
  chain in {{
    type filter hook input priority -300;
    {received}
  }}
  chain out {{
    type filter hook output priority -300;
    {sent}
  }}
}}
"""
    return await host.run(["sh", "-c", _STAMPED], stdin=rules.encode())


def _match(address: str) -> tuple[str, str]:
    return ("ip6" if ipaddress.ip_address(address).version == 6 else "ip"), address  # noqa: PLR2004


async def mend(host: Host) -> Command:
    """Take the cut away, if there is one. Idempotent. Prints when it was done."""
    mended = await host.run(["sh", "-c", _MEND, "sh", TABLE], check=False)
    await host.stop(f"{_TIMER}.timer")
    return mended
