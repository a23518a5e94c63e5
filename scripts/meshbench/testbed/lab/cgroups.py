"""A control group per host, so that a host's processes can be found and ended by it alone."""

import contextlib
import os
import signal
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


def hierarchies() -> list[Path]:
    """Where groups are made: the one tree of cgroup v2, or both of the hybrid layout."""
    if (ROOT / "cgroup.controllers").exists():
        return [ROOT]
    return [path for path in (ROOT / "unified", ROOT / "systemd") if path.is_dir()]


def create(name: str) -> list[Path]:
    """Make the group in every hierarchy; returns the files that take a process id."""
    files = []
    for tree in hierarchies():
        group = tree / name
        group.mkdir(exist_ok=True)
        files.append(group / "cgroup.procs")
    return files


def folders(name: str) -> list[Path]:
    """Where the group is: made by us, or by systemd for a unit of that name."""
    places = (Path(name), Path("system.slice") / f"{name}.service")
    return [folder for tree in hierarchies() for p in places if (folder := tree / p).is_dir()]


def processes(name: str, *, outside: str | None = None) -> set[int]:
    """The ids of every process in the group or below it, but for those below `outside`."""
    pids: set[int] = set()
    for group in folders(name):
        for file in group.rglob("cgroup.procs"):
            if outside in file.relative_to(group).parts:
                continue
            with contextlib.suppress(OSError):
                pids |= {int(line) for line in file.read_text().split()}
    return pids - {0, os.getpid()}


def kill(name: str) -> None:
    """Send SIGKILL to every process in the group or below it."""
    for pid in processes(name):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def remove(name: str) -> None:
    """Remove an empty group with everything below it."""
    for tree in hierarchies():
        group = tree / name
        if group.is_dir():
            folders = [path for path in group.rglob("*") if path.is_dir()]
            for folder in sorted(folders, key=lambda path: -len(path.parts)):
                folder.rmdir()
            group.rmdir()


def named(prefix: str) -> set[str]:
    """The names of groups with this prefix."""
    patterns = (f"{prefix}*", f"system.slice/{prefix}*.service")
    paths = (path for tree in hierarchies() for pattern in patterns for path in tree.glob(pattern))
    return {path.name.removesuffix(".service") for path in paths}
