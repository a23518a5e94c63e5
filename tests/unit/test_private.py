"""Keys that were left in results are moved out of it, and none is lost."""

from pathlib import Path

import pytest

from meshbench.config import paths
from meshbench.workflow import private


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def expose(text: str) -> None:
    folder = Path("results/trial/secrets")
    folder.mkdir(parents=True, mode=0o755)
    (folder / "tinc.json").write_text(text)


def test_where_nothing_lies_in_results_nothing_is_said_or_made() -> None:
    assert private.rescue("trial") == ""
    assert list(Path().iterdir()) == []


def test_keys_are_moved_once_and_those_there_are_are_kept() -> None:
    expose("first")
    assert private.rescue("trial").startswith("private keys were in results/trial/secrets: moved ")
    assert not Path("results/trial/secrets").exists()
    assert (paths.secrets("trial") / "tinc.json").read_text() == "first"
    expose("second")
    assert "moved to .meshbench/secrets/trial~1, " in private.rescue("trial")
    assert (paths.secrets("trial") / "tinc.json").read_text() == "first"
    kept = Path(".meshbench/secrets/trial~1")
    assert (kept / "tinc.json").read_text() == "second"
    assert kept.stat().st_mode & 0o777 == 0o700
