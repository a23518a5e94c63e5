"""Rebooting a host."""

import logging

from meshbench.results.records import Command
from meshbench.testbed.host import RUN, File, Host
from meshbench.util.errors import TestbedError
from meshbench.util.waiting import until

log = logging.getLogger(__name__)

LIMIT_S = 300.0
"""The least that a reboot may take; more where the host's last boot took long."""
_BOOTS = 10
_BEFORE = RUN / "before-reboot"
"""In /run, which does not outlive a reboot. A container's kernel, and so its boot id, does."""
_TIMES = ("FirmwareTimestampMonotonic", "UserspaceTimestampMonotonic", "FinishTimestampMonotonic")


async def reboot(host: Host, limit_s: float = LIMIT_S) -> Command:
    """Reboot a host and wait until it answers again.

    Raises:
        TestbedError: when it has not come back within `limit_s`, or ten times what its last boot
            took if that is longer; says what it was last seen doing.
    """
    times = await host.run(["systemctl", "show", f"--property={','.join(_TIMES)}"], check=False)
    limit_s = max(limit_s, _BOOTS * last_boot_s(times.stdout))
    await host.upload([File(_BEFORE, b"")])
    asked = await host.run(["systemd-run", "--quiet", "--on-active=0.2", "systemctl", "reboot"])
    doing = ""

    async def came_back() -> bool:
        nonlocal doing
        doing = await _doing(host)
        return not doing

    if not await until(came_back, limit_s):
        raise TestbedError(
            f"{host.name} has not come back within {limit_s:.0f} s of its reboot: {doing}"
        )
    return asked


def last_boot_s(text: str) -> float:
    """Seconds that firmware and user space took, of ``systemctl show``; 0 where it does not tell."""
    fields = dict(line.partition("=")[::2] for line in text.splitlines())
    firmware, userspace, finish = (
        int(value) if (value := fields.get(key, "")).isdecimal() else 0 for key in _TIMES
    )
    return (firmware + finish - userspace) / 1e6 if finish > userspace else 0.0


async def _doing(host: Host) -> str:
    """What keeps a host from having come back; empty when it has."""
    jobs = ["systemctl", "list-jobs", "--no-legend", "--no-pager", "--full"]
    try:
        state = await host.run(["test", "-e", str(_BEFORE)], limit_s=5, check=False)
        if state.returncode == 1:
            return ""
        listed = await host.run(jobs, limit_s=5, check=False)
    except TestbedError as error:
        log.debug("%s: %s", host.name, error)
        return str(error)
    lines = "; ".join(" ".join(line.split()) for line in listed.stdout.splitlines())
    return f"it still runs, and its systemd has {f'the jobs {lines}' if lines else 'no jobs'}"
