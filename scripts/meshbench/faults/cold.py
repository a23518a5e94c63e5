"""Starting a system on all hosts at once, from nothing but its installation and keys."""

import time

from meshbench.benchmarks.base import CANNOT
from meshbench.results.records import Command, now
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
    if not any(mesh.units(host.name) for host in mesh.hosts):
        return _command(mesh, CANNOT, "nothing runs there that could be started")
    stopped_s = time.time()
    await lifecycle.stop(mesh.hosts, [mesh.driver.system])
    started_s = time.time()
    await lifecycle.start(mesh, at_once=True)
    return _command(mesh, 0, f"{stopped_s:.9f}\n{started_s:.9f}\n")


def _command(mesh: Mesh, code: int, printed: str) -> Command:
    return Command(
        host=_HOST, argv=["meshbench", "start", mesh.driver.system], started=now(), duration_s=0.0,
        returncode=code, stdout=printed, stderr="", measuring=False,
    )  # fmt: skip
