"""Programs of one's own beside Debian's on real hosts, and units beside a main one."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from meshbench.config.models import System
from meshbench.config.packages import Local
from meshbench.packages.supply import FOLDER
from meshbench.runner import reconcile
from meshbench.runner.session import Session
from meshbench.testbed import state
from meshbench.testbed.host import Host
from meshbench.testbed.lab import image
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.ssh import SshHost
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.units import UNIT_FOLDER, Service, unit_name
from meshbench.vpns.nebula import Nebula
from tests.lab import support
from tests.lab.support import ends, said
from tests.unit import making

OWN = "nebula@own"


def own_nebula() -> System:
    """Debian's program, taken for a build of one's own."""
    programs = image.path(support.definition()) / "usr" / "bin"
    return making.system("nebula", Local(path=str(programs)))


async def running_program(host: Host) -> str:
    pid = await said(host, "pgrep", "-x", "nebula")
    return await said(host, "readlink", f"/proc/{pid}/exe")


def test_two_versions_are_measured_in_turn_each_with_its_own_program(lab: Lab, store: Path) -> None:
    assert lab.running()
    own = support.job(OWN, "ping", system=own_nebula())
    first = support.measured(own, store)
    assert support.reasons(first) == {}
    [package] = first.vpn.packages
    folder = f"{FOLDER}/{package['digest']}/bin"

    async def work(hosts: list[SshHost]) -> list[str]:
        return [await running_program(host) for host in hosts]

    assert set(support.on_hosts(lab, work)) == {f"{folder}/nebula"}

    async def made(hosts: list[SshHost]) -> list[str]:
        return [await said(host, "stat", "-c", "%Z", f"{folder}/nebula") for host in hosts]

    before = support.on_hosts(lab, made)
    debian = support.measured(support.job("nebula", "ping"), store)
    assert support.reasons(debian) == {}
    assert debian.vpn.packages == []
    assert set(support.on_hosts(lab, work)) == {"/usr/bin/nebula"}
    assert state.running(debian.testbed.after) == {"nebula": {"lom", "yuki", "luna"}}

    again = support.measured(support.job(OWN, "ping", system=own_nebula()), store)
    assert support.reasons(again) == {}
    assert support.on_hosts(lab, made) == before
    assert again.vpn.version == debian.vpn.version

    async def purge() -> None:
        async with support.bed() as bed:
            await lifecycle.purge(bed.hosts, OWN)
            assert [await ends(host, "test", "-e", folder) for host in bed.hosts] == [1, 1, 1]
            await lifecycle.purge(bed.hosts, "nebula")

    asyncio.run(purge())


class Accompanied(Nebula):
    """Nebula with a unit beside it on the first host."""

    def companions(
        self, node: Node, network: Network, facts: Mapping[str, str]
    ) -> Mapping[str, Service]:
        return {"beside": Service(["sleep", "infinity"])} if node.index == 1 else {}


def test_a_companion_lives_and_dies_with_its_vpn(lab: Lab, store: Path) -> None:
    assert lab.running()
    main, beside = unit_name(OWN), unit_name(OWN, "beside")

    async def active(bed: Session) -> set[str]:
        return state.active(await state.read(bed.hosts))["lom"]

    async def work() -> None:
        async with support.bed() as bed:
            driver = Accompanied(OWN)
            built = await lifecycle.assemble(driver, reconcile.network(bed), bed.hosts, store)
            await reconcile.only(bed, built, await state.read(bed.hosts), reconcile.attempt(1))
            assert await active(bed) == {main, beside}
            assert await lifecycle.dead(built) == {}
            assert state.running(await state.read(bed.hosts)).keys() == {OWN}

            await bed.hosts[0].run(["systemctl", "kill", "-s", "KILL", beside])

            async def died() -> bool:
                return (await lifecycle.dead(built)).keys() == {"lom"}

            await support.eventually(died, "the companion's death is seen")
            up = await reconcile.only(bed, built, await state.read(bed.hosts), reconcile.attempt(2))
            assert up.started
            assert await active(bed) == {main, beside}

            await lifecycle.stop(bed.hosts, [OWN])
            assert await active(bed) == set()
            await lifecycle.purge(bed.hosts, OWN)
            left = await said(bed.hosts[0], "ls", str(UNIT_FOLDER))
            assert OWN not in left

    asyncio.run(work())
