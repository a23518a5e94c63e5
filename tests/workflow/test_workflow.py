"""What Snakemake repeats and what it leaves alone, in real runs on the fake testbed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.checkout import MADE, ROOT, Checkout, Ran

NEBULA_FAILS = json.dumps({"broken": {"nebula": "port 4242 is in use"}})
FIGURES = {"figure rtt", "figure tcp_throughput"}
PARSED = {"parse the calibration", *(
    f"parse {benchmark} of {vpn}"
    for benchmark in ("ping", "tcp") for vpn in ("internal", "wireguard", "nebula")
)}  # fmt: skip


def measured(ran: Ran) -> set[str]:
    return ran.of("measure")


def on_testbed(ran: Ran) -> set[str]:
    """Jobs that would keep the hosts busy."""
    return {job for job in ran.jobs if job.startswith(("measure ", "calibrate ", "deploy "))}


def links_of(checkout: Checkout, pattern: str) -> Iterator[dict[str, Any]]:
    for content in checkout.records(pattern).values():
        yield from json.loads(content)["links"]


def drawn(checkout: Checkout) -> list[Path]:
    """Every figure's files."""
    return [path for kind in ("svg", "png", "pdf", "html")
            for path in (checkout.path / "figures" / "trial").glob(f"*.{kind}")
            if path.name != "report.html"]  # fmt: skip


def test_the_copy_runs_its_own_modules(checkout: Checkout) -> None:
    output = checkout.python("-c", "import meshbench; print(meshbench.__file__)")
    assert Path(output.strip()).is_relative_to(checkout.path)


def test_jobs_that_wait_are_looked_at_when_one_has_ended(checkout: Checkout) -> None:
    """Not again and again meanwhile: that is CPU time beside what is measured."""
    before = set(checkout.path.glob(".snakemake/log/*.log"))
    checkout.run("--verbose", "-R", "measure")
    [log] = set(checkout.path.glob(".snakemake/log/*.log")) - before
    text = log.read_text(encoding="utf-8")
    ended = text.count("Finished jobid")
    assert ended > 12
    assert text.count("Ready jobs: ") <= ended + 1


def test_a_finished_campaign_has_everything_and_nothing_left_to_do(finished: Checkout) -> None:
    assert len(finished.records()) == len(finished.cells()) == 12
    for figure in ("rtt", "tcp_throughput"):
        for kind in ("svg", "png", "pdf", "html"):
            assert (finished.path / "figures" / "trial" / f"{figure}.{kind}").stat().st_size
    report = (finished.path / "figures" / "trial" / "report.html").read_text("utf-8")
    assert "12 of 12 planned cells have a record: 12 ok." in report
    assert "FAKE TESTBED" in report
    assert report.count("data:image/svg+xml;base64,") == 2
    assert finished.would().jobs == ()


def test_an_edited_figure_is_redrawn_alone(checkout: Checkout) -> None:
    checkout.append("scripts/meshbench/figures/charts/latency/rtt.py", "# edited\n")
    others = {path: path.stat().st_mtime_ns for path in drawn(checkout) if path.stem != "rtt"}
    assert set(checkout.run().jobs) == {"figure rtt", "report"}
    assert others == {path: path.stat().st_mtime_ns for path in others}
    assert checkout.would().jobs == ()


def test_what_all_figures_share_redraws_them_and_no_more(checkout: Checkout) -> None:
    checkout.append("scripts/meshbench/figures/drawing/theme.py", "# edited\n")
    assert set(checkout.would().jobs) == FIGURES | {"report"}


def test_another_vega_makes_the_bundle_and_the_figures_again(checkout: Checkout) -> None:
    installed = checkout.path / "scripts" / "vl_convert_python-99.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Name: vl-convert-python\nVersion: 99\n")
    assert set(checkout.would().jobs) == FIGURES | {"the figures' shared JavaScript", "report"}


def test_an_edited_table_is_made_again_with_what_it_feeds(checkout: Checkout) -> None:
    checkout.append("scripts/meshbench/tables/sql/latency.sql", "\n-- edited\n")
    assert set(checkout.would().jobs) == {"table latency", "figure rtt", "report"}


def test_an_edited_parser_reparses_its_benchmark_and_measures_nothing(
    checkout: Checkout, evaluation: set[str]
) -> None:
    checkout.append("scripts/meshbench/benchmarks/ping.py", "# edited\n")
    ran = checkout.would()
    parsed = {job for job in PARSED if job.startswith("parse ping ")}
    assert set(ran.jobs) == parsed | evaluation


def test_a_changed_option_of_a_vpn_measures_its_cells_in_one_run(checkout: Checkout) -> None:
    before = checkout.records()
    checkout.write("config/vpns/nebula.yaml", "driver: nebula\noptions: {mtu: 1200}\n")
    ran = checkout.run()
    assert measured(ran) == checkout.cells(vpn="nebula")
    assert ran.of("deploy") == {"nebula"}
    assert ran.of("calibrate") == set()
    assert ran.of("parse") == {"ping of nebula", "tcp of nebula"}

    after = checkout.records()
    assert before.items() < after.items()
    new = {path: content for path, content in after.items() if path not in before}
    assert {Path(path).parts[0] for path in new} == {"nebula"}
    assert len(new) == 4
    deployed = (checkout.path / "results" / "trial" / "deploy" / "nebula.json").read_text()
    assert json.loads(deployed)["effective"]["mtu"] == 1200
    for content in new.values():
        assert json.loads(content)["vpn"]["effective"]["mtu"] == 1200
    assert checkout.would().jobs == ()


def test_a_second_placement_measures_its_own_cells_only(checkout: Checkout) -> None:
    checkout.append("config/config.yaml", "placements: [ingress, egress]\n")
    ran = checkout.would()
    assert sorted(job for job in ran.jobs if job.startswith("measure ")) == sorted(
        f"measure {cell}" for cell in checkout.cells()
    )
    assert ran.of("calibrate") == {"baseline, round 1", "low, round 1"}
    plan = " ".join(checkout.python("-m", "meshbench", "plan").split())
    assert "12 of 24 cells and 2 calibrations to measure, 12 cells reused" in plan
    assert "stale" not in plan


@pytest.mark.parametrize(
    ("module", "cells", "deployed"),
    [
        ("benchmarks/ping", {"benchmark": "ping"}, set()),
        ("vpns/nebula", {"vpn": "nebula"}, {"nebula"}),
    ],
)
def test_a_bumped_version_measures_exactly_its_cells(
    checkout: Checkout, module: str, cells: dict[str, str], deployed: set[str]
) -> None:
    checkout.edit(f"scripts/meshbench/{module}.py", "    version = 1\n", "    version = 2\n")
    ran = checkout.would()
    assert measured(ran) == checkout.cells(**cells)
    assert ran.of("deploy") == deployed
    assert ran.of("calibrate") == set()


def planned(checkout: Checkout) -> dict[str, str]:
    """By cell as measuring announces it, what `plan` says of it in the first line of its row."""
    lines = checkout.python("-m", "meshbench", "plan").splitlines()
    rows = [[word.strip() for word in line.split("│")] for line in lines if line.count("│") == 9]
    return {
        f"{vpn} {profile} {benchmark}, round {round_}": state
        for _, number, round_, vpn, _, profile, benchmark, _, state, _ in rows
        if number.isdigit()
    }


def agreed(checkout: Checkout) -> dict[str, str]:
    """What `plan` says of the cells that are measured: the same ones as Snakemake would measure."""
    states = planned(checkout)
    assert states.keys() == checkout.cells()
    again = {cell: state for cell, state in states.items() if not state.startswith("reused")}
    assert again.keys() == measured(checkout.would())
    return again


def test_the_plan_agrees_with_snakemake_and_says_why(checkout: Checkout) -> None:
    assert agreed(checkout) == {}
    checkout.places()["wireguard/stock/low/tcp/1"].unlink()
    checkout.edit("config/config.yaml", "{count: 5}", "{count: 6}")
    pings = checkout.cells(benchmark="ping")
    states = agreed(checkout)
    assert states.pop("wireguard low tcp, round 1") == "to measure"
    assert states.keys() == pings
    assert all(state.startswith("stale: benchmark") for state in states.values())
    plan = " ".join(checkout.python("-m", "meshbench", "plan").split())
    assert "7 of 12 cells and 0 calibrations to measure, 5 cells reused" in plan
    assert "snakemake -n" not in plan

    checkout.edit("scripts/meshbench/vpns/nebula.py", "    version = 1\n", "    version = 2\n")
    assert agreed(checkout).keys() == {
        "wireguard low tcp, round 1", *pings, *checkout.cells(vpn="nebula")
    }  # fmt: skip
    checkout.append("config/config.yaml", "calibration: {duration_s: 3}\n")
    plan = " ".join(checkout.python("-m", "meshbench", "plan").split())
    assert "9 of 12 cells and 2 calibrations to measure" in plan
    assert checkout.would().of("calibrate") == {"baseline, round 1", "low, round 1"}

    again = agreed(checkout)
    shutil.rmtree(checkout.path / ".snakemake")
    assert agreed(checkout) == again


def test_a_cell_whose_run_was_ended_in_the_middle_is_planned_again(checkout: Checkout) -> None:
    memory = checkout.path / ".snakemake"
    record = checkout.places()["nebula/stock/low/ping/1"]
    begun = checkout._remembered(record)
    shutil.copy(memory / "metadata" / begun, memory / "incomplete" / begun)
    assert agreed(checkout).keys() == {"nebula low ping, round 1"}


def test_a_refactored_driver_or_testbed_measures_nothing(checkout: Checkout) -> None:
    for module in (
        "vpns/nebula", "vpns/common/lifecycle", "runner/measure", "testbed/ssh", "impairment/qdiscs",
    ):  # fmt: skip
        assert (checkout.path / f"scripts/meshbench/{module}.py").exists()
        checkout.append(f"scripts/meshbench/{module}.py", "# edited\n")
    checkout.append("scripts/measure.py", "# edited\n")
    assert on_testbed(checkout.would()) == set()


def test_a_failing_vpn_leaves_the_others_alone_and_is_repaired_by_one_command(
    checkout: Checkout,
) -> None:
    before = checkout.records()
    shutil.rmtree(checkout.raw / "nebula")
    ran = checkout.run(MESHBENCH_FAKE=NEBULA_FAILS)
    assert measured(ran) == checkout.cells(vpn="nebula")
    assert set(ran.jobs) >= FIGURES

    failed = list(links_of(checkout, "nebula"))
    assert len(failed) == 4 * 3
    assert {link["status"] for link in failed} == {"failed"}
    assert all("port 4242 is in use" in link["reason"] for link in failed)
    others = {path: data for path, data in before.items() if not path.startswith("nebula/")}
    assert others.items() <= checkout.records().items()
    assert checkout.would().jobs == ()

    names = [f"results/trial/raw/{path}" for path in checkout.records("nebula")]
    assert sorted(checkout.python("-m", "meshbench", "failed").split()) == sorted(names)
    for name in names:
        assert f"failed: {name}\n" in ran.text
    assert ran.text.count("port 4242 is in use") == len(names)
    [command] = re.findall(r"^measure just these again: +(.*)$", ran.text, re.MULTILINE)

    done = checkout.call("bash", "-c", command)
    assert done.returncode == 0, done.stdout
    again = Ran.of_text(done)
    assert measured(again) == checkout.cells(vpn="nebula")
    assert on_testbed(again) == {f"measure {cell}" for cell in checkout.cells(vpn="nebula")}
    assert {link["status"] for link in links_of(checkout, "*")} == {"ok"}
    assert "measure just these again" not in done.stdout
    assert checkout.python("-m", "meshbench", "failed") == ""


def test_a_deleted_record_is_measured_again_alone(checkout: Checkout) -> None:
    checkout.places()["nebula/stock/low/ping/1"].unlink()
    ran = checkout.would()
    assert on_testbed(ran) == {"measure nebula low ping, round 1"}
    assert ran.of("parse") == {"ping of nebula"}


def test_a_deleted_figure_is_redrawn_alone(checkout: Checkout) -> None:
    (checkout.path / "figures" / "trial" / "rtt.pdf").unlink()
    assert set(checkout.would().jobs) == {"figure rtt", "report"}


def test_touching_every_file_repeats_nothing(checkout: Checkout) -> None:
    for path in checkout.path.rglob("*"):
        if ".snakemake" not in path.parts:
            path.touch()
    ran = checkout.run()
    assert ran.jobs == ()
    assert "Nothing to be done" in ran.text


def test_a_fresh_checkout_with_the_old_results_repeats_nothing(
    finished: Checkout, tmp_path: Path
) -> None:
    fresh = finished.clone(tmp_path / "fresh")
    for part in MADE:  # as a copy through a network would, with new modification times
        shutil.copytree(finished.path / part, fresh.path / part, copy_function=shutil.copyfile)
    assert fresh.would().jobs == ()


def test_results_without_snakemake_s_memory_are_not_measured_again(checkout: Checkout) -> None:
    shutil.rmtree(checkout.path / ".snakemake")
    assert on_testbed(checkout.would()) == set()


def below(folder: Path) -> set[int]:
    """The processes that work in a folder."""
    pids = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            here = (entry / "cwd").readlink()
        except OSError:
            continue
        if here.is_relative_to(folder):
            pids.add(int(entry.name))
    return pids


def until(event: str, condition: Any, limit_s: float = 240) -> None:
    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, f"in vain waited for: {event}"
        time.sleep(0.05)


def killed_while_measuring(checkout: Checkout, finished_cells: int) -> str:
    """Start a slow run and kill it, and all it started, in the middle of a measurement."""
    output = checkout.path.parent / "output.txt"
    environment = checkout.environment(MESHBENCH_FAKE=json.dumps({"seconds_per_command": 0.4}))
    words = [str(Path(sys.executable).parent / "snakemake"), "--cores", "1", "figures/all"]
    with output.open("w") as stream:
        process = subprocess.Popen(
            words, cwd=checkout.path, env=environment, stdout=stream, stderr=stream
        )
    try:

        def measuring() -> bool:
            assert process.poll() is None, output.read_text()
            begun = len(re.findall(r"\] measure ", output.read_text()))
            return len(checkout.records()) == finished_cells and begun > finished_cells

        until("a measurement after the first ones", measuring)
        until("its job", lambda: len(below(checkout.path)) > 1)
    finally:
        while left := below(checkout.path):
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            process.poll()
    assert process.wait() == -signal.SIGKILL
    return output.read_text()


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    campaign = (ROOT / "tests" / "workflow" / "killed.yaml").read_text(encoding="utf-8")
    checkout = Checkout.make(tmp_path / "checkout", campaign)
    killed_while_measuring(checkout, finished_cells=2)
    kept = checkout.records()
    assert len(kept) == 2
    for content in kept.values():
        assert {link["status"] for link in json.loads(content)["links"]} == {"ok"}

    # Snakemake's own lock outlives a kill, and Snakemake says what to do.
    assert "It can be removed with the --unlock argument" in checkout.tries().text
    assert checkout.call("snakemake", "--unlock").returncode == 0

    ran = checkout.run()
    assert kept.items() <= checkout.records().items()
    assert len(measured(ran)) == len(checkout.records()) - 2 == 2
    assert ran.of("deploy") == ran.of("calibrate") == set()
    assert checkout.would().jobs == ()


def test_another_round_measures_only_that_round(checkout: Checkout) -> None:
    checkout.edit("config/config.yaml", "rounds: 1", "rounds: 2")
    ran = checkout.would()
    assert measured(ran) == {cell.replace("round 1", "round 2") for cell in checkout.cells()}
    assert ran.of("calibrate") == {"baseline, round 2", "low, round 2"}
    assert ran.of("deploy") == set()


def test_another_profile_measures_only_that_profile(checkout: Checkout) -> None:
    checkout.edit("config/config.yaml", "[baseline, low]", "[baseline, low, medium]")
    ran = checkout.would()
    assert measured(ran) == checkout.cells(profile="medium")
    assert ran.of("calibrate") == {"medium, round 1"}
    assert ran.of("deploy") == set()


def test_another_vpn_measures_only_that_vpn(checkout: Checkout) -> None:
    checkout.edit("config/config.yaml", "wireguard, nebula]", "wireguard, nebula, tinc]")
    ran = checkout.would()
    assert measured(ran) == checkout.cells(vpn="tinc")
    assert ran.of("deploy") == {"tinc"}
    assert ran.of("calibrate") == set()


def test_fewer_cells_measure_nothing(checkout: Checkout) -> None:
    checkout.edit("config/config.yaml", "[internal, wireguard, nebula]", "[internal, nebula]")
    assert on_testbed(checkout.would()) == set()


def test_a_thousand_cells_that_are_done_stay_done(checkout: Checkout, evaluation: set[str]) -> None:
    checkout.grow(84)
    ran = checkout.run()
    assert set(ran.jobs) == PARSED | evaluation  # there are more records to read now
    assert len(checkout.records()) == 1008
    start = time.monotonic()
    assert checkout.run().jobs == ()
    print(f"1008 cells, nothing to do: {time.monotonic() - start:.1f} s")
    checkout.edit("config/config.yaml", "{count: 5}", "{count: 6}")
    assert len(measured(checkout.would())) == 504


def test_records_and_figures_say_that_the_testbed_is_fake(finished: Checkout) -> None:
    for content in finished.records().values():
        assert json.loads(content)["testbed"]["kind"] == "fake"
    for figure in ("rtt", "tcp_throughput"):
        for kind in ("svg", "html"):
            text = (finished.path / "figures" / "trial" / f"{figure}.{kind}").read_text("utf-8")
            assert "fake" in text, f"{figure}.{kind}"


def secret_lines(stored: Any) -> Iterator[str]:
    """The parts of private keys in a store of a VPN's keys."""
    if isinstance(stored, dict):
        for key, value in stored.items():
            if isinstance(value, str) and key in {"private", "admin", "admin_host"}:
                yield from (line for line in value.splitlines() if line and "-----" not in line)
            else:
                yield from secret_lines(value)


def published(checkout: Checkout) -> Iterable[Path]:
    for part in ("results", "logs", "figures", ".snakemake"):
        for path in (checkout.path / part).rglob("*"):
            if path.is_file():
                yield path


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_keys_that_lie_in_results_are_moved_and_used(checkout: Checkout) -> None:
    store = checkout.path / ".meshbench" / "secrets" / "trial"
    exposed = checkout.path / "results" / "trial" / "secrets"
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    shutil.move(store, exposed)
    ran = checkout.run()
    assert ran.jobs == ()
    sentence = "private keys were in results/trial/secrets: moved to .meshbench/secrets/trial, "
    assert sentence in ran.text
    assert not exposed.exists()
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before
    assert [mode(path) for path in (store, *store.iterdir())] == [0o700, *[0o600] * len(before)]
    assert "private keys" not in checkout.run().text


def test_secrets_are_in_the_store_and_nowhere_else(finished: Checkout) -> None:
    store = finished.path / ".meshbench" / "secrets" / "trial"
    assert [mode(path) for path in (store, store.parent, store.parent.parent)] == [0o700] * 3
    secrets = set()
    for path in store.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600
        secrets |= set(secret_lines(json.loads(path.read_text())))
    assert len(secrets) >= 6
    for path in published(finished):
        content = path.read_bytes()
        assert not [s for s in secrets if s.encode() in content], path
        assert b"PRIVATE KEY" not in content or path.suffix == ".js", path


def test_a_configuration_that_cannot_be_used_ends_before_anything_starts(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout")
    checkout.edit("config/config.yaml", "rounds: 1", "rond: 1\nseed: -1")
    ran = checkout.tries()
    assert ran.status != 0
    assert "config/config.yaml:4: rond: unknown key; did you mean 'rounds'?" in ran.text
    assert "config/config.yaml:5: seed: must be at least 0" in ran.text
    assert "Traceback" not in ran.text
    assert not any((checkout.path / part).exists() for part in ("results", "figures", "logs"))


def test_a_machine_that_cannot_hold_a_lab_is_told_before_anything_starts(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout")
    programs = Path(sys.executable).parent
    ran = checkout.tries("--config", "testbed=lab", PATH=f"{programs}:{tmp_path}")
    assert ran.status != 0
    assert "no lab on this machine:" in ran.text
    assert re.search(r"not installed: .*systemd-nspawn.*; do: apt-get install ", ran.text)
    assert "Traceback" not in ran.text
    assert ran.jobs == ()
    assert not (checkout.path / "results").exists()


TEXT = """\
value,stated_as,query
12,twelve cells,"SELECT count(DISTINCT (vpn, profile, benchmark)) AS value FROM links WHERE benchmark <> 'calibration'"
99,ninety-nine,"SELECT 98.0 AS value"
"""


def test_a_text_of_ones_own_is_checked_and_in_the_report(checkout: Checkout) -> None:
    checkout.write("paper.csv", TEXT)
    checkout.append("config/config.yaml", "claims: {text: paper.csv}\n")
    assert set(checkout.run().jobs) == {"claims of paper.csv", "report"}
    verdicts = (checkout.path / "results" / "trial" / "checks" / "claims.csv").read_text()
    assert [line.split(",")[1] for line in verdicts.splitlines()[1:]] == ["match", "differs"]
    report = (checkout.path / "figures" / "trial" / "report.html").read_text("utf-8")
    assert "2 claims: 1 match, 1 differs" in report
    checkout.write("paper.csv", TEXT.replace("98.0", "99.0"))
    assert set(checkout.would().jobs) == {"claims of paper.csv", "report"}
    assert set(checkout.would("--config", "claims=none").jobs) == {"report"}


def test_a_text_that_cannot_be_checked_is_told(checkout: Checkout) -> None:
    ran = checkout.tries("--config", "claims=nowhere.csv")
    assert ran.status != 0
    assert "claims.text: there is no file nowhere.csv" in ran.text
    checkout.write("paper.csv", "number,words\n1,one\n")
    ran = checkout.tries("--config", "claims=paper.csv")
    assert ran.status != 0
    assert "paper.csv:1: columns missing: ['stated_as', 'value']" in ran.text
    assert "Traceback" not in ran.text
