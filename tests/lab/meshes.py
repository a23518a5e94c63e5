"""What the conformance tests of VPNs share: meshes of one driver, up on a bed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from meshbench import vpns
from meshbench.config.models import System
from meshbench.config.packages import Cargo, Go
from meshbench.packages import store as packages
from meshbench.runner import reconcile
from meshbench.runner.session import Session
from meshbench.testbed import state
from meshbench.testbed.host import Host
from meshbench.util.errors import VpnError
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh
from meshbench.vpns.common.supplies import supplies
from tests.lab import support
from tests.unit import making


async def assemble(bed: Session, name: str, store: Path, system: System | None = None) -> Mesh:
    return await reconcile.assemble(bed, name, system or making.system(name), store)


async def lacking(bed: Session, name: str, store: Path, system: System | None = None) -> str | None:
    """Why a system cannot be tried here; nothing of it is on the hosts before."""
    await lifecycle.purge(bed.hosts, name)
    for supply in supplies(name, system or making.system(name)):
        if isinstance(supply.package, Go | Cargo) and not packages.has(supply):
            return f"its programs {', '.join(supply.programs)} are not built yet, which takes long"
    try:
        await assemble(bed, name, store, system)
    except VpnError as error:
        return str(error)
    return None


async def up(bed: Session, name: str, store: Path, system: System | None = None) -> reconcile.Up:
    built = await assemble(bed, name, store, system)
    return await reconcile.only(bed, built, await state.read(bed.hosts), reconcile.attempt(1))


@contextlib.contextmanager
def impatient(name: str, limit_s: float) -> Iterator[None]:
    """A VPN that cannot come up is not waited for as long as in a campaign."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vpns.load(name), "ready_limit_s", limit_s)
        yield


def runs_a_service(built: Mesh) -> bool:
    return built.service(built.hosts[0].name) is not None


async def start_on(built: Mesh, host: Host) -> None:
    """Start the VPN on one host only, as an init system would; what must be settled is."""
    for unit in built.units(host.name):
        await host.run(["systemctl", "start", unit], limit_s=60)
    await built.driver.settle(built.hosts, built.network, built.material)


async def all_pairs_answer(built: Mesh) -> None:
    readiness = await lifecycle.ready(
        built, built.driver.ready_limit_s, asyncio.get_running_loop().time()
    )
    assert readiness.silent == ()
    assert len(readiness.times_s) == len(support.pairs(built.hosts))


def with_bed(work: Callable[[Session], Awaitable[None]]) -> None:
    async def inner() -> None:
        async with support.bed() as bed:
            await work(bed)

    asyncio.run(inner())
