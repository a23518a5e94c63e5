"""The lab's host image: one clean Debian tree, named by the digest of what defines it."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from meshbench.config.models import Image
from meshbench.testbed import local
from meshbench.util.errors import TestbedError
from meshbench.util.files import cache

log = logging.getLogger(__name__)

DEFINITION_VERSION = 1
BASE_PACKAGES = (
    "ca-certificates", "dbus", "ethtool", "iperf3", "iproute2", "iputils-ping", "irtt", "kmod",
    "nftables", "openssh-server", "procps", "systemd-sysv", "tcpdump", "udev",
)  # fmt: skip
NEEDED_BYTES = 1_500_000_000
_UNWANTED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
_PRESET = "enable ssh.service\ndisable *\n"
_SSHD = "UsePAM no\nUseDNS no\nMaxSessions 200\nMaxStartups 200\nClientAliveInterval 15\n"


@dataclass(frozen=True)
class Definition:
    """Everything that decides what is in the image."""

    suite: str
    mirror: str | None
    packages: tuple[str, ...]
    version: int = DEFINITION_VERSION

    @property
    def digest(self) -> str:
        text = json.dumps([self.suite, self.mirror, self.packages, self.version, _PRESET, _SSHD])
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def define(image: Image, packages: Iterable[str]) -> Definition:
    """The image of a testbed: the base, what drivers and benchmarks need, what the user adds."""
    names = sorted({*BASE_PACKAGES, *packages, *image.packages})
    return Definition(image.suite, image.mirror, tuple(names))


def path(definition: Definition) -> Path:
    return cache() / "images" / definition.digest


async def ensure(definition: Definition) -> Path:
    """The image's tree, built now if it is not there (about a minute).

    Raises:
        TestbedError: if the disk is too full or the build fails, with what the build said.
    """
    tree = path(definition)
    if (tree / "etc" / "debian_version").exists():
        return tree
    tree.parent.mkdir(parents=True, exist_ok=True)
    check_space(tree.parent)
    building = tree.with_name(f".{tree.name}.{os.getpid()}")
    log.info("building the lab image %s from Debian %s", definition.digest, definition.suite)
    try:
        await local.run(*_mmdebstrap(definition, building), limit_s=1800)
        _finish(building)
        if not tree.exists():
            building.rename(tree)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return tree


def check_space(folder: Path) -> None:
    """Raise TestbedError when the disk holding the folder has no room for an image."""
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise TestbedError(
            f"{folder} has {free / 1e9:.1f} GB free and the lab image needs "
            f"{NEEDED_BYTES / 1e9:.1f} GB; free some, or set MESHBENCH_CACHE to another disk"
        )


def _mmdebstrap(definition: Definition, target: Path) -> list[str]:
    mirror = [definition.mirror] if definition.mirror else []
    return [
        "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet",
        f"--include={','.join(definition.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNWANTED),
        definition.suite, str(target), *mirror,
    ]  # fmt: skip


def _finish(tree: Path) -> None:
    for key in (tree / "etc" / "ssh").glob("ssh_host_*"):
        key.unlink()
    (tree / "etc" / "machine-id").write_text("")
    (tree / "etc" / "ssh" / "sshd_config.d" / "meshbench.conf").write_text(_SSHD)
    _enable_only_ssh(tree)


def _enable_only_ssh(tree: Path) -> None:
    units = tree / "etc" / "systemd" / "system"
    for wants in units.glob("*.wants"):
        for link in wants.iterdir():
            if link.name != "ssh.service":
                link.unlink()
    preset = tree / "etc" / "systemd" / "system-preset" / "00-meshbench.preset"
    preset.parent.mkdir(parents=True, exist_ok=True)
    preset.write_text(_PRESET)
