"""A benchmark's own program: built before its cells are measured, stale with its sources, or the reason."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.programs import program
from tests.workflow.checkout import Checkout

CAMPAIGN = """\
campaign: trial
testbed: fake
seed: 1
rounds: 1
vpns: [internal]
profiles: [baseline]
figures: [quic_table]
benchmarks:
  ping: {count: 5}
  quic: {duration_s: 1}
"""
# Builds as `go build -o <program>` does.
GO = r"""
case "$1" in
    version) echo "go version test";;
    env) echo /nowhere;;
    build) while [ "$1" != -o ]; do shift; done; mkdir -p "${2%/*}"; echo quicperf > "$2";;
esac
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, dict[str, str]]:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "tools").mkdir()
    program(folder / "tools" / "go", GO)
    environment = {
        "PATH": f"{folder / 'tools'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "MESHBENCH_CACHE": str(folder / "cache"),
    }
    checkout = Checkout.make(folder / "checkout", CAMPAIGN)
    ran = checkout.run(**environment)
    measured = [number for number, job in enumerate(ran.jobs) if job.startswith("measure ")]
    assert ran.jobs.index("programs of the benchmark quic") < min(measured)
    return checkout, environment


def records(checkout: Checkout, benchmark: str) -> list[dict[str, Any]]:
    folder = checkout.path / "results/trial/raw/internal/stock/baseline" / benchmark
    return [json.loads(path.read_text()) for path in folder.rglob("*.json")]


def test_it_is_built_first_and_stands_in_the_record(made: tuple[Checkout, dict[str, str]]) -> None:
    checkout, _ = made
    [record] = records(checkout, "quic")
    [manifest] = record["programs"]
    assert [manifest["digest"]] == record["settings"]["programs"]
    assert manifest["tool"] == "go version test"
    assert {link["status"] for link in record["links"]} == {"ok"}
    package = json.loads(
        (checkout.path / "results/trial/packages/benchmarks/quic.json").read_text()
    )
    assert (package["benchmark"], package["status"]) == ("quic", "ok")


def test_its_sources_make_its_cells_and_a_build_that_fails_makes_them_unavailable(
    made: tuple[Checkout, dict[str, str]], tmp_path: Path
) -> None:
    checkout, environment = made
    program(tmp_path / "go", "echo broken; exit 1")
    path = f"{tmp_path}:{environment['PATH']}"
    source = checkout.path / "tools" / "quicperf" / "client.go"
    source.write_text(source.read_text() + "\n// edited\n")
    ran = checkout.run(**{**environment, "PATH": path})
    assert {job.split(",")[0] for job in ran.of("measure")} == {"internal baseline quic"}
    [last] = [r for r in records(checkout, "quic") if r["links"][0]["status"] != "ok"]
    assert {link["status"] for link in last["links"]} == {"unavailable"}
    assert "tools/quicperf: go version ended with 1: broken" in last["links"][0]["reason"]
    assert len(records(checkout, "ping")) == 1
