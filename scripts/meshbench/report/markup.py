"""Parts of the page."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from meshbench.util import templates


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, its heading, and its HTML."""

    name: str
    title: str
    content: Markup


@dataclass(frozen=True)
class Marked:
    """A table's cell with a colour behind it."""

    words: str
    fill: str


Cell = str | Marked


def section(name: str, title: str, **values: Any) -> Section:
    """A part of the page from the template of its name."""
    return Section(name, title, templates.html(__package__, f"{name}.html", **values))
