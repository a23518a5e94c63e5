"""What the rule `published_import` makes: the tables, and a report on every file."""

import logging
from collections.abc import Sequence
from pathlib import Path

from meshbench.importers.vpn_runner import importer, report

log = logging.getLogger(__name__)


def convert(sources: Sequence[Path], campaign: str, folder: Path) -> None:
    """Import the sources into a campaign's folder, and say in the log what was set aside."""
    found = importer.import_runs(sources, campaign)
    importer.save(found, folder)
    report.save(found.entries, folder / "published")
    for line in report.lines(found.entries):
        log.info("%s", line)
