"""tools/quicperf: its own tests, where Go and the modules are."""

import os
import shutil
import subprocess

import pytest

from meshbench.benchmarks.tools.quicperf import PACKAGE

OFFLINE = {**os.environ, "GOPROXY": "off", "CGO_ENABLED": "0"}


def test_its_own_tests() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go (golang-go)")
    if subprocess.run(
        [go, "list", "-deps", "-test", "./..."],
        cwd=PACKAGE.folder, env=OFFLINE, capture_output=True, check=False,
    ).returncode:  # fmt: skip
        pytest.skip(f"its modules are not there (cd {PACKAGE.folder} && go mod download)")
    done = subprocess.run(
        [go, "test", "./..."],
        cwd=PACKAGE.folder, env=OFFLINE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("ok")
