"""The driver: every file of one or several runs into samples, links, facts and a report."""

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from meshbench.importers.vpn_runner import (
    archive,
    connections,
    facts,
    index,
    iperf3,
    nix_cache,
    parallel,
    ping,
    qperf,
    rist,
    settings,
    timing,
)
from meshbench.importers.vpn_runner.index import IgnoredError, Kind, Place
from meshbench.importers.vpn_runner.outcome import LinkOutcome
from meshbench.importers.vpn_runner.reading import UnreadableError, parse
from meshbench.importers.vpn_runner.report import Entry, State
from meshbench.importers.vpn_runner.rows import Cell, Rows
from meshbench.results.records import Status
from meshbench.tables.schema import LINKS, SAMPLES, write
from meshbench.util.files import atomic

log = logging.getLogger(__name__)

_BY_HOST: Mapping[Kind, Callable[[Any, str], Iterator[LinkOutcome]]] = {
    Kind.TCP: iperf3.read_tcp,
    Kind.UDP: iperf3.read_udp,
    Kind.PARALLEL: parallel.read,
    Kind.QPERF: qperf.read,
    Kind.PING: ping.read,
    Kind.RIST: rist.read,
    Kind.NIX_CACHE: nix_cache.read,
    Kind.BOOTSTRAP: connections.read,
    Kind.REBOOT: connections.read,
}
_ONE_LINK = {Kind.TCP, Kind.UDP, Kind.QPERF, Kind.PING, Kind.RIST, Kind.NIX_CACHE}


@dataclass(frozen=True)
class Read:
    """One file that was placed and read: its links, or the facts it holds."""

    path: str
    place: Place
    links: Sequence[LinkOutcome] = ()
    facts: Any = None


@dataclass
class Imported:
    """Everything an import came to."""

    rows: dict[tuple[str, str], Rows] = field(default_factory=lambda: defaultdict(Rows))
    entries: list[Entry] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def import_runs(
    sources: Iterable[Path], campaign: str, tunings: Mapping[str, str] = index.DEFAULT_TUNINGS
) -> Imported:
    """Read every file of the sources: folders or archives, each with one run or several.

    Args:
        sources: paths; the order does not matter.
        campaign: the campaign's name in the tables.
        tunings: which tuning the ending of a run's name stands for.

    Raises:
        MeshbenchError: a source does not exist. Nothing inside a source is fatal.
    """
    result = Imported()
    read: dict[Place, Read] = {}
    for source in sources:
        for found in archive.files(source):
            _take(found, source, read, result.entries)
    for lost in _lost(result.entries, read):
        read[lost.place] = lost
    runs = index.runs((file.place.run for file in read.values()), tunings)
    result.facts = facts.runs([file.place for file in read.values()], runs)
    for file in sorted(read.values(), key=lambda file: file.path):
        run = runs[file.place.run]
        _add(result, file, run, campaign)
    result.entries.sort(key=lambda entry: entry.path)
    return result


def _take(
    found: archive.Found, source: Path, read: dict[Place, Read], entries: list[Entry]
) -> None:
    path, size = f"{source.name}:{found.path}", len(found.content or b"")
    place = None
    try:
        _refuse_problem(found)
        place = index.place(found.path, archive.name_of(source))
        file = _read(path, place, parse(found.content or b""))
        _refuse_second(file, read)
    except IgnoredError as reason:
        entries.append(Entry(path, State.IGNORED, str(reason), size))
    except UnreadableError as reason:
        entries.append(Entry(path, State.SET_ASIDE, str(reason), size, place))
    else:
        read[place] = file
        entries.append(_imported(file, size))


def _refuse_problem(found: archive.Found) -> None:
    if found.problem:
        raise UnreadableError(found.problem)


def _refuse_second(file: Read, read: Mapping[Place, Read]) -> None:
    if file.place in read:
        raise UnreadableError(f"a second file of the same measurement as {read[file.place].path}")


def _imported(file: Read, size: int) -> Entry:
    values = sum(len(link.values) for link in file.links)
    logs = [link.log for link in file.links if link.log]
    problems = [
        f"{link.source}->{link.target}: {link.status}: {link.reason}"
        for link in file.links
        if link.reason
    ]
    return Entry(
        file.path, State.IMPORTED, None, size, file.place, len(file.links), values, problems, logs
    )


def _read(path: str, place: Place, document: Any) -> Read:
    if place.kind is Kind.LAYOUT:
        return Read(path, place, facts=facts.layout(document))
    if place.kind is Kind.HARDWARE:
        return Read(path, place, facts=facts.hardware(document))
    if place.kind is Kind.TIMING:
        reader = partial(timing.read, document, place.profile)
    elif place.kind is Kind.TC_SETTINGS:
        reader = partial(settings.read, document)
    else:
        reader = partial(_BY_HOST[place.kind], document, place.host)
    return Read(path, place, tuple(reader()))


def _lost(entries: Sequence[Entry], read: Mapping[Place, Read]) -> list[Read]:
    """The links of which there is a file that had to be set aside: they were run, all the same.

    Which host a test went to is told by another test from the same host.
    """
    targets = {
        (place.run, place.host): file.links[0].target
        for place, file in read.items()
        if place.kind in _ONE_LINK and file.links
    }
    found = []
    for entry in entries:
        place = entry.place
        if place is None or place.kind not in _ONE_LINK or place in read:
            continue
        if target := targets.get((place.run, place.host)):
            reason = f"its file was set aside: {entry.reason}"
            link = LinkOutcome(place.host, target, status=Status.TOOL_FAILED, reason=reason)
            found.append(Read(entry.path, place, (link,)))
    return found


def _add(result: Imported, file: Read, run: index.Run, campaign: str) -> None:
    place = file.place
    if file.facts is not None:
        result.facts[place.run].setdefault(place.kind.value, {})[place.vpn or "hosts"] = file.facts
        return
    cell = Cell(
        campaign, run.round, place.vpn, run.tuning, place.profile, place.kind, place.run, file.path
    )
    rows = result.rows[place.kind.value, place.vpn]
    for link in file.links:
        rows.add(cell, link)


def save(result: Imported, folder: Path) -> None:
    """Write ``samples/all.parquet``, ``links/all.parquet`` and the facts.

    One file each: whatever reads them names every file, and looking up hundreds takes a run that
    has nothing to do half a second.

    Args:
        result: of `import_runs`.
        folder: the campaign's results; tables that another import left there are removed.
    """
    ordered = [rows for _, rows in sorted(result.rows.items())]
    _write_all(SAMPLES, [rows.samples() for rows in ordered], folder / "samples")
    _write_all(LINKS, [rows.links() for rows in ordered], folder / "links")
    with atomic(folder / "published" / "facts.json") as temporary:
        temporary.write_text(
            json.dumps(result.facts, indent=1, sort_keys=True) + "\n", encoding="utf-8"
        )
    log.info("imported %d tables into %s", len(ordered), folder)


def _write_all(schema: pa.Schema, tables: Sequence[pa.Table], folder: Path) -> None:
    for left in folder.rglob("*.parquet"):
        left.unlink()
    whole = pa.concat_tables([schema.empty_table(), *tables]).unify_dictionaries()
    write(whole.combine_chunks(), folder / "all.parquet")
