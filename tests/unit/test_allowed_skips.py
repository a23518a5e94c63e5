"""A skip that nobody allowed fails in CI, and only there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import is_allowed

ROOT = Path(__file__).parents[2]
SKIPS = 'import pytest\ndef test_it() -> None:\n    pytest.skip("too tired")\n'


@pytest.mark.parametrize(("ci", "status"), [(True, 1), (False, 0)])
def test_an_unlisted_skip_fails_in_ci(tmp_path: Path, ci: bool, status: int) -> None:
    (tmp_path / "test_tired.py").write_text(SKIPS)
    environment = {key: value for key, value in os.environ.items() if key != "CI"}
    ended = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider",
            "--rootdir", str(tmp_path), "-q", str(tmp_path / "test_tired.py"),
        ],
        cwd=ROOT, env=environment | ({"CI": "true"} if ci else {}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == status, ended.stdout
    assert ("allowed_skips.toml does not allow: Skipped: too tired" in ended.stdout) is ci


def test_a_listed_reason_counts_for_its_test_only() -> None:
    reason = "Skipped: zerotier: no binary: it has no program"
    assert is_allowed("tests/lab/test_conformance.py::test_paths[zerotier]", reason)
    assert not is_allowed("tests/lab/test_hosts.py::test_hosts", reason)
    assert not is_allowed("tests/lab/test_conformance.py::test_paths[nebula]", "Skipped: tired")
