"""What one job of the workflow needs to know, as plain data that Snakemake compares.

A cell's settings hold what its numbers depend on and nothing else: changing any of it, and only
that, makes Snakemake measure the cell again.
"""

import json
from collections.abc import Sequence
from typing import Any, Self

from pydantic import SerializerFunctionWrapHandler, model_serializer

from meshbench import benchmarks, vpns
from meshbench.config import (
    Campaign,
    Profile,
    SshTestbed,
    Strict,
    System,
    Testbed,
    Tuning,
    host_names,
)
from meshbench.errors import TestbedError
from meshbench.impairment.calibration import Calibration
from meshbench.packages.supply import Supply
from meshbench.plan import Calibrated
from meshbench.records import Cell


class Where(Strict):
    """The testbed, the links on it and how impairment is placed."""

    campaign: str
    testbed: str
    hosts: Testbed
    links: tuple[tuple[str, str], ...]
    placement: str
    engine: str
    seed: int

    @property
    def host_names(self) -> tuple[str, ...]:
        return host_names(self.hosts)


class Settings(Strict):
    """What travels as one line of JSON in a rule's params."""

    @model_serializer(mode="wrap")
    def _without_default(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What comes from Debian reads as ever, or every cell measured before would be stale.
        said: dict[str, Any] = handler(self)
        return {key: said[key] for key in said if key not in {"packages", "install"} or said[key]}

    def text(self) -> str:
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def of(cls, text: str) -> Self:
        return cls.model_validate_json(text)


class PackageJob(Settings):
    """One system's programs, on the controller."""

    campaign: str
    name: str
    system: System
    packages: tuple[str, ...]


class Job(Settings):
    """What happens on a testbed."""

    where: Where


class DeployJob(Job):
    """One system on all hosts."""

    name: str
    system: System
    method: int
    packages: tuple[str, ...] = ()
    install: bool = False


class MeasureJob(Job):
    """One cell."""

    cell: Cell
    system: System
    profile: Profile
    tuning: Tuning
    options: dict[str, Any]
    vpn_method: int
    benchmark_method: int
    packages: tuple[str, ...] = ()
    """Digests of what its programs come from, if not from Debian; not where that is, which makes no
    cell stale.
    """


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
    benchmark = benchmarks.load(cell.benchmark)
    options = benchmark(campaign.file.benchmarks[cell.benchmark]).options
    return MeasureJob(
        where=where(campaign),
        cell=cell,
        system=system,
        profile=campaign.profiles[cell.profile],
        tuning=campaign.tunings[cell.tuning],
        options=options.model_dump(mode="json"),
        vpn_method=vpns.load(system.driver).version,
        benchmark_method=benchmark.version,
        packages=digests(cell.vpn, system),
    )


def supplies(name: str, system: System) -> tuple[Supply, ...]:
    """Where a system's programs come from on this machine now."""
    return vpns.load(system.driver)(name, system.options).sources(system.package)


def digests(name: str, system: System) -> tuple[str, ...]:
    """What a system's programs come from, as a job's settings say it."""
    return tuple(supply.digest for supply in supplies(name, system))


def planned(name: str, system: System, digests_: Sequence[str]) -> tuple[Supply, ...]:
    """Where a system's programs come from, as it was when the run began.

    Raises:
        TestbedError: when they are others than then; no VPN has anything to do with it.
    """
    found = supplies(name, system)
    if [supply.digest for supply in found] != list(digests_):
        raise TestbedError(
            f"the programs of {name} changed after this run had begun: start the run again"
        )
    return found


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


def packages() -> list[str]:
    """Debian packages that any driver or benchmark needs: the lab's image has them all.

    A driver whose programs come from elsewhere needs only what it names besides.
    """
    drivers = [vpns.load(name)(name).debian_names() for name in vpns.names()]
    instruments = [benchmarks.load(name).packages for name in benchmarks.names()]
    return sorted(
        {package for some in (*drivers, *instruments, Calibration.packages) for package in some}
    )
