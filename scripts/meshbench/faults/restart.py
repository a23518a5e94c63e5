"""Restarting a system's daemon on one host."""

from meshbench.results.records import Command
from meshbench.testbed.host import Host
from meshbench.vpns.common.lifecycle import Mesh

LIMIT_S = 60.0


async def restart(mesh: Mesh, host: Host) -> Command:
    """Restart the system's units there; ends when systemd says that they run.

    A system without a daemon has nothing to restart: then the command is ``true``.

    Raises:
        CommandError: when they do not start again.
    """
    units = mesh.units(host.name)
    argv = ["systemctl", "restart", "--", *units] if units else ["true"]
    return await host.run(argv, limit_s=LIMIT_S)
