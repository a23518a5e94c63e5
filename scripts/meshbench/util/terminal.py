"""Tables for a terminal, in which no name is cut."""

from collections.abc import Iterable
from typing import Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table

_NO_TERMINAL = 160
"""Width where nobody says one, as in a pipe or a log of CI."""


def console(stream: TextIO) -> Console:
    """Where tables and sentences are printed; numbers and paths are not coloured."""
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _NO_TERMINAL)


def table(
    title: str, columns: Iterable[str], right: Iterable[str] = (), *, plain: bool = False
) -> Table:
    """A table whose cells are folded where they do not fit; `right` are columns of numbers."""
    frame = box.SIMPLE_HEAD if plain else box.HEAVY_HEAD
    table = Table(box=frame, title=title, title_justify="left")
    numbers = set(right)
    for column in columns:
        side: Literal["left", "right"] = "right" if column in numbers else "left"
        table.add_column(column, justify=side, overflow="fold")
    return table
