"""The driver: every file of one or several runs into samples, links, facts and a report."""

import dataclasses
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from meshbench.importers.vpn_runner import (
    archive,
    connections,
    facts,
    headlines,
    index,
    iperf3,
    nix_cache,
    parallel,
    ping,
    plausible,
    qperf,
    repeats,
    rist,
    runs,
    settings,
    timing,
)
from meshbench.importers.vpn_runner.file import File
from meshbench.importers.vpn_runner.index import IgnoredError, Kind, Place, Spot
from meshbench.importers.vpn_runner.outcome import LinkOutcome
from meshbench.importers.vpn_runner.reading import UnreadableError, parse
from meshbench.importers.vpn_runner.report import Entry, State
from meshbench.importers.vpn_runner.rows import Cell, Rows
from meshbench.importers.vpn_runner.targets import Clients
from meshbench.importers.vpn_runner.words import Words
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
_FACTS: Mapping[Kind, Callable[[Any], Any]] = {
    Kind.LAYOUT: facts.layout,
    Kind.HARDWARE: facts.hardware,
    Kind.KERNEL_PROFILE: facts.kernel_profile,
}
_ONE_LINK = facts.RING - {Kind.PARALLEL}


@dataclass
class Imported:
    """Everything an import came to."""

    rows: dict[tuple[str, str], Rows] = field(default_factory=lambda: defaultdict(Rows))
    entries: list[Entry] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """What a reader must know of the runs as such."""


def import_runs(sources: Iterable[Path], campaign: str, known: Words = Words()) -> Imported:  # noqa: B008
    """Read every file of the sources: folders or archives, each with one run or several.

    Args:
        sources: paths; the order does not matter.
        campaign: the campaign's name in the tables.
        known: names of systems and profiles besides the runner's own.

    Raises:
        MeshbenchError: a source does not exist. Nothing inside a source is fatal.
    """
    paths = list(sources)
    files = [
        _open(stored, source, number)
        for number, source in enumerate(paths)
        for stored in archive.files(source)
    ]
    trees = [_place(files, number, known) for number in range(len(paths))]
    _refuse_second(files)
    files += _ends_of_links(files)
    runs_there = _runs(files, paths, trees)
    notes = repeats.drop(files, runs_there)
    result = Imported(notes=notes)
    kept = _runs(files, paths, trees)
    _fill(result, files, kept, campaign)
    result.entries = sorted(
        (_entry(file, kept) for file in files if not file.stands_in), key=lambda entry: entry.path
    )
    return result


def _runs(
    files: Sequence[File], paths: Sequence[Path], trees: Sequence[index.Tree]
) -> dict[runs.Key, runs.Run]:
    return runs.identify(
        {file.run for file in files if file.good and file.run},
        paths,
        lambda key: trees[key[0]].tuning(key[1]),
        _began(files),
    )


def _open(stored: archive.Found, source: Path, number: int) -> File:
    """Read a file as far as its own path and content tell."""
    file = File(f"{source.name}:{stored.path}", len(stored.content or b""), number)
    if stored.problem:
        file.drop(State.SET_ASIDE, stored.problem)
        return file
    try:
        file.spot = index.spot(stored.path, archive.name_of(source))
        _read(file, file.spot, parse(stored.content or b""))
    except IgnoredError as reason:
        file.drop(State.IGNORED, str(reason))
    except UnreadableError as reason:
        file.drop(State.SET_ASIDE, str(reason))
    return file


def _read(file: File, spot: Spot, document: Any) -> None:
    kind = spot.kind
    if kind in _FACTS:
        file.facts = _FACTS[kind](document)
        return
    if kind is Kind.TIMING:
        profile = spot.folders[-1].lower().removesuffix("_impairment") if spot.folders else ""
        reader = partial(timing.read, document, profile)
    elif kind is Kind.TC_SETTINGS:
        reader = partial(settings.read, document)
    else:
        reader = partial(_BY_HOST[kind], document, spot.host)
    file.links = list(reader())
    for link in file.links:
        plausible.refuse(link, [headline.metric for headline in headlines.of(kind)])


def _place(files: Sequence[File], number: int, known: Words) -> index.Tree:
    """Give each file of one input its run and place, or set it aside."""
    mine = [file for file in files if file.source == number and file.spot]
    tree = index.Tree((file.spot for file in mine if file.spot), known)
    for file in mine:
        try:
            folders, file.place = tree.place(file.spot or Spot(Kind.LAYOUT, ()))
            file.run = (number, folders)
        except UnreadableError as reason:
            file.drop(State.SET_ASIDE, str(reason))
    return tree


def _refuse_second(files: Iterable[File]) -> None:
    first: dict[tuple[runs.Key | None, Place | None], File] = {}
    for file in (file for file in files if file.good):
        other = first.setdefault((file.run, file.place), file)
        if other is not file:
            file.drop(State.SET_ASIDE, f"a second file of the same measurement as {other.path}")


def _ends_of_links(files: Sequence[File]) -> list[File]:
    """Find the hosts at the ends of links whose files do not name them.

    Returns:
        Stand-ins for files that had to be set aside: their links were run, all the same.
    """
    clients = _clients(files)
    there = {(file.run, file.place) for file in files if file.good}
    lost: list[File] = []
    for file in files:
        if file.run is None or file.place is None:
            continue
        mine = clients[file.run, file.place.vpn]
        if not file.good:
            run = [other for (key, _), other in clients.items() if key == file.run]
            lost += _lost(file, [mine, *run]) if (file.run, file.place) not in there else ()
        elif file.links and not (complete := [link for link in file.links if mine.complete(link)]):
            file.drop(State.SET_ASIDE, _NOWHERE)
        else:
            file.links = complete if file.links else []
    return lost


_NOWHERE = "meta.target is missing, and neither the file nor its folders say which host it was"


def _clients(files: Iterable[File]) -> Mapping[tuple[runs.Key, str], Clients]:
    by_system: dict[tuple[runs.Key, str], Clients] = defaultdict(Clients)
    placed = [(file, file.run, file.place) for file in files if file.run and file.place]
    for file, run, place in placed:
        mine = by_system[run, place.vpn]
        if file.good and place.kind is Kind.LAYOUT:
            mine.layout = file.facts
        if file.spot and file.spot.host:
            mine.folders.setdefault(file.spot.number, file.spot.host)
    ring: dict[tuple[runs.Key, str], list[LinkOutcome]] = defaultdict(list)
    for file, run, place in placed:
        if file.good and place.kind in facts.RING:
            ring[run, place.vpn] += file.links
    for key, links in ring.items():
        by_system[key].learn(links)
    return by_system


def _lost(file: File, clients: Sequence[Clients]) -> Iterator[File]:
    """The link of a file that was set aside, if another test of that host tells where it went."""
    place = file.place
    if place is None or place.kind not in _ONE_LINK:
        return
    if target := next(filter(None, (other.seen.get(place.host) for other in clients)), None):
        reason = f"its file was set aside: {file.reason}"
        link = LinkOutcome(place.host, target, status=Status.TOOL_FAILED, reason=reason)
        yield dataclasses.replace(
            file, links=[link], state=State.IMPORTED, reason=None, stands_in=True
        )


def _began(files: Iterable[File]) -> dict[runs.Key, datetime]:
    earliest: dict[runs.Key, datetime] = {}
    for file in files:
        for link in file.links:
            if file.good and file.run and link.started:
                earliest[file.run] = min(link.started, earliest.get(file.run, link.started))
    return earliest


def _fill(
    result: Imported, files: Sequence[File], by_key: Mapping[runs.Key, runs.Run], campaign: str
) -> None:
    good = sorted((file for file in files if file.good), key=lambda file: file.path)
    placed = [(file, by_key[file.run], _placed(file, by_key)) for file in good if file.run]
    result.facts = facts.runs({place: file.links for file, _, place in placed}, by_key.values())
    for file, run, place in placed:
        if file.facts is not None:
            kinds = result.facts[run.name].setdefault(place.kind.value, {})
            kinds[place.vpn or "hosts"] = file.facts
            continue
        cell = Cell(
            campaign,
            run.round,
            place.vpn,
            run.tuning,
            place.profile,
            place.kind,
            run.name,
            file.path,
        )
        rows = result.rows[place.kind.value, place.vpn]
        for link in file.links:
            rows.add(cell, link)


def _placed(file: File, by_key: Mapping[runs.Key, runs.Run]) -> Place:
    """A file's place with the name of its run."""
    place, key = file.place, file.run
    if place is None or key is None:
        raise ValueError(f"{file.path} has no place")
    name = by_key[key].name if key in by_key else "/".join(key[1])
    return dataclasses.replace(place, run=name)


def _entry(file: File, by_key: Mapping[runs.Key, runs.Run]) -> Entry:
    place = _placed(file, by_key) if file.place and file.run else None
    if not file.good:
        return Entry(file.path, file.state, file.reason, file.size, place)
    problems = [
        f"{link.source}->{link.target}: {problem}"
        for link in file.links
        for problem in (
            *([f"{link.status}: {link.reason}"] if link.reason else []),
            *(refusal.reason for refusal in link.refused if refusal.reason != link.reason),
        )
    ]
    values = sum(len(link.values) for link in file.links)
    logs = [link.log for link in file.links if link.log]
    return Entry(
        file.path, file.state, None, file.size, place, len(file.links), values, problems, logs
    )


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
