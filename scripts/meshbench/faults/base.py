"""What may be broken of a system that is up, as benchmarks ask for it (`benchmarks.base.Faults`)."""

import contextlib
from dataclasses import dataclass

from meshbench.benchmarks.base import Pair
from meshbench.faults import partition
from meshbench.faults import reboot as rebooting
from meshbench.faults import restart as restarting
from meshbench.results.records import Command
from meshbench.testbed.host import Host
from meshbench.vpns.common.lifecycle import Mesh

ROLE = "fault"
PACKAGES = partition.PACKAGES


@dataclass(frozen=True)
class MeshFaults:
    """Faults of one system on its hosts, by the hosts' names."""

    mesh: Mesh

    async def restart(self, host: str) -> Command:
        return _fault(await restarting.restart(self.mesh, self._host(host)))

    async def reboot(self, host: str) -> Command:
        return _fault(await rebooting.reboot(self._host(host)))

    def cut(self, pair: Pair) -> contextlib.AbstractAsyncContextManager[None]:
        a, b = pair
        return partition.cut(self._host(a), self._host(b))

    def _host(self, name: str) -> Host:
        return next(host for host in self.mesh.hosts if host.name == name)


def _fault(command: Command) -> Command:
    return command.model_copy(update={"role": ROLE, "measuring": False})
