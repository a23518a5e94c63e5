"""The import report: what became of every file."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pyarrow as pa

from meshbench.importers.vpn_runner.index import Place
from meshbench.tables.schema import write
from meshbench.util.files import atomic


class State(StrEnum):
    """What became of a file."""

    IMPORTED = "imported"
    SET_ASIDE = "set aside"
    """It should have been a measurement and cannot be used; the reason says why."""
    IGNORED = "ignored"
    """Left out on purpose; the reason says why."""


@dataclass(frozen=True)
class Entry:
    """One file of the input."""

    path: str
    state: State
    reason: str | None
    size: int
    place: Place | None = None
    links: int = 0
    values: int = 0
    problems: Sequence[str] = field(default=())
    """Per link that did not end well: its status and reason."""
    logs: Sequence[str] = field(default=())
    """Scrubbed ends of service logs and error texts."""


SCHEMA = pa.schema([
    pa.field("path", pa.string(), nullable=False),
    pa.field("state", pa.string(), nullable=False),
    pa.field("reason", pa.string()),
    pa.field("bytes", pa.int64(), nullable=False),
    pa.field("run", pa.string()),
    pa.field("vpn", pa.string()),
    pa.field("profile", pa.string()),
    pa.field("benchmark", pa.string()),
    pa.field("host", pa.string()),
    pa.field("links", pa.int32(), nullable=False),
    pa.field("values", pa.int32(), nullable=False),
    pa.field("problems", pa.list_(pa.string()), nullable=False),
    pa.field("logs", pa.list_(pa.string()), nullable=False),
])  # fmt: skip


def save(entries: Sequence[Entry], folder: Path, notes: Sequence[str] = ()) -> None:
    """Write ``import.parquet`` (one row per file) and ``import.json`` (a summary) to a folder."""
    rows = [_row(entry) for entry in entries]
    columns = [pa.array([row[f.name] for row in rows], type=f.type) for f in SCHEMA]
    write(pa.Table.from_arrays(columns, schema=SCHEMA), folder / "import.parquet")
    with atomic(folder / "import.json") as temporary:
        temporary.write_text(json.dumps(summary(entries, notes), indent=1) + "\n", encoding="utf-8")


def summary(entries: Sequence[Entry], notes: Sequence[str] = ()) -> dict[str, object]:
    """Counts, notes on the runs, and every file that was not imported with the reason."""
    states = Counter(entry.state.value for entry in entries)
    return {
        "files": len(entries),
        "bytes": sum(entry.size for entry in entries),
        **{state.value: states.get(state.value, 0) for state in State},
        "links": sum(entry.links for entry in entries),
        "values": sum(entry.values for entry in entries),
        "notes": list(notes),
        "not imported": {
            _printable(entry.path): f"{entry.state}: {entry.reason}"
            for entry in entries
            if entry.state is not State.IMPORTED
        },
    }


def lines(entries: Sequence[Entry], notes: Sequence[str] = ()) -> list[str]:
    """The summary for a log: a line of counts, one per note, one per file that was set aside."""
    counts = summary(entries)
    head = f"{counts['imported']} of {counts['files']} files imported ({counts['links']} links, {counts['values']} values)"
    aside = [e for e in entries if e.state is State.SET_ASIDE]
    return [head, *notes, *(f"set aside: {_printable(e.path)}: {e.reason}" for e in aside)]


def _row(entry: Entry) -> dict[str, object]:
    place = entry.place
    return {
        "path": _printable(entry.path),
        "state": entry.state.value,
        "reason": entry.reason,
        "bytes": entry.size,
        "run": place.run if place else None,
        "vpn": place.vpn if place else None,
        "profile": place.profile if place else None,
        "benchmark": place.kind.value if place else None,
        "host": place.host if place else None,
        "links": entry.links,
        "values": entry.values,
        "problems": list(entry.problems),
        "logs": list(entry.logs),
    }


def _printable(path: str) -> str:
    return path.encode("utf-8", "replace").decode("utf-8")
