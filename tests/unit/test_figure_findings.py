"""Findings of the sanity rules below the figures that they are about."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshbench.checks import rules
from meshbench.figures import base, findings, render, tabular
from meshbench.figures.findings import Concern
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
    one = [finding("Dead stream", **changes)]
    assert bool(findings.lines(one, Concern(("tcp",)), "baseline")) is shown


def test_a_figure_of_one_profile_or_of_some_systems_has_only_their_findings() -> None:
    every = [
        finding("A", profile="low", vpn="tinc"),
        finding("B", profile="baseline", vpn="nebula"),
        finding("C"),
    ]
    first = findings.lines(every, Concern(("tcp",), first_profile=True), "baseline")
    assert [line.split(":")[1].strip() for line in first] == ["B", "C"]
    some = findings.lines(every, Concern(("tcp",), systems=("tinc",)), "baseline")
    assert [line.split(":")[1].strip() for line in some] == ["A", "C"]


def test_the_worst_are_shown_and_the_rest_counted() -> None:
    every = [finding(title, vpn="tinc") for title in "AABCDE"]
    lines = findings.lines(every, Concern(("tcp",)), "baseline")
    assert lines[0] == "Check: A (2 findings): e.g. tinc: 0 Mbit/s"
    shown = findings.few(lines)
    assert len(shown) == findings.SHOWN + 1
    assert shown[-1] == "Check: 2 more rules found something, see report.html"
    assert findings.few(lines[:2]) == list(lines[:2])


@pytest.mark.parametrize("name", base.names())
def test_every_figure_says_what_it_is_about(name: str) -> None:
    about = set(base.load(name).concern.benchmarks)
    itself = {"cells", "links", "overhead", "impairment", "impairment_settings", "readiness"}
    assert about or itself & set(base.tables(name))


def test_findings_are_in_the_picture_the_page_and_the_table(tmp_path: Path) -> None:
    files = synthetic.write(tmp_path, *synthetic.campaign())
    found = tmp_path / "findings.parquet"
    rows = [finding("Dead stream counted", vpn="wireguard", profile="low", campaign="c", round=1)]
    schema.write(schema.table(rows, rules.FINDINGS), found)
    out = {kind: tmp_path / f"x.{kind}" for kind in ("svg", "html")}
    render.render("tcp_throughput", files, synthetic.context(), out, tmp_path / "v.js", found)
    for path in out.values():
        assert "Dead stream counted" in path.read_text("utf-8")
    tex = tmp_path / "x.tex"
    render.render("throughput_table", files, synthetic.context(), {"tex": tex}, tmp_path, found)
    said = "Check: Dead stream counted: wireguard, low: 0 Mbit/s"
    assert tabular.escaped(said) in tex.read_text("utf-8")


def test_imported_runs_bring_their_rounds_and_tunings(tmp_path: Path) -> None:
    context = synthetic.context(rounds=1, tunings=("stock",))
    assert context.told(None) is context
    facts = tmp_path / "facts.json"
    runs = {
        "a": {"round": 1, "tuning": "stock"},
        "b": {"round": 2, "tuning": "stock"},
        "c-optimized": {"round": 1, "tuning": "tailscale-style"},
    }
    facts.write_text(json.dumps(runs))
    told = context.told(facts)
    assert (told.rounds, told.tunings) == (2, ("stock", "tailscale-style"))
