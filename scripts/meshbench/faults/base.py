"""What may be broken of a system that is up, as benchmarks ask for it (`benchmarks.base.Faults`)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from meshbench.benchmarks.base import RESTORED, Pair
from meshbench.benchmarks.tools import boot_times
from meshbench.faults import cold, partition, readdress
from meshbench.faults import reboot as rebooting
from meshbench.faults import restart as restarting
from meshbench.results.records import Command, PathState, now, own_command
from meshbench.testbed.host import Host
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.at_boot import started_at_boot
from meshbench.vpns.common.lifecycle import Mesh

Restore = Callable[[Host], Awaitable[Sequence[str]]]
"""Puts back what a reboot took from a host beside the system; in words, what that was."""

ROLE = "fault"
PACKAGES = partition.PACKAGES


async def recover(hosts: Sequence[Host]) -> None:
    """Undo what a controller that was killed has left broken on the hosts. Idempotent."""
    await asyncio.gather(*(partition.mend(host) for host in hosts))
    await readdress.recover(hosts)


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

    async def kill(self, host: str) -> Command:
        return _fault(await restarting.kill(self.mesh, self._host(host)))

    async def cold_start(self) -> Command:
        return _fault(await cold.start(self.mesh))

    @contextlib.asynccontextmanager
    async def isolated(self, host: str, limit_s: float) -> AsyncIterator[list[Command]]:
        mine = self._host(host)
        peers = [other for other in self.mesh.hosts if other is not mine]
        async with partition.isolated(mine, peers, limit_s + partition.LIFETIME_S) as commands:
            yield commands

    @contextlib.asynccontextmanager
    async def readdressed(
        self, host: str, to: str | None, limit_s: float
    ) -> AsyncIterator[list[Command]]:
        mine, hosts = self._host(host), self.mesh.hosts
        if self.mesh.address(host) == mine.address.data_address:
            yield [
                _fault(await readdress.cannot(mine, "the bare link's address is the underlay's"))
            ]
            return
        async with readdress.readdressed(mine, hosts, to, limit_s) as commands:
            yield commands

    async def revive(self) -> None:
        await lifecycle.stop(self.mesh.hosts, [self.mesh.driver.system])
        clock = time.monotonic()
        await lifecycle.start(self.mesh)
        await lifecycle.ready(self.mesh, self.mesh.driver.ready_limit_s, clock)

    async def handshakes(self, host: str, since_s: float) -> Command | None:
        argv = self.mesh.driver.handshakes(self.mesh.network.node(host), since_s)
        if argv is None:
            return None
        return _fault(await self._host(host).run(argv, check=False))

    async def paths(self) -> Mapping[Pair, PathState]:
        return await lifecycle.paths(self.mesh)

    @property
    def hub(self) -> bool:
        return self.mesh.driver.hub

    def at_boot(self) -> contextlib.AbstractAsyncContextManager[None]:
        return started_at_boot(self.mesh)

    async def booted(self, host: str) -> Sequence[Command]:
        return await boot_times.ask(self._host(host), self.mesh.units(host))

    async def restore(self, host: str) -> Sequence[Command]:
        started = now()
        lost = await self.put_back(self._host(host))
        stdout = "".join(f"{loss}\n" for loss in lost)
        command = own_command(host, ["meshbench", "restore"], stdout, started, role=RESTORED)
        return [command] if lost else []

    def cut(self, pair: Pair) -> contextlib.AbstractAsyncContextManager[None]:
        a, b = pair
        return partition.cut(self._host(a), self._host(b))

    def _host(self, name: str) -> Host:
        return next(host for host in self.mesh.hosts if host.name == name)


def _fault(command: Command) -> Command:
    return command.model_copy(update={"role": ROLE, "measuring": False})
