"""Programs that are on the controller already."""

import shutil
from pathlib import Path

from meshbench.config.packages import Local
from meshbench.packages.made import Made
from meshbench.packages.supply import Supply, content, local_files
from meshbench.util.errors import TestbedError, VpnError


async def make(package: Local, supply: Supply, work: Path) -> Made:
    """Copy them.

    Raises:
        VpnError: naming the path that is not there.
        TestbedError: when they changed after the run had begun.
    """
    files = local_files(package, supply.programs)
    if not files:
        raise VpnError(
            f"{package.environment} is not set to the path of {', '.join(supply.programs)}"
        )
    if lacking := [str(path) for path in files.values() if not path.is_file()]:
        raise VpnError(f"there is no file {', '.join(lacking)}")
    for name, path in files.items():
        shutil.copyfile(path, work / "bin" / name)
    if content(package, supply.programs) != supply.content:
        raise TestbedError(
            f"{', '.join(map(str, files.values()))} changed after this run had begun: "
            "start the run again"
        )
    return Made(licence=package.licence)
