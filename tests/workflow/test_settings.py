"""What the settings of a cell are: which change makes it another record, and that none is lost."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.workflow.checkout import Checkout, Ran

NEBULA_FAILS = json.dumps({"broken": {"nebula": "port 4242 is in use"}})
LOW_PING = "nebula/stock/low/ping/1"
# Trouble of ours, which is no result of a VPN's.
NO_SSH = """

async def _no_ssh(*_):
    from meshbench.util.errors import TestbedError
    raise TestbedError("lom: no SSH")


FakeHost.upload = _no_ssh
"""


def on_testbed(ran: Ran) -> set[str]:
    return {job for job in ran.jobs if job.startswith(("measure ", "calibrate ", "deploy "))}


def record_of(checkout: Checkout, cell: str) -> Path:
    """Where the record of a cell is that the settings of now make."""
    return checkout.places()[cell]


def said(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def kept(checkout: Checkout) -> list[Path]:
    return sorted((checkout.path / "results" / "trial" / "kept").rglob("*.json"))


def test_going_back_to_earlier_options_measures_nothing(checkout: Checkout) -> None:
    first = checkout.records()
    checkout.edit("config/config.yaml", "{count: 5}", "{count: 6}")
    assert checkout.run().of("measure") == checkout.cells(benchmark="ping")
    second = checkout.records()
    assert len(second) == len(first) + 6
    assert first.items() <= second.items()

    checkout.edit("config/config.yaml", "{count: 6}", "{count: 5}")
    ran = checkout.run()
    assert on_testbed(ran) == set()
    assert ran.of("parse") == {f"ping of {vpn}" for vpn in ("internal", "wireguard", "nebula")}
    assert checkout.records() == second
    samples = checkout.path / "results/trial/samples/benchmark=ping/vpn=nebula.parquet"
    rtt = [row for row in pq.ParquetFile(samples).read().to_pylist() if row["metric"] == "rtt"]
    assert len(rtt) == 2 * 3 * 5
    assert checkout.would().jobs == ()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("config/vpns/nebula.yaml", "driver: nebula\n", "driver: nebula\noptions: {mtu: 1300, cipher: aes}\n"),
        ("config/vpns/nebula.yaml", "driver: nebula\n", "driver: nebula\npackage: {source: debian, names: [nebula]}\n"),
        ("config/config.yaml", "{count: 5}", "{count: 5, interval_s: 0.2}"),
        ("config/config.yaml", "benchmarks:", "calibration: {duration_s: 4.0}\nbenchmarks:"),
        ("config/profiles/low.yaml", "", "duplicate_percent: 0\n"),
    ],
)  # fmt: skip
def test_a_default_that_is_spelt_out_repeats_nothing(
    checkout: Checkout, file: str, old: str, new: str
) -> None:
    if old:
        checkout.edit(file, old, new)
    else:
        checkout.append(file, new)
    assert checkout.would().jobs == ()


@pytest.mark.parametrize(
    ("module", "old", "new", "cells", "deployed"),
    [
        ("vpns/nebula", "= 1300", "= 1280", {"vpn": "nebula"}, {"nebula"}),
        ("benchmarks/ping", "interval_s: Annotated[float, Field(ge=0.002, le=60)] = 0.2",
         "interval_s: Annotated[float, Field(ge=0.002, le=60)] = 0.3", {"benchmark": "ping"}, set()),
    ],
)  # fmt: skip
def test_a_default_that_changes_in_the_code_measures_exactly_its_cells(
    checkout: Checkout, module: str, old: str, new: str, cells: dict[str, str], deployed: set[str]
) -> None:
    checkout.edit(f"scripts/meshbench/{module}.py", old, new)
    ran = checkout.would()
    assert ran.of("measure") == checkout.cells(**cells)
    assert ran.of("deploy") == deployed
    assert ran.of("calibrate") == set()


@pytest.mark.parametrize("changed", ["seed: 2", "seed: 1\nlinks: all", "seed: 1\nlinks: [lom->yuki]",
                                     "seed: 1\nplacement: egress", "seed: 1\nengine: linkem"])  # fmt: skip
def test_what_deploying_does_not_use_installs_nothing_anew(
    checkout: Checkout, changed: str
) -> None:
    checkout.edit("config/config.yaml", "seed: 1", changed)
    ran = checkout.would()
    assert ran.of("measure") == checkout.cells()
    assert ran.of("calibrate") == {"baseline, round 1", "low, round 1"}
    assert ran.of("deploy") == set()


def test_variants_of_one_benchmark_are_measured_beside_each_other(checkout: Checkout) -> None:
    before = checkout.records()
    (checkout.path / "config" / "benchmarks").mkdir()
    checkout.write(
        "config/benchmarks/tcp@two.yaml",
        "benchmark: tcp\noptions: {duration_s: 2, modes: [bidir]}\n",
    )
    checkout.edit("config/config.yaml", "  ping: {count: 5}", "  ping: {count: 5}\n  few: {benchmark: ping, count: 3}\n  tcp@two:")  # fmt: skip
    ran = checkout.run()
    assert ran.of("measure") == checkout.cells(benchmark="few tcp@two")
    assert ran.of("parse") == {
        f"{name} of {vpn}" for name in ("few", "tcp@two") for vpn in ("internal", "wireguard", "nebula")
    }  # fmt: skip
    assert on_testbed(ran) == {f"measure {cell}" for cell in ran.of("measure")}
    assert before.items() <= checkout.records().items()
    settings = said(record_of(checkout, "nebula/stock/low/tcp@two/1"))["settings"]
    assert (settings["kind"], settings["options"]["duration_s"]) == ("tcp", 2)
    assert settings["cell"]["benchmark"] == "tcp@two"
    samples = checkout.path / "results/trial/samples/benchmark=few/vpn=nebula.parquet"
    rows = pq.ParquetFile(samples).read().to_pylist()
    assert {(row["benchmark"], row["kind"]) for row in rows} == {("few", "ping")}
    assert sum(row["metric"] == "rtt" for row in rows) == 2 * 3 * 3
    checkout.append("scripts/meshbench/benchmarks/ping.py", "# edited\n")
    reparsed = {
        f"{name} of {vpn}"
        for name in ("few", "ping")
        for vpn in ("internal", "wireguard", "nebula")
    }
    assert checkout.would().of("parse") == reparsed


def test_a_record_that_is_measured_again_on_purpose_is_kept(checkout: Checkout) -> None:
    path = record_of(checkout, LOW_PING)
    calibration = record_of(checkout, "low/1")
    old = {place: place.read_bytes() for place in (path, calibration)}
    again = [str(place.relative_to(checkout.path)) for place in old]
    ran = checkout.run("-R", *again)
    assert on_testbed(ran) == {"measure nebula low ping, round 1", "calibrate low, round 1"}
    assert path.read_bytes() != old[path]
    copies = {place.parent.name: place.read_bytes() for place in kept(checkout)}
    assert copies == {place.stem: content for place, content in old.items()}
    folder = checkout.path / "results" / "trial" / "kept" / "raw" / LOW_PING / path.stem
    [first] = folder.iterdir()
    started = said(first)["started"]
    assert first.stem == started.replace("-", "").replace(":", "").replace("+00:00", "Z")

    checkout.run("-R", again[0])
    assert len(list(folder.iterdir())) == 2
    path.write_bytes(first.read_bytes())
    ran = checkout.run()
    assert on_testbed(ran) == set()
    assert ran.of("parse") == {"ping of nebula"}


def test_trouble_of_ours_while_measuring_again_loses_nothing(checkout: Checkout) -> None:
    before = checkout.records()
    sound = (checkout.path / "scripts/meshbench/testbed/fake.py").read_text()
    checkout.append("scripts/meshbench/testbed/fake.py", NO_SSH)
    path = record_of(checkout, LOW_PING)
    ran = checkout.tries("-R", str(path.relative_to(checkout.path)))
    assert ran.status != 0
    assert "lom: no SSH" in ran.text
    assert f"Restored previous version of {path.relative_to(checkout.path)}" in ran.text
    assert checkout.records() == before
    assert kept(checkout) == []
    assert on_testbed(checkout.would()) == set()

    path.unlink()
    ran = checkout.tries()
    assert ran.status != 0
    assert "Cannot restore" not in ran.text
    assert not path.exists()
    checkout.write("scripts/meshbench/testbed/fake.py", sound)
    assert on_testbed(checkout.run()) == {"measure nebula low ping, round 1"}


def test_a_failed_cell_keeps_its_failure_when_it_is_repaired(checkout: Checkout) -> None:
    path = record_of(checkout, LOW_PING)
    path.unlink()
    checkout.run(MESHBENCH_FAKE=NEBULA_FAILS)
    [name] = checkout.python("-m", "meshbench", "failed").split()
    assert checkout.path / name == path
    checkout.run("-R", name)
    [failure] = kept(checkout)
    assert {link["status"] for link in said(failure)["links"]} == {"failed"}
    assert {link["status"] for link in said(path)["links"]} == {"ok"}


def test_a_record_of_other_settings_is_not_measured_again(checkout: Checkout) -> None:
    path = record_of(checkout, LOW_PING)
    checkout.edit("config/config.yaml", "{count: 5}", "{count: 6}")
    before = checkout.records()
    ran = checkout.tries("-R", str(path.relative_to(checkout.path)))
    assert ran.status != 0
    assert f"{path.stem}.json was made by other settings than the campaign has" in ran.text
    assert "Traceback" not in ran.text
    assert checkout.records() == before
