"""The controller's cache of programs: made or fetched once, kept outside results."""

import json
import logging
import os
import platform
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from meshbench.config.packages import Cargo, Go, Local, Release
from meshbench.packages import cargo, go, local, release
from meshbench.packages.made import Made
from meshbench.packages.supply import Supply, file_digest
from meshbench.results.records import Model
from meshbench.util import machine_lock
from meshbench.util.errors import VpnError
from meshbench.util.files import atomic, cache

log = logging.getLogger(__name__)

MANIFEST = "manifest.json"
_MODE = 0o755
ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "i686": "i386",
    "ppc64le": "ppc64el", "riscv64": "riscv64", "s390x": "s390x",
}  # fmt: skip
"""As Debian names them (dpkg-architecture -L), by what uname -m says."""


class Manifest(Model):
    """What a package turned out to be."""

    digest: str
    source: dict[str, Any]
    origin: str
    architecture: str
    version: str | None = None
    licence: str | None = None
    programs: dict[str, str]
    """sha256 by program."""
    sizes_bytes: dict[str, int]
    tool: str | None = None
    """What built it, and its version."""
    build_s: float | None = None
    """How long fetching and building took."""


def folder(supply: Supply, architecture: str) -> Path:
    """Where a package is, was tried, and why that failed."""
    return cache() / "packages" / supply.digest / architecture


def own_architecture() -> str:
    """This machine's, as Debian calls it."""
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def has(supply: Supply) -> bool:
    """Whether the cache has a package for this machine's architecture."""
    return _kept(folder(supply, own_architecture())) is not None


async def obtain(supply: Supply, architecture: str) -> Manifest:
    """The programs of a package, in the cache afterwards.

    What could not be had is not tried again in the same run of the workflow.

    Raises:
        VpnError: with the reason why they cannot be had.
        TestbedError: when the cache cannot be written.
    """
    place = folder(supply, architecture)
    if (manifest := _known(place, supply)) is not None:
        return manifest
    async with machine_lock.alone(place.with_name(f"{architecture}.lock")):
        if (manifest := _known(place, supply)) is not None:
            return manifest
        try:
            return await _make(supply, architecture, place)
        except VpnError as error:
            reason = f"{_name(supply)}: {error}{_way_out(supply)}"
            note = {"run": os.environ.get("MESHBENCH_RUN"), "reason": reason}
            with atomic(_note(place)) as temporary:
                temporary.write_text(json.dumps(note), encoding="utf-8")
            raise VpnError(reason) from error


def _known(place: Path, supply: Supply) -> Manifest | None:
    if (manifest := _kept(place)) is not None:
        # Who asked for it is this system's; the programs are everybody's.
        return manifest.model_copy(update={"origin": supply.origin})
    if _note(place).exists():
        note = json.loads(_note(place).read_text(encoding="utf-8"))
        if note["run"] is not None and note["run"] == os.environ.get("MESHBENCH_RUN"):
            raise VpnError(note["reason"])
    return None


def _kept(place: Path) -> Manifest | None:
    """What the cache has, if it is whole."""
    if not (place / MANIFEST).exists():
        return None
    manifest = Manifest.model_validate_json((place / MANIFEST).read_bytes())
    for name, size in manifest.sizes_bytes.items():
        program = place / "bin" / name
        if not program.is_file() or program.stat().st_size != size:
            return None
    return manifest


def _note(place: Path) -> Path:
    return place.with_name(f"{place.name}.failed.json")


def _name(supply: Supply) -> str:
    match supply.package:
        case Go(folder=str(path)):
            return f"package {path}"
        case Go() as package:
            return f"package {package.module}@{package.version}"
        case Cargo() as package:
            return f"package {package.crate}@{package.version}"
        case Release() as package:
            return f"package {', '.join(supply.programs)} {package.version}"
        case _:
            return f"package of {', '.join(supply.programs)}"


def _way_out(supply: Supply) -> str:
    """What else the user can do where nothing can be built."""
    if supply.origin not in {"driver", "benchmark"} or not isinstance(
        supply.package, Local | Release
    ):
        return ""
    return f"; MESHBENCH_BINARIES=<a folder with {', '.join(supply.programs)}> supplies it"


async def _make(supply: Supply, architecture: str, place: Path) -> Manifest:
    log.info("%s is not in the cache: making it in %s", _name(supply), place)
    started = time.monotonic()
    work = Path(tempfile.mkdtemp(prefix=f".{architecture}.", dir=place.parent))
    try:
        (work / "bin").mkdir()
        build = await _build(supply, architecture, work, place.with_name(f"{architecture}.log"))
        build_s = round(time.monotonic() - started, 1)
        manifest = _manifest(supply, architecture, work / "bin", build, build_s)
        finished = work / "finished"
        finished.mkdir(mode=0o755)
        (work / "bin").rename(finished / "bin")
        (finished / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", "utf-8")
        shutil.rmtree(place, ignore_errors=True)  # what was not whole
        finished.rename(place)
        _note(place).unlink(missing_ok=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return manifest


async def _build(supply: Supply, architecture: str, work: Path, log_file: Path) -> Made:
    log_file.unlink(missing_ok=True)
    match supply.package:
        case Local() as package:
            return await local.make(package, supply, work)
        case Release() as package:
            return await release.make(package, architecture, work)
        case Go() as package:
            async with machine_lock.building():
                return await go.make(package, supply, architecture, work, log_file)
        case Cargo() as package:
            async with machine_lock.building():
                own = own_architecture()
                return await cargo.make(package, supply, architecture, work, log_file, own)
        case other:
            raise VpnError(f"packages of source {other.source} are not made here")


def _manifest(
    supply: Supply, architecture: str, programs: Path, build: Made, build_s: float
) -> Manifest:
    files = {name: programs / name for name in supply.programs}
    if lacking := [name for name, file in files.items() if not file.exists()]:
        raise VpnError(f"it has no {', '.join(lacking)} for {architecture}")
    for file in files.values():
        file.chmod(_MODE)
    return Manifest(
        digest=supply.digest,
        source=supply.package.model_dump(mode="json", exclude_none=True),
        origin=supply.origin,
        architecture=architecture,
        version=build.version,
        licence=build.licence,
        programs={name: file_digest(file) for name, file in files.items()},
        sizes_bytes={name: file.stat().st_size for name, file in files.items()},
        tool=build.tool,
        build_s=build_s,
    )
