"""The files that one rule makes and others read, whichever way a campaign gets its data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from meshbench.config import paths
from meshbench.config.models import Campaign
from meshbench.figures import catalogue
from meshbench.workflow import hooks
from meshbench.workflow.settings import Setup

Files = tuple[Path, ...]
Optional = Path | tuple[()]
"""A file that only some campaigns have; Snakemake takes an empty tuple for no input."""


@dataclass(frozen=True)
class Inputs:
    """Every file that a rule of another stage asks for.

    Attributes:
        records: by benchmark and system, those of their cells.
        facts: what is installed, or what imported runs say of themselves.
        runs: the latter alone.
        imported: what became of every file of an import.
    """

    campaign: Campaign
    samples: Files
    links: Files
    events: Files = ()
    packaged: Files = ()
    deployed: Files = ()
    calibrated: Files = ()
    bracketed: Files = ()
    records: Mapping[tuple[str, str], Files] = field(default_factory=dict)
    calibration_samples: Files = ()
    calibration_links: Files = ()
    bracket_samples: Files = ()
    bracket_links: Files = ()
    facts: Files = ()
    runs: Optional = ()
    imported: Optional = ()

    @classmethod
    def of(cls, setup: Setup) -> Self:
        return cls._imported(setup.campaign) if setup.campaign.published else cls._measured(setup)

    @property
    def cells(self) -> Files:
        """The records of all cells."""
        return tuple(path for some in self.records.values() for path in some)

    @property
    def measured(self) -> Files:
        """What only a testbed can make again."""
        return (*self.packaged, *self.deployed, *self.calibrated, *self.bracketed, *self.cells)

    @property
    def verdicts(self) -> Optional:
        """What became of the claims of a text, where the campaign names one."""
        return paths.verdicts(self.campaign.name) if self.campaign.claims else ()

    @property
    def verdicts_page(self) -> Optional:
        return paths.verdicts_page(self.campaign.name) if self.campaign.claims else ()

    @property
    def compared(self) -> Files:
        """The campaign against others, where it names any."""
        kinds = ("html", "csv", "md", "tex") if self.campaign.file.compare else ()
        return tuple(paths.comparison(self.campaign.name, kind) for kind in kinds)

    @property
    def figures(self) -> Files:
        """Every figure and printed table that the campaign asks for, in all its formats."""
        return tuple(
            paths.figure(self.campaign.name, name, kind)
            for name in hooks.figures(self.campaign)
            for kind in catalogue.get(name).formats
        )

    @classmethod
    def _measured(cls, setup: Setup) -> Self:
        file, name = setup.campaign.file, setup.campaign.name
        pairs = [(benchmark, vpn) for benchmark in file.benchmarks for vpn in file.vpns]
        records: dict[tuple[str, str], list[Path]] = {pair: [] for pair in pairs}
        for cell in setup.plan.cells:
            records[cell.benchmark, cell.vpn].append(setup.records[cell])
        deployed = tuple(paths.deployment(name, vpn) for vpn in file.vpns)
        return cls(
            campaign=setup.campaign,
            packaged=(
                *(paths.package(name, vpn) for vpn in setup.packaged),
                *(paths.program(name, kind) for kind in setup.instruments),
            ),
            deployed=deployed,
            calibrated=tuple(setup.records[step] for step in setup.plan.calibrations),
            bracketed=tuple(setup.records[step] for step in setup.plan.brackets),
            records={pair: tuple(some) for pair, some in records.items()},
            samples=tuple(paths.samples(name, *pair) for pair in pairs),
            links=tuple(paths.links(name, *pair) for pair in pairs),
            events=tuple(paths.events(name, *pair) for pair in pairs),
            calibration_samples=(paths.calibration_samples(name),),
            calibration_links=(paths.calibration_links(name),),
            bracket_samples=(paths.bracket_samples(name),) if setup.plan.brackets else (),
            bracket_links=(paths.bracket_links(name),) if setup.plan.brackets else (),
            facts=deployed,
        )

    @classmethod
    def _imported(cls, campaign: Campaign) -> Self:
        runs = paths.runs(campaign.name)
        return cls(
            campaign=campaign,
            samples=(paths.imported_samples(campaign.name),),
            links=(paths.imported_links(campaign.name),),
            facts=(runs,),
            runs=runs,
            imported=paths.imported(campaign.name),
        )
