"""Where people put a checkout: a folder of any name works, or is refused in one sentence."""

import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.workflow.checkout import ROOT, Checkout

ODD = "Ada's bench $HOME #1;&%ä*"
"""Blank, quote, variable, comment, two commands and a pattern, if bash or make got hold of it."""


def environment_in(folder: Path) -> Path:
    """An interpreter in a folder, with the packages of the one that is running."""
    venv.create(folder, symlinks=True)
    [packages] = folder.glob("lib/python*/site-packages")
    outer = Path(sys.prefix, *packages.parts[-3:])
    (packages / "outer.pth").write_text(f"{outer}\n", encoding="utf-8")
    return folder / "bin" / "python"


def test_a_checkout_and_its_environment_in_a_folder_of_an_odd_name(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / ODD)
    python = environment_in(checkout.path / ".venv")
    target = "results/trial/deploy/nebula.json"
    done = checkout.call(str(python), "-m", "snakemake", "--cores", "1", target)
    assert done.returncode == 0, done.stdout
    assert (checkout.path / target).stat().st_size


def test_a_folder_with_braces_is_refused_in_one_sentence(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "b{1}x")
    ran = checkout.tries()
    assert ran.status == 1
    assert ran.text.splitlines()[-1] == (
        f"{checkout.path} has braces in its name, which Snakemake takes for wildcards: move it to "
        "another folder, and run make setup there"
    )
    assert "Traceback" not in ran.text


@pytest.mark.parametrize("name", ["b{1}x", "a:b"])
def test_make_refuses_before_it_sets_anything_up(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for file in ("Makefile", "apt-packages.txt"):
        shutil.copy(ROOT / file, folder)
    done = subprocess.run(
        ["make", "setup"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert f"the folder {folder} has a brace or a colon in its name" in done.stderr
    assert not (folder / ".venv").exists()


def test_make_accepts_a_folder_of_an_odd_name(tmp_path: Path) -> None:
    folder = tmp_path / ODD
    folder.mkdir()
    for file in ("Makefile", "apt-packages.txt", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / file, folder)
    done = subprocess.run(
        ["make", "-n", "setup"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "python3 -m venv .venv" in done.stdout
