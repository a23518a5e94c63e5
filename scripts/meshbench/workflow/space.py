"""Room on the disks that a run writes to: looked at before it starts and when a job of it failed."""

import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from meshbench.config import paths
from meshbench.util.files import existing

RUN_BYTES = 50_000_000
"""What a run's tables, figures, report and logs may take."""
CELL_BYTES = 2_000_000
"""What a cell's record and log may take; most take a tenth of it."""
LEAST_BYTES = 10_000_000
"""With less than this on any of its disks a run measures in vain."""


def before(measurements: int) -> str | None:
    """Why a run with so many cells and calibrations to measure must not start, if so."""
    return _lacking({
        paths.RESULTS: RUN_BYTES + measurements * CELL_BYTES,
        Path(tempfile.gettempdir()): LEAST_BYTES,
    })  # fmt: skip


def during() -> str | None:
    """Why a run must not go on, if so."""
    written = (paths.RESULTS, paths.FIGURES, paths.LOGS, Path(tempfile.gettempdir()))
    return _lacking(dict.fromkeys(written, LEAST_BYTES))


def _lacking(needed: Mapping[Path, int]) -> str | None:
    for folder, need in needed.items():
        free = shutil.disk_usage(existing(folder)).free
        if free < need:
            return (
                f"the disk of {folder}/ has {free / 1e6:.0f} MB free and this run needs "
                f"{need / 1e6:.0f} MB: free some and start it again, nothing is lost"
            )
    return None
