"""tools/quicperf: its own tests, where Go and the modules are; and what it meets on hosts."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from meshbench.benchmarks.quic import Quic
from meshbench.benchmarks.tools.quicperf import NAME, PACKAGE
from meshbench.config.packages import Local
from meshbench.results.records import Status
from meshbench.testbed.lab.lab import Lab
from tests.lab import support
from tests.unit import making

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


def test_a_tunnel_too_narrow_for_quic_is_said_with_its_sizes(lab: Lab, store: Path) -> None:
    support.has_programs("quic")
    assert lab.running()
    system = making.system("nebula", mtu=1227)
    record = support.measured(support.job("nebula", "quic", system=system), store)
    for link in record.links:
        assert link.status is Status.UNSUPPORTED, link.reason
        assert "MTU of 1227 bytes leaves 1199" in str(link.reason)
        assert "(RFC 9000, 14) 1200" in str(link.reason)


BROKEN = {
    "exits 1": ("exit 1", "quicperf does not listen", Status.TOOL_FAILED),
    "client exits 1": ('[ "$1" = server ] || exit 1', "in nothing", Status.TOOL_FAILED),
    "client prints garbage": (
        '[ "$1" = server ] || exec echo "{[not json"', "{[not json", Status.TOOL_FAILED,
    ),
    "client hangs": ('[ "$1" = server ] || exec sleep 600', "not finished within", Status.TIMEOUT),
}  # fmt: skip


@pytest.mark.parametrize("how", [how for how in BROKEN if support.FULL or "hangs" not in how])
def test_a_broken_program(
    lab: Lab, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """The tool is to blame, and said to be; on the hosts it stands before the real one."""
    support.has_programs("quic")
    assert lab.running()
    does, reason, status = BROKEN[how]
    real = Quic().program(NAME)
    (tmp_path / NAME).write_text(f'#!/bin/sh\n{does}\nexec {real} "$@"\n')
    broken = Local(path=str(tmp_path), programs={NAME: NAME})
    monkeypatch.setattr(Quic, "programs", (broken, PACKAGE))
    record = support.measured(
        support.job("internal", "quic", at=support.where(links=(("lom", "yuki"),))), store
    )
    [link] = record.links
    assert link.status is status, link.reason
    assert reason in str(link.reason)
    assert all(command.duration_s < (link.limit_s or 0) + 10 for command in link.commands)
