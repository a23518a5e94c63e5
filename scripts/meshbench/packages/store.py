"""The controller's cache of programs: made or fetched once, kept outside results."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from meshbench.errors import VpnError
from meshbench.packages.spec import Local
from meshbench.packages.supply import Supply, file_digest, local_files, local_path

MANIFEST = "manifest.json"


class Manifest(BaseModel):
    """What a package turned out to be; no time stamps of the build, so that equal ones are equal."""

    model_config = ConfigDict(extra="forbid")

    source: dict[str, Any]
    origin: str
    architecture: str
    version: str | None = None
    licence: str | None = None
    programs: dict[str, str]
    """sha256 by program."""
    sizes: dict[str, int]
    """Bytes by program."""
    tool: str | None = None
    """What built it, and its version."""
    build_s: float | None = None


def folder(supply: Supply, architecture: str) -> Path:
    return cache() / "packages" / supply.digest / architecture


def cache() -> Path:
    """$MESHBENCH_CACHE or /var/cache/meshbench."""
    return Path(os.environ.get("MESHBENCH_CACHE", "/var/cache/meshbench"))


async def obtain(supply: Supply, architecture: str) -> Manifest:
    """The programs of a package, in the cache afterwards.

    Raises:
        VpnError: with the reason why they cannot be had.
    """
    place = folder(supply, architecture)
    if (place / MANIFEST).exists():
        return Manifest.model_validate_json((place / MANIFEST).read_bytes())
    package = supply.package
    if not isinstance(package, Local):
        raise VpnError(f"packages of source {package.source} cannot be made")
    files = local_files(package, supply.programs)
    if not files:
        raise VpnError(f"{package.environment} is not set to a path")
    if lacking := [str(path) for path in files.values() if not path.is_file()]:
        raise VpnError(f"there is no {', '.join(lacking)} (from {local_path(package)})")
    place.parent.mkdir(parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix=f".{architecture}.", dir=place.parent))
    try:
        (making / "bin").mkdir()
        for name, path in files.items():
            shutil.copyfile(path, making / "bin" / name)
        made = {name: making / "bin" / name for name in files}
        manifest = Manifest(
            source=package.model_dump(mode="json"), origin=supply.origin, architecture=architecture,
            programs={name: file_digest(path) for name, path in made.items()},
            sizes={name: path.stat().st_size for name, path in made.items()},
        )  # fmt: skip
        (making / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n")
        making.rename(place)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return manifest
