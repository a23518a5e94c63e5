"""Why a cell is measured again although there is a record of it: the same that Snakemake will find."""

import base64
import contextlib
import json
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from meshbench.results import records
from meshbench.util import flat
from meshbench.util.errors import RecordError

ENDED = "the run that wrote it was ended in the middle"
_MEMORY = Path(".snakemake")
_LONGEST_NAME = 254
_LONGEST_VALUE = 40
_UNSET = "unset"
_WORDS = {
    "vpn_method": "driver's method",
    "benchmark_method": "benchmark's method",
    "packages": "digests of the VPN's programs",
    "programs": "digests of the benchmark's programs",
    "system.driver": "driver",
    "system.options.": "VPN option ",
    "system.package": "VPN's package",
    "options.": "benchmark option ",
    "profile.": "profile's ",
    "tuning.sysctls.": "tuning's ",
    "tuning.ethtool.": "tuning's offload ",
    "where.hosts.": "testbed's ",
    "where.": "",
}
"""How a setting is called, by how its place begins."""


def reasons(path: Path, text: str, others: Container[Path] = ()) -> tuple[str, ...]:
    """Why a cell is measured again that has been measured before; nothing where it is not.

    Args:
        path: where its record is to be.
        text: its settings.
        others: records that other cells have, such as those of another placement beside it.
    """
    if path.exists():
        return (ENDED,) if _file("incomplete", path).exists() else ()
    earlier = sorted(path.parent.glob("*.json"), key=lambda other: other.stat().st_mtime_ns)
    for other in (candidate for candidate in reversed(earlier) if candidate not in others):
        with contextlib.suppress(RecordError):
            return changes(records.read(other).settings, json.loads(text))
    return ()


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[str, ...]:
    """What differs between two jobs' settings, each as "name old -> new"."""
    old, new = dict(flat.leaves(before)), dict(flat.leaves(after))
    return tuple(
        f"{_called(place)} {_short(old.get(place, _UNSET))} -> {_short(new.get(place, _UNSET))}"
        for place in sorted(old.keys() | new.keys())
        if old.get(place, _UNSET) != new.get(place, _UNSET)
    )


def _called(place: str) -> str:
    for beginning, word in _WORDS.items():
        if place.startswith(beginning):
            return word + (place.removeprefix(beginning) if beginning.endswith(".") else "")
    return place


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _file(kind: str, path: Path) -> Path:
    """Where Snakemake keeps what it knows of an output: its path in base64, in pieces if long."""
    name = base64.urlsafe_b64encode(str(path).encode()).decode()
    pieces = [name[i : i + _LONGEST_NAME] for i in range(0, len(name), _LONGEST_NAME)]
    return _MEMORY.joinpath(kind, *(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
