"""Programs from a crate, built with the crate's own lock file (cargo-install(1))."""

import os
import shutil
import tomllib
from pathlib import Path

from meshbench.config.packages import Cargo
from meshbench.packages import tools
from meshbench.packages.made import Made
from meshbench.packages.supply import Supply
from meshbench.util.errors import VpnError


async def make(
    package: Cargo, supply: Supply, architecture: str, work: Path, log: Path, own: str
) -> Made:
    """Build for this machine's architecture `own`. Raises VpnError with the log's tail."""
    if architecture != own:
        raise VpnError(
            f"cargo builds for this machine's {own} only and the hosts are {architecture}: "
            "use a package of source release or file"
        )
    tool = await tools.run(["cargo", "--version"], log)
    if lacking := await tools.missing_packages(package.needs, log):
        raise VpnError(
            f"building {package.crate} needs {', '.join(lacking)} on this machine "
            f"(apt-get install {' '.join(lacking)})"
        )
    root = work / "build"
    await tools.run(
        _command(package, supply, root), log, {"CARGO_TARGET_DIR": str(work / "target")}
    )
    for name in supply.programs:
        if not (root / "bin" / name).is_file():
            raise VpnError(f"cargo made no program {name} of {package.crate}")
        shutil.move(root / "bin" / name, work / "bin" / name)
    return Made(version=package.version, licence=package.licence or _licence(package), tool=tool)


def _command(package: Cargo, supply: Supply, root: Path) -> list[str]:
    return [
        "cargo", "install", "--locked", "--no-track", "--root", str(root),
        *(f"--bin={name}" for name in supply.programs),
        *([f"--features={','.join(package.features)}"] if package.features else []),
        *([] if package.default_features else ["--no-default-features"]),
        "--version", f"={package.version}", package.crate,
    ]  # fmt: skip


def _licence(package: Cargo) -> str | None:
    home = Path(os.environ.get("CARGO_HOME") or "~/.cargo").expanduser()
    for file in home.glob(f"registry/src/*/{package.crate}-{package.version}/Cargo.toml"):
        licence = tomllib.loads(file.read_text(encoding="utf-8"))["package"].get("license")
        return str(licence) if licence else None
    return None
