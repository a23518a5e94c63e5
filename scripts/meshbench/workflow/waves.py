"""Rounds that depend on what was measured: which cells there are, as far as it is decided."""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from itertools import product
from pathlib import Path
from typing import Any

from meshbench.analysis.decisions import Decision, Group, read
from meshbench.config import jobs, paths
from meshbench.config.plan import Step
from meshbench.results.records import Cell
from meshbench.workflow.settings import Setup


class Waves:
    """Which rounds of a campaign are measured; all of them where they are a plain number."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        # An import has the rounds that it has.
        self._rule = None if setup.campaign.published else setup.campaign.adaptive
        self._steps: dict[tuple[tuple[Path, int], ...], set[Step]] = {}

    @property
    def rounds(self) -> range:
        """After these it is decided who goes on."""
        return range(self._rule.first, self._rule.most) if self._rule else range(0)

    @cached_property
    def how(self) -> dict[str, Any]:
        """What `analysis.waves.decide` must know besides files, as plain data."""
        campaign, rule = self._setup.campaign, self._rule
        return {
            "groups": [list(group) for group in self._groups],
            "firsts": [
                [name, first.metric.name, first.mode, first.direction, first.of]
                for name, benchmark in self._setup.benchmarks.items()
                for first in benchmark.headlines()[:1]
            ],
            "until": rule.until if rule else 0.0,
            "marked": campaign.file.analysis.marked == "in",
        }

    @property
    def design(self) -> dict[str, Any]:
        """What the analysis must know of it (`analysis.rounds.Design`)."""
        return {key: self.how[key] for key in ("until", "firsts")} if self._rule else {}

    @property
    def _groups(self) -> list[Group]:
        file = self._setup.campaign.file
        placements = self._setup.campaign.placements
        return list(product(file.vpns, file.tunings, placements, file.profiles))

    def decided(
        self, file_of: Callable[[int, str], Path | None], before: int | None = None
    ) -> list[Path]:
        """The files of decisions in their order, up to the one after which nobody goes on.

        Args:
            file_of: the file of the decisions after a round, of that key; None where it is not there yet.
            before: only those after rounds before this one.
        """
        files: list[Path] = []
        for number in self.rounds:
            if before is not None and number >= before:
                break
            file = file_of(number, self._key(number, files))
            if file is None:
                break
            files.append(file)
            if not any(decision.goes_on for decision in _read(file).values()):
                break
        return files

    def on_disk(self) -> list[Path]:
        """Those that have been made."""
        return self.decided(self._made)

    def _made(self, number: int, key: str) -> Path | None:
        file = paths.wave(self._setup.campaign.name, str(number), key)
        return file if file.is_file() else None

    def _key(self, number: int, decisions: Sequence[Path]) -> str:
        """What tells decisions apart that rest on other records, or on another limit.

        Snakemake takes what a checkpoint had decided before for true in the run that decides it anew.
        """
        records = self.of((*self._records, *self._brackets), decisions, number)
        return jobs.key(json.dumps([self.how, *map(str, records)]))

    @cached_property
    def _records(self) -> tuple[Path, ...]:
        return tuple(self._setup.records[cell] for cell in self._setup.plan.cells)

    @cached_property
    def _brackets(self) -> tuple[Path, ...]:
        return tuple(self._setup.records[step] for step in self._setup.plan.brackets)

    def stopped(self) -> list[Decision]:
        """What is not measured again, as far as it is decided."""
        last = self.on_disk()[-1:]
        return [
            decision for file in last for decision in _read(file).values() if not decision.goes_on
        ]

    def of(self, files: Iterable[Path], decisions: Sequence[Path], until: int = 0) -> list[Path]:
        """Of records, and other files, those of rounds that are decided on.

        Args:
            files: of the campaign.
            decisions: as far as there are any.
            until: only records of these rounds; of all of them for 0.
        """
        if self._rule is None:
            return list(files)
        wanted = self.steps(decisions)
        return [
            file
            for file in files
            if (step := self._setup.steps.get(file)) is None
            or (step in wanted and (not until or step.round <= until))
        ]

    def steps(self, decisions: Sequence[Path]) -> set[Step]:
        """The cells of all rounds that are decided on, and what is measured beside them."""
        plan = self._setup.plan
        if self._rule is None:
            return {*plan.cells, *plan.network}
        state = tuple((file, file.stat().st_mtime_ns) for file in decisions)
        if state not in self._steps:
            self._steps[state] = self._decided_on(decisions)
        return self._steps[state]

    def _decided_on(self, decisions: Sequence[Path]) -> set[Step]:
        plan = self._setup.plan
        going = {self.rounds[place]: _going(file) for place, file in enumerate(decisions)}
        first = self.rounds[0]
        cells = {
            c for c in plan.cells if c.round <= first or _group(c) in going.get(c.round - 1, ())
        }
        return self._with_network(cells)

    def open(self, decisions: Sequence[Path]) -> set[Step]:
        """What may still come to be measured, once it is decided."""
        plan = self._setup.plan
        if self._rule is None:
            return set()
        last = self.rounds[len(decisions) - 1] if decisions else None
        going = _going(decisions[-1]) if decisions else set(self._groups)
        reached = (self._rule.first if last is None else last + 1) if going else self._rule.most
        cells = {cell for cell in plan.cells if cell.round > reached and _group(cell) in going}
        return self._with_network(cells)

    def _with_network(self, cells: set[Cell]) -> set[Step]:
        """Cells, and what of the network is measured where they are."""
        places = {_place(cell) for cell in cells}
        network = self._setup.plan.network
        return {*cells, *(step for step in network if _place(step) in places)}


def _group(cell: Cell) -> Group:
    return cell.vpn, cell.tuning, cell.placement, cell.profile


def _place(step: Step) -> tuple[str, int, str]:
    return step.profile, step.round, step.placement


def _going(file: Path) -> set[Group]:
    return {group for group, decision in _read(file).items() if decision.goes_on}


def _read(file: Path) -> dict[Group, Decision]:
    return _known(file, file.stat().st_mtime_ns)


@cache
def _known(file: Path, changed_ns: int) -> dict[Group, Decision]:
    del changed_ns
    return read(file)
