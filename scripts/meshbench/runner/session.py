"""An open testbed: reachable hosts, the lease in hand, an engine that can impair."""

import contextlib
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from meshbench.config.jobs import Site
from meshbench.config.profile import Profile
from meshbench.config.testbeds import LabTestbed, SshTestbed
from meshbench.impairment import kernel
from meshbench.impairment.engine import Engine
from meshbench.impairment.fake import FakeEngine
from meshbench.impairment.host_netem import HostNetem, refuse_unable
from meshbench.impairment.lab_netem import LabNetem
from meshbench.impairment.linkem import Linkem
from meshbench.runner.needs import BOTTLENECK, debian_packages
from meshbench.testbed import preflight
from meshbench.testbed.fake import FakeWorld
from meshbench.testbed.host import Address, Host
from meshbench.testbed.lab import congestion, image, load
from meshbench.testbed.lab.lab import Lab, owner
from meshbench.testbed.lab.layout import Layout
from meshbench.testbed.lab.load import Load
from meshbench.testbed.lease import lease
from meshbench.testbed.ssh import SshHost, close_all, connect_all
from meshbench.testbed.tuning import Permit
from meshbench.util import machine_lock

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Session:
    """A testbed in our hands for the length of a job."""

    kind: str
    hosts: tuple[Host, ...]
    engine: Engine
    rate_bps: int | None = None
    shared_cpu: bool = False
    facts: dict[str, Any] = field(default_factory=dict)
    permit: Permit = field(default=lambda _: contextlib.nullcontext())
    load: Callable[[], Load | None] = field(default=lambda: None)

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)


def lab_of(name: str, testbed: LabTestbed, kinds: Iterable[str] = ()) -> Lab:
    """The lab that a testbed file describes, as this checkout's own, for some kinds of benchmark."""
    rate = None if testbed.data_rate_bps == "none" else testbed.data_rate_bps
    layout = Layout(name, owner(), testbed.hosts)
    return Lab(layout, image.define(testbed.image, debian_packages(kinds)), rate)


@contextlib.asynccontextmanager
async def session(
    where: Site, profile: Profile, purpose: str, kinds: Iterable[str] = ()
) -> AsyncIterator[Session]:
    """Open a testbed: bring the lab up if it is one, connect, take the lease, choose an engine.

    A lab's hosts have what the kinds of benchmark need.

    Raises:
        TestbedError: when hosts cannot be reached, somebody else holds them, or nothing on them
            can impair as the profile asks.
    """
    match where.hosts:
        case LabTestbed() as testbed:
            more = [BOTTLENECK] if profile.rated else []
            opened = _lab(lab_of(where.testbed, testbed, [*kinds, *more]), where, purpose)
        case SshTestbed() as testbed:
            opened = _own(testbed, profile, where.placement, purpose)
        case testbed:
            opened = _fake(testbed)
    async with opened as bed:
        yield bed


@contextlib.asynccontextmanager
async def _connected(
    addresses: Sequence[Address],
    purpose: str,
    connect: Callable[[Sequence[SshHost]], Awaitable[None]] = connect_all,
) -> AsyncIterator[list[SshHost]]:
    hosts = [SshHost(address) for address in addresses]
    try:
        await connect(hosts)
        async with lease(hosts[0], purpose):
            yield hosts
    finally:
        await close_all(hosts)


@contextlib.asynccontextmanager
async def _lab(lab: Lab, where: Site, purpose: str) -> AsyncIterator[Session]:
    async with machine_lock.measuring(), _connected(await lab.up(), purpose) as hosts:
        if note := await kernel.check(where.engine):
            log.info(note)
        engine: Engine = (
            Linkem(lab.layout, lab.rate_bps)
            if note or where.engine == "linkem"
            else LabNetem(lab.layout, hosts, lab.rate_bps)
        )
        yield Session(
            kind="lab",
            hosts=tuple(hosts),
            engine=engine,
            rate_bps=lab.rate_bps,
            shared_cpu=True,
            permit=congestion.permitted,
            load=partial(load.read, lab.layout.id),
            facts={
                "image": lab.image(),
                "suite": lab.definition.suite,
                "data_rate_bps": lab.rate_bps,
                "cpus": os.cpu_count(),
                "note": "all hosts share one machine's CPU",
            },
        )


@contextlib.asynccontextmanager
async def _own(
    testbed: SshTestbed, profile: Profile, placement: str, purpose: str
) -> AsyncIterator[Session]:
    async with _connected(own_addresses(testbed), purpose, preflight.check) as hosts:
        if profile.impairs:
            await refuse_unable(hosts, placement, profile)
        yield Session(kind="ssh", hosts=tuple(hosts), engine=HostNetem(hosts))


async def check_own(testbed: SshTestbed, placement: str | None) -> None:
    """Raise TestbedError with everything that stands in the way of measuring the user's hosts.

    `placement` is where they are to be impaired, or None. Nothing is changed, nor is the lease
    taken.
    """
    hosts = [SshHost(address) for address in own_addresses(testbed)]
    try:
        await preflight.check(hosts)
        if placement:
            await refuse_unable(hosts, placement)
    finally:
        await close_all(hosts)


def own_addresses(testbed: SshTestbed) -> list[Address]:
    return [
        Address(
            name=host.name,
            control=host.address,
            port=host.port,
            user=host.user,
            key_file=host.key_path,
            known_hosts_file=host.known_hosts_path,
            data_interface=host.data_interface,
            data_address=host.data_address,
        )
        for host in testbed.hosts
    ]


@contextlib.asynccontextmanager
async def _fake(testbed: Any) -> AsyncIterator[Session]:
    world = FakeWorld(testbed)
    yield Session(kind="fake", hosts=tuple(world.hosts()), engine=FakeEngine())
