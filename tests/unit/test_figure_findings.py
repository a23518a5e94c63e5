"""Findings of the sanity rules below the figures that they are about."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshbench.checks import rules
from meshbench.figures import catalogue
from meshbench.figures.contract import Concern, Context
from meshbench.figures.drawing import findings, render, tabular
from meshbench.figures.drawing.groups import collect
from meshbench.tables import schema
from tests.unit import synthetic

EMPTY: dict[str, Any] = dict.fromkeys(rules.FINDINGS.names)


def finding(title: str, **changes: Any) -> dict[str, Any]:
    return {
        **EMPTY, "rule": title, "severity": "error", "title": title, "benchmark": "tcp",
        "says": "0 Mbit/s", **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, True),
        ({"profile": "low", "vpn": "tinc"}, True),
        ({"severity": "note"}, False),
        ({"benchmark": "udp"}, False),
        ({"benchmark": None}, False),
    ],
)
def test_a_figure_has_the_findings_of_its_benchmarks(changes: dict[str, Any], shown: bool) -> None:
    rows = [finding("Dead stream", **changes)]
    assert bool(findings.lines(rows, Concern(("tcp",)), "baseline")) is shown


def test_a_figure_of_one_profile_or_of_some_systems_has_only_their_findings() -> None:
    rows = [
        finding("A", profile="low", vpn="tinc"),
        finding("B", profile="baseline", vpn="nebula"),
        finding("C"),
    ]
    first = findings.lines(rows, Concern(("tcp",), first_profile=True), "baseline")
    assert [line.split(":")[1].strip() for line in first] == ["B", "C"]
    some = findings.lines(rows, Concern(("tcp",), systems=("tinc",)), "baseline")
    assert [line.split(":")[1].strip() for line in some] == ["A", "C"]


def test_the_worst_are_shown_and_the_rest_counted() -> None:
    rows = [finding(title, vpn="tinc") for title in "AABCDE"]
    lines = findings.lines(rows, Concern(("tcp",)), "baseline")
    assert lines[0] == "Check: A (2 findings): e.g. tinc: 0 Mbit/s"
    shown = findings.few(lines)
    assert len(shown) == findings.SHOWN + 1
    assert shown[-1] == "Check: 2 more rules found something, see report.html"
    assert findings.few(lines[:2]) == list(lines[:2])


def test_a_check_names_its_round_where_there_are_several() -> None:
    rows = [finding("A", vpn="tinc", round=1), finding("B", vpn="tinc", round=2)]
    lines = findings.lines(rows, Concern(("tcp",)), "baseline")
    assert lines == ("Check: A: tinc, round 1: 0 Mbit/s", "Check: B: tinc, round 2: 0 Mbit/s")
    assert findings.lines(rows[:1], Concern(("tcp",)), "baseline") == ("Check: A: tinc: 0 Mbit/s",)


@pytest.mark.parametrize("name", catalogue.names())
def test_every_figure_says_what_it_is_about(name: str) -> None:
    about = set(catalogue.get(name).concern.benchmarks)
    itself = {"cells", "links", "overhead", "impairment", "impairment_settings", "readiness"}
    itself |= {"estimates", "effects", "factors", "ranks", "power", "spikes"}
    assert about or itself & set(catalogue.get(name).tables)


def test_findings_are_in_the_picture_the_page_and_the_table(tmp_path: Path) -> None:
    files = synthetic.write(tmp_path, *synthetic.campaign())
    parquet = tmp_path / "findings.parquet"
    rows = [finding("Dead stream counted", vpn="wireguard", profile="low", campaign="c", round=1)]
    schema.write(schema.table(rows, rules.FINDINGS), parquet)
    out = {kind: tmp_path / f"x.{kind}" for kind in ("svg", "html")}
    render.render("tcp_throughput", files, synthetic.context(), out, tmp_path / "v.js", parquet)
    for path in out.values():
        assert "Dead stream counted" in path.read_text("utf-8")
    tex = tmp_path / "x.tex"
    render.render("throughput_table", files, synthetic.context(), {"tex": tex}, tmp_path, parquet)
    line = "Check: Dead stream counted: wireguard, low: 0 Mbit/s"
    assert tabular.escaped(line) in tex.read_text("utf-8")


def _told(tmp_path: Path, **runs: object) -> Context:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps(runs))
    context = synthetic.context(rounds=1, vpns=("internal", "tinc"), profiles=("baseline", "low"))
    return context.told(facts)


def _run(tuning: str, round_: int, *vpns: str, profiles: tuple[str, ...] = ("low",)) -> object:
    return {"tuning": tuning, "round": round_, "vpns": vpns, "profiles": profiles}


def test_what_was_planned_of_an_import_is_what_its_runs_hold(tmp_path: Path) -> None:
    context = _told(
        tmp_path,
        a=_run("stock", 1, "internal", "tinc", profiles=("baseline", "low", "harsh")),
        b=_run("stock", 2, "demo", "tinc"),
        c=_run("tailscale-style", 1, "internal"),
    )
    assert (context.rounds, context.tunings) == (2, ("stock", "tailscale-style"))
    assert context.vpns == ("internal", "tinc", "demo")
    assert context.profiles == ("baseline", "low", "harsh")
    assert context.rounds_of("demo", "stock") == (2,)
    planned = {(v, t): context.planned(v, t) for v in context.vpns for t in context.tunings}
    assert planned == {
        ("internal", "stock"): 3, ("tinc", "stock"): 6, ("demo", "stock"): 3,
        ("internal", "tailscale-style"): 3, ("tinc", "tailscale-style"): 0,
        ("demo", "tailscale-style"): 0,
    }  # fmt: skip


def test_a_system_that_no_run_of_a_tuning_holds_is_not_missing_there(tmp_path: Path) -> None:
    context = _told(tmp_path, a=_run("stock", 1, "internal", "tinc"), b=_run("fast", 1, "internal"))
    row = {**synthetic.link(vpn="internal", profile="low", tuning="fast"), "x": 1.0}
    groups = collect([row], context)
    assert [(g.vpn, g.tuning, g.n_ok, g.planned) for g in groups] == [
        ("internal", "stock", 0, 3), ("internal", "fast", 1, 3), ("tinc", "stock", 0, 3),
    ]  # fmt: skip


def test_only_a_tuned_run(tmp_path: Path) -> None:
    context = _told(tmp_path, a=_run("fast", 1, "internal"))
    assert (context.tunings, context.vpns, context.profiles) == (("fast",), ("internal",), ("low",))


def test_a_campaign_measured_here_and_an_import_of_nothing_keep_their_plan(tmp_path: Path) -> None:
    context = synthetic.context()
    assert context.told(None) is context
    assert context.planned("tinc", "stock") == 6
    assert _told(tmp_path).planned("tinc", "stock") == 3
