"""The chapter's figures and tables from published data: an invented run, and the real one where it is."""

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench.checks import tables as files
from meshbench.figures import catalogue
from meshbench.figures.charts.campaign import campaign_overview, success_rate
from meshbench.figures.charts.latency import ping_loss, rtt
from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, render, tabular
from meshbench.figures.drawing.groups import collect
from meshbench.figures.drawing.measure import Measure
from meshbench.importers.vpn_runner import importer
from tests.unit import golden, synthetic
from tests.unit import published_data as data

CHAPTER = {
    "test_overview", "test_duration", "success_rate", "tcp_retransmits", "tcp_window",
    "retransmit_correlations", "latency_baseline", "latency_spread", "latency_throughput",
    "parallel_scaling", "parallel_tcp", "rist_quality", "reboot_reconnection",
    "link_latency_throughput", "impairment_profiles", "tcp_impairment", "throughput_profiles",
    "udp_impairment_heatmap", "headscale_vs_internal", "kernel_tuning_internal",
    "kernel_tuning_comparison", "headscale_gap_reversal",
}  # fmt: skip
"""By the labels of the thesis; its 24th is a listing of source code, which no data hold."""
ASKED_FOR = {
    "connection_setup", "connection_setup_table", "ping_loss", "retransmit_profiles",
    "retransmit_parallel", "udp_reasons", "udp_quic", "reordering_seen", "tcp_links",
    "kernel_rtt_time", "reboot_split", "rist_profiles", "repeatability", "ranking",
}  # fmt: skip
BENCHMARKS = (
    "tcp",
    "tcp_parallel",
    "udp",
    "quic",
    "ping",
    "rist",
    "nix_cache",
    "bootstrap",
    "reboot",
)
VPNS = (
    "internal", "wireguard", "zerotier", "headscale", "yggdrasil", "nebula", "easytier", "vpncloud",
    "hyprspace", "tinc", "mycelium",
)  # fmt: skip
Load = Callable[[str], Data]
PRINTED = {figure.name for figure in catalogue.every() if "csv" in figure.formats}


def context(
    *vpns: str, profiles: tuple[str, ...] = ("baseline", "low", "medium", "high")
) -> Context:
    return synthetic.context(
        campaign="published", vpns=vpns, profiles=profiles, benchmarks=BENCHMARKS, rounds=1,
        testbed="published", placement="egress", engine="netem",
    )  # fmt: skip


def aggregated(source: Path, folder: Path) -> Load:
    importer.save(importer.import_runs([source], "published"), folder)
    paths = synthetic.tables(folder, files.files(folder / "samples"), files.files(folder / "links"))
    return lambda name: Data.read({table: paths[table] for table in catalogue.get(name).tables})


@pytest.fixture(scope="module")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Load:
    folder = tmp_path_factory.mktemp("invented")
    return aggregated(data.run(folder / "2025-12-18"), folder / "results")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Load:
    if not data.ARCHIVE.exists():
        pytest.skip("the published data are not in ../shared")
    return aggregated(data.ARCHIVE, tmp_path_factory.mktemp("real"))


def printed(name: str, load: Load, campaign: Context) -> dict[str, dict[str, str]]:
    """A table's rows by system, as its CSV has them."""
    figure = catalogue.load(name)
    assert figure.tabulate is not None
    text = tabular.csv_text(figure.tabulate(load(name), campaign))
    return {row["vpn"]: row for row in csv.DictReader(io.StringIO(text))}


def test_every_figure_of_the_chapter_has_a_name() -> None:
    assert set(catalogue.names()) >= CHAPTER | ASKED_FOR


def test_the_page_names_the_output_of_each_figure_of_the_chapter() -> None:
    page = (Path(__file__).parents[2] / "docs" / "published.md").read_text(encoding="utf-8")
    rows = page.partition("## What became of each figure")[2].splitlines()
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"tool_cpu_only"}
    assert named <= set(catalogue.names())
    assert named >= CHAPTER | ASKED_FOR


@pytest.mark.parametrize("name", sorted(CHAPTER | ASKED_FOR))
def test_is_made_of_an_invented_run_and_says_what_it_shows(name: str, invented: Load) -> None:
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    figure, tables = catalogue.load(name), invented(name)
    assert figure.caption(tables, campaign)
    if figure.tabulate is not None:
        assert figure.tabulate(tables, campaign).rows
    else:
        spec = render.compose(figure, tables, campaign).spec
        assert any(word in str(spec) for word in ("internal", "nothing", "stock"))


CHARTS = sorted(name for name in CHAPTER | ASKED_FOR if name not in PRINTED)


def drawn(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every chart of the chapter from the invented run, by name."""
    load = aggregated(data.run(folder / "2025-12-18"), folder / "results")
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    for name in CHARTS:
        yield name, render.compose(catalogue.load(name), load(name), campaign).spec


@pytest.mark.parametrize("name", CHARTS)
def test_has_the_marks_domains_and_labels_of_the_golden_picture(name: str, invented: Load) -> None:
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    spec = render.compose(catalogue.load(name), invented(name), campaign).spec
    assert golden.structure(spec) == golden.read(name)


def test_a_changed_picture_differs_from_the_golden_one(invented: Load) -> None:
    campaign = context("internal", "demo", "tinc", profiles=("baseline", "low"))
    spec = render.compose(catalogue.load("tcp_links"), invented("tcp_links"), campaign).spec
    assert golden.structure(spec) != golden.read("tcp_links")


def test_a_sum_with_missing_links_is_no_total(invented: Load) -> None:
    campaign = context("internal", "demo", profiles=("low",))
    row = printed("parallel_scaling", invented, campaign)["demo"]
    assert row["parallel_mbit_s"] == ""
    assert row["parallel_mbit_s_missing"] == "1 of 3 only: not finished within 250 s"
    assert row["survivors_mbit_s"] == "40.0"
    assert row["n"] == "1/3"


def test_outages_are_told_as_such(invented: Load) -> None:
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    caption = catalogue.load("ping_loss").caption(invented("ping_loss"), campaign)
    assert "demo at low: 1 of 9 runs without any reply" in caption


def test_reasons_for_missing_udp_links(invented: Load) -> None:
    figure = catalogue.load("udp_reasons")
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    assert figure.tabulate is not None
    rows = figure.tabulate(invented("udp_reasons"), campaign).rows
    assert {row[2] for row in rows} == {"tool failed", "timed out"}


def test_the_vpn_s_share_of_a_reboot(real: Load) -> None:
    from meshbench.figures.charts.startup import reboot_split  # noqa: PLC0415

    by_vpn = {
        split.vpn: split for split in reboot_split.splits(real("reboot_split"), context(*VPNS))
    }
    assert by_vpn["wireguard"].added == pytest.approx(0.01, abs=0.005)
    assert by_vpn["mycelium"].added == pytest.approx(67, abs=1)
    assert by_vpn["yggdrasil"].added == pytest.approx(6, abs=1)
    assert {vpn for vpn, split in by_vpn.items() if split.added is None} == {
        "internal", "headscale", "nebula", "easytier", "tinc",
    }  # fmt: skip


def test_tables_of_the_real_data(real: Load) -> None:
    campaign = context(*VPNS)
    scaling = printed("parallel_scaling", real, campaign)
    assert [f"{float(scaling[vpn]['factor']):.2f}" for vpn in ("internal", "hyprspace", "mycelium")] == [
        "1.50", "2.18", "2.20",
    ]  # fmt: skip
    assert scaling["nebula"]["factor"] == ""
    assert f"{float(scaling['nebula']['factor_as_if_complete']):.2f}" == "1.38"
    latency = printed("latency_baseline", real, campaign)
    assert f"{float(latency['vpncloud']['spike_ratio']):.1f}" == "2.8"
    assert f"{float(latency['zerotier']['spike_ratio']):.1f}" == "2.3"
    tcp = printed("tcp_impairment", real, campaign)
    assert f"{float(tcp['headscale']['medium_mbit_s']):.2f}" == "41.46"
    assert tcp["internal"]["baseline_n"] == "3/3"


def test_captions_of_the_real_data(real: Load) -> None:
    campaign = context(*VPNS)

    def caption(name: str) -> str:
        return catalogue.load(name).caption(real(name), campaign)

    assert "63 % = 2.59 / 4.13 h" in caption("test_duration")
    assert "85.7 % = 6 / 7" in caption("success_rate")
    assert "47 of 132 links have one (25 timed out, 60 tool failed)" in caption(
        "udp_impairment_heatmap"
    )
    assert "1.40 = 41.5 / 29.6" in caption("headscale_gap_reversal")
    assert "vpncloud 2.8 = 3.14 / 1.13" in caption("latency_baseline")


def test_reordering_splits_the_systems(real: Load) -> None:
    from meshbench.figures.charts.retransmits import reordering_seen  # noqa: PLC0415

    groups = reordering_seen.groups(real("reordering_seen"), context(*VPNS))
    low = {g.vpn: measured.mean(g) for g in groups if g.profile == "low"}
    assert low["wireguard"] == pytest.approx(0.322, abs=0.001)
    assert low["internal"] == pytest.approx(0.015, abs=0.001)
    assert low["yggdrasil"] == 0


def test_lost_pings_stand_beside_their_round_trip_times(invented: Load) -> None:
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    groups = rtt.groups(invented("rtt"), campaign)
    lost = {(group.vpn, group.profile): rtt.loss(group) for group in groups}
    assert lost["demo", "low"] == pytest.approx(1 / 9)
    assert lost["internal", "baseline"] == 0
    drawn = str(render.compose(catalogue.load("rtt"), invented("rtt"), campaign).spec)
    assert "'loss'" in drawn
    assert "'p99'" not in drawn


@pytest.mark.parametrize(
    "name", sorted(PRINTED - {"impairment_profiles", "udp_reasons", "udp_sizes"})
)
def test_every_table_of_values_tells_their_spread_and_n(name: str, invented: Load) -> None:
    figure = catalogue.load(name)
    assert figure.tabulate is not None
    table = figure.tabulate(invented(name), context("internal", "demo"))
    keys = {column.key for column in table.columns}
    assert any(key.endswith("spread") or "_spread_" in key for key in keys)
    assert any(key == "n" or key.endswith("_n") for key in keys)


@pytest.fixture(scope="module")
def patchy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Load, Context]:
    """Two rounds of two systems, of which the second's second has no ping; one tuned run."""
    folder = tmp_path_factory.mktemp("patchy")
    for number, name in enumerate(("18.12.2025", "20.12.2025", "26.02.2026-optimized")):
        data.again(data.run(folder / "runs" / name), longer_s=number)
    for path in (folder / "runs" / "20.12.2025" / "Demo").rglob("ping.json"):
        path.unlink()
    shutil.rmtree(folder / "runs" / "26.02.2026-optimized" / "Demo")
    load = aggregated(folder / "runs", folder / "results")
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    return load, campaign.told(folder / "results" / "published" / "facts.json")


def test_runs_that_were_never_made_count_as_planned(patchy: tuple[Load, Context]) -> None:
    load, campaign = patchy
    groups = ping_loss.groups(load("ping_loss"), campaign)
    counts = {(g.vpn, g.tuning): (g.n_ok, g.planned) for g in groups if g.profile == "baseline"}
    assert counts == {
        ("internal", "stock"): (18, 18), ("internal", "tailscale-style"): (9, 9),
        ("demo", "stock"): (9, 18),
    }  # fmt: skip


def test_a_kind_of_test_without_a_file_is_no_success(patchy: tuple[Load, Context]) -> None:
    load, campaign = patchy
    by_vpn = {
        success.vpn: success for success in success_rate.successes(load("success_rate"), campaign)
    }
    assert (by_vpn["internal"].links, by_vpn["internal"].of_links) == (42, 42)
    assert by_vpn["demo"].of_links == 42
    notes = catalogue.load("success_rate").notes(load("success_rate"), campaign)
    assert "demo: not run (3 links)" in notes


def partial(folder: Path) -> tuple[Load, Context]:
    """A whole run, and two in which only TCP of one system was measured again."""
    data.run(folder / "runs" / "18.12.2025")
    for number, name in enumerate(("20.12.2025", "22.12.2025"), 1):
        data.again(data.run(folder / "all" / name), longer_s=number)
        for path in (folder / "all" / name / "Demo").rglob("tcp_iperf3.json"):
            there = folder / "runs" / name / path.relative_to(folder / "all" / name)
            data.write(there, json.loads(path.read_text()))
        layout = folder / "all" / name / "Demo" / "layout.json"
        shutil.copy(layout, folder / "runs" / name / "Demo" / "layout.json")
    load = aggregated(folder / "runs", folder / "results")
    campaign = context("internal", "demo", profiles=("baseline", "low"))
    return load, campaign.told(folder / "results" / "published" / "facts.json")


def test_a_partial_run_makes_nothing_else_incomplete(tmp_path: Path) -> None:
    load, campaign = partial(tmp_path)
    pings = ping_loss.groups(load("ping_loss"), campaign)
    assert {(g.vpn, g.n_ok, g.planned) for g in pings if g.profile == "baseline"} == {
        ("internal", 9, 9), ("demo", 9, 9),
    }  # fmt: skip
    rate = Measure("tcp", "send_rate", "Mbit/s")
    rates = measured.groups(load("tcp_impairment"), campaign, rate, ["baseline"])
    assert {(g.vpn, g.n_ok, g.planned) for g in rates} == {("internal", 3, 3), ("demo", 9, 9)}
    by_vpn = {
        success.vpn: success for success in success_rate.successes(load("success_rate"), campaign)
    }
    assert (by_vpn["internal"].of_links, by_vpn["demo"].of_links) == (21, 27)
    assert not [
        n
        for n in catalogue.load("success_rate").notes(load("success_rate"), campaign)
        if "not run" in n
    ]
    tiles = campaign_overview._tiles(load("campaign_overview").rows("cells"), campaign)
    assert not [tile for tile in tiles if tile["kind"] == "not_run"]


def test_what_no_run_set_out_to_do_is_not_run(tmp_path: Path) -> None:
    load, campaign = partial(tmp_path)
    assert campaign.planned("demo", "stock", benchmark="tcp", profile="low") == 9
    assert campaign.planned("demo", "stock", benchmark="udp", profile="low") == 3
    assert campaign.planned("demo", "stock", benchmark="udp", profile="high") == 0
    rows = load("tcp_impairment").rows("measures", benchmark="tcp", profile="low")
    group = next(g for g in collect(rows, campaign) if g.profile == "baseline")
    assert (group.trouble, group.n_ok) == ("not_run", 0)


@pytest.mark.parametrize("name", sorted(CHAPTER | ASKED_FOR))
def test_is_made_of_several_runs(name: str, patchy: tuple[Load, Context]) -> None:
    load, campaign = patchy
    figure, tables = catalogue.load(name), load(name)
    assert figure.caption(tables, campaign)
    if figure.tabulate is not None:
        rows = figure.tabulate(tables, campaign).rows
        labels = {tuple(e for e in row if isinstance(e, str) and "/" not in e) for row in rows}
        assert len(labels) == len(rows)
    else:
        assert render.compose(figure, tables, campaign).spec


def test_sample_sizes_name_each_system_once(patchy: tuple[Load, Context]) -> None:
    load, campaign = patchy
    measure = Measure("ping", "rtt_avg", "ms")
    groups = measured.groups(load("latency_baseline"), campaign, measure)
    assert measured.sample_sizes(groups, campaign) == ["n = 3 per mean; 6 for internal (stock)"]
