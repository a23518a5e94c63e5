"""A systemd-networkd that takes every Ethernet interface does not take the lab's."""

import asyncio
import fnmatch
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench.testbed import local
from meshbench.testbed.lab import cgroups, congestion, lab, networkd
from meshbench.testbed.lab.layout import Layout

LAYOUT = Layout("lab", "test", ("lom", "yuki"))
ASKED = ("systemctl", "is-active", "--quiet", "systemd-networkd")
RELOAD = ("networkctl", "reload")


class Machine:
    """Runs no program, but notes each, and whether the file was there then."""

    def __init__(self, active: bool, reloads: tuple[int, str]) -> None:
        self.active = active
        self.reloads = reloads
        self.ran: list[tuple[tuple[str, ...], bool]] = []

    async def run(self, *argv: str, **_: Any) -> tuple[int, str]:
        self.ran.append((argv, networkd.file(LAYOUT).exists()))
        if argv == ASKED:
            return (0 if self.active else 3), ""
        return self.reloads if argv == RELOAD else (0, "[]" if "-j" in argv else "")

    def when(self, *argv: str) -> list[int]:
        return [number for number, (ran, _) in enumerate(self.ran) if ran[: len(argv)] == argv]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(networkd, "FOLDER", tmp_path / "network")
    monkeypatch.setattr(networkd, "_SYSTEMD", tmp_path)
    mask = os.umask(0o077)
    yield tmp_path / "network"
    os.umask(mask)


def on(
    monkeypatch: pytest.MonkeyPatch, *, active: bool, reloads: tuple[int, str] = (0, "")
) -> Machine:
    machine = Machine(active, reloads)
    monkeypatch.setattr(local, "run", machine.run)
    return machine


def test_it_is_told_before_the_first_interface_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = on(monkeypatch, active=True)
    asyncio.run(lab._network(LAYOUT))
    [file] = folder.iterdir()
    sections = file.read_text().split("\n\n")
    assert sections[1] == "[Link]\nUnmanaged=yes\n"
    pattern = sections[0].removeprefix("[Match]\nName=")
    names = [LAYOUT.control_bridge, *(host.control_port for host in LAYOUT.hosts)]
    assert fnmatch.filter(names, pattern) == names
    assert not fnmatch.fnmatchcase("eth0", pattern)
    assert file.name < "00-all.network"
    # networkd is no root.
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    [reload] = machine.when(*RELOAD)
    assert reload < min(machine.when("ip", "link", "add"))


def test_it_is_left_in_peace_where_it_does_not_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = on(monkeypatch, active=False)
    asyncio.run(lab._network(LAYOUT))
    assert not folder.exists()
    assert machine.when(*RELOAD) == []


def test_a_lab_comes_up_although_networkd_cannot_be_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    machine = on(monkeypatch, active=True, reloads=(1, "Failed to connect to bus\n"))
    asyncio.run(lab._network(LAYOUT))
    assert machine.when("ip", "link", "add")
    [line] = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert line.endswith("networkctl reload: Failed to connect to bus")
    assert list(folder.iterdir())


def test_nothing_is_asked_without_systemd(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = on(monkeypatch, active=True)
    monkeypatch.setattr(networkd, "_SYSTEMD", folder / "none")
    asyncio.run(networkd.leave_alone(LAYOUT))
    assert machine.ran == []


def test_down_takes_it_back_after_the_last_interface(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(congestion, "recover", _nothing)
    monkeypatch.setattr(cgroups, "named", lambda _: [])
    machine = on(monkeypatch, active=True)
    asyncio.run(lab._clear(LAYOUT))
    assert machine.when(*RELOAD) == []
    asyncio.run(networkd.leave_alone(LAYOUT))
    machine.ran.clear()
    asyncio.run(lab._clear(LAYOUT))
    assert list(folder.iterdir()) == []
    [reload] = machine.when(*RELOAD)
    assert reload > max(machine.when("ip", "link", "del"))
    assert not machine.ran[reload][1]


async def _nothing() -> None:
    """Recover nothing."""
