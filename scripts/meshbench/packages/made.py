"""What a builder tells of what it made."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Made:
    """Beside the programs, which are in the folder that the builder was given."""

    version: str | None = None
    licence: str | None = None
    tool: str | None = None


LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "COPYING", "COPYING.txt")


def licence_in(folder: Path) -> str | None:
    """The first line of a folder's licence text."""
    for name in LICENCE_FILES:
        if (folder / name).is_file():
            lines = (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
            return next((line.strip() for line in lines if line.strip()), None)
    return None
