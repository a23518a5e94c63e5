"""systemd-networkd on this machine leaves a lab's interfaces alone.

A bridge and the ends of the control network are in the user's own namespace. A ``.network`` file that
matches them (``Type=ether`` does match a veth) would take them out of the bridge and off their address.
"""

import logging
from pathlib import Path

from meshbench.testbed import local
from meshbench.testbed.lab.layout import Layout

FOLDER = Path("/run/systemd/network")
_SYSTEMD = Path("/run/systemd/system")
"""There while systemd is this machine's init."""
_RELOAD = ("networkctl", "reload")

log = logging.getLogger(__name__)


def file(layout: Layout) -> Path:
    """The lab's own: of all files the first by name is the one that counts (systemd.network(5))."""
    return FOLDER / f"0-meshbench-{layout.id}.network"


def text(layout: Layout) -> str:
    """What the file says; every interface of a lab bears its id."""
    return f"[Match]\nName={layout.id}*\n\n[Link]\nUnmanaged=yes\n"


async def leave_alone(layout: Layout) -> None:
    """Tell networkd, if it runs, before there is anything that it could take."""
    if not _SYSTEMD.is_dir():
        return
    code, _ = await local.run("systemctl", "is-active", "--quiet", "systemd-networkd", check=False)
    if code != 0:
        return
    if not FOLDER.exists():
        FOLDER.mkdir(parents=True)
        FOLDER.chmod(0o755)
    file(layout).write_text(text(layout), encoding="utf-8")
    # networkd is a user of its own, whatever the umask here.
    file(layout).chmod(0o644)
    code, output = await local.run(*_RELOAD, check=False)
    if code != 0:
        log.warning("networkd may take the lab's interfaces: networkctl reload: %s", output.strip())


async def forget(layout: Layout) -> None:
    """Take back what was told, once the lab's interfaces are gone."""
    if file(layout).exists():
        file(layout).unlink()
        await local.run(*_RELOAD, check=False)
