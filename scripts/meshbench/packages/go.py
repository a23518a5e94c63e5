"""Programs from a Go module, or from a module in a folder (go help install, go help environment)."""

import json
import shutil
from pathlib import Path

from meshbench.config.packages import Go
from meshbench.packages import tools
from meshbench.packages.made import Made, licence_in
from meshbench.packages.supply import Supply
from meshbench.util.errors import VpnError

_ARCHITECTURES = {"armhf": "arm", "i386": "386", "ppc64el": "ppc64le"}
"""Go's names where they are not Debian's."""


async def make(package: Go, supply: Supply, architecture: str, work: Path, log: Path) -> Made:
    """Build for any architecture that Go knows. Raises VpnError with the tail of the build log."""
    if package.folder is not None and supply.content is None:
        raise VpnError(f"there is no folder {package.folder} with a Go module")
    tool = await tools.run(["go", "version"], log)
    modules = (await tools.run(["go", "env", "GOMODCACHE"], log)).strip()
    environment = {
        "CGO_ENABLED": "0",
        "GOOS": "linux",
        "GOARCH": _ARCHITECTURES.get(architecture, architecture),
        "GOMODCACHE": modules,
        "GOBIN": "",
    }
    for name, path in package.import_paths.items():
        place = work / "build" / name
        await tools.run(_command(package, path, place), log, {**environment, "GOPATH": str(place)})
        _take(place, work / "bin" / name, path)
    licence = await _licence(package, log)
    return Made(version=package.version, licence=package.licence or licence, tool=tool)


def _command(package: Go, path: str, place: Path) -> list[str]:
    flags = ["-trimpath"]
    flags += [f"-tags={','.join(package.tags)}"] if package.tags else []
    flags += [f"-ldflags={package.ldflags}"] if package.ldflags else []
    if package.folder is not None:
        place.mkdir(parents=True)
        folder = str(Path(package.folder).expanduser())
        return ["go", "build", "-C", folder, *flags, "-o", str(place / "bin" / "it"), path]
    # Not `go build`: only an installed module's programs know their own version.
    whole = f"{package.module}/{path}".removesuffix("/.") if path.startswith(".") else path
    return ["go", "install", *flags, f"{whole.replace('/./', '/')}@{package.version}"]


def _take(place: Path, target: Path, path: str) -> None:
    # Those for another architecture are in a folder named after it.
    built = [file for file in (place / "bin").rglob("*") if file.is_file()]
    if len(built) != 1:
        raise VpnError(f"go made no program of {path}")
    shutil.move(built[0], target)


async def _licence(package: Go, log: Path) -> str | None:
    if package.folder is not None:
        return licence_in(Path(package.folder).expanduser())
    asked = ["go", "mod", "download", "-json", f"{package.module}@{package.version}"]
    output = await tools.run(asked, log)
    return licence_in(Path(json.loads(output)["Dir"]))
