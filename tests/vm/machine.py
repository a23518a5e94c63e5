"""A virtual machine that runs one job from the checkout and ends; by KVM where that boots it."""

import asyncio
import logging
import re
import shlex
import subprocess
import tarfile
import tempfile
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fresh import machines
from tests.vm.disk import ROOT, Disk

log = logging.getLogger(__name__)

QEMU = "qemu-system-x86_64"
MEMORY_MIB = 6144
OUT_BYTES = 512 << 20
KVM_TRIAL_S = 20.0
CLOCK_OFF = 0.05
"""A guest whose clock is further from this machine's than this share measures nothing."""
_CLOCK = re.compile(r"meshbench-vm clock (\d+\.\d+)")
_STATUS = re.compile(r"meshbench-vm status (\d+)")
_LONGEST_LINE_BYTES = 1 << 20
_KERNEL_SPEAKS = "Linux version"
_ARGUMENTS = (
    "root=/dev/vda rw console=ttyS0 net.ifnames=0 mitigations=off audit=0 "
    "modprobe.blacklist=powernow_k8 systemd.show_status=false panic=-1 "
    # A login there hangs up whoever else uses the console.
    "systemd.mask=serial-getty@ttyS0.service"
)
# The guest's guess of how fast its time stamp counter runs is wrong on a busy machine.
_EMULATED = "tsc=unstable clocksource=acpi_pm"


class VmError(Exception):
    """The machine did not do what it was started for; the message says what it did."""


@dataclass(frozen=True)
class Done:
    """What came of a job: its exit status, and the folder that it left."""

    status: int
    out: Path
    accelerator: str


def accelerator(disk: Disk) -> str:
    """``kvm`` where a kernel says its first words under it, else ``tcg``."""
    if not Path("/dev/kvm").exists():
        return "tcg"
    argv = [
        QEMU, "-accel", "kvm", "-m", "512", "-nic", "none", "-display", "none", "-no-reboot", "-serial", "stdio",
        "-kernel", str(disk.kernel), "-append", "console=ttyS0 earlyprintk=serial panic=-1",
    ]  # fmt: skip
    try:
        trial = subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=KVM_TRIAL_S, check=False
        )
        output = trial.stdout
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
    return "kvm" if _KERNEL_SPEAKS.encode() in output else "tcg"


def run(disk: Disk, job: Path, out: Path, limit_s: float) -> Done:
    """Boot the disk, run a shell script in the checkout as it is committed, and take its results.

    Raises:
        VmError: when the machine ends without a status, its clock is wrong, or it takes too long.
    """
    with tempfile.TemporaryDirectory(prefix="meshbench-vm-") as name:
        folder = Path(name)
        chosen = accelerator(disk)
        _inputs(folder, job, chosen)
        overlay = folder / "overlay.qcow2"
        subprocess.run(
            ["qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(disk.file_system),
             str(overlay)],
            check=True,
        )  # fmt: skip
        with (folder / "out.tar").open("wb") as file:
            file.truncate(OUT_BYTES)
        status = asyncio.run(_watched(_argv(disk, folder, chosen), limit_s))
        out.mkdir(parents=True, exist_ok=True)
        with tarfile.open(folder / "out.tar") as archive:
            archive.extractall(out, filter="data")
    return Done(status, out, chosen)


def _inputs(folder: Path, job: Path, chosen: str) -> None:
    bundle = folder / "checkout.bundle"
    subprocess.run(
        ["git", "-C", str(ROOT), "bundle", "create", "--quiet", str(bundle), "HEAD"], check=True
    )
    settings = folder / "settings.sh"
    exported = machines.network() | ({"MESHBENCH_EMULATED": "1"} if chosen == "tcg" else {})
    lines = (f"export {key}={shlex.quote(value)}\n" for key, value in exported.items())
    settings.write_text("".join(lines))
    with tarfile.open(folder / "in.tar", "w") as archive:
        archive.add(settings, settings.name)
        archive.add(bundle, bundle.name)
        archive.add(job.with_name("start.sh"), "start.sh")
        archive.add(job, "job.sh")


def _argv(disk: Disk, folder: Path, chosen: str) -> list[str]:
    emulated = chosen == "tcg"
    # DuckDB needs AVX2.
    cpu = "max,-la57" if emulated else "host"
    return [
        QEMU, "-machine", "q35", "-accel", "tcg,thread=multi" if emulated else "kvm", "-cpu", cpu,
        "-smp", "2", "-m", str(MEMORY_MIB), "-display", "none", "-no-reboot", "-serial", "stdio",
        "-monitor", "none", "-nic", "user,model=virtio-net-pci",
        "-kernel", str(disk.kernel), "-initrd", str(disk.initrd),
        "-append", f"{_ARGUMENTS} {_EMULATED if emulated else ''}",
        "-drive", f"file={folder / 'overlay.qcow2'},format=qcow2,if=virtio,cache=unsafe",
        "-drive", f"file={folder / 'in.tar'},format=raw,if=virtio,readonly=on",
        "-drive", f"file={folder / 'out.tar'},format=raw,if=virtio,cache=unsafe",
    ]  # fmt: skip


async def _watched(argv: list[str], limit_s: float) -> int:
    """The job's status, of what the machine says on its console, which is logged line by line."""
    clocks: list[tuple[float, float]] = []
    status = None
    last = ""
    began = time.monotonic()
    try:
        async with asyncio.timeout(limit_s), _started(argv) as console:
            async for raw in console:
                line = raw.decode(errors="replace").rstrip()
                last = line or last
                log.info("%6.0f s  %s", time.monotonic() - began, line)
                if match := _CLOCK.search(line):
                    clocks.append((time.monotonic(), float(match[1])))
                if match := _STATUS.search(line):
                    status = int(match[1])
    except TimeoutError:
        raise VmError(f"not done within {limit_s:g} s; the last it said: {last}") from None
    if status is None:
        raise VmError(f"it ended before its job did; the last it said: {last}")
    _compare(clocks)
    return status


@asynccontextmanager
async def _started(argv: list[str]) -> AsyncIterator[asyncio.StreamReader]:
    process = await asyncio.create_subprocess_exec(
        *argv, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, limit=_LONGEST_LINE_BYTES
    )
    assert process.stdout
    try:
        yield process.stdout
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _compare(clocks: list[tuple[float, float]]) -> None:
    (ours, theirs), (ours_later, theirs_later) = clocks[0], clocks[-1]
    ratio = (theirs_later - theirs) / (ours_later - ours)
    log.info("the guest's clock runs at %.4f of this machine's", ratio)
    if abs(ratio - 1) > CLOCK_OFF:
        raise VmError(f"the guest's clock runs at {ratio:.3f} of this machine's: nothing counts")
