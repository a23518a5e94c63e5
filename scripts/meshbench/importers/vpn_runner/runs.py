"""Which runs there are: their names, tunings and rounds, and which of them are the same."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from meshbench.importers.vpn_runner import archive, words
from meshbench.importers.vpn_runner.index import Folders

Key = tuple[int, Folders]
"""A run among all inputs: the input's number, and the run's folders in it, the input's name first."""


@dataclass(frozen=True)
class Run:
    """What a run is in the campaign.

    Attributes:
        name: its last folder, with those above it where another run's is the same.
        tuning: of the hosts' kernels.
        round: from 1, of those of one tuning.
    """

    name: str
    tuning: str
    round: int


def identify(
    keys: Iterable[Key],
    sources: Sequence[Path],
    kernel_profile: Callable[[Key], str | None],
    began: Mapping[Key, datetime],
) -> dict[Key, Run]:
    """Name, tuning and round of each run: rounds count the runs of one tuning by day, then by name.

    Args:
        keys: the runs.
        sources: the inputs, by their numbers.
        kernel_profile: the tuning that the kernel profile's folder of a run is, or None.
        began: the earliest time stamp in the files of a run, for those that have one.
    """
    places = {key: _place(key, sources, kernel_profile) for key in keys}
    names = _names(places, sources)
    counted: dict[str, int] = {}
    runs: dict[Key, Run] = {}
    for key in sorted(places, key=lambda key: (day(key, began), names[key])):
        tuning = kernel_profile(key) or words.STOCK
        if tuning == words.STOCK:
            tuning = next(filter(None, map(words.tuning, reversed(key[1]))), words.STOCK)
        counted[tuning] = counted.get(tuning, 0) + 1
        runs[key] = Run(names[key], tuning, counted[tuning])
    return runs


def day(key: Key, began: Mapping[Key, datetime]) -> date:
    """The day of a run: in the name of its folder or of one above it, else by its files' time stamps."""
    named = named_day(key)
    stamp = began.get(key)
    return named or (stamp.astimezone(UTC).date() if stamp else date.max)


def named_day(key: Key) -> date | None:
    """The day that the folders of a run are named after, the innermost first."""
    return next(filter(None, map(_date, reversed(key[1]))), None)


def _place(
    key: Key, sources: Sequence[Path], kernel_profile: Callable[[Key], str | None]
) -> Folders:
    """Where a run lies, without the folder of the unchanged kernel: that is the run itself."""
    number, folders = key
    above = sources[number].resolve().parent.parts
    if kernel_profile(key) == words.STOCK and len(folders) > 1:
        folders = folders[:-1]
    return (*above, *folders)


def _names(places: Mapping[Key, Folders], sources: Sequence[Path]) -> dict[Key, str]:
    """The shortest ends of the places that are no other run's."""
    names = {}
    for key, place in places.items():
        others = [other for other_key, other in places.items() if other_key != key]
        depth = 1
        while depth < len(place) and any(other[-depth:] == place[-depth:] for other in others):
            depth += 1
        name = "/".join(place[-depth:]) or archive.name_of(sources[key[0]]) or "run"
        same = any(other == place for other in others)
        names[key] = f"{name} ({sources[key[0]].name}, input {key[0] + 1})" if same else name
    return names


def _date(name: str) -> date | None:
    for pattern in words.DATES:
        if match := pattern.search(name):
            try:
                return date(int(match["year"]), int(match["month"]), int(match["day"]))
            except ValueError:
                continue
    return None
