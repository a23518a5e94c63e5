"""Cutting the link between two hosts, below the system under test."""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator

from meshbench.testbed.host import Host

TABLE = "meshbench_cut"
PACKAGES = ("nftables",)
LIFETIME_S = 600
"""After which a host mends the link itself when the controller has gone."""
_TIMER = "meshbench-mend"


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


async def _drop(host: Host, peer: Host) -> None:
    await mend(host)
    await host.run([
        "systemd-run", "--quiet", "--collect", f"--unit={_TIMER}", f"--on-active={LIFETIME_S}",
        "nft", "delete", "table", "inet", TABLE,
    ])  # fmt: skip
    interface, address = host.address.data_interface, peer.address.data_address
    family = "ip6" if ipaddress.ip_address(address).version == 6 else "ip"  # noqa: PLR2004
    rules = f"""table inet {TABLE} {{
  chain in {{
    type filter hook input priority -300;
    iifname "{interface}" {family} saddr {address} drop
  }}
  chain out {{
    type filter hook output priority -300;
    oifname "{interface}" {family} daddr {address} drop
  }}
}}
"""
    await host.run(["nft", "-f", "-"], stdin=rules.encode())


async def mend(host: Host) -> None:
    """Take the cut away, if there is one. Idempotent."""
    await host.run(["nft", "delete", "table", "inet", TABLE], check=False)
    await host.stop(f"{_TIMER}.timer")
