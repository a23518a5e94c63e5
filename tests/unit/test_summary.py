"""The plan before a run and the summary after it: what is reused, what failed, where time went."""

import dataclasses
import importlib
import re
import shlex
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from meshbench.config.packages import Cargo
from meshbench.config.plan import Bracketed, Calibrated
from meshbench.results import records
from meshbench.results.records import Cell, LinkRecord, Spent, Status
from meshbench.workflow import estimate, hooks, progress, summary
from meshbench.workflow.settings import Setup
from meshbench.workflow.summary import Done
from tests.unit import making
from tests.unit.making import START, cell, command, link, record

Rows = dict[str, list[str]]
PING = making.text("ping.txt")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def campaign() -> Setup:
    return Setup(making.campaign(rounds=1))


def done(*links: LinkRecord, took_s: float = 5.0, of: Cell | None = None) -> Done:
    of = of or cell()
    return Done(of, Path(of.path), record(*links, took_s=took_s, cell=of))


def spans(*times: tuple[float, float]) -> Done:
    return done(*(link(command(start_s=start, took_s=end - start)) for start, end in times))


def write(
    here: Path,
    *links: LinkRecord,
    took_s: float = 5.0,
    marks: Sequence[str] = (),
    planned: Setup | None = None,
    **words: Any,
) -> Path:
    of = cell(**words)
    cell_record = record(*links, took_s=took_s, cell=of).model_copy(update={"marks": list(marks)})
    path = here / (planned or campaign()).records[of]
    records.write(cell_record, path)
    return path


@pytest.mark.parametrize(
    ("times", "wall_s"),
    [
        ([], 0),
        ([(0, 3)], 3),
        ([(0, 3), (0, 3), (0, 3)], 3),  # links measured together
        ([(0, 3), (2, 5)], 5),
        ([(0, 3), (5, 6)], 4),
        ([(0, 10), (2, 3), (9, 11)], 11),
        ([(9, 11), (2, 3), (0, 10)], 11),
        ([(0, 1), (1, 2)], 2),
    ],
)
def test_tools_that_run_together_count_once(
    times: list[tuple[float, float]], wall_s: float
) -> None:
    assert spans(*times).measuring_s == pytest.approx(wall_s)


def test_only_measuring_commands_count() -> None:
    warm_up = command(start_s=0, took_s=9, measuring=False)
    measured = done(link(warm_up, command(start_s=9, took_s=2)))
    assert measured.measuring_s == pytest.approx(2)
    assert Done(cell(), Path(), None).measuring_s == 0


def test_failed_are_those_that_could_be_otherwise() -> None:
    def of(status: Status) -> Done:
        return done(link(command(PING)), link(command(PING), status=status))

    cells = [*(of(status) for status in Status), Done(cell(), Path(), None)]
    assert {failure.status for failure in summary.failed(cells)} == {
        Status.FAILED, Status.TIMEOUT, Status.TOOL_FAILED, Status.UNAVAILABLE
    }  # fmt: skip


def test_a_cell_s_reasons_are_said_once() -> None:
    silent = [link(status=Status.FAILED, reason="silent") for _ in range(2)]
    assert done(*silent, link(status=Status.FAILED, reason="dead")).reasons == "silent; dead"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "is not a record"),
        ("", "is not a record"),
        (None, "cannot be read: it holds no value"),
    ],
)
def test_what_cannot_be_read_is_measured_again(
    here: Path, capsys: pytest.CaptureFixture[str], content: str | None, reason: str
) -> None:
    write(here, link(command(PING)), vpn="internal")
    odd = write(here, link(command("rubbish")))
    step = campaign().records[Calibrated("low", 1)]
    records.write(record(link(command("x", role="irtt")), cell=cell(benchmark="calibration")), step)
    if content is not None:
        odd.write_text(content)
        step.write_text(content)
    assert [failure.path.resolve() for failure in summary.failed(summary.read(campaign()))] == [odd]
    assert summary.unmade(campaign()) == [step]
    output = show(capsys, None)
    assert f"tool_failed: {odd.relative_to(here)}\n" in output
    assert reason in " ".join(output.split())


def show(capsys: pytest.CaptureFixture[str], *more: Any) -> str:
    summary.show(campaign(), *more)
    return capsys.readouterr().err


def counts(text: str) -> Rows:
    lines = [re.sub(r"[^\w\s.-]", " ", line).split() for line in text.splitlines()]
    return {words[0]: words[1:] for words in lines if len(words) == 7 and words[1].isdigit()}


def test_the_summary_says_what_is_new_reused_failed_marked_and_missing(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    doubtful = write(
        here, link(command(PING, took_s=2)), marks=["x"], vpn="internal", profile="baseline"
    )
    write(here, link(status=Status.FAILED, reason="no [bold] daemon"))
    network = record(link(command(took_s=3)))
    records.write(network, campaign().records[Calibrated("low", 1)])
    later = (START + timedelta(seconds=1)).isoformat()
    before = (START - timedelta(seconds=1)).isoformat()

    output = show(capsys, before, "--config testbed=fake")
    assert counts(output) == {
        "internal": ["4", "1", "0", "0", "1", "3"],
        "wireguard": ["4", "0", "0", "0", "0", "4"],
        "nebula": ["4", "1", "0", "1", "0", "3"],
    }
    assert summary.marked_calibrations(campaign()) == []
    step = campaign().records[Calibrated("low", 1)]
    records.write(network.model_copy(update={"marks": ["late"]}), step)
    assert summary.marked_calibrations(campaign()) == [step]
    marked = summary.marked(summary.read(campaign()))
    assert [marked_cell.path.resolve() for marked_cell in marked] == [doubtful.resolve()]
    assert f"failed: {campaign().records[cell()]}\n    no [bold] daemon\n" in output
    assert "; nothing was measured" in output

    output = show(capsys, later)
    assert counts(output)["internal"] == ["4", "0", "1", "0", "1", "3"]
    assert "nothing was measured" in output
    assert "figures: figures/trial/" in output


@pytest.mark.parametrize(("kind", "told"), [("lab", True), ("ssh", True), ("fake", False)])
def test_a_fake_testbed_s_time_is_not_compared_with_its_tools(kind: str, told: bool) -> None:
    of = record(link(command(took_s=5)))
    cell_record = of.model_copy(update={"testbed": of.testbed.model_copy(update={"kind": kind})})
    text = summary._times([cell_record], START - timedelta(seconds=1))
    assert ("measuring tools ran 5 s: overhead " in text) is told
    assert text.endswith("; nothing was measured") is not told


def test_what_was_not_in_tools_is_told_by_part() -> None:
    of = record(link(command(took_s=5)))
    lab = of.testbed.model_copy(update={"kind": "lab"})
    spent = Spent(
        workflow_s=1, opening_s=2, evidence_s=3, vpn_s=4, preparing_s=6, measuring_s=5 + 7
    )
    cell_record = of.model_copy(update={"testbed": lab, "spent": spent})
    begin = START - timedelta(seconds=1)
    text = summary._times([cell_record, cell_record], begin)
    assert (
        "\nnot in tools: rest of the tests 14 s, VPNs brought up 8 s, impairing and servers 12 s, "
        in text
    )
    assert ", evidence 6 s, opening the testbed 4 s, between cells 2 s, before, after and " in text
    assert "not in tools" not in summary._times([of.model_copy(update={"testbed": lab})], begin)


def test_the_one_command_repeats_the_options_of_the_run(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(here, link(status=Status.TIMEOUT))
    options = hooks.said(
        [Path("config/my own.yaml")], {"rounds": 1, "vpns": ["a", "b"], "seed": "1"}
    )
    assert shlex.split(options) == [
        "--configfile", "config/my own.yaml", "--config", "rounds=1", 'vpns=["a", "b"]', 'seed=!!str "1" ',
    ]  # fmt: skip
    output = show(capsys, None, options)
    [line] = [line for line in output.splitlines() if line.startswith("measure just these again:")]
    assert line.split(":  ")[1] == (
        f"snakemake --cores 1 figures/all {options} -R $(python -m meshbench failed {options})"
    )
    assert summary.again() == ("snakemake --cores 1 figures/all -R $(python -m meshbench failed)")


def test_nothing_failed_nothing_to_repeat(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, link(command(PING)))
    assert "again" not in show(capsys, None)


def test_durations_are_the_benchmark_s_until_records_say_otherwise(here: Path) -> None:
    trial = campaign()
    ping, tcp = cell(), cell(benchmark="tcp")
    times = estimate.durations(trial, summary.read(trial))
    assert times[ping] == pytest.approx(300 * 0.2 + 2)
    assert times[tcp] == pytest.approx(3 * 3 * 1.3 + 2)
    assert times[Calibrated("low", 1)] == pytest.approx(4 + 2)
    assert times.keys() == set(trial.plan.priority)

    write(here, link(command(PING)), took_s=9)
    times = estimate.durations(trial, summary.read(trial))
    assert times[ping] == pytest.approx(9 + 1)
    assert times[cell(profile="baseline")] == pytest.approx(62)


def test_the_median_of_the_records_is_learnt() -> None:
    cells = [done(took_s=took, of=cell(round=n)) for n, took in enumerate((3, 4, 50), start=1)]
    assert estimate.learnt(cells) == {("nebula", "low", "ping"): 5}


def test_the_plan_says_what_is_reused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(here, link(command(PING)))
    write(here, link(status=Status.FAILED), benchmark="tcp")
    estimate.show(campaign())
    output = capsys.readouterr().out
    states = [line.split("│")[-2].strip() for line in output.splitlines() if line.count("│") == 9]
    assert sorted(states) == ["reused", "reused (failed)", *["to measure"] * 10]
    text = " ".join(output.split())
    assert "10 of 12 cells and 2 calibrations to measure, 2 cells reused; about 0:" in text
    assert "(learnt from 2 records)" in text


def test_the_plan_counts_what_is_measured_around_rounds(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = Setup(making.campaign(rounds=1, bracket=True))
    times = estimate.durations(trial, summary.read(trial))
    assert times.keys() == set(trial.plan.priority)
    around = Bracketed("after", "low", "ping", 1)
    assert times[around] == pytest.approx(300 * 0.2 + 2)
    write(here, link(command(PING)), took_s=9, vpn="internal")
    assert estimate.durations(trial, summary.read(trial))[around] == pytest.approx(9 + 1)

    def told() -> str:
        estimate.show(trial)
        return " ".join(capsys.readouterr().out.split())

    assert "2 calibrations and 8 of the bare link around rounds to measure" in told()
    records.write(record(link(command(PING)), cell=cell(vpn="internal")), trial.records[around])
    assert "2 calibrations and 7 of the bare link around rounds to measure" in told()
    assert summary.marked_calibrations(trial) == []
    trial.records[around].write_text("{", encoding="utf-8")
    assert summary.unmade(trial) == [trial.records[around]]


def test_the_plan_is_in_the_order_of_measuring(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del here
    estimate.show(campaign())
    rows = [line.split("│") for line in capsys.readouterr().out.splitlines() if "│" in line]
    cells = [tuple(word.strip() for word in row[3:7]) for row in rows if row[1].strip().isdigit()]
    planned = campaign().plan.cells
    assert cells == [(c.vpn, c.tuning, c.profile, c.benchmark) for c in planned]


def test_the_plan_says_what_is_to_be_built_and_about_how_long_it_takes(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MESHBENCH_CACHE", str(here))
    monkeypatch.delenv("MESHBENCH_BINARIES", raising=False)
    crate = {"source": "cargo", "crate": "vpn", "version": "1", "programs": ["vpnd"]}
    systems = {
        "internal": making.system("internal"),
        "nebula": making.system("nebula", Cargo.model_validate(crate)),
    }
    trial = Setup(dataclasses.replace(making.campaign(vpns=tuple(systems)), systems=systems))
    assert estimate.unbuilt(trial) == {"nebula": estimate.BUILD_S["cargo"]}
    estimate.show(trial)
    assert "to be built or fetched before: nebula; about 0:10:00" in capsys.readouterr().out


def test_the_time_left_is_scaled_by_how_the_run_went(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 20.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    going = progress.Progress({1: 10.0, 2: 10.0, 3: 30.0}, began=next(clock))
    assert going.enter(1)[1] == pytest.approx(50)
    number, left_s = going.enter(2)
    assert number == 2
    assert left_s == pytest.approx((30 + 10) * 20 / 10)


def test_a_run_is_quiet_in_continuous_integration(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, quiet in (("true", True), ("1", True), ("", False), ("false", False)):
        monkeypatch.setenv("CI", value)
        assert progress.quiet() is quiet


@pytest.mark.parametrize(
    "value",
    [1, "1", "yes", "plain", "2025_12", "1e3", "True", ["a", "1"], {"b": "2025_12"}, {"b": {}},
     "a: b", "it's", 1.5, True],
)  # fmt: skip
def test_a_setting_is_written_so_that_snakemake_reads_it_back(value: Any) -> None:
    """Which takes quotes away and tries numbers first; inside of mappings all is text to it."""
    parse: Any = importlib.import_module("snakemake.cli").parse_config
    [_, word] = shlex.split(hooks.said([], {"key": value}))
    assert parse([word]) == {"key": value}


@pytest.mark.parametrize("columns", ["40", "80", "300"])
def test_no_name_is_cut_in_the_plan_and_the_summary(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    """Whether the terminal is narrow, or none says its width."""
    monkeypatch.setenv("COLUMNS", columns)
    for stream in (sys.stdout, sys.stderr):
        monkeypatch.setattr(stream, "isatty", lambda: True)
    long = [
        "wireguard-with-a-name-of-forty-characters",
        "yggdrasil@2.10_forty-characters-name.quic",
    ]
    planned = Setup(making.campaign(rounds=1, vpns=tuple(name[:40] for name in long)))
    estimate.show(planned)
    bad = link(status=Status.FAILED, reason="x")
    path = write(here, bad, planned=planned, vpn=long[0][:40])
    summary.show(planned, None)
    out, err = capsys.readouterr()
    for text in (out, err):
        # Folded cells: column by column.
        rows = [re.split(r"[│┃]", line) for line in text.splitlines() if re.match("[│┃]", line)]
        joined = {"".join(cells).replace(" ", "") for cells in zip(*_padded(rows), strict=True)}
        for name in long:
            assert any(name[:40] in column for column in joined), (columns, text)
    assert f"failed: {path.relative_to(here)}\n" in err


def _padded(rows: list[list[str]]) -> list[list[str]]:
    widest = max(map(len, rows))
    return [row + [""] * (widest - len(row)) for row in rows]
