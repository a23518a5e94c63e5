"""Who uses the lab's machine: the lab, meshbench itself, or somebody else."""

import contextlib
import os
import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from meshbench.testbed.lab import cgroups

PROC = Path("/proc")
RUN = "MESHBENCH_RUN"
MAIN = "MESHBENCH_MAIN"
"""As in `workflow.workers`: of which run a process is, and the process that the run began with."""
_TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_KTHREADD = 2
_LEAST_WINDOW_S = 0.5
"""Times in /proc/stat come in hundredths of a second: a share of a shorter time would be noise."""


@dataclass(frozen=True)
class Load:
    """CPU seconds until now.

    Attributes:
        at_s: of a clock that only goes forward.
        machine_s: of all CPUs in user and system mode, without interrupts.
        lab_s: of the lab's control groups.
        own_s: of meshbench's own processes, those that have ended included.
        kernel_s: by kernel thread: WireGuard's among them encrypt for the lab.
        pressure_s: during which something waited for a CPU; None where the kernel does not say.
        interrupts_s: of all CPUs, spent on interrupts, which carry the lab's packets.
        wireguard: the kernel threads whose last work was WireGuard's.
    """

    at_s: float
    machine_s: float
    lab_s: float
    own_s: float
    kernel_s: Mapping[int, float]
    pressure_s: float | None
    interrupts_s: float = 0.0
    wireguard: frozenset[int] = frozenset()


def read(lab_id: str) -> Load | None:
    """The load of this machine; None where no control group of the lab counts CPU time."""
    names = cgroups.named(f"{lab_id}-")
    lab_s = [seconds for name in names for seconds in _group_s(name)]
    if not lab_s:
        return None
    # A run starts the lab's hosts and emulators, so that its mark is on them too.
    lab = {pid for name in names for pid in cgroups.processes(name)}
    own_s, kernel_s, wireguard = _processes_s(lab)
    machine_s, interrupts_s = _machine_s()
    return Load(
        time.monotonic(), machine_s, sum(lab_s), own_s, kernel_s, _pressure_s(), interrupts_s,
        frozenset(wireguard),
    )  # fmt: skip


def between(earlier: Load | None, later: Load | None) -> dict[str, float]:
    """Shares of the machine's CPU time by user, and of the time that something waited (0..1).

    ``kernel`` is what its threads and interrupts had, ``wireguard`` the part of those threads that worked
    for WireGuard, ``outside`` what neither they nor the lab nor meshbench had. Empty where it is not known or the time was too short.
    """
    if earlier is None or later is None or later.at_s - earlier.at_s < _LEAST_WINDOW_S:
        return {}
    window_s = later.at_s - earlier.at_s
    capacity_s = window_s * (os.cpu_count() or 1)
    lab_s, own_s = later.lab_s - earlier.lab_s, max(0.0, later.own_s - earlier.own_s)
    threads_s = {pid: s - earlier.kernel_s.get(pid, 0.0) for pid, s in later.kernel_s.items()}
    kernel_s = sum(threads_s.values())
    rest_s = later.machine_s - earlier.machine_s - lab_s - own_s - max(0.0, kernel_s)
    packets_s = max(0.0, kernel_s) + later.interrupts_s - earlier.interrupts_s
    used = {"lab": lab_s, "kernel": packets_s, "meshbench": own_s, "outside": max(0.0, rest_s)}
    if later.wireguard:
        used["wireguard"] = sum(threads_s[pid] for pid in later.wireguard)
    shares = {who: round(seconds / capacity_s, 4) for who, seconds in used.items()}
    if earlier.pressure_s is not None and later.pressure_s is not None:
        shares["waiting"] = round((later.pressure_s - earlier.pressure_s) / window_s, 4)
    return {"window_s": round(window_s, 3), **shares}


def _machine_s() -> tuple[float, float]:
    """From the first line of /proc/stat: user, nice and system; irq and softirq (proc_stat(5))."""
    words = (PROC / "stat").read_text(encoding="ascii").split(maxsplit=8)
    return sum(map(int, words[1:4])) * _TICK_S, sum(map(int, words[6:8])) * _TICK_S


def _group_s(name: str) -> Iterable[float]:
    """The CPU time of a control group, by cgroup v2, which counts it for every group."""
    for folder in cgroups.folders(name):
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = (folder / "cpu.stat").read_text(encoding="ascii")
            yield int(text.partition("usage_usec")[2].split()[0]) / 1e6


def _processes_s(lab: Collection[int]) -> tuple[float, dict[int, float], set[int]]:
    """Of meshbench's own processes together, those of the lab left out, and of each kernel thread; and
    which of these worked for WireGuard last.
    """
    own_s, kernel_s, wireguard = 0.0, {}, set()
    main = {os.getpid(), int(os.environ.get(MAIN, "0"))}
    for folder in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name may hold spaces and brackets; what follows the last one are numbers.
            words = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            fields = words.rpartition(")")[2].split()
            pid, parent = int(folder.name), int(fields[1])
            user, system, child_user, child_system = (int(word) for word in fields[11:15])
            if parent == _KTHREADD:
                kernel_s[pid] = (user + system) * _TICK_S
                # A worker is named after what it did last.
                wireguard |= {pid} if "wg-crypt" in words else set()
            elif pid not in lab and (pid in main or _of_this_run(folder)):
                own_s += (user + system + child_user + child_system) * _TICK_S
    return own_s, kernel_s, wireguard


def _of_this_run(folder: Path) -> bool:
    run = os.environ.get(RUN)
    return bool(run) and f"{RUN}={run}".encode() in (folder / "environ").read_bytes().split(b"\0")


def _pressure_s() -> float | None:
    """Seconds in which at least one task waited for a CPU (Documentation/accounting/psi)."""
    try:
        text = (PROC / "pressure" / "cpu").read_text(encoding="ascii")
        return int(text.partition("total=")[2].split()[0]) / 1e6
    except (OSError, IndexError):
        return None
