"""What may be broken of a system that is up, as benchmarks ask for it (`benchmarks.base.Faults`)."""

import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from meshbench.benchmarks.base import RESTORED, Pair
from meshbench.benchmarks.tools import boot_times
from meshbench.faults import partition
from meshbench.faults import reboot as rebooting
from meshbench.faults import restart as restarting
from meshbench.results.records import Command, now
from meshbench.testbed.host import Host
from meshbench.vpns.common.at_boot import started_at_boot
from meshbench.vpns.common.lifecycle import Mesh

Restore = Callable[[Host], Awaitable[Sequence[str]]]
"""Puts back what a reboot took from a host beside the system; in words, what that was."""

ROLE = "fault"
PACKAGES = partition.PACKAGES


async def _nothing(_host: Host) -> Sequence[str]:
    return ()


@dataclass(frozen=True)
class MeshFaults:
    """Faults of one system on its hosts, by the hosts' names."""

    mesh: Mesh
    put_back: Restore = field(default=_nothing)

    async def restart(self, host: str) -> Command:
        return _fault(await restarting.restart(self.mesh, self._host(host)))

    async def reboot(self, host: str) -> Command:
        return _fault(await rebooting.reboot(self._host(host)))

    def at_boot(self) -> contextlib.AbstractAsyncContextManager[None]:
        return started_at_boot(self.mesh)

    async def booted(self, host: str) -> Sequence[Command]:
        return await boot_times.ask(self._host(host), self.mesh.units(host))

    async def restore(self, host: str) -> Sequence[Command]:
        started, clock = now(), time.monotonic()
        lost = await self.put_back(self._host(host))
        command = Command(
            host=host, argv=["meshbench", "restore"], started=started,
            duration_s=round(time.monotonic() - clock, 6), returncode=0,
            stdout="".join(f"{what}\n" for what in lost), stderr="",
            role=RESTORED, measuring=False,
        )  # fmt: skip
        return [command] if lost else []

    def cut(self, pair: Pair) -> contextlib.AbstractAsyncContextManager[None]:
        a, b = pair
        return partition.cut(self._host(a), self._host(b))

    def _host(self, name: str) -> Host:
        return next(host for host in self.mesh.hosts if host.name == name)


def _fault(command: Command) -> Command:
    return command.model_copy(update={"role": ROLE, "measuring": False})
