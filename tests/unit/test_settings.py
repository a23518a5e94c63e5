"""What a job is told: typed options, and nothing that it does not use."""

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from meshbench import vpns
from meshbench.benchmarks.tools.tcp_session import TcpOptions
from meshbench.config import jobs, paths
from meshbench.config.packages import Debian, Go, Package
from meshbench.config.plan import Bracketed, Calibrated
from meshbench.packages.supply import Supply
from meshbench.results import records
from meshbench.runner.jobs import DeployJob, MeasureJob
from meshbench.util.errors import MeshbenchError
from meshbench.vpns import nebula
from meshbench.workflow.settings import Setup
from tests.unit import making
from tests.unit.making import cell

STEP = Calibrated("low", 1)


def setup(package: Package | None = None, **changes: Any) -> Setup:
    campaign = making.campaign(vpns=("nebula",), **changes)
    systems = {"nebula": making.system("nebula", package)}
    return Setup(dataclasses.replace(campaign, systems=systems))


def test_options_are_typed_on_both_sides_of_the_text() -> None:
    job = MeasureJob.of(setup().measure(cell(benchmark="tcp")).text())
    assert job.options == TcpOptions(duration_s=1)
    assert job.system.options == nebula.Options()
    assert job.kind == "tcp"
    assert DeployJob.of(setup().deploy("nebula").text()).system.options == nebula.Options()


@pytest.mark.parametrize(("part", "key"), [("options", "duration"), ("system", "driver_")])
def test_a_text_that_says_what_nobody_knows_is_refused(part: str, key: str) -> None:
    settings = json.loads(setup().measure(cell(benchmark="tcp")).text())
    settings[part][key] = 1
    with pytest.raises(ValueError, match="unknown key"):
        MeasureJob.of(json.dumps(settings))


def test_drivers_and_benchmarks_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    systems: list[str] = []

    def sources(driver: nebula.Nebula, _: Package | None = None) -> tuple[Supply, ...]:
        systems.append(driver.system)
        return ()

    monkeypatch.setattr(nebula.Nebula, "sources", sources)
    trial = setup(rounds=50)
    assert len(trial.records) == 50 * 2 * 2 + 50 * 2
    for name in ("nebula",) * 3:
        trial.deploy(name)
    assert len(systems) <= 2  # once for its driver, once to compare with the driver's own package
    assert trial.drivers["nebula"] is trial.drivers["nebula"]


def test_every_record_has_a_place_of_its_own_that_its_settings_name() -> None:
    trial = setup()
    assert len(set(trial.records.values())) == len(trial.records) == 2 * 2 * 2 + 2 * 2
    key = jobs.key(trial.texts[cell()])
    assert trial.records[cell()] == Path(f"results/trial/raw/nebula/stock/low/ping/1/{key}.json")
    assert trial.text(cell(), key) == trial.measure(cell()).text()
    key = jobs.key(trial.texts[STEP])
    assert trial.records[STEP] == Path(f"results/trial/calibration/ingress/low/1/{key}.json")
    with pytest.raises(MeshbenchError, match="made by other settings than the campaign has"):
        trial.text(cell(), "0" * 12)


def test_a_bracket_measures_the_bare_link_as_the_campaign_measures_its_cells() -> None:
    plain, around = setup(), setup(bracket=True)
    assert plain.records.items() < around.records.items()
    step = Bracketed("before", "low", "tcp", 1)
    job = MeasureJob.of(around.texts[step])
    assert (job.system.driver, job.cell.vpn, job.kind) == ("internal", "internal", "tcp")
    assert job.options == TcpOptions(duration_s=1)
    key = jobs.key(around.texts[step])
    assert around.records[step] == Path(
        f"results/trial/bracket/before/ingress/low/tcp/1/{key}.json"
    )
    other = dataclasses.replace(step, side="after")
    assert around.texts[other] == around.texts[step]
    assert around.records[other] != around.records[step]
    assert around.steps[around.records[other]] == other
    [bare] = [text for cell, text in Setup(making.campaign(vpns=("internal",))).texts.items()
              if cell == making.cell(vpn="internal", benchmark="tcp")]  # fmt: skip
    assert around.texts[step] == bare


def test_a_second_placement_leaves_the_records_of_the_first_one_as_they_are() -> None:
    single, both = setup(), setup(placements=("ingress", "egress"))
    assert single.records.items() < both.records.items()
    assert len(set(both.records.values())) == len(both.records) == 2 * len(single.records)
    here, there = cell(), cell(placement="egress")
    assert both.records[here].parent == both.records[there].parent
    assert "placement" not in json.loads(both.texts[there])["cell"]
    words = {
        "vpn": "nebula",
        "tuning": "stock",
        "profile": "low",
        "benchmark": "ping",
        "round": "1",
    }
    for step in (here, there):
        assert both.cell(both.records[step].stem, words) == step
        assert MeasureJob.of(both.texts[step]).cell == step
    assert both.cell("0" * 12, words) == here
    assert setup(placement="egress").records.keys() & {there, here} == {there}


@pytest.mark.parametrize(
    "changes", [{"seed": 7}, {"links": "all"}, {"placement": "egress"}, {"engine": "linkem"},
                {"rounds": 9}, {"profiles": ("low",)}, {"benchmarks": {"tcp": None}}],
)  # fmt: skip
def test_deploying_knows_the_system_and_the_hosts_alone(changes: dict[str, Any]) -> None:
    assert setup(**changes).deploy("nebula").text() == setup().deploy("nebula").text()


def test_a_package_counts_only_where_it_is_another_one() -> None:
    plain, spelt = setup(), setup(Debian(names=("nebula",)))
    assert spelt.texts == plain.texts
    assert spelt.deploy("nebula").text() == plain.deploy("nebula").text()
    for package in (Debian(names=("nebula", "nftables")), Go(module="m", version="v1")):
        assert setup(package).deploy("nebula").system.package == package


def test_the_users_folder_of_programs_does_not_replace_a_package_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = vpns.load("easytier").package
    for name in vpns.load("easytier").programs:
        (tmp_path / name).write_text("mine")
    monkeypatch.setenv("MESHBENCH_BINARIES", str(tmp_path))

    def deployed(package: Package | None) -> DeployJob:
        campaign = making.campaign(vpns=("easytier",))
        systems = {"easytier": making.system("easytier", package)}
        return Setup(dataclasses.replace(campaign, systems=systems)).deploy("easytier")

    assert deployed(None).packages != deployed(usual).packages
    assert deployed(usual).system.package == usual


@pytest.mark.parametrize("linked", [True, False])
def test_a_kept_record_stays_when_the_record_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linked: bool
) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError

    if not linked:
        monkeypatch.setattr(Path, "hardlink_to", refuse)
    path, kept = tmp_path / "record.json", tmp_path / "kept" / "record" / "first.json"
    records.write(making.record(), path)
    before = path.read_bytes()
    for _ in range(2):
        records.keep(path, kept)
    records.write(making.record(took_s=9), path)
    assert path.read_bytes() != before == kept.read_bytes()


def test_a_kept_record_is_named_by_when_it_was_begun() -> None:
    berlin = timezone(timedelta(hours=2))
    for started in (
        datetime(2026, 5, 1, 10, 0, 0, 5, tzinfo=UTC),
        datetime(2026, 5, 1, 12, 0, 0, 5, tzinfo=berlin),
    ):
        kept = paths.kept(Path("results/c/raw/v/t/p/b/1/0a.json"), started)
        assert kept == Path("results/c/kept/raw/v/t/p/b/1/0a/20260501T100000.000005Z.json")
