"""What a run came to: cells done, reused, failed and why; the time it took and where it went."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from meshbench.config import paths, plan
from meshbench.config.models import Campaign
from meshbench.results import records
from meshbench.results.records import Cell, Record, Status, now

ONE_CORE = "--cores 1"


@dataclass(frozen=True)
class Done:
    """A cell with its record, or without one."""

    cell: Cell
    path: Path
    record: Record | None

    @property
    def status(self) -> Status | None:
        return records.worst([link.status for link in self.record.links]) if self.record else None

    @property
    def reasons(self) -> str:
        links = self.record.links if self.record else []
        return "; ".join(dict.fromkeys(link.reason for link in links if link.reason))

    @property
    def measuring_s(self) -> float:
        return self.record.measuring_s if self.record else 0.0


def read(campaign: Campaign) -> list[Done]:
    """Every planned cell of a campaign with its record."""
    found = []
    for cell in plan.plan(campaign).cells:
        path = paths.raw(campaign.name) / cell.path
        found.append(Done(cell, path, records.read(path) if path.exists() else None))
    return found


def calibrations(campaign: Campaign) -> dict[Path, Record]:
    """The records of the network itself."""
    places = [paths.calibration(campaign, step) for step in plan.plan(campaign).calibrations]
    return {path: records.read(path) for path in places if path.exists()}


def failed(cells: Iterable[Done]) -> list[Done]:
    """The cells with a link that is not ok and could be: not those a VPN cannot do by design."""
    return [d for d in cells if d.status not in {None, Status.OK, Status.UNSUPPORTED}]


def marked(cells: Iterable[Done]) -> list[Done]:
    """The cells whose record says what a reader must know before believing the numbers."""
    return [d for d in cells if d.record and d.record.marks]


def marked_calibrations(campaign: Campaign) -> list[Path]:
    """The same of calibrations."""
    return [path for path, record in calibrations(campaign).items() if record.marks]


def unmade(campaign: Campaign) -> list[Path]:
    """What says that a system's package or its installation failed: to be made again."""
    places = [
        place(campaign.name, vpn)
        for vpn in campaign.file.vpns
        for place in (paths.package, paths.deployment)
    ]
    return [p for p in places if p.exists() and _says_failed(p)]


def _says_failed(path: Path) -> bool:
    said = json.loads(path.read_text(encoding="utf-8"))
    return bool(said["status"] != Status.OK)


def again(said: str = "", manner: str = ONE_CORE) -> str:
    """The command that measures just the failed cells, with the options that were given."""
    options = f" {said}" if said else ""
    return f"snakemake {manner} figures/all{options} -R $(python -m meshbench failed{options})"


def show(campaign: Campaign, started: str | None, said: str = "", manner: str = ONE_CORE) -> None:
    """Print the summary of a run that began at `started` (ISO 8601, UTC) with options `said`."""
    begin = datetime.fromisoformat(started) if started else None
    cells = read(campaign)
    console = Console(file=sys.stderr, highlight=False)
    console.print(_table(campaign, cells, begin))
    for done in failed(cells):
        console.print(f"{done.status}: {done.path}\n    {done.reasons[:500]}", markup=False)
    if failed(cells):
        console.print(
            f"measure just these again:  {again(said, manner)}", markup=False, soft_wrap=True
        )
    if begin:
        measured = [d.record for d in cells if d.record] + [*calibrations(campaign).values()]
        console.print(_times(measured, begin), markup=False)
    console.print(f"figures: {paths.FIGURES / campaign.name}/", markup=False)


def _table(campaign: Campaign, cells: list[Done], begin: datetime | None) -> Table:
    table = Table(title=f"campaign {campaign.name}", title_justify="left")
    for column in ("vpn", "planned", "measured now", "reused", "not ok", "marked", "missing"):
        table.add_column(column, justify="left" if column == "vpn" else "right")
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
    tools_s = sum(record.measuring_s for record in measured if record.started >= begin)
    if not tools_s:
        return f"wall time {wall_s:.0f} s; nothing was measured"
    return (
        f"wall time {wall_s:.0f} s, of which measuring tools ran {tools_s:.0f} s: "
        f"overhead {wall_s / tools_s:.2f}x"
    )
