"""A package as one system uses it: which programs, from where, known by one digest."""

import functools
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from meshbench.config.packages import Debian, Go, Local, Package, provides
from meshbench.config.strict import Strict
from meshbench.testbed.host import STATE

FOLDER = STATE / "packages"
BINARIES = "MESHBENCH_BINARIES"
_FORMAT = 1
"""Of what is kept under a digest."""
Origin = Literal["driver", "benchmark", "system", "MESHBENCH_BINARIES"]


class Supply(Strict):
    """Programs that do not come from the hosts' own Debian packages."""

    package: Package
    programs: tuple[str, ...]
    origin: Origin = "driver"
    """Who asked for this source: the driver's or benchmark's default, the system's file, or the variable."""
    content: str | None = None
    """The digest of a local source's content; none when it is not there."""

    @property
    def digest(self) -> str:
        """The same programs have the same digest, wherever a local source lies."""
        fields = self.package.model_dump(mode="json", exclude={"licence"})
        if self.content is not None:
            fields = {
                key: fields[key] for key in fields if key not in {"path", "environment", "folder"}
            }
        text = json.dumps([_FORMAT, fields, self.programs, self.content], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def folder(self) -> PurePosixPath:
        """Where the programs are on a host."""
        return FOLDER / self.digest / "bin"

    def path(self, program: str) -> PurePosixPath:
        return self.folder / program


def resolve(package: Package, origin: Origin, programs: Sequence[str] = ()) -> Supply | None:
    """A package as it is now on this machine; None for Debian's.

    `programs` is what it must provide if it does not say so itself.
    """
    if isinstance(package, Debian):
        return None
    names = provides(package) or tuple(programs)
    if origin != "system" and (supplied := _binaries(names)) is not None:
        package, origin = supplied, "MESHBENCH_BINARIES"
    return Supply(package=package, programs=names, origin=origin, content=content(package, names))


def _binaries(programs: Sequence[str]) -> Local | None:
    """The user's folder of programs, if it holds all of these."""
    folder = os.environ.get(BINARIES)
    if folder and programs and all((Path(folder) / name).is_file() for name in programs):
        # By its name: where the folder is makes no cell stale, what is in it does.
        return Local(environment=BINARIES)
    return None


def local_path(package: Local) -> Path | None:
    """Where a local package is; None when its variable is not set and it has no path."""
    path = os.environ.get(package.environment or "") or package.path
    return Path(path).expanduser() if path else None


def local_files(package: Local, programs: Sequence[str]) -> Mapping[str, Path]:
    """Where each program of a local package is to be; a path to a file is the only program."""
    path = local_path(package)
    if path is None:
        return {}
    if path.is_file() and len(programs) == 1:
        return {programs[0]: path}
    return {name: path / package.programs.get(name, name) for name in programs}


def content(package: Package, programs: Sequence[str]) -> str | None:
    """The digest of a local source as it is now; none where it is not there."""
    match package:
        case Local():
            files = local_files(package, programs)
        case Go(folder=str(folder)):
            root = Path(folder).expanduser()
            tree = sorted(path for path in root.rglob("*") if path.is_file())
            named = {str(path.relative_to(root)): path for path in tree}
            # Go does not look into what is hidden.
            files = {name: path for name, path in named.items() if "/." not in f"/{name}"}
        case _:
            return None
    if not files or not all(path.is_file() for path in files.values()):
        return None
    digests = {name: file_digest(path) for name, path in files.items()}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """The sha256 of a file; read once as long as it does not change."""
    stat = path.stat()
    return _digest(path, stat.st_mtime_ns, stat.st_size, stat.st_ino)


@functools.cache
def _digest(path: Path, *_: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
