"""A system's packages, obtained before anything needs them, and what came of that."""

from meshbench.packages import store
from meshbench.packages.store import Manifest
from meshbench.results.records import Model, Status
from meshbench.runner.jobs import PackageJob
from meshbench.util.errors import VpnError
from meshbench.vpns.common.supplies import planned


class Packaged(Model):
    """What a system's programs are; a package that cannot be had is a result."""

    campaign: str
    system: str
    status: Status = Status.OK
    reason: str | None = None
    packages: list[Manifest] = []


async def obtain(job: PackageJob) -> Packaged:
    """Every package of a system, for this machine's architecture."""
    done = Packaged(campaign=job.campaign, system=job.name)
    try:
        for supply in planned(job.name, job.system, job.packages):
            done.packages.append(await store.obtain(supply, store.own_architecture()))
    except VpnError as error:
        done.status, done.reason = Status.FAILED, str(error)
    return done
