"""What a run came to: cells done, reused, failed and why; the time it took and where it went."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

from rich.table import Table

from meshbench.config import paths
from meshbench.config.models import Campaign
from meshbench.config.plan import Bracketed, Calibrated, Step
from meshbench.results import records
from meshbench.results.records import Cell, LinkRecord, Record, Status, now
from meshbench.tables import reading
from meshbench.util import terminal
from meshbench.util.errors import RecordError
from meshbench.workflow import stale
from meshbench.workflow.settings import Setup
from meshbench.workflow.waves import Waves

ONE_CORE = "--cores 1"


@dataclass(frozen=True)
class Done:
    """A cell with its record, or without one; `trouble` says why the file there is none."""

    cell: Cell
    path: Path
    record: Record | None
    trouble: str | None = None
    stale: tuple[str, ...] = ()
    """Why it will be measured again although it has a record."""

    @cached_property
    def links(self) -> list[LinkRecord]:
        """With the status that their output turns out to have."""
        return reading.judged(self.record, self.path) if self.record else []

    @property
    def status(self) -> Status | None:
        if self.trouble:
            return Status.TOOL_FAILED
        return records.worst([link.status for link in self.links]) if self.record else None

    @property
    def reasons(self) -> str:
        if self.trouble:
            return self.trouble
        return "; ".join(dict.fromkeys(link.reason for link in self.links if link.reason))

    @property
    def measuring_s(self) -> float:
        return self.record.measuring_s if self.record else 0.0


def wanted(setup: Setup) -> set[Step]:
    """The cells and calibrations that are planned, as far as the rounds are decided on."""
    waves = Waves(setup)
    return waves.steps(waves.on_disk())


def read(setup: Setup) -> list[Done]:
    """Every planned cell of a campaign with the record that its settings made."""
    planned = wanted(setup)
    places = [(cell, setup.records[cell]) for cell in setup.plan.cells if cell in planned]
    return [Done(cell, path, *_read(path)) for cell, path in places]


def _read(path: Path) -> tuple[Record | None, str | None]:
    """A record if it is there, and why what is there is none."""
    try:
        return (records.read(path) if path.exists() else None), None
    except RecordError as error:
        return None, str(error)


def compared(setup: Setup) -> list[Done]:
    """The same, with why a cell is measured again that has been measured before."""
    return [
        replace(done, stale=stale.reasons(done.path, setup.texts[done.cell], setup.steps))
        for done in read(setup)
    ]


def unmeasured(setup: Setup) -> list[Calibrated | Bracketed]:
    """The calibrations, and measurements around rounds, that have no record of their settings."""
    have, planned = network(setup), wanted(setup)
    return [
        step
        for step in setup.plan.network
        if step in planned
        and ((path := setup.records[step]) not in have or stale.reasons(path, setup.texts[step]))
    ]


def network(setup: Setup) -> dict[Path, Record]:
    """The records of the network itself: its calibrations, and the bare link around rounds."""
    read = {path: _read(path)[0] for path in _network(setup)}
    return {path: record for path, record in read.items() if record}


def _network(setup: Setup) -> list[Path]:
    places = [setup.records[step] for step in setup.plan.network]
    return [path for path in places if path.exists()]


def failed(cells: Iterable[Done]) -> list[Done]:
    """The cells with a link that is not ok and could be: not those a VPN cannot do by design."""
    return [d for d in cells if d.status not in {None, Status.OK, Status.UNSUPPORTED}]


def marked(cells: Iterable[Done]) -> list[Done]:
    """The cells whose record says what a reader must know before believing the numbers."""
    return [d for d in cells if d.record and d.record.marks]


def marked_calibrations(setup: Setup) -> list[Path]:
    """The same of calibrations. The bare link around a round is nothing to measure again later."""
    have = network(setup)
    places = (setup.records[step] for step in setup.plan.calibrations)
    return [path for path in places if path in have and have[path].marks]


def unmade(setup: Setup) -> list[Path]:
    """What is to be made again: a package or an installation that failed, a calibration, or bare link
    around a round, that cannot be read.
    """
    places = [
        place(setup.campaign.name, vpn)
        for vpn in setup.campaign.file.vpns
        for place in (paths.package, paths.deployment)
    ]
    places += [paths.program(setup.campaign.name, kind) for kind in setup.instruments]
    readable = network(setup)
    return [
        *(p for p in places if p.exists() and _says_failed(p)),
        *(p for p in _network(setup) if not _can_be_read(readable.get(p), p)),
    ]


def _can_be_read(record: Record | None, path: Path) -> bool:
    """Whether a record is one, and its links have the values that they say."""
    return record is not None and reading.judged(record, path) == record.links


def _says_failed(path: Path) -> bool:
    outcome = json.loads(path.read_text(encoding="utf-8"))
    return bool(outcome["status"] != Status.OK)


def again(words: str = "", manner: str = ONE_CORE) -> str:
    """The command that measures just the failed cells, with the options that were given."""
    options = f" {words}" if words else ""
    return f"snakemake {manner} figures/all{options} -R $(python -m meshbench failed{options})"


def show(setup: Setup, started: str | None, words: str = "", manner: str = ONE_CORE) -> None:
    """Print the summary of a run that began at `started` (ISO 8601, UTC) with options `words`."""
    begin = datetime.fromisoformat(started) if started else None
    campaign, cells = setup.campaign, read(setup)
    console = terminal.console(sys.stderr)
    console.print(_table(campaign, cells, begin))
    for done in failed(cells):
        console.print(f"{done.status}: {done.path}", markup=False, soft_wrap=True)
        console.print(f"    {done.reasons[:500]}", markup=False)
    if failed(cells):
        console.print(
            f"measure just these again:  {again(words, manner)}", markup=False, soft_wrap=True
        )
    if begin:
        measured = [d.record for d in cells if d.record] + [*network(setup).values()]
        console.print(_times(measured, begin), markup=False)
    console.print(f"figures: {paths.FIGURES / campaign.name}/", markup=False, soft_wrap=True)


def _table(campaign: Campaign, cells: list[Done], begin: datetime | None) -> Table:
    numbers = ("planned", "measured now", "reused", "not ok", "marked", "missing")
    table = terminal.table(f"campaign {campaign.name}", ("vpn", *numbers), numbers)
    for vpn in campaign.file.vpns:
        mine = [done for done in cells if done.cell.vpn == vpn]
        have = [done for done in mine if done.record]
        fresh = [d for d in have if begin and d.record and d.record.started >= begin]
        bad = [d for d in have if d.status is not Status.OK]
        counts = (
            len(mine), len(fresh), len(have) - len(fresh), len(bad), len(marked(mine)),
            len(mine) - len(have),
        )  # fmt: skip
        table.add_row(vpn, *map(str, counts))
    return table


def _times(measured: Iterable[Record], begin: datetime) -> str:
    wall_s = (now() - begin).total_seconds()
    # A fake testbed's tools take no time worth a quotient.
    real = [r for r in measured if r.testbed.kind != "fake" and r.started >= begin]
    tools_s = sum(record.measuring_s for record in real)
    if not tools_s:
        return f"wall time {wall_s:.0f} s; nothing was measured"
    return (
        f"wall time {wall_s:.0f} s, of which measuring tools ran {tools_s:.0f} s: "
        f"overhead {wall_s / tools_s:.2f}x{_elsewhere(real, wall_s)}"
    )


def _elsewhere(measured: Iterable[Record], wall_s: float) -> str:
    """Where the rest of the time went, as far as the records say it."""
    pairs = [(record, record.spent) for record in measured if record.spent]
    if not pairs:
        return ""
    parts = {
        "rest of the tests": sum(s.measuring_s - r.measuring_s for r, s in pairs),
        "VPNs brought up": sum(s.vpn_s for _, s in pairs),
        "impairing and servers": sum(s.preparing_s for _, s in pairs),
        "evidence": sum(s.evidence_s for _, s in pairs),
        "opening the testbed": sum(s.opening_s for _, s in pairs),
        "between cells": sum(s.workflow_s or 0 for _, s in pairs),
    }
    tools_s = sum(record.measuring_s for record, _ in pairs)
    parts["before, after and figures"] = wall_s - tools_s - sum(parts.values())
    words = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in parts.items())
    return f"\nnot in tools: {words}"
