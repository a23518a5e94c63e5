"""Starting a system on all hosts at once, from nothing but its installation and keys."""

from meshbench.benchmarks.base import CANNOT
from meshbench.results.records import Command, now, own_command
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh

_HOST = "*"
"""The command is of no host: its times are the controller's."""


async def start(mesh: Mesh) -> Command:
    """Stop the system everywhere, then start it everywhere at once, and let it settle.

    The command ends with `CANNOT` where no host has a unit of the system. It prints, in seconds since
    the epoch, when the hosts were told to stop and when to start.

    Raises:
        VpnError: when the system does not start.
    """
    argv = ["meshbench", "start", mesh.driver.system]
    if not any(mesh.units(host.name) for host in mesh.hosts):
        reason = "nothing runs there that could be started"
        return own_command(_HOST, argv, reason, now(), code=CANNOT)
    stopped = now()
    await lifecycle.stop(mesh.hosts, [mesh.driver.system])
    started = now()
    await lifecycle.start(mesh, at_once=True)
    stdout = f"{stopped.timestamp():.9f}\n{started.timestamp():.9f}\n"
    return own_command(_HOST, argv, stdout, stopped)
