"""Systems whose programs are built: two versions side by side, and a build that fails."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.programs import program
from tests.workflow.checkout import Checkout, Ran

CAMPAIGN = """\
campaign: trial
testbed: fake
seed: 1
rounds: 1
vpns: [nebula, nebula@1.10, tinc@dev]
profiles: [baseline]
figures: [rtt]
benchmarks:
  ping: {count: 5}
"""
TINC = """\
driver: tinc
package: {source: cargo, crate: tinc, version: '2.0', programs: [tincd]}
"""
# Installs what it is asked for below GOPATH, as go does; told what no testbed job may overlap.
GO = r"""
echo "$@" >> "${0%/*}/calls"
case "$1 $2" in
    "version ") echo "go version test";;
    "env GOMODCACHE") echo /nowhere;;
    "mod download") echo '{"Dir": "/nowhere"}';;
    *) for last; do :; done
       name=${last%@*}; mkdir -p "$GOPATH/bin"; echo "$last" > "$GOPATH/bin/${name##*/}";;
esac
"""
BROKEN = 'case $1 in --version) echo cargo 1;; *) echo "$@" >> "${0%/*}/tries"; echo "error[E0425]"; exit 101;; esac'
MENDED = r"""
case $1 in --version) echo cargo 1; exit;; esac
while [ "$1" != --root ]; do shift; done
mkdir -p "$2/bin"; echo tincd > "$2/bin/tincd"
"""


class Built:
    """A campaign with built systems, the tools that build them, and the run that did."""

    def __init__(self, folder: Path) -> None:
        self.tools = folder / "tools"
        self.tools.mkdir()
        self.environment = {
            "PATH": f"{self.tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "MESHBENCH_CACHE": str(folder / "cache"),
        }
        program(self.tools / "go", GO)
        program(self.tools / "cargo", BROKEN)
        self.checkout = Checkout.make(folder / "checkout", CAMPAIGN)
        self.checkout.write("config/vpns/tinc@dev.yaml", TINC)

    def run(self, *words: str) -> Ran:
        return self.checkout.run("--cores", "8", *words, **self.environment)

    def said(self, kind: str, vpn: str) -> dict[str, Any]:
        path = self.checkout.path / "results" / "trial" / kind / f"{vpn}.json"
        record: dict[str, Any] = json.loads(path.read_text())
        return record

    def record(self, vpn: str) -> dict[str, Any]:
        [text] = self.checkout.records(vpn).values()
        record: dict[str, Any] = json.loads(text)
        return record


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Built, Ran]:
    campaign = Built(tmp_path_factory.mktemp("packages"))
    return campaign, campaign.run()


def test_two_versions_are_measured_side_by_side_from_their_own_programs(
    built: tuple[Built, Ran],
) -> None:
    campaign, ran = built
    assert ran.of("package") == {"nebula@1.10", "tinc@dev"}
    assert ran.of("deploy") == {"nebula", "nebula@1.10", "tinc@dev"}
    assert campaign.record("nebula")["vpn"]["packages"] == []
    [package] = campaign.record("nebula@1.10")["vpn"]["packages"]
    assert package["version"] == "v1.10.3"
    assert package["programs"].keys() == {"nebula", "nebula-cert"}
    assert {link["status"] for link in campaign.record("nebula@1.10")["links"]} == {"ok"}
    assert package == campaign.said("packages", "nebula@1.10")["packages"][0]
    assert set(ran.jobs) >= {"figure rtt"}


def test_building_comes_first_and_never_beside_the_testbed(built: tuple[Built, Ran]) -> None:
    _, ran = built
    first = [job.partition(" ")[0] for job in ran.jobs if job.split()[0] in {
        "package", "deploy", "calibrate", "measure"
    }]  # fmt: skip
    assert first[:2] == ["package", "package"]
    assert "package" not in first[2:]


def test_a_build_that_fails_is_the_result_of_its_own_cells(built: tuple[Built, Ran]) -> None:
    campaign, _ = built
    reason = "package tinc@2.0: cargo install ended with 101: error[E0425]"
    assert campaign.said("packages", "tinc@dev")["reason"] == reason
    lacking = f"no binary: {reason}"
    assert campaign.said("deploy", "tinc@dev")["reason"] == lacking
    links = campaign.record("tinc@dev")["links"]
    assert {(link["status"], link["reason"]) for link in links} == {("unavailable", lacking)}
    assert len((campaign.tools / "tries").read_text().splitlines()) == 1
    assert campaign.checkout.would().jobs == ()


def test_failed_builds_are_tried_again_by_the_command_that_is_said(
    built: tuple[Built, Ran],
) -> None:
    campaign, _ = built
    names = campaign.checkout.python("-m", "meshbench", "failed").split()
    assert names == [
        "results/trial/packages/tinc@dev.json",
        "results/trial/deploy/tinc@dev.json",
        str(
            campaign.checkout.places()["tinc@dev/stock/baseline/ping/1"].relative_to(
                campaign.checkout.path
            )
        ),
    ]
    program(campaign.tools / "cargo", MENDED)
    calls = (campaign.tools / "calls").read_text()
    ran = campaign.run("-R", *names)
    assert {"package tinc@dev", "deploy tinc@dev"} < set(ran.jobs)
    assert ran.of("measure") == {"tinc@dev baseline ping, round 1"}
    assert {link["status"] for link in campaign.record("tinc@dev")["links"]} == {"ok"}
    assert campaign.said("packages", "tinc@dev")["status"] == "ok"
    assert campaign.checkout.python("-m", "meshbench", "failed") == ""
    assert (campaign.tools / "calls").read_text() == calls
    assert campaign.checkout.would().jobs == ()


def test_another_version_measures_its_own_cells_and_an_empty_cache_none(
    built: tuple[Built, Ran], tmp_path: Path
) -> None:
    checkout = built[0].checkout.copy(tmp_path / "checkout")
    checkout.edit("config/vpns/nebula@1.10.yaml", "v1.10.3", "v1.10.4")
    ran = checkout.would()
    assert ran.of("package") == ran.of("deploy") == {"nebula@1.10"}
    assert ran.of("measure") == {"nebula@1.10 baseline ping, round 1"}


def test_a_local_build_counts_by_its_content(built: tuple[Built, Ran], tmp_path: Path) -> None:
    checkout = built[0].checkout.copy(tmp_path / "checkout")
    program_ = tmp_path / "tincd"
    program_.write_text("first build")
    text = f"driver: tinc\npackage: {{source: file, path: {program_}}}\n"
    checkout.write("config/vpns/tinc@dev.yaml", text)
    checkout.run(**built[0].environment)
    program_.touch()
    assert checkout.would().jobs == ()
    program_.write_text("second build")
    ran = checkout.would()
    assert ran.of("package") == {"tinc@dev"}
    assert ran.of("measure") == {"tinc@dev baseline ping, round 1"}
