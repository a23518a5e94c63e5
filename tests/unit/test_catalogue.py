"""What figures there are, and which of them suit a campaign."""

import importlib
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from meshbench import analysis
from meshbench.figures import catalogue, charts
from meshbench.figures.contract import CHART_FORMATS, TABLE_FORMATS, Figure, Plan
from meshbench.figures.drawing.measure import UNITS, ByProfile
from meshbench.tables import aggregate, registry
from meshbench.util.errors import MeshbenchError
from meshbench.workflow import digests, hooks
from tests.unit import making

EVERY = catalogue.every()


@pytest.mark.parametrize("figure", EVERY, ids=lambda figure: figure.name)
def test_every_figure_has_what_it_declares(figure: Figure) -> None:
    loaded = catalogue.load(figure.name)
    assert (loaded.draw is not None) == (set(figure.formats) >= set(CHART_FORMATS))
    assert (loaded.tabulate is not None) == (set(figure.formats) >= set(TABLE_FORMATS))
    assert set(figure.tables) <= {*aggregate.names(), *analysis.TABLES}
    assert figure.title


def test_every_module_of_a_subject_is_a_figure() -> None:
    folder = charts.__path__[0]
    modules = {figure.module for figure in EVERY if figure.module.startswith("charts.")}
    files = {
        f"charts.{path.parent.name}.{path.stem}"
        for path in Path(folder).glob("*/*.py")
        if path.stem not in {"__init__", "catalogue"}
    }
    assert files == modules


@pytest.mark.parametrize("figure", EVERY, ids=lambda figure: figure.name)
def test_a_measure_is_told_in_a_unit_of_its_metric(figure: Figure) -> None:
    if isinstance(figure.of, ByProfile):
        measure = figure.of.measure
        assert UNITS[measure.unit].stored == registry.metric(measure.metric).unit
        assert figure.benchmarks == (measure.benchmark,)


def test_an_unknown_figure_names_the_known_ones() -> None:
    with pytest.raises(MeshbenchError, match=r"no figure 'strip'; known: .*tcp_throughput"):
        catalogue.load("strip")


@pytest.mark.parametrize("lacking", ["draw", "caption"])
def test_a_module_that_breaks_the_contract_is_named(
    lacking: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: dict[str, Any] = {"draw": print, "caption": print}
    del whole[lacking]
    broken = types.SimpleNamespace(**whole, __file__="charts/latency/rtt.py")
    monkeypatch.setattr(importlib, "import_module", lambda _: broken)
    with pytest.raises(
        MeshbenchError, match=rf"charts/latency/rtt.py: .* 'rtt' needs {lacking}\(\)"
    ):
        catalogue.load("rtt")


def test_two_figures_of_one_name_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from meshbench.figures.charts.nix import catalogue as nix  # noqa: PLC0415

    catalogue._declared.cache_clear()
    monkeypatch.setattr(nix, "FIGURES", (*nix.FIGURES, Figure("rtt", "Another")))
    with pytest.raises(MeshbenchError, match="two figures are called 'rtt'"):
        catalogue.names()
    monkeypatch.undo()
    catalogue._declared.cache_clear()
    assert "rtt" in catalogue.names()


def test_asking_what_figures_there_are_needs_no_drawing_library() -> None:
    code = (
        "import sys; from meshbench.figures import catalogue; from meshbench.tables import aggregate;"
        "assert [(figure.tables, figure.formats) for figure in catalogue.every()];"
        "[aggregate.needs(n) for n in aggregate.names()];"
        "sys.exit(bool({'altair', 'vl_convert', 'duckdb', 'pyarrow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


PAIR = ("ping", "tcp")
FULL = (*PAIR, "tcp_parallel", "udp", "quic", "rist", "nix_cache", "reboot")


@pytest.mark.parametrize(
    ("figure", "plan", "suits"),
    [
        (Figure("x", "X"), Plan(()), True),
        (Figure("x", "X", benchmarks=PAIR), Plan(("tcp",)), True),
        (Figure("x", "X", benchmarks=PAIR), Plan(("udp", "tcp@cubic")), False),
        (Figure("x", "X", benchmarks=PAIR, together=True), Plan(("tcp",)), False),
        (Figure("x", "X", benchmarks=PAIR, together=True), Plan(FULL), True),
        (Figure("x", "X", systems=("internal",)), Plan(PAIR, ("nebula",)), False),
        (Figure("x", "X", systems=("internal",)), Plan(PAIR, ("nebula", "internal")), True),
        (Figure("x", "X", systems=("internal",)), Plan(PAIR), True),
        (Figure("x", "X", tunings=2), Plan(PAIR, tunings=("stock",)), False),
        (Figure("x", "X", tunings=2), Plan(PAIR, tunings=("stock", "bbr")), True),
        (Figure("x", "X", tunings=2), Plan(PAIR), True),
        (Figure("x", "X", rounds=2), Plan(PAIR, rounds=1), False),
        (Figure("x", "X", rounds=2), Plan(PAIR, rounds=2), True),
    ],
)
def test_a_figure_suits_a_campaign_that_has_what_it_shows(
    figure: Figure, plan: Plan, suits: bool
) -> None:
    assert figure.suits(plan) is suits


def test_a_campaign_of_ping_and_tcp_has_no_figure_of_anything_else() -> None:
    campaign = making.campaign(benchmarks={"ping": None, "tcp": None}, rounds=1)
    shown = {catalogue.get(name) for name in hooks.figures(campaign)}
    assert {"rtt", "tcp_throughput", "latency_throughput", "impairment", "readiness"} <= {
        figure.name for figure in shown
    }
    assert not {
        figure.name for figure in shown if "nix" in figure.module or "thesis" in figure.module
    } - {"kernel_rtt_time"}
    assert {figure.name for figure in shown if figure.tunings > 1 or figure.rounds > 1} == set()


def test_what_an_import_will_hold_is_not_known_beforehand() -> None:
    assert set(catalogue.suitable(Plan(FULL))) >= {"kernel_tuning_comparison", "repeatability"}


MISFITS = {
    "nix_download", "nix_table", "headscale_gap_reversal", "headscale_vs_internal",
    "kernel_tuning_comparison", "kernel_tuning_internal", "parallel_tcp", "udp_goodput", "udp_quic",
}  # fmt: skip


def test_suitable_figures_are_those_that_a_campaign_has_data_for() -> None:
    benchmarks = ("ping", "tcp", "calibration")
    plain = set(catalogue.suitable(Plan(benchmarks, ("internal", "tinc"), ("stock",), 2)))
    assert plain >= {
        "rtt",
        "tcp_throughput",
        "latency_throughput",
        "campaign_overview",
        "readiness",
    }
    assert plain & MISFITS == set()
    two = set(catalogue.suitable(Plan(benchmarks, ("internal", "headscale"), ("stock", "mine"), 2)))
    assert two - plain == {
        "headscale_gap_reversal", "headscale_vs_internal",
        "kernel_tuning_comparison", "kernel_tuning_internal", "tuning_factors",
    }  # fmt: skip
    pings = set(catalogue.suitable(Plan(("ping",), ("internal",), ("stock",), 1)))
    assert {"rtt", "latency_spread"} <= pings
    assert not pings & {"tcp_throughput", "throughput_table", "latency_throughput", "tcp_links"}
    new = set(catalogue.suitable(Plan(("mtu",), ("internal",), ("stock",), 1)))
    assert {"campaign_overview", "benchmark-mtu"} <= new
    assert "rtt" not in new


def test_every_figure_suits_a_campaign_of_everything() -> None:
    everything = {name for figure in EVERY for name in figure.benchmarks}
    suitable = catalogue.suitable(
        Plan(
            everything,
            ("internal", "headscale"),
            ("stock", "mine"),
            rounds=6,
            placements=("ingress", "egress"),
            controls=True,
        )
    )
    assert set(suitable) >= set(catalogue.names())


def test_what_is_declared_of_a_figure_is_in_its_digest_and_in_no_other_one_s() -> None:
    table, chart = catalogue.get("udp_table"), catalogue.get("udp_goodput")
    assert digests.of_figure(table) != digests.of_figure(replace(table, title="Another"))
    assert digests.of_figure(table) != digests.of_figure(replace(table, of=chart.of, name="x"))
    closure = digests._closure(f"figures.{chart.module}")
    assert not [path for path in closure if path.parent.name == "udp" or path.stem == "rtt"]
