"""A cell's tuning: made before it, and looked at again right before and after what is measured."""

from collections.abc import Mapping
from typing import Any

from meshbench.config.models import Tuning
from meshbench.runner.jobs import MeasureJob
from meshbench.runner.session import Session
from meshbench.testbed import state, tuning
from meshbench.testbed.tuning import Applied, UnsupportedError
from meshbench.util.errors import TestbedError
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh

_CHOICES = {f"net.ipv4.tcp_{which}_congestion_control" for which in ("allowed", "available")}
"""They say what may be set, and are no settings of a host's own."""

Values = dict[str, dict[str, str]]
"""Settings by host."""
Facts = dict[str, dict[str, Any]]
"""By host, what `testbed.state` read there."""


async def apply(job: MeasureJob, bed: Session, lifetime_s: float) -> Applied:
    """Make the tuning's settings, for so long at the most.

    Raises:
        UnsupportedError: where they cannot be in force in this cell.
    """
    if bed.kind == "ssh" and "gro" in job.tuning.ethtool.data:
        _refuse(job)
        # The engine of the cell before may have turned it off, and would turn it on again.
        await bed.engine.clear()
    return await tuning.apply(job.tuning, bed.hosts, bed.permit, lifetime_s=lifetime_s)


async def settle(bed: Session, applied: Applied, before: Facts) -> tuple[Values, Facts]:
    """The settings in force, and the hosts' state with them.

    A socket keeps the congestion control and buffers it was made with, so what was up under other
    settings is stopped: its carriers would not be this tuning's.
    """
    if not applied.changed:
        return applied.values, before
    await lifecycle.stop(bed.hosts, sorted(state.running(before)))
    return applied.values, await state.read(bed.hosts)


def _refuse(job: MeasureJob) -> None:
    if job.profile.impairs and job.where.placement == "ingress" and job.tuning.ethtool.data["gro"]:
        raise UnsupportedError(
            "gro cannot be on where hosts of one's own are impaired at ingress: packets would be "
            "joined before the emulator, and lost or delayed as one; use placement: egress"
        )


async def complete(
    job: MeasureJob, bed: Session, mesh: Mesh, settings: Values, lifetime_s: float
) -> Values:
    """The settings in force once those of the VPN's own interface are made too."""
    on = tunnels(mesh)
    if not (on and job.tuning.ethtool.tunnel):
        return settings
    applied = await tuning.apply(
        job.tuning, bed.hosts, bed.permit, tunnels=on, lifetime_s=lifetime_s
    )
    return applied.values


def tunnels(mesh: Mesh) -> dict[str, str]:
    """By host, the VPN's interface; empty for the bare link."""
    names = {host: lifecycle.interface_of(mesh, host) for host in mesh.hosts}
    return {host.name: name for host, name in names.items() if name != host.address.data_interface}


async def verify(wanted: Tuning, mesh: Mesh) -> None:
    """Raise TestbedError where a setting is not what it was made for this cell."""
    by_host = await differences(wanted, mesh)
    sentences = [
        f"{host}: {key} is {value}, not {wanted.settings[key]} as it was set for this cell"
        for host, values in by_host.items()
        for key, value in values.items()
    ]
    if sentences:
        raise TestbedError(
            "; ".join([*sentences, "find out which other process changes it and stop it"])
        )


async def differences(wanted: Tuning, mesh: Mesh) -> Values:
    """What has another value than was set, by host."""
    return await tuning.differences(wanted, mesh.hosts, tunnels(mesh))


def marks(
    changed: Mapping[str, Mapping[str, str]],
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
) -> list[str]:
    """That settings changed while a cell was measured, one mark a host.

    Args:
        changed: of the tuning's settings, those that are different after it.
        before: the hosts' state at the cell's start, with settings that no tuning makes.
        after: the same at its end.
    """
    sentences = []
    for host in before:
        earlier, later = (facts.get(host, {}).get("sysctls") or {} for facts in (before, after))
        others = {key for key in earlier.keys() & later.keys() if earlier[key] != later[key]}
        if names := sorted({*changed.get(host, {}), *others} - _CHOICES):
            sentences.append(f"{', '.join(names)} of {host} changed during the cell")
    return sentences
