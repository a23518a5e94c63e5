"""Which programs a host has is asked of its shell alone."""

import asyncio
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from meshbench.testbed import programs
from tests.unit import making
from tests.unit.programs import program


@pytest.mark.parametrize("shell", ["/bin/sh", "/bin/bash"])
def test_a_host_without_which_is_asked_by_its_shell(tmp_path: Path, shell: str) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program(folder / "tincd", "exit 1")
    (folder / "data").write_text("not a program")
    (folder / "folder").mkdir()

    def answer(argv: Sequence[str]) -> str:
        assert argv[0] == "sh"
        done = subprocess.run(
            [shell, *argv[1:]],
            env={"PATH": str(folder)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    host = making.ScriptedHost(answer=answer)
    asked = ["tincd", "nebula", str(folder / "tincd"), str(folder / "data"), str(folder / "folder")]
    assert asyncio.run(programs.absent(host, asked)) == ["nebula", *asked[3:]]
    assert asyncio.run(programs.absent(host, ["tincd"])) == []


def test_nothing_is_asked_for_nothing() -> None:
    host = making.ScriptedHost()
    assert asyncio.run(programs.absent(host, [])) == []
    assert host.asked == []
