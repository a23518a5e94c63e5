"""What `make setup` does, told by the programs it calls: it stops where the environment is made."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = ("Makefile", "apt-packages.txt", "requirements.lock", "pyproject.toml")
PACKAGES = tuple(
    line
    for line in (ROOT / "apt-packages.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#")
)
PYTHON = f"""\
if [ "$1" = -m ]; then echo "python3 $*" >> calls; exit 1; fi
exec {sys.executable} -c "import sys; sys.version_info = (%s, 'final', 0); exec(sys.argv[1])" "$2"
"""
Setup = Callable[..., tuple[str, list[str]]]


@pytest.fixture
def setup(tmp_path: Path) -> Setup:
    """What a failing `make setup` says and calls, of what can be installed or made."""

    def run(
        *, python: str = "3, 11, 2", user: int = 0, installed: tuple[str, ...] = PACKAGES
    ) -> tuple[str, list[str]]:
        for file in FILES:
            shutil.copyfile(ROOT / file, tmp_path / file)
        scripts = {
            "python3": PYTHON % python,
            "apt-get": 'echo "apt-get $*" >> calls',
            "id": f"echo {user}",
            "dpkg-query": "\n".join(f"echo 'ii  {name}'" for name in installed),
        }
        for name, script in scripts.items():
            program = tmp_path / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
            program.chmod(0o755)
        done = subprocess.run(
            ["make", "--no-print-directory", "setup"],
            cwd=tmp_path,
            env={**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode != 0
        calls = tmp_path / "calls"
        return done.stdout, calls.read_text("utf-8").splitlines() if calls.exists() else []

    return run


def test_packages_come_before_the_environment(setup: Setup) -> None:
    _, calls = setup(installed=tuple({*PACKAGES} - {"python3-venv", "gcc"}))
    update, install, environment = calls
    assert update.startswith("apt-get update")
    assert install.endswith(" gcc python3-venv")
    assert environment.startswith("python3 -m venv")


def test_what_is_installed_already_is_not_asked_for_again(setup: Setup) -> None:
    _, [environment] = setup()
    assert environment.startswith("python3 -m venv")


def test_a_python_too_old_is_refused_before_anything_is_installed(setup: Setup) -> None:
    output, calls = setup(python="3, 9, 2", installed=())
    assert calls == []
    sentence, end = output.splitlines()
    assert sentence.startswith("meshbench needs Python 3.11 or newer")
    assert sentence.endswith("python3 is 3.9")
    assert end.startswith("make: ***")


def test_without_root_what_the_lab_needs_is_named_and_the_environment_made(setup: Setup) -> None:
    output, [environment] = setup(
        user=1000, installed=tuple({*PACKAGES} - {"iperf3", "mmdebstrap"})
    )
    assert output.splitlines()[0].endswith("(as root: apt-get install): iperf3 mmdebstrap")
    assert environment.startswith("python3 -m venv")
