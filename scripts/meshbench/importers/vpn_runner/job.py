"""What the rule `published_import` makes: the tables, and a report on every file."""

import logging
from collections.abc import Sequence
from pathlib import Path

from meshbench.importers.vpn_runner import importer, report
from meshbench.importers.vpn_runner.words import Words

log = logging.getLogger(__name__)


def convert(
    sources: Sequence[Path],
    campaign: str,
    folder: Path,
    systems: Sequence[str] = (),
    profiles: Sequence[str] = (),
) -> None:
    """Import the sources into a campaign's folder, and say in the log what was set aside.

    Args:
        sources: folders and archives.
        campaign: its name.
        folder: of its results.
        systems: names that folders of systems may have, besides the runner's own.
        profiles: the same of profiles.
    """
    imported = importer.import_runs(sources, campaign, Words.of(systems, profiles))
    importer.save(imported, folder)
    report.save(imported.entries, folder / "published", imported.notes)
    for line in report.lines(imported.entries, imported.notes):
        log.info("%s", line)
