"""Taking everything of meshbench off hosts of the user's own."""

import asyncio
from collections.abc import Sequence

from meshbench.benchmarks.tools import boot_probe
from meshbench.config.models import Tuning
from meshbench.config.testbeds import SshTestbed
from meshbench.faults.base import recover
from meshbench.impairment.host_netem import HostNetem
from meshbench.runner.session import own_addresses
from meshbench.testbed import tuning
from meshbench.testbed.host import RUN, SLICE, STATE, Host
from meshbench.testbed.lease import LOCK, lease
from meshbench.testbed.ssh import SshHost, close_all, connect_all
from meshbench.vpns.common import lifecycle

_LET_GO_S = 10
"""How long the lease that was given back may take to end on the host."""
_FORGET = """
[ ! -e "$2" ] || exec flock -w "$3" "$2" rm -rf -- "$1"
rm -rf -- "$1"
"""


async def clean(testbed: SshTestbed) -> tuple[str, ...]:
    """Take impairment, cuts, VPNs, programs and files off the hosts; the systems that were there.

    The kernel settings are those from before the first tuning again. Debian packages that were
    installed for a system stay.

    Raises:
        TestbedError: when a host cannot be reached, or somebody holds the lease: nothing is
            touched then. CommandError when a host refuses on the way.
    """
    hosts = [SshHost(address) for address in own_addresses(testbed)]
    try:
        await connect_all(hosts)
        async with lease(hosts[0], "taking everything of meshbench away", wait_s=0):
            systems = await _clean(hosts)
        # Last, and only while nobody else has it: the lease is a file in there.
        await asyncio.gather(*(_forget(host) for host in hosts))
    finally:
        await close_all(hosts)
    return systems


async def _clean(hosts: Sequence[Host]) -> tuple[str, ...]:
    await HostNetem(hosts).clear()
    await recover(hosts)
    await asyncio.gather(*(boot_probe.remove(host) for host in hosts))
    await tuning.apply(Tuning(), hosts)
    systems = await lifecycle.present(hosts)
    for system in systems:
        await lifecycle.purge(hosts, system)
    await asyncio.gather(*(host.stop(SLICE) for host in hosts))
    await asyncio.gather(*(host.run(["rm", "-rf", "--", str(STATE)]) for host in hosts))
    return systems


async def _forget(host: Host) -> None:
    await host.run(["sh", "-c", _FORGET, "sh", str(RUN), LOCK, str(_LET_GO_S)])
