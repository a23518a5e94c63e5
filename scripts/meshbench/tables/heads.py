"""What the head of a table's SQL file says of the table, for its documentation."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from meshbench.tables import aggregate
from meshbench.util.errors import MeshbenchError

_FIELD = re.compile(r"^ {2}(?P<names>[a-z]\w*(?:, [a-z]\w*)*)(?::| {2,})(?P<rest>.*)$")
_EXCLUDED = re.compile(r"\bmetric\s+NOT\s+IN\s*\([^)]*\)", re.IGNORECASE)
_WORD = re.compile(r"'([a-z][a-z0-9_]*)'")


@dataclass(frozen=True)
class Head:
    """The comment that a table's SQL file begins with.

    Attributes:
        summary: what the table is.
        grain: what a row is of.
        about: what is said of all columns together.
        columns: of one meaning, and the meaning.
        remarks: what is said after the columns.
    """

    summary: str
    grain: str
    about: str
    columns: tuple[tuple[tuple[str, ...], str], ...]
    remarks: str


def read(name: str) -> Head:
    """The head of a table. Raises MeshbenchError when it is not of the usual form."""
    return parse(aggregate.source(name).read_text(encoding="utf-8"), f"{name}.sql")


def parse(text: str, file: str) -> Head:
    """The head in a SQL text; `file` is what an error calls it.

    Raises:
        MeshbenchError: when summary, grain or columns are missing.
    """
    lines = _comment(text)
    places = {
        key: next((n for n, line in enumerate(lines) if line.startswith(f" {key}")), None)
        for key in ("Grain:", "Columns")
    }
    grain, columns = places["Grain:"], places["Columns"]
    if not lines or grain is None or columns is None or grain > columns:
        raise MeshbenchError(
            f"{file} must begin with comments: what the table is, '-- Grain: …', '-- Columns:' and a "
            "line '--   name   meaning' for each"
        )
    end = next(
        (n for n in range(columns + 1, len(lines)) if not lines[n].startswith("   ")), len(lines)
    )
    _, _, about = lines[columns].strip().partition(" ")
    return Head(
        summary=_joined(line for line in lines[:grain] if not line.startswith(" needs:")),
        grain=_joined(lines[grain:columns]).removeprefix("Grain: "),
        about=about.strip(" :"),
        columns=tuple(_fields(lines[columns + 1 : end])),
        remarks=_joined(lines[end:]),
    )


def words(name: str) -> frozenset[str]:
    """The words that a table's SQL compares with; among them the metrics it picks."""
    text = aggregate.source(name).read_text(encoding="utf-8")
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("--"))
    return frozenset(_WORD.findall(_EXCLUDED.sub("", code)))


def _comment(text: str) -> list[str]:
    """The lines of the first comment, without their dashes."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--"))
    return lines


def _fields(lines: list[str]) -> list[tuple[tuple[str, ...], str]]:
    """Names and meaning; a line that begins further right goes on with the one before."""
    fields: list[tuple[tuple[str, ...], list[str]]] = []
    for line in lines:
        if match := _FIELD.match(line.removeprefix(" ")):
            fields.append((tuple(match["names"].split(", ")), [match["rest"].strip()]))
        elif fields:
            fields[-1][1].append(line.strip())
    return [(names, " ".join(words).strip()) for names, words in fields]


def _joined(lines: Iterable[str]) -> str:
    return " ".join(line.strip() for line in lines).strip()
