"""Whether this machine's kernel has netem, and what brings it where a distribution leaves it out."""

import platform
import re
from collections.abc import Mapping

from meshbench.testbed import local
from meshbench.util.errors import TestbedError

_UBUNTU = re.compile(r"^\d+\.\d+\.\d+-\d+-[a-z]")
_FEDORA = re.compile(r"\.(fc|el)\d+")
_DEBIAN = re.compile(r"-(amd64|arm64|686(-pae)?|armmp|riscv64|ppc64el|powerpc64le|s390x|loong64)$")
_LOAD = "then modprobe sch_netem"


def advice(os_release: Mapping[str, str], kernel: str) -> str:
    """How to get sch_netem, from /etc/os-release and ``uname -r``."""
    names = {os_release.get("ID", ""), *os_release.get("ID_LIKE", "").split()}
    if "ubuntu" in names and _UBUNTU.search(kernel):
        return f"apt-get install linux-modules-extra-{kernel}, {_LOAD}"
    if names & {"fedora", "rhel", "centos"} and _FEDORA.search(kernel):
        return f"dnf install kernel-modules-extra-{kernel}, {_LOAD}"
    if "debian" in names and (flavour := _DEBIAN.search(kernel)):
        return (
            "Debian's stock kernel has it: modprobe sch_netem says why not here (after an update "
            "of the kernel, reboot; instead of a cloud kernel: apt-get install "
            f"linux-image-{flavour[1]})"
        )
    distribution = os_release.get("NAME", "the distribution")
    return (
        f"{kernel} is not a kernel whose packages meshbench knows: boot {distribution}'s stock "
        "kernel, install its package of further modules if it has one, or build one with "
        "CONFIG_NET_SCH_NETEM"
    )


def fallback(lacking: str) -> str:
    """That `engine: auto` takes linkem, and how to get the kernel's; empty if nothing lacks."""
    return lacking and f"engine: auto takes linkem, meshbench's own emulator: {lacking}"


async def lacking_netem() -> str:
    """Why this machine's kernel cannot impair, with what to do about it; empty if it can.

    Tried in a network namespace that ends with the trial.
    """
    trial = ("unshare", "--net", "tc", "qdisc", "add", "dev", "lo", "root", "netem")
    code, text = await local.run(*trial, check=False)
    if code == 0:
        return ""
    try:
        os_release = platform.freedesktop_os_release()
    except OSError:
        os_release = {}
    kernel = platform.release()
    words = " ".join(text.split())[:200] or f"ended with {code}"
    return (
        f"this machine's kernel {kernel} has no sch_netem (tc: {words}). "
        f"To get it: {advice(os_release, kernel)}"
    )


async def check(engine: str) -> str:
    """What is to be said of a lab's engine before it is used; empty if nothing.

    Raises:
        TestbedError: for `netem` on a kernel without it.
    """
    if engine == "linkem":
        return ""
    lacking = await lacking_netem()
    if lacking and engine == "netem":
        raise TestbedError(f"engine: netem, but {lacking}; or use engine: auto or linkem")
    return fallback(lacking)
