"""Pieces of HTML."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A part of the page: its anchor, its heading, and its HTML."""

    name: str
    title: str
    content: str


@dataclass(frozen=True)
class Marked:
    """A table's cell with a colour behind it."""

    words: str
    fill: str


Cell = str | Marked


def text(words: str) -> str:
    """Words as HTML."""
    return html.escape(words, quote=True)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table that scrolls in its own box where it is wider than the page."""
    top = "".join(f"<th>{text(cell)}</th>" for cell in head)
    lines = ["<tr>" + "".join(map(_cell, row)) + "</tr>" for row in rows]
    return "\n".join(
        ['<div class="wide"><table>', f"<thead><tr>{top}</tr></thead>", *lines, "</table></div>"]
    )


def _cell(cell: Cell) -> str:
    if isinstance(cell, Marked):
        return f'<td style="background:{cell.fill}">{text(cell.words)}</td>'
    return f"<td>{text(cell)}</td>"


def folded(summary: str, content: str, *, opened: bool = False) -> str:
    """Content that a reader opens."""
    state = " open" if opened else ""
    return f"<details{state}><summary>{text(summary)}</summary>\n{content}\n</details>"
