"""Which run, system, profile, host and kind of measurement a file is, told by its path alone."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import PurePosixPath

from meshbench.importers.vpn_runner.reading import UnreadableError

STOCK = "stock"
DEFAULT_TUNINGS: Mapping[str, str] = {"-optimized": "tailscale-style"}
"""Endings of run names that stand for a tuning (reference-runner.md section 7)."""


class Kind(StrEnum):
    """The runner's file kinds; the value is the benchmark they become."""

    TCP = "tcp"
    UDP = "udp"
    PARALLEL = "tcp_parallel"
    QPERF = "quic"
    PING = "ping"
    RIST = "rist"
    NIX_CACHE = "nix_cache"
    BOOTSTRAP = "bootstrap"
    REBOOT = "reboot"
    TIMING = "timing"
    TC_SETTINGS = "netem"
    LAYOUT = "layout"
    HARDWARE = "hardware"


_PER_HOST = {
    "tcp_iperf3.json": Kind.TCP,
    "udp_iperf3.json": Kind.UDP,
    "qperf.json": Kind.QPERF,
    "ping.json": Kind.PING,
    "rist_stream.json": Kind.RIST,
    "nix_cache.json": Kind.NIX_CACHE,
    "connection_timings.json": Kind.BOOTSTRAP,
    "reboot_connection_timings.json": Kind.REBOOT,
}
_PER_PROFILE = {
    "parallel_tcp_iperf3.json": Kind.PARALLEL,
    "timing_breakdown.json": Kind.TIMING,
    "tc_settings.json": Kind.TC_SETTINGS,
}
_HOST_FOLDER = re.compile(r"^\d+_(?P<host>[A-Za-z][A-Za-z0-9-]*)$")
_WORD = re.compile(r"^[a-z0-9]+([._@-]?[a-z0-9]+)*$")
_DATES = (
    re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"),
    re.compile(r"(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})"),
)
GENERAL = "General"


class IgnoredError(ValueError):
    """A file that is left out on purpose; the text says why."""


@dataclass(frozen=True)
class Place:
    """Where a file belongs. `profile` and `host` are empty where the kind has none."""

    run: str
    kind: Kind
    vpn: str = ""
    profile: str = ""
    host: str = ""


def place(path: PurePosixPath, input_name: str) -> Place:
    """The place of ``[<run>/]<Vpn>/<profile>/<N_host>/<test>.json`` and its siblings.

    Raises:
        IgnoredError: a file that is no measurement, with the reason.
        UnreadableError: a file nobody knows.
    """
    parts = [part for part in path.parts if part not in {".", "/", "//"}]
    if not parts:
        raise UnreadableError("a file without a name")
    if GENERAL in parts:
        return _general(parts, input_name)
    name = parts[-1]
    if name in _PER_HOST and len(parts) >= 4:  # noqa: PLR2004
        found = _HOST_FOLDER.match(parts[-2])
        if not found:
            raise UnreadableError(f"folder '{parts[-2]}' is not named <number>_<host>")
        run, vpn, profile = _run(parts[:-4], input_name), parts[-4], parts[-3]
        return Place(run, _PER_HOST[name], _word(vpn), profile_name(profile), found["host"].lower())
    if name in _PER_PROFILE and len(parts) >= 3:  # noqa: PLR2004
        run, vpn, profile = _run(parts[:-3], input_name), parts[-3], parts[-2]
        return Place(run, _PER_PROFILE[name], _word(vpn), profile_name(profile))
    if name == "layout.json" and len(parts) >= 2:  # noqa: PLR2004
        return Place(_run(parts[:-2], input_name), Kind.LAYOUT, _word(parts[-2]))
    if not name.endswith(".json"):
        raise IgnoredError("not a JSON file")
    raise UnreadableError("no file kind of the runner has this name at this depth")


def _general(parts: list[str], input_name: str) -> Place:
    if parts[-1] == "hardware.json":
        return Place(_run(parts[: parts.index(GENERAL)], input_name), Kind.HARDWARE)
    raise IgnoredError("an aggregate of the runner's own; recomputed here from the measurements")


def _run(parents: list[str], input_name: str) -> str:
    return parents[-1] if parents else input_name


def _word(folder: str) -> str:
    name = folder.lower()
    if not _WORD.match(name):
        raise UnreadableError(f"folder '{folder}' cannot be a name")
    return name


def profile_name(folder: str) -> str:
    """``low_impairment`` is ``low``. Raises UnreadableError for what cannot be a name."""
    return _word(folder.lower().removesuffix("_impairment"))


@dataclass(frozen=True)
class Run:
    """What a run is in the campaign."""

    tuning: str
    round: int


def runs(names: Iterable[str], tunings: Mapping[str, str]) -> dict[str, Run]:
    """Tuning and round of each run: rounds count the runs of one tuning by date, then by name."""
    found: dict[str, Run] = {}
    counted: dict[str, int] = {}
    for name in sorted(set(names), key=lambda n: (_date(n) or date.max, n)):
        tuning = next((t for ending, t in tunings.items() if name.endswith(ending)), STOCK)
        counted[tuning] = counted.get(tuning, 0) + 1
        found[name] = Run(tuning, counted[tuning])
    return found


def _date(name: str) -> date | None:
    for pattern in _DATES:
        if match := pattern.search(name):
            try:
                return date(int(match["year"]), int(match["month"]), int(match["day"]))
            except ValueError:
                continue
    return None
