"""Who used the lab's machine: from /proc and the control groups, told apart by whose time it was."""

import os
from pathlib import Path

import pytest

from meshbench.results.records import ImpairmentRecord
from meshbench.runner import marks
from meshbench.testbed.lab import cgroups, load
from meshbench.testbed.lab.load import Load, between

TICKS = os.sysconf("SC_CLK_TCK")
CPUS = os.cpu_count() or 1
NOTHING = Load(0.0, 0.0, 0.0, 0.0, {}, 0.0)


def after(window_s: float = 10.0, **seconds: float) -> dict[str, float]:
    """Shares after a time in which the machine's CPUs were busy for so many seconds each."""
    used = {"machine": 0.0, "lab": 0.0, "own": 0.0, "kernel": 0.0, "pressure": 0.0, "packets": 0.0}
    used |= seconds
    later = Load(
        window_s,
        used["machine"] * CPUS,
        used["lab"] * CPUS,
        used["own"] * CPUS,
        {7: used["kernel"] * CPUS},
        used["pressure"],
        used["packets"] * CPUS,
    )
    return between(NOTHING, later)


def marked(shares: dict[str, float]) -> list[str]:
    nothing = ImpairmentRecord(engine="none", placement="ingress", profile={}, seed=1)
    return marks.of([], nothing, {}, {}, {}, shares)


OUTSIDE = "other programs took more than 10% of the CPU time of the lab's machine"
OWN = "meshbench itself took more than 10% of the CPU time of the lab's machine"
WAITING = (
    "something waited for a CPU for more than 20% of the time, although the lab needed less than "
    "25% of its machine"
)


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        (after(machine=9, lab=8), []),
        (after(machine=9, lab=7.9), [OUTSIDE]),
        (after(machine=5, lab=1, kernel=3.5), []),
        (after(machine=2, lab=0.5, own=1.2), [OWN]),
        (after(machine=1, lab=0.5, pressure=2.1), [WAITING]),
        (after(machine=8, lab=8, pressure=9), []),
        # The bare link at 1 Gbit/s both ways keeps the CPUs busy with its packets.
        (after(machine=1.5, lab=1.5, packets=2, pressure=2.1), []),
        (after(machine=1, lab=2), []),
        (after(0.4, machine=0.4), []),
        ({}, []),
    ],
)
def test_other_load_is_marked_and_the_lab_s_own_is_not(
    shares: dict[str, float], said: list[str]
) -> None:
    assert marked(shares) == said


def test_shares_are_of_all_cpus_and_never_negative() -> None:
    assert after(machine=4, lab=2, own=1) == {
        "window_s": 10, "lab": 0.2, "kernel": 0, "meshbench": 0.1, "outside": 0.1, "waiting": 0
    }  # fmt: skip
    assert after(machine=1, lab=2)["outside"] == 0
    assert "waiting" not in between(NOTHING, Load(10, 1, 1, 0, {}, None))
    assert between(None, NOTHING) == between(NOTHING, None) == {}


def process(pid: int, parent: int, ticks: int, *, name: str = "x", environ: bytes = b"") -> None:
    folder = load.PROC / str(pid)
    folder.mkdir()
    numbers = f"S {parent} " + "0 " * 9 + f"{ticks} {ticks} {ticks} {ticks} 20 0"
    (folder / "stat").write_text(f"{pid} ({name}) {numbers}\n")
    (folder / "environ").write_bytes(environ)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a run of meshbench, a kernel thread, somebody's program and a lab."""
    monkeypatch.setattr(load, "PROC", tmp_path / "proc")
    monkeypatch.setattr(cgroups, "ROOT", tmp_path / "cgroup")
    monkeypatch.setenv("MESHBENCH_RUN", "run")
    monkeypatch.setenv("MESHBENCH_MAIN", "40")
    (tmp_path / "proc" / "pressure").mkdir(parents=True)
    (tmp_path / "proc" / "pressure" / "cpu").write_text(
        "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\nfull avg10=0 total=0\n"
    )
    (tmp_path / "proc" / "stat").write_text(
        f"cpu  {TICKS} {TICKS} {TICKS} 99 9 9 9 9 0 0\ncpu0 1\n"
    )
    process(3, 2, TICKS)
    process(40, 1, TICKS, name="snake) make")
    process(41, 1, TICKS, environ=b"A=1\0MESHBENCH_RUN=run\0")
    process(42, 1, TICKS, environ=b"MESHBENCH_RUN=another\0")
    process(43, 1, 100 * TICKS, name="linkem", environ=b"MESHBENCH_RUN=run\0")
    for group, usage in (
        ("mb1-lom", 1_500_000),
        ("mb1-linkem-lom", 500_000),
        ("mb2-lom", 7_000_000),
    ):
        (tmp_path / "cgroup" / group).mkdir(parents=True)
        (tmp_path / "cgroup" / group / "cpu.stat").write_text(f"usage_usec {usage}\nuser_usec 1\n")
    (tmp_path / "cgroup" / "mb1-linkem-lom" / "cgroup.procs").write_text("43\n")
    (tmp_path / "cgroup" / "cgroup.controllers").touch()
    return tmp_path


def test_times_are_told_apart_by_whose_they_are(machine: Path) -> None:
    times = load.read("mb1")
    assert machine
    assert times is not None
    assert (times.machine_s, times.lab_s, times.own_s) == (3, 2, 8)
    assert (times.kernel_s, times.pressure_s, times.interrupts_s) == ({3: 2}, 2.5, 18 / TICKS)


def test_wireguard_s_workers_are_known_by_their_names(machine: Path) -> None:
    assert machine
    process(4, 2, TICKS, name="kworker/u8:1-wg-crypt-mesh0")
    times = load.read("mb1")
    assert times is not None
    assert times.kernel_s == {3: 2, 4: 2}
    assert times.wireguard == frozenset({4})
    later = Load(10.0, 0.0, 0.0, 0.0, {3: 5.0, 4: CPUS}, None, 0.0, frozenset({4}))
    assert between(NOTHING, later)["wireguard"] == pytest.approx(0.1)
    assert "wireguard" not in after(kernel=3)


def test_a_kernel_that_does_not_count_says_nothing(machine: Path) -> None:
    (machine / "proc" / "pressure" / "cpu").unlink()
    times = load.read("mb1")
    assert times is not None
    assert times.pressure_s is None
    assert load.read("mb9") is None
