"""Build tools on the controller: run with a log, and missing ones named with what brings them."""

import asyncio
import contextlib
import logging
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from meshbench.testbed import local
from meshbench.util.errors import VpnError

_log = logging.getLogger(__name__)

BUILD_LIMIT_S = 2 * 3600.0
TAIL_CHARACTERS = 1500
_PACKAGES = {"go": "golang-go", "cargo": "cargo"}
_NO_NETWORK = re.compile(
    r"no such host|could ?n[o']t resolve|network is unreachable|no route to host|timed? ?out"
    r"|connection refused|temporary failure in name resolution|spurious network error",
    re.IGNORECASE,
)


async def run(argv: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a build tool, its words added to a log; returns what it said.

    Raises:
        VpnError: with the tail of what it said, if it is missing, fails or takes too long.
    """
    if shutil.which(argv[0]) is None:
        package = _PACKAGES.get(argv[0], argv[0])
        raise VpnError(f"{argv[0]} is not installed on this machine (apt-get install {package})")
    start = log.stat().st_size if log.exists() else 0
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(argv)}\n".encode())
        file.flush()
        start = file.tell()
        _log.debug("starts %s, its words go to %s", shlex.join(argv), log)
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=asyncio.subprocess.STDOUT,
            env={**local.environment(), **(environment or {})},
        )
        try:
            code = await asyncio.wait_for(process.wait(), BUILD_LIMIT_S)
        except TimeoutError:
            raise VpnError(f"{argv[0]} was still running after {BUILD_LIMIT_S:.0f} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()
    with log.open("rb") as file:
        file.seek(start)
        output = file.read().decode(errors="replace").strip()
    if code != 0:
        trouble = "no network: " if _NO_NETWORK.search(output) else ""
        words = shlex.join(argv[:2])
        raise VpnError(f"{trouble}{words} ended with {code}: {output[-TAIL_CHARACTERS:]}")
    return output


async def missing_packages(names: Sequence[str], log: Path) -> list[str]:
    """Those of some Debian packages that are not installed here; none where there is no dpkg."""
    if not names or shutil.which("dpkg-query") is None:
        return []
    return [name for name in names if not await _installed(name, log)]


async def _installed(name: str, log: Path) -> bool:
    ask = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name]
    try:
        return await run(ask, log) == "installed"
    except VpnError:
        return False
