"""The same measurements under two names: they are one round."""

from collections.abc import Iterable, Mapping, Sequence

from meshbench.importers.vpn_runner import facts, runs
from meshbench.importers.vpn_runner.file import File
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.report import State

_MEASURED = facts.RING | {Kind.BOOTSTRAP, Kind.REBOOT}


def drop(files: Sequence[File], by_key: Mapping[runs.Key, runs.Run]) -> list[str]:
    """Ignore every measurement that a run has in common with another one which it mostly repeats.

    What is left of a run without any other measurement goes too.

    Args:
        files: all of them; changed in place.
        by_key: the runs, the earlier ones first.

    Returns:
        A note for each run that repeats another one.
    """
    ordered = sorted(by_key, key=lambda key: not runs.named_day(key))
    compared = (
        _compare(files, by_key, key, other)
        for number, key in enumerate(ordered)
        for other in ordered[:number]
    )
    return [note for note in compared if note]


def _compare(
    files: Sequence[File], by_key: Mapping[runs.Key, runs.Run], key: runs.Key, other: runs.Key
) -> str | None:
    mine, theirs = _measured(files, key), _measured(files, other)
    originals = {file.place: file for file in theirs}
    same = [
        file
        for file in mine
        if file.place in originals and file.links == originals[file.place].links
    ]
    # Single files may be alike by chance: a time-out has little in it.
    if not any(map(_tells, same)) or 2 * len(same) <= len(mine):
        return None
    for file in same:
        file.drop(State.IGNORED, f"the same measurement as {originals[file.place].path}")
    name, its = by_key[key].name, by_key[other].name
    if len(same) < len(mine):
        return f"{len(same)} of {len(mine)} measurements of run {name} are those of run {its}: they count once"
    for file in files:
        if file.good and file.run == key:
            file.drop(State.IGNORED, f"its run is {its} under another name")
    return f"run {name} holds the same measurements as run {its}: they are one round"


def _measured(files: Iterable[File], key: runs.Key) -> list[File]:
    return [
        file
        for file in files
        if file.good and file.run == key and file.place and file.place.kind in _MEASURED
    ]


def _tells(file: File) -> bool:
    """Whether a measurement has anything in it that another one would hardly have too."""
    return any(link.values or link.started or link.duration_s for link in file.links)
