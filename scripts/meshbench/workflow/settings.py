"""A campaign with its drivers and benchmarks, each made once, and the settings of every job."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from meshbench import benchmarks, vpns
from meshbench.benchmarks.base import Benchmark
from meshbench.benchmarks.calibration import Calibration
from meshbench.config import jobs, paths, plan
from meshbench.config.jobs import Site, Where
from meshbench.config.models import Campaign, System, Tuning
from meshbench.config.plan import Bracketed, Calibrated, Step
from meshbench.config.profile import Placement
from meshbench.config.testbeds import SshTestbed
from meshbench.results.records import BARE, Cell
from meshbench.runner.jobs import DeployJob, MeasureJob, PackageJob, ProgramJob
from meshbench.runner.needs import BOTTLENECK
from meshbench.util.errors import MeshbenchError
from meshbench.vpns.base import Driver
from meshbench.vpns.common.supplies import equipped


class Setup:
    """What the workflow knows of a campaign before anything runs."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.plan = plan.plan(campaign)

    @cached_property
    def drivers(self) -> Mapping[str, Driver]:
        """By system."""
        return {name: equipped(name, system) for name, system in self.campaign.systems.items()}

    @cached_property
    def benchmarks(self) -> Mapping[str, Benchmark[Any]]:
        """By the campaign's name."""
        chosen = self.campaign.benchmarks.items()
        return {
            name: benchmarks.load(instrument.kind)(instrument.options)
            for name, instrument in chosen
        }

    @property
    def kinds(self) -> list[str]:
        """The benchmarks' own names, and whether there is a bottleneck to fill: what hosts must have."""
        rated = any(profile.rated for profile in self.campaign.profiles.values())
        kinds = {instrument.kind for instrument in self.campaign.benchmarks.values()}
        return sorted(kinds | ({BOTTLENECK} if rated else set()))

    @cached_property
    def packaged(self) -> tuple[str, ...]:
        """The systems whose programs do not all come from Debian."""
        return tuple(name for name, driver in self.drivers.items() if driver.supplies)

    @cached_property
    def instruments(self) -> Mapping[str, Benchmark[Any]]:
        """By their own names, the benchmarks that bring programs along."""
        return {
            benchmark.name: benchmark
            for benchmark in self.benchmarks.values()
            if benchmark.supplies
        }

    @cached_property
    def texts(self) -> Mapping[Step, str]:
        """The settings of every cell and calibration, and of the bare link around rounds."""
        cells: dict[Step, str] = {cell: self.measure(cell).text() for cell in self.plan.cells}
        calibrations = {step: self.calibrate(step).text() for step in self.plan.calibrations}
        return cells | calibrations | {s: self.bracket(s).text() for s in self.plan.brackets}

    @cached_property
    def records(self) -> Mapping[Step, Path]:
        """Where the record of each of these is, if it has been made."""
        return {step: self._record(step, jobs.key(text)) for step, text in self.texts.items()}

    def _record(self, step: Step, key: str) -> Path:
        if isinstance(step, Cell):
            return paths.record(self.campaign.name, step.path, key)
        if isinstance(step, Bracketed):
            return paths.bracket(self.campaign.name, step.side, step.placement, step.path, key)
        return paths.calibration(self.campaign.name, step.placement, step.path, key)

    def cell(self, key: str, words: Mapping[str, str]) -> Cell:
        """The cell with a record of this key; where none has, the first placement's.

        Args:
            key: of its settings.
            words: the names that make the path of its record.
        """
        placed = [Cell.model_validate({**words, "placement": p}) for p in self.campaign.placements]
        has = (cell for cell in placed if cell in self.records and self.records[cell].stem == key)
        return next(has, placed[0])

    @cached_property
    def steps(self) -> Mapping[Path, Step]:
        """By the place of its record."""
        return {path: step for step, path in self.records.items()}

    def text(self, step: Step, key: str) -> str:
        """The settings that make the record with this key.

        Raises:
            MeshbenchError: when it was made by settings that the campaign no longer has.
        """
        if self.records[step].stem != key:
            raise MeshbenchError(
                f"{key}.json was made by other settings than the campaign has; these make "
                f"{self.records[step]}"
            )
        return self.texts[step]

    def package(self, name: str) -> PackageJob:
        return PackageJob(
            campaign=self.campaign.name,
            name=name,
            system=self._systems[name],
            packages=self._digests[name],
        )

    def program(self, kind: str) -> ProgramJob:
        return ProgramJob(
            campaign=self.campaign.name, kind=kind, programs=_digests(self.instruments[kind])
        )

    def deploy(self, name: str) -> DeployJob:
        testbed = self.campaign.testbed
        return DeployJob(
            campaign=self.campaign.name,
            site=Site(testbed=self.campaign.file.testbed, hosts=testbed),
            name=name,
            system=self._systems[name],
            method=self.drivers[name].version,
            packages=self._digests[name],
            install=isinstance(testbed, SshTestbed) and testbed.install,
        )

    def measure(self, cell: Cell) -> MeasureJob:
        return self._job(
            cell,
            self._systems[cell.vpn],
            self.drivers[cell.vpn].version,
            self.benchmarks[cell.benchmark],
            self.campaign.tunings[cell.tuning],
            self._digests[cell.vpn],
        )

    def bracket(self, step: Bracketed) -> MeasureJob:
        """The bare link before or after a round, measured as a cell of the campaign's first tuning."""
        tuning = self.campaign.file.tunings[0]
        return self._bare(
            step, tuning, self.campaign.tunings[tuning], step.benchmark,
            self.benchmarks[step.benchmark],
        )  # fmt: skip

    def calibrate(self, step: Calibrated) -> MeasureJob:
        """The network itself under one profile, measured like a cell of the bare link."""
        calibration = Calibration(self.campaign.file.calibration)
        return self._bare(step, "stock", Tuning(), Calibration.name, calibration)

    def _bare(
        self,
        step: Calibrated | Bracketed,
        tuning: str,
        settings: Tuning,
        name: str,
        benchmark: Benchmark[Any],
    ) -> MeasureJob:
        internal = vpns.load(BARE)
        cell = Cell(
            vpn=BARE, tuning=tuning, profile=step.profile, benchmark=name,
            round=step.round, placement=step.placement,
        )  # fmt: skip
        system = System(driver=BARE, options=internal.options_class())
        return self._job(cell, system, internal.version, benchmark, settings)

    def _job(
        self,
        cell: Cell,
        system: System,
        method: int,
        benchmark: Benchmark[Any],
        tuning: Tuning,
        packages: tuple[str, ...] = (),
    ) -> MeasureJob:
        return MeasureJob(
            where=self._where[cell.placement],
            cell=cell,
            system=system,
            profile=self.campaign.profiles[cell.profile],
            tuning=tuning,
            kind=benchmark.name,
            options=benchmark.options,
            vpn_method=method,
            benchmark_method=benchmark.version,
            packages=packages,
            programs=_digests(benchmark),
        )

    @cached_property
    def _where(self) -> Mapping[str, Where]:
        return {placement: self._placed(placement) for placement in get_args(Placement)}

    def _placed(self, placement: str) -> Where:
        file = self.campaign.file
        return Where(
            campaign=self.campaign.name,
            testbed=file.testbed,
            hosts=self.campaign.testbed,
            links=self.campaign.links,
            placement=placement,
            engine=file.engine,
            seed=file.seed,
        )

    @cached_property
    def _systems(self) -> Mapping[str, System]:
        """Without a package that only spells out where the driver has its programs from anyway."""
        systems = self.campaign.systems.items()
        return {
            name: system.model_copy(update={"package": None}) if self._usual(name) else system
            for name, system in systems
        }

    def _usual(self, name: str) -> bool:
        driver, package = self.drivers[name], self.campaign.systems[name].package
        usual = [supply.digest for supply in driver.sources()]
        names = driver.debian_names()
        return usual == list(self._digests[name]) and names == driver.debian_names(package)

    @cached_property
    def _digests(self) -> Mapping[str, tuple[str, ...]]:
        return {
            name: tuple(supply.digest for supply in driver.supplies)
            for name, driver in self.drivers.items()
        }


def _digests(benchmark: Benchmark[Any]) -> tuple[str, ...]:
    return tuple(supply.digest for supply in benchmark.supplies)
