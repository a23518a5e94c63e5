"""The settings of each job of a campaign."""

from meshbench import benchmarks, vpns
from meshbench.benchmarks.calibration import Calibration
from meshbench.config.jobs import DeployJob, MeasureJob, PackageJob, Where
from meshbench.config.models import Campaign, SshTestbed, System, Tuning
from meshbench.config.plan import Calibrated
from meshbench.results.records import Cell
from meshbench.vpns.common.supplies import digests, supplies


def where(campaign: Campaign) -> Where:
    return Where(
        campaign=campaign.name,
        testbed=campaign.file.testbed,
        hosts=campaign.testbed,
        links=campaign.links,
        placement=campaign.file.placement,
        engine=campaign.file.engine,
        seed=campaign.file.seed,
    )


def package(campaign: Campaign, name: str) -> PackageJob:
    system = campaign.systems[name]
    return PackageJob(
        campaign=campaign.name, name=name, system=system, packages=digests(name, system)
    )


def packaged(campaign: Campaign) -> tuple[str, ...]:
    """The systems of a campaign whose programs do not all come from Debian."""
    return tuple(name for name, system in campaign.systems.items() if supplies(name, system))


def deploy(campaign: Campaign, name: str) -> DeployJob:
    system = campaign.systems[name]
    method = vpns.load(system.driver).version
    return DeployJob(
        where=where(campaign),
        name=name,
        system=system,
        method=method,
        packages=digests(name, system),
        install=isinstance(campaign.testbed, SshTestbed) and campaign.testbed.install,
    )


def measure(campaign: Campaign, cell: Cell) -> MeasureJob:
    system = campaign.systems[cell.vpn]
    benchmark = benchmarks.make(cell.benchmark, campaign.file.benchmarks[cell.benchmark] or {})
    return MeasureJob(
        where=where(campaign),
        cell=cell,
        system=system,
        profile=campaign.profiles[cell.profile],
        tuning=campaign.tunings[cell.tuning],
        options=benchmark.options.model_dump(mode="json"),
        vpn_method=vpns.load(system.driver).version,
        benchmark_method=benchmark.version,
        packages=digests(cell.vpn, system),
    )


def calibrate(campaign: Campaign, calibrated: Calibrated) -> MeasureJob:
    """The network itself under one profile, measured like a cell of the bare link."""
    cell = Cell(
        vpn="internal", tuning="stock", profile=calibrated.profile, benchmark=Calibration.name,
        round=calibrated.round,
    )  # fmt: skip
    return MeasureJob(
        where=where(campaign),
        cell=cell,
        system=System(driver="internal"),
        profile=campaign.profiles[calibrated.profile],
        tuning=Tuning(),
        options=campaign.file.calibration.model_dump(mode="json"),
        vpn_method=vpns.load("internal").version,
        benchmark_method=Calibration.version,
    )
