"""Programs on the controller itself."""

import asyncio
import logging
import os
import shlex
import shutil

from meshbench.testbed.host import LOCALE
from meshbench.util.errors import TestbedError

log = logging.getLogger(__name__)


async def run(
    *argv: str, stdin: bytes = b"", limit_s: float = 60.0, check: bool = True
) -> tuple[int, str]:
    """Run a program; returns its exit status and its output (both streams).

    Raises:
        TestbedError: if it is missing, runs into the limit, or fails while `check` is set.
    """
    log.debug("starts %s, limit %.0f s", shlex.join(argv), limit_s)
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=environment(),
        )
    except FileNotFoundError as error:
        raise TestbedError(f"{argv[0]} is not installed on this machine") from error
    try:
        output, _ = await asyncio.wait_for(process.communicate(stdin), limit_s)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise TestbedError(f"{shlex.join(argv)}: still running after {limit_s:.0f} s") from error
    code, text = process.returncode or 0, output.decode(errors="replace")
    log.debug("%s -> %d", shlex.join(argv), code)
    if check and code != 0:
        raise TestbedError(f"{shlex.join(argv)} ended with {code}: {text.strip()[-2000:]}")
    return code, text


def environment() -> dict[str, str]:
    """This process's environment in the locale C: what programs say is read."""
    kept = {key: value for key, value in os.environ.items() if key != "LANGUAGE"}
    return kept | LOCALE


def missing(*programs: str) -> list[str]:
    """Those of the programs that are not on this machine's PATH."""
    return [program for program in programs if shutil.which(program) is None]
