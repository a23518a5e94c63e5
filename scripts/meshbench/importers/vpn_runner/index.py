"""Which run, system, profile, host and kind of measurement a file is, told by its path.

A path alone does not tell: a folder is a system's or a profile's by its name, or by what lies in it
and beside it. So all paths are looked at before any file is placed.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from meshbench.importers.vpn_runner import words
from meshbench.importers.vpn_runner.reading import UnreadableError
from meshbench.importers.vpn_runner.words import Words


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
    KERNEL_PROFILE = "kernel_profile"


_PER_HOST = {
    "tcp_iperf3.json": Kind.TCP,
    "udp_iperf3.json": Kind.UDP,
    "qperf.json": Kind.QPERF,
    "ping.json": Kind.PING,
    "rist_stream.json": Kind.RIST,
    "nix_cache.json": Kind.NIX_CACHE,
    "nix-cache.json": Kind.NIX_CACHE,
    "connection_timings.json": Kind.BOOTSTRAP,
    "reboot_connection_timings.json": Kind.REBOOT,
}
_PER_PROFILE = {
    "parallel_tcp_iperf3.json": Kind.PARALLEL,
    "timing_breakdown.json": Kind.TIMING,
    "tc_settings.json": Kind.TC_SETTINGS,
}
_SUMMARIES = {"connection_timings.json", "reboot_connection_timings.json"}
"""Of all systems and hosts, where they lie in no host's folder."""
_OF_RUNS = {Kind.HARDWARE, Kind.KERNEL_PROFILE}
GENERAL = "General"
Folders = tuple[str, ...]


class IgnoredError(ValueError):
    """A file that is left out on purpose; the text says why."""


@dataclass(frozen=True)
class Spot:
    """What a path alone says.

    Attributes:
        kind: of the file, by its name.
        folders: down to the profile's, the system's or the run's own, as the kind has it.
        host: of the folder ``<number>_<host>`` in it, and that number; empty and 0 where there is none.
    """

    kind: Kind
    folders: Folders
    host: str = ""
    number: int = 0


@dataclass(frozen=True)
class Place:
    """Where a file belongs. `vpn`, `profile` and `host` are empty where the kind has none.

    Attributes:
        run: its name in the campaign; empty as long as the other runs are not known.
    """

    run: str
    kind: Kind
    vpn: str = ""
    profile: str = ""
    host: str = ""


def spot(path: PurePosixPath, input_name: str) -> Spot:
    """What the path of ``[<folders>/]<Vpn>/<profile>/<N_host>/<test>.json`` and its siblings says.

    Args:
        path: below the input.
        input_name: of the folder or archive, which is the outermost folder.

    Raises:
        IgnoredError: a file that is no measurement, with the reason.
        UnreadableError: a file nobody knows.
    """
    parts = [part for part in path.parts if part not in {".", "/", "//"}]
    if not parts:
        raise UnreadableError("a file without a name")
    *above, name = (input_name, *parts)
    if GENERAL in above:
        return _general(tuple(above), name)
    if name in _PER_HOST and (numbered_host := words.host(above[-1])):
        number, host = numbered_host
        return Spot(_PER_HOST[name], tuple(above[:-1]), host, number)
    if name in _SUMMARIES:
        raise IgnoredError("a summary of the runner's own; recomputed here from the hosts' files")
    if name in _PER_HOST:
        raise UnreadableError(f"folder '{above[-1]}' is not named <number>_<host>")
    if name in _PER_PROFILE:
        return Spot(_PER_PROFILE[name], tuple(above))
    if name == "layout.json":
        return Spot(Kind.LAYOUT, tuple(above))
    if name == "kernel_profile.json":
        return Spot(Kind.KERNEL_PROFILE, tuple(above))
    if not name.endswith(".json"):
        raise IgnoredError("not a JSON file")
    raise UnreadableError("no file kind of the runner has this name at this depth")


def _general(above: Folders, name: str) -> Spot:
    if name == "hardware.json":
        return Spot(Kind.HARDWARE, above[: above.index(GENERAL)])
    raise IgnoredError("an aggregate of the runner's own; recomputed here from the measurements")


class Tree:
    """The folders of all files, and what each of them is."""

    def __init__(self, spots: Iterable[Spot], known: Words) -> None:
        """Look at every file of an input.

        Args:
            spots: of one input.
            known: names that are systems or profiles wherever they stand.
        """
        self._known = known
        self._layouts: set[Folders] = set()
        self._kernel_profiles: set[Folders] = set()
        self._runs: set[Folders] = set()
        for spot in spots:
            if spot.kind is Kind.LAYOUT:
                self._layouts.add(spot.folders)
            elif spot.kind is Kind.KERNEL_PROFILE:
                self._kernel_profiles.add(spot.folders)
            if (system := self._surely_system(spot)) is not None:
                self._runs.add(system[:-1])

    def _surely_system(self, spot: Spot) -> Folders | None:
        """The folder of a known system that this file lies in, at the depth of its kind."""
        if spot.kind in _OF_RUNS:
            return None
        above = spot.folders
        inside = spot.kind is Kind.LAYOUT or (
            spot.host and not self._known.profile(above[-1] if above else "")
        )
        system = above if inside else above[:-1]
        return system if system and self._known.system(system[-1]) else None

    def place(self, spot: Spot) -> tuple[Folders, Place]:
        """The folders of a file's run, and its place in it.

        Raises:
            UnreadableError: a folder is not what this kind of file lies in; names it.
        """
        folders, kind = spot.folders, spot.kind
        if kind in _OF_RUNS:
            return folders, Place("", kind)
        if kind is Kind.LAYOUT:
            return folders[:-1], Place("", kind, self._system(folders))
        if not folders:
            raise UnreadableError("it lies in no folder of a system")
        # Before there were profiles, the hosts' folders lay in the system's own.
        if (
            spot.host
            and self._known.profile(folders[-1]) is None
            and self._known.system(folders[-1])
        ):
            return folders[:-1], Place("", kind, self._system(folders), "baseline", spot.host)
        vpn = self._system(folders[:-1], inside=folders[-1])
        return folders[:-2], Place("", kind, vpn, self._profile(folders), spot.host)

    def tuning(self, run: Folders) -> str | None:
        """The tuning of the kernel profile whose folder a run's is; None where it is none."""
        if not run:
            return None
        name = run[-1].lower()
        if name in words.KERNEL_PROFILES:
            return words.KERNEL_PROFILES[name]
        return words.word(name) if run in self._kernel_profiles else None

    def _system(self, folder: Folders, inside: str = "") -> str:
        if not folder:
            raise UnreadableError(f"'{inside}' lies in no folder of a system")
        name = folder[-1]
        if system := self._known.system(name):
            return system
        system = words.word(name)
        if system is None or self._known.profile(name):
            raise UnreadableError(f"folder '{name}' is no system's{_one_level(inside)}")
        if folder in self._runs:
            raise UnreadableError(f"folder '{name}' holds systems and is none{_one_level(inside)}")
        if folder in self._layouts or folder[:-1] in self._runs:
            return system
        raise UnreadableError(
            f"folder '{name}' is no system known here{_one_level(inside)}: it has no layout.json and "
            "stands beside no known system (name it under vpns in the config if it is one)"
        )

    def _profile(self, folder: Folders) -> str:
        name = folder[-1]
        if profile := self._known.profile(name):
            return profile
        profile = words.word(name)
        if profile is None or self._known.system(name):
            raise UnreadableError(f"folder '{name}' is no profile's: this file lies one level off")
        return profile


def _one_level(inside: str) -> str:
    return f", though '{inside}' lies in it" if inside else ""
