"""Rebooting a host."""

import logging

from meshbench.results.records import Command
from meshbench.testbed.host import RUN, File, Host
from meshbench.util.errors import TestbedError
from meshbench.util.waiting import until

log = logging.getLogger(__name__)

LIMIT_S = 300.0
_BEFORE = RUN / "before-reboot"
"""In /run, which does not outlive a reboot. A container's kernel, and so its boot id, does."""


async def reboot(host: Host, limit_s: float = LIMIT_S) -> Command:
    """Reboot a host and wait until it answers again.

    Raises:
        TestbedError: when it has not come back within `limit_s`.
    """
    await host.upload([File(_BEFORE, b"")])
    asked = await host.run(["systemd-run", "--quiet", "--on-active=0.2", "systemctl", "reboot"])
    if not await until(lambda: _came_back(host), limit_s):
        raise TestbedError(f"{host.name} has not come back within {limit_s:.0f} s of its reboot")
    return asked


async def _came_back(host: Host) -> bool:
    try:
        state = await host.run(["test", "-e", str(_BEFORE)], limit_s=5, check=False)
    except TestbedError as error:
        log.debug("%s: %s", host.name, error)
        return False
    return state.returncode == 1
