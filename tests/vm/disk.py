"""A bootable disk of Debian with its stock kernel, all that `make test` needs, and the lab's images.

It is made once per content, by mmdebstrap and ``mke2fs -d``: no loop device, no root file system of
this machine. A virtual machine writes to a layer above it.
"""

import asyncio
import hashlib
import logging
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from meshbench import benchmarks
from meshbench.config.testbeds import LabTestbed
from meshbench.runner.needs import debian_packages
from meshbench.testbed.lab import image
from meshbench.util.files import cache
from tests.fresh import machines

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
GUEST = Path(__file__).parent / "guest"
CAMPAIGN = Path(__file__).parent / "jobs/campaign.yaml"
SUITE = "trixie"
SIZE = "12G"
"""Of the file system; the file has holes where it is empty."""
CHECKOUT = "/root/meshbench"
KERNEL_MODULES = ("virtio_pci", "virtio_blk", "ext4")
"""What the kernel needs before it has its root."""
SYSTEM = (
    "linux-image-amd64", "initramfs-tools", "zstd", "systemd-sysv", "systemd-resolved", "dbus", "udev", "kmod",
    "python3", "make", "git", "ca-certificates", "iputils-ping", "wireguard-tools",
)  # fmt: skip
_MOUNTS_APART = ("unshare", "--mount")
"""What is mounted into the tree goes with the program that mounted it, however that ends."""
_NETWORK = """[Match]
Name=eth0
[Network]
DHCP=yes
"""


@dataclass(frozen=True)
class Disk:
    """A disk and what boots it."""

    folder: Path

    @property
    def file_system(self) -> Path:
        return self.folder / "disk.ext4"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd.img"


def ensure() -> Disk:
    """The disk of this checkout's contents, which is made if it is not there yet.

    Raises:
        subprocess.CalledProcessError: when a program that makes it fails.
    """
    lab_images = [asyncio.run(image.ensure(definition)) for definition in _definitions()]
    folder = cache() / "vm" / _digest(lab_images)
    if not folder.is_dir():
        part = folder.with_suffix(".part")
        _remove(part)
        part.mkdir(parents=True)
        try:
            _make(Disk(part), lab_images)
        finally:
            _remove(part / "tree")
        part.rename(folder)
    return Disk(folder)


def _definitions() -> list[image.Definition]:
    """The images that the lab's tests and the campaign boot, so that no virtual machine has to make them."""
    campaign = yaml.safe_load(CAMPAIGN.read_text())
    plain = LabTestbed(kind="lab").image
    return [
        image.define(plain, debian_packages(kinds))
        for kinds in (benchmarks.names(), campaign["benchmarks"])
    ]


def _packages() -> list[str]:
    lines = (ROOT / "apt-packages.txt").read_text().splitlines()
    return [*SYSTEM, *(line for line in lines if line and not line.startswith("#"))]


def _digest(lab_images: Sequence[Path]) -> str:
    parts = [Path(__file__), *sorted(GUEST.iterdir()), ROOT / "requirements.lock"]
    text = "\n".join(
        [*_packages(), *(path.name for path in lab_images), *(part.read_text() for part in parts)]
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _make(disk: Disk, lab_images: Sequence[Path]) -> None:
    tree = disk.folder / "tree"
    log.info("Debian %s with its stock kernel", SUITE)
    _run(*_debian(tree))
    _furnish(tree)
    log.info("the environment, as the README makes it")
    _run("git", "clone", "--quiet", f"file://{ROOT}", f"{tree}{CHECKOUT}")
    _inside(tree, f"make --directory={CHECKOUT} setup")
    images = tree / str(cache() / "images").lstrip("/")
    images.mkdir(parents=True)
    _run("cp", "--archive", *map(str, lab_images), str(images))
    [kernel], [initrd] = tree.glob("boot/vmlinuz-*"), tree.glob("boot/initrd.img-*")
    shutil.copy(kernel, disk.kernel)
    shutil.copy(initrd, disk.initrd)
    log.info("the file system")
    _run("mke2fs", "-q", "-F", "-t", "ext4", "-d", str(tree), str(disk.file_system), SIZE)


def _debian(tree: Path) -> list[str]:
    options = [option for option in machines._apt_options() if option]
    modules = r"\n".join(KERNEL_MODULES)
    before = (
        'mkdir -p "$1/etc/initramfs-tools/conf.d"; '
        'echo MODULES=list > "$1/etc/initramfs-tools/conf.d/meshbench"; '
        f"printf '{modules}\\n' > \"$1/etc/initramfs-tools/modules\""
    )
    return [
        *_MOUNTS_APART, "mmdebstrap", "--mode=root", "--variant=minbase", "--quiet",
        f"--include={','.join(_packages())}", *options, f"--essential-hook={before}",
        SUITE, str(tree),
    ]  # fmt: skip


def _furnish(tree: Path) -> None:
    """A host name, a network, and the service that does what the machine was started for."""
    (tree / "etc/hostname").write_text("vm\n")
    (tree / "etc/fstab").write_text("")
    (tree / "etc/systemd/network/10-vm.network").write_text(_NETWORK)
    for file in GUEST.iterdir():
        folder = "etc/systemd/system" if file.suffix == ".service" else "usr/local/lib/meshbench-vm"
        (tree / folder).mkdir(parents=True, exist_ok=True)
        shutil.copy(file, tree / folder / file.name)
    _inside(
        tree,
        "systemctl enable --quiet meshbench-vm.service systemd-networkd.service; "
        "systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer "
        "systemd-networkd-wait-online.service systemd-udev-settle.service",
    )
    for path in map(Path, machines._NETWORK_FILES):
        if path.exists() and path.name not in {"hosts", "resolv.conf"}:
            target = tree / str(path).lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            _run("cp", "--recursive", str(path), str(target.parent))
    _inside(tree, "update-ca-certificates > /dev/null 2>&1")


def _inside(tree: Path, script: str) -> None:
    """A shell script in the tree; it reaches the network as this machine does."""
    resolve = tree / "etc/resolv.conf"
    kept = resolve.readlink() if resolve.is_symlink() else None
    resolve.unlink(missing_ok=True)
    shutil.copy("/etc/resolv.conf", resolve)
    lent = [
        f"mkdir -p {tree}{path}; mount --bind {path} {tree}{path}; "
        for path in machines.network().values()
        if path.startswith("/") and Path(path).is_dir()
    ]
    mounts = f"mount -t proc proc {tree}/proc; mount --bind /dev {tree}/dev; {''.join(lent)}"
    shell = f"{mounts} exec chroot {tree} bash -euc {shlex.quote(script)}"
    try:
        _run(
            *_MOUNTS_APART, "sh", "-ec", shell,
            environment={"PATH": machines.PATH, "HOME": "/root", **machines.network()},
        )  # fmt: skip
    finally:
        if kept:
            resolve.unlink()
            resolve.symlink_to(kept)


def _remove(tree: Path) -> None:
    _run("rm", "--recursive", "--force", "--one-file-system", str(tree))


def _run(*argv: str, environment: dict[str, str] | None = None) -> None:
    subprocess.run(argv, check=True, env=environment, stdin=subprocess.DEVNULL)
