"""tools/tailscale-control: its own tests, where Go and the modules are."""

import os
import shutil
import subprocess

import pytest

from tests.lab.support import CHECKOUT, run

SOURCE = CHECKOUT / "tools/tailscale-control"
OFFLINE = {**os.environ, "GOPROXY": "off", "CGO_ENABLED": "0"}


def test_units() -> None:
    go = shutil.which("go")
    if go is None:
        pytest.skip("no go (golang-go)")
    modules = subprocess.run(
        [go, "list", "-deps", "-test", "./..."],
        cwd=SOURCE, env=OFFLINE, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if modules.returncode != 0:
        pytest.skip(f"its modules are not there (cd {SOURCE} && go mod download)")
    output = run(go, "test", "-trimpath", "./...", cwd=SOURCE, env=OFFLINE)
    assert output.startswith("ok"), output
