"""Waiting for a lab's host for as long as its boot makes progress."""

import logging
import time
from functools import partial
from pathlib import Path

from meshbench.testbed import local
from meshbench.testbed.lab import boot, cgroups
from meshbench.testbed.lab.layout import HostLayout
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError
from meshbench.util.waiting import persist

log = logging.getLogger(__name__)

LOOK_S = 3.0
"""After which a host that does not answer is looked at: usually it has answered by then."""
STALL_S = 120.0
"""How long nothing new may be seen of a host. systemd's own limit for a unit is 90 s."""
_LOGIN_S, _LONGEST_LOGIN_S = 2.0, 30.0
_ASK_S = 20
_CONSOLE_BYTES = 100_000
_ASK = f"""systemctl list-jobs --no-legend --no-pager --full
echo '{boot.UNITS}'
systemctl list-units --all --plain --no-legend --no-pager --full"""


async def reachable(host: SshHost, layout: HostLayout) -> None:
    """Wait until a host answers.

    Raises:
        TestbedError: when it has ended, or shows nothing new for `STALL_S`; says what it is doing.
    """
    progress, login_s, last = boot.Progress(), _LOGIN_S, time.monotonic()
    while error := await persist(partial(host.connect, login_s), LOOK_S, TestbedError):
        sight = await look(layout)
        if progress.advanced(sight, str(error)):
            last = time.monotonic()
            log.debug("%s boots: %s", host.name, boot.describe(sight))
            stalled = False
        else:
            stalled = time.monotonic() - last >= STALL_S
        if stalled or not sight.alive:
            since = f"nothing new of it for {STALL_S:.0f} s, " if sight.alive else ""
            raise TestbedError(
                f"lab host {host.name} did not come up: {since}{boot.describe(sight)}\n({error})"
            ) from error
        # On a machine slow enough, a login takes longer than the first attempts wait.
        login_s = min(2 * login_s, _LONGEST_LOGIN_S)


async def look(layout: HostLayout) -> boot.Sight:
    """A host as it is, whether or not it answers."""
    alive = bool(cgroups.processes(layout.unique, outside="payload"))
    units, jobs = boot.parse(await _ask(layout))
    return boot.Sight(alive, units, jobs, _console(layout.folder / "console.log"))


async def _ask(layout: HostLayout) -> str:
    """What the host's systemd says of its jobs and units; empty when it does not."""
    systemd = next(filter(_is_first, cgroups.processes(layout.unique)), None)
    if systemd is None:
        return ""
    enter = ("nsenter", f"--target={systemd}", "--mount", "--pid", "--root", "--wd", "--")
    try:
        # By the host's own timeout(1), which ends what has gone into its namespaces.
        ask = ("timeout", "-k", "2", str(_ASK_S), "sh", "-c", _ASK)
        _, text = await local.run(*enter, *ask, check=False)
    except TestbedError as error:
        log.debug("%s: %s", layout.name, error)
        return ""
    return text


def _is_first(pid: int) -> bool:
    """Whether a process is the first one of a container's namespace of process ids."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
    ids = next((line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:")), [])
    return len(ids) > 1 and ids[-1] == "1"


def _console(file: Path) -> str:
    try:
        return file.read_bytes()[-_CONSOLE_BYTES:].decode(errors="replace")
    except OSError:
        return ""
