"""Programs that a benchmark brings along: planned, made, delivered, or the reason why not."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from meshbench.benchmarks.ping import Ping
from meshbench.config.packages import Go, Local
from meshbench.packages import delivery
from meshbench.results.records import Record, Status
from meshbench.runner import measure, programs
from meshbench.testbed.fake import FakeHost
from meshbench.testbed.host import STATE, File
from meshbench.util.errors import TestbedError, UnavailableError
from meshbench.vpns.common import lifecycle
from meshbench.workflow import estimate, obtain, stale, summary
from meshbench.workflow.inputs import Inputs
from meshbench.workflow.settings import Setup
from tests.unit import making


@pytest.fixture(autouse=True)
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ping brings a program of this folder along."""
    monkeypatch.setenv("MESHBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MESHBENCH_BINARIES", raising=False)
    folder = tmp_path / "made"
    folder.mkdir()
    (folder / "prober").write_text("first")
    package = Local(path=str(folder), programs={"prober": "prober"})
    monkeypatch.setattr(Ping, "programs", (package,))
    return folder


def setup() -> Setup:
    return Setup(making.campaign(benchmarks={"ping": {"count": 3}, "tcp": None}, rounds=1))


def run(store: Path, **words: Any) -> Record:
    trial = setup()
    cell = making.cell(vpn="internal", profile="baseline", **words)
    return asyncio.run(measure.measure(trial.measure(cell), store))


def test_their_content_is_part_of_what_makes_the_benchmark_s_cells_and_no_others(
    brought: Path,
) -> None:
    cells, before = setup().plan.cells, setup().texts
    (brought / "prober").write_text("second")
    after = setup().texts
    changed = {cell for cell in cells if before[cell] != after[cell]}
    assert changed == {cell for cell in cells if cell.benchmark == "ping"}
    cell = min(changed, key=lambda changed_cell: changed_cell.path)
    [reason] = stale.changes(json.loads(before[cell]), json.loads(after[cell]))
    assert reason.startswith("digests of the benchmark's programs ")


def test_settings_of_a_benchmark_without_any_do_not_mention_them() -> None:
    texts = {cell.benchmark: json.loads(text) for cell, text in setup().texts.items()
             if hasattr(cell, "benchmark")}  # fmt: skip
    assert len(texts["ping"]["programs"]) == 1
    assert "programs" not in texts["tcp"]


def test_they_are_on_every_host_before_the_cell_and_in_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_host: dict[str, set[str]] = {}
    upload = FakeHost.upload

    async def noted(host: FakeHost, files: list[File]) -> None:
        by_host.setdefault(host.name, set()).update(str(file.path) for file in files)
        await upload(host, files)

    monkeypatch.setattr(FakeHost, "upload", noted)
    record = run(tmp_path)
    path = Ping().program("prober")
    assert path.startswith(f"{STATE}/packages/")
    assert path.endswith("/bin/prober")
    assert {host for host, files in by_host.items() if path in files} == {"lom", "yuki", "luna"}
    assert record.links[0].status is Status.OK
    [manifest] = record.programs
    assert manifest["origin"] == "benchmark"
    assert set(manifest["programs"]) == {"prober"}
    assert not run(tmp_path, benchmark="tcp").programs


def test_a_program_that_cannot_be_had_makes_its_cells_unavailable_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = Go(folder=str(making.DATA), programs={"prober": "."})
    monkeypatch.setattr(Ping, "programs", (package,))
    monkeypatch.setattr("shutil.which", lambda _: None)
    record = run(tmp_path)
    assert {link.status for link in record.links} == {Status.UNAVAILABLE}
    reason = str(record.links[0].reason)
    assert reason.startswith("no binary: package ")
    assert "go is not installed on this machine (apt-get install golang-go)" in reason
    other = run(tmp_path, benchmark="tcp")
    assert {link.status for link in other.links} == {Status.OK}


def test_it_says_why_a_program_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ping, "programs", (Local(path="/nonexistent", programs={"x": "x"}),))
    host = making.ScriptedHost(answer=lambda argv: "x86_64\n" if argv[0] == "uname" else "")
    with pytest.raises(UnavailableError, match="^no binary: .*/nonexistent"):
        asyncio.run(programs.provide(Ping(), [host]))
    assert not host.files


def test_programs_that_changed_after_the_run_began_are_trouble_of_ours(
    tmp_path: Path, brought: Path
) -> None:
    trial = setup()
    job = trial.measure(making.cell(vpn="internal", profile="baseline"))
    (brought / "prober").write_text("second")
    with pytest.raises(TestbedError, match="programs of the benchmark ping changed after"):
        asyncio.run(measure.measure(job, tmp_path))


def test_they_are_obtained_before_and_what_came_of_that_is_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trial = setup()
    path = Path("results/trial/packages/benchmarks/ping.json")
    assert path in Inputs.of(trial).packaged
    done = asyncio.run(obtain.of_benchmark(trial.program("ping")))
    assert (done.benchmark, done.status) == ("ping", Status.OK)
    assert set(done.packages[0].programs) == {"prober"}
    path.parent.mkdir(parents=True)
    path.write_text(done.model_copy(update={"status": Status.FAILED}).model_dump_json())
    assert summary.unmade(trial) == [path]


def test_the_plan_says_what_is_to_be_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    package = Go(folder=str(making.DATA), programs={"prober": "."})
    monkeypatch.setattr(Ping, "programs", (package,))
    trial = setup()
    assert estimate.unbuilt_programs(trial) == {"ping": estimate.BUILD_S["go"]}
    estimate.show(trial)
    assert "to be built or fetched before: ping; about 0:01:30" in capsys.readouterr().out


def test_what_a_benchmark_brought_is_no_system_on_the_hosts() -> None:
    names = f"nebula\npackages\n{delivery.of_benchmark('quic')}\n"
    host = making.ScriptedHost(answer=lambda _: names)
    assert asyncio.run(lifecycle.present([host])) == ("nebula",)
