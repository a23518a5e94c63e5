"""What the machine lets namespaces choose is put back, whatever happens in between."""

import asyncio
import os
from pathlib import Path

import pytest

from meshbench.testbed.lab import congestion


@pytest.fixture
def allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's list, which has BBR only; as a file."""
    monkeypatch.setattr(congestion, "ALLOWED", tmp_path / "allowed")
    monkeypatch.setattr(congestion, "_FOUND", tmp_path / "found")
    monkeypatch.setattr(congestion, "_LOCK", tmp_path / "lock")
    congestion.ALLOWED.write_text("reno bbr\n")
    return congestion.ALLOWED


async def inside(name: str) -> str:
    async with congestion.permitted(name):
        return congestion.ALLOWED.read_text()


def test_it_is_permitted_meanwhile_and_only_then(allowed: Path) -> None:
    assert asyncio.run(inside("cubic")).split() == ["reno", "bbr", "cubic"]
    assert allowed.read_text().split() == ["reno", "bbr"]


def test_what_is_allowed_anyhow_is_not_touched(allowed: Path) -> None:
    assert asyncio.run(inside("bbr")) == "reno bbr\n"
    assert allowed.read_text() == "reno bbr\n"


def test_it_is_put_back_when_the_work_fails(allowed: Path) -> None:
    async def broken() -> None:
        async with congestion.permitted("cubic"):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(broken())
    assert allowed.read_text().split() == ["reno", "bbr"]


def test_what_a_killed_process_left_is_put_back_by_the_next(allowed: Path) -> None:
    async def killed() -> None:
        async with congestion.permitted("cubic"):
            os._exit(0)

    for repair in (congestion.recover, lambda: inside("bbr")):
        if not (child := os.fork()):
            asyncio.run(killed())
        os.waitpid(child, 0)
        assert "cubic" in allowed.read_text()
        asyncio.run(repair())
        assert allowed.read_text().split() == ["reno", "bbr"]


def test_a_machine_that_lets_nobody_change_it_is_left_alone(
    allowed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> int:
        raise PermissionError

    write = Path.write_text
    monkeypatch.setattr(
        Path,
        "write_text",
        lambda path, *a, **k: (refused if path == allowed else write)(path, *a, **k),
    )
    assert asyncio.run(inside("cubic")) == "reno bbr\n"
    assert not congestion._FOUND.exists()
