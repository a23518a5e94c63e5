"""The lab's host image: one clean Debian tree, named by the digest of what defines it."""

import hashlib
import json
import logging
import os
import shlex
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from meshbench.config.testbeds import Image
from meshbench.testbed import local
from meshbench.util.errors import TestbedError
from meshbench.util.files import cache

log = logging.getLogger(__name__)

DEFINITION_VERSION = 2
BASE_PACKAGES = (
    "ca-certificates", "dbus", "ethtool", "iperf3", "iproute2", "iputils-ping", "irtt", "kmod",
    "nftables", "openssh-server", "procps", "systemd-sysv", "tcpdump", "udev",
)  # fmt: skip
NEWER: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    # Before 3.20 it does not say `reorder`, before 3.21 its UDP loss can be wrong (RELNOTES).
    "trixie": {"sid": ("iperf3", "libiperf0")},
}
"""By suite: packages that it has too old, and the suite that they are taken from."""
NEEDED_BYTES = 1_500_000_000
_UNWANTED = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
# $0: the suite; $1: the newer one; then the packages, and last the tree. By apt_preferences(5) a
# suite with priority 1 gives only what is named. Sid's index is valid for a week, and a mirror may be
# behind; it is signed all the same.
_NEWER = r"""
for tree; do :; done
suite=$1; shift
names=
while [ $# -gt 1 ]; do names="$names $1"; shift; done
valid="check-valid-until=no"
sed -n -e "s/ $0 / $suite /; T; s/ \[/ [$valid /; t shown; s/ / [$valid] /; : shown" -e p \
    "$tree/etc/apt/sources.list" > "$tree/etc/apt/sources.list.d/$suite.list"
printf 'Package: %s\nPin: release n=%s\nPin-Priority: %s\n\n' \
    '*' "$suite" 1 "${names# }" "$suite" 990 > "$tree/etc/apt/preferences.d/$suite"
"""
_PRESET = "enable ssh.service\ndisable *\n"
_SSHD = "UsePAM no\nUseDNS no\nMaxSessions 200\nMaxStartups 200\nClientAliveInterval 15\n"


@dataclass(frozen=True)
class Definition:
    """Everything that decides what is in the image."""

    suite: str
    mirror: str | None
    packages: tuple[str, ...]
    newer: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    version: int = DEFINITION_VERSION

    @property
    def digest(self) -> str:
        text = json.dumps([*self.basis, self.packages])
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def basis(self) -> list[object]:
        """All but the packages: an image of the same basis that has more will do as well."""
        newer = {suite: list(names) for suite, names in sorted(self.newer.items())}
        return [self.suite, self.mirror, newer, self.version, _PRESET, _SSHD]


def define(image: Image, packages: Iterable[str]) -> Definition:
    """The image of a testbed: the base, what drivers and benchmarks need, what the user adds."""
    names = sorted({*BASE_PACKAGES, *packages, *image.packages})
    newer = NEWER.get(image.suite, {}) if image.newer is None else image.newer
    return Definition(image.suite, image.mirror, tuple(names), newer)


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
        await local.run(*mmdebstrap(definition, building), limit_s=1800)
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


def mmdebstrap(definition: Definition, target: Path) -> list[str]:
    """The command that makes the tree (mmdebstrap(1))."""
    mirror = [definition.mirror] if definition.mirror else []
    return [
        "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet",
        f"--include={','.join(definition.packages)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in _UNWANTED),
        *(
            f"--setup-hook={shlex.join(['sh', '-c', _NEWER, definition.suite, suite, *names])} \"$1\""
            for suite, names in definition.newer.items()
        ),
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
