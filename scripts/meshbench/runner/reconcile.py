"""Bringing the testbed's VPNs from their true state to the one a cell needs."""

import asyncio
import json
import logging
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from meshbench import vpns
from meshbench.collectors import path_mtu
from meshbench.config.models import System
from meshbench.packages.supply import Supply
from meshbench.runner.session import Session
from meshbench.testbed import state
from meshbench.testbed.host import RUN, File
from meshbench.testbed.together import together
from meshbench.util.errors import VpnError
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common import debian, lifecycle
from meshbench.vpns.common.lifecycle import Mesh, Readiness

log = logging.getLogger(__name__)

FAILED = RUN / "failed-vpn.json"
UP = RUN / "up.json"
"""On the first host: what was found when the system that is up had come up."""
ALIVE_LIMIT_S = 3.0


@dataclass(frozen=True)
class Revived:
    """A VPN that had come up and was not whole any more at a cell's start, so it was started anew."""

    silent: tuple[str, ...] = ()
    """Ordered pairs that had passed traffic and did not any more."""
    fallen: tuple[str, ...] = ()
    """Hosts on which its daemon did not run any more."""
    log_tail: Mapping[str, str] = field(default_factory=dict)
    """By host, what its daemon had last said."""

    def __str__(self) -> str:
        if self.fallen:
            trouble = f"the daemon did not run any more on {', '.join(self.fallen)}"
        else:
            trouble = f"no traffic any more on {', '.join(self.silent)}"
        return f"{trouble} before the measurement: the VPN was started anew"


@dataclass(frozen=True)
class Up:
    """A VPN that is up, and how that was proven."""

    mesh: Mesh
    readiness: Readiness
    started: bool = False
    direct_s: Mapping[str, float] = field(default_factory=dict)
    revived: Revived | None = None
    path_mtu: Mapping[str, int] = field(default_factory=dict)


def network(bed: Session) -> Network:
    nodes = (Node(i, h.name, h.address.data_address) for i, h in enumerate(bed.hosts, start=1))
    return Network(tuple(nodes))


async def assemble(
    bed: Session,
    name: str,
    system: System,
    store: Path,
    supplies: Sequence[Supply] | None = None,
    install: bool = False,
) -> Mesh:
    """The system as it is to be on this testbed, its programs on the hosts.

    `supplies` is where its programs come from, found out here if not given; `install` whether
    Debian packages may be installed on hosts of one's own. Raises VpnError when a program cannot
    be had.
    """
    kind = vpns.load(system.driver)
    if supplies is None:
        supplies = kind(name, system.options).sources(system.package)
    driver = kind(name, system.options, supplies)
    if bed.kind == "ssh":
        await debian.provide(bed.hosts, driver, driver.debian_names(system.package), install)
    return await lifecycle.assemble(driver, network(bed), bed.hosts, store)


async def only(
    bed: Session, mesh: Mesh, states: Mapping[str, Mapping[str, Any]], attempt: str
) -> Up:
    """Make this VPN the only one that is up, changing only what differs.

    It is brought up on an unimpaired network, so that the time it takes is comparable. A VPN that
    failed to come up is not tried again for the same `attempt` (a run and round): its other cells
    get the same reason at once.

    Raises:
        VpnError: with the reason why it did not come up.
    """
    up = await _only(bed, mesh, states, attempt)
    return replace(up, path_mtu=await _path_mtu(bed, up, states))


async def _path_mtu(
    bed: Session, up: Up, states: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, int]:
    """Searched for once per start; later cells read it from the first host."""
    note = _note(bed, up.mesh, states)
    if note and not up.started:
        kept: Mapping[str, int] = note["path_mtu"]
        return kept
    await bed.engine.clear()
    sizes = await path_mtu.search(up.mesh)
    note = {**_identity(up.mesh), "path_mtu": sizes, "silent": up.readiness.silent}
    await bed.hosts[0].upload([File(UP, json.dumps(note).encode())])
    return sizes


def _identity(mesh: Mesh) -> dict[str, Any]:
    return {"system": mesh.driver.system, "installed": lifecycle.digests(mesh)}


def _note(
    bed: Session, mesh: Mesh, states: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any] | None:
    """What was found when this system, installed in this way, had come up."""
    note: Mapping[str, Any] = states[bed.hosts[0].name].get("up") or {}
    return note if _identity(mesh).items() <= note.items() else None


async def _only(
    bed: Session, mesh: Mesh, states: Mapping[str, Mapping[str, Any]], attempt: str
) -> Up:
    name = mesh.driver.system
    await lifecycle.stop(bed.hosts, sorted(state.running(states).keys() - {name}))
    if mesh.service(bed.hosts[0].name) is None:
        return Up(mesh, await _alive(bed, mesh))
    _known_failure(states, name, attempt)
    whole = await _as_it_was(bed, mesh, states)
    if isinstance(whole, Readiness):
        return Up(mesh, whole)
    try:
        return replace(await _bring_up(bed, mesh, states), revived=whole)
    except VpnError as error:
        reason = f"{error} (before that: {whole})" if whole else str(error)
        note = {"system": name, "attempt": attempt, "reason": reason}
        await bed.hosts[0].upload([File(FAILED, json.dumps(note).encode())])
        raise VpnError(reason) from error


async def _as_it_was(
    bed: Session, mesh: Mesh, states: Mapping[str, Mapping[str, Any]]
) -> Readiness | Revived | None:
    """Which pairs of a system that is up pass traffic; or what it has lost since it came up.

    None where it is not up. What was silent from the start is not lost: starting it anew in every
    cell would not help.
    """
    system, active = mesh.driver.system, state.active(states)
    up = system in state.running(states)
    if not up or not lifecycle.installed(mesh, state.markers(states, system)):
        return None
    if fallen := [h.name for h in bed.hosts if not active[h.name].issuperset(mesh.units(h.name))]:
        return Revived(fallen=tuple(fallen), log_tail=await _log_tail(mesh))
    readiness = await _alive(bed, mesh)
    silent_before = (_note(bed, mesh, states) or {}).get("silent", ())
    if lost := tuple(pair for pair in readiness.silent if pair not in silent_before):
        return Revived(silent=lost, log_tail=await _log_tail(mesh))
    return readiness


async def _log_tail(mesh: Mesh) -> dict[str, str]:
    tails = await asyncio.gather(*(host.logs(mesh.unit) for host in mesh.hosts))
    return {host.name: tail for host, tail in zip(mesh.hosts, tails, strict=True)}


async def _alive(bed: Session, mesh: Mesh) -> Readiness:
    """Which pairs pass traffic. What an earlier cell left of its impairment is held against none."""
    with together():
        readiness = await lifecycle.alive(mesh, ALIVE_LIMIT_S)
    if readiness.silent:
        await bed.engine.clear()
        readiness = await lifecycle.alive(mesh, ALIVE_LIMIT_S)
    return readiness


def _known_failure(states: Mapping[str, Mapping[str, Any]], name: str, attempt: str) -> None:
    for sections in states.values():
        note = sections.get("failed_vpn") or {}
        if (note.get("system"), note.get("attempt")) == (name, attempt):
            raise VpnError(note["reason"])


async def _bring_up(bed: Session, mesh: Mesh, states: Mapping[str, Mapping[str, Any]]) -> Up:
    await bed.engine.clear()
    system = mesh.driver.system
    if system in state.running(states):
        # VpnCloud's new daemon and another's old one can hold each other for connected for minutes.
        await lifecycle.stop(bed.hosts, [system])
    if not lifecycle.installed(mesh, state.markers(states, system)):
        await lifecycle.install(mesh)
    clock = time.monotonic()
    await lifecycle.start(mesh)
    readiness = await lifecycle.ready(mesh, mesh.driver.ready_limit_s, clock)
    if readiness.silent:
        fallen = await lifecycle.dead(mesh)
        if fallen or not readiness.times_s:
            raise VpnError(await _why_silent(mesh, readiness, fallen))
    log.info("%s is up: %s", system, dict(readiness.times_s))
    return Up(mesh, readiness, started=True, direct_s=await lifecycle.direct(mesh, clock))


async def _why_silent(mesh: Mesh, readiness: Readiness, fallen: Mapping[str, str]) -> str:
    limit = f"no traffic within {mesh.driver.ready_limit_s:.0f} s on {', '.join(readiness.silent)}"
    if fallen:
        tails = "; ".join(f"{host}: {tail.strip()[-600:]}" for host, tail in fallen.items())
        return f"the daemon is not running on {', '.join(fallen)} ({tails})"
    tail = await mesh.hosts[0].logs(mesh.unit, lines=5)
    return f"{limit}; {mesh.hosts[0].name}'s daemon says: {tail.strip()[-600:]}"


def attempt(round_: int) -> str:
    """Which run and round this is: within it a VPN that failed to come up is not tried again."""
    return f"{os.environ.get('MESHBENCH_RUN', 'by-hand')}/{round_}"
