"""The packages of a system or a benchmark, obtained before anything needs them, and what came of that."""

from collections.abc import Iterable

from meshbench import benchmarks
from meshbench.packages import store
from meshbench.packages.store import Manifest
from meshbench.packages.supply import Supply
from meshbench.results.records import Model, Status
from meshbench.runner import programs
from meshbench.runner.jobs import PackageJob, ProgramJob
from meshbench.util.errors import VpnError
from meshbench.vpns.common.supplies import planned


class Packaged(Model):
    """What programs are; a package that cannot be had is a result."""

    campaign: str
    system: str | None = None
    benchmark: str | None = None
    status: Status = Status.OK
    reason: str | None = None
    packages: list[Manifest] = []


async def of_system(job: PackageJob) -> Packaged:
    """Every package of a system, for this machine's architecture."""
    done = Packaged(campaign=job.campaign, system=job.name)
    return await _obtain(done, planned(job.name, job.system, job.packages))


async def of_benchmark(job: ProgramJob) -> Packaged:
    """Every package of a benchmark, for this machine's architecture."""
    benchmark = benchmarks.load(job.kind)()
    programs.check(benchmark, job.programs)
    done = Packaged(campaign=job.campaign, benchmark=job.kind)
    return await _obtain(done, benchmark.supplies)


async def _obtain(done: Packaged, supplies: Iterable[Supply]) -> Packaged:
    try:
        for supply in supplies:
            done.packages.append(await store.obtain(supply, store.own_architecture()))
    except VpnError as error:
        done.status, done.reason = Status.FAILED, str(error)
    return done
