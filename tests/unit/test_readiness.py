"""Readiness as data: in the samples of the cell that started the VPN, in its table, in its figure."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import vl_convert as vlc

from meshbench.collectors import startup
from meshbench.figures import catalogue
from meshbench.figures.charts.startup import readiness as figure
from meshbench.figures.contract import Data
from meshbench.figures.drawing import render
from meshbench.results import records
from meshbench.results.records import Record, Status
from meshbench.tables import aggregate, parse
from tests.unit import making, synthetic
from tests.unit.making import cell, command, link, record

PING = command(making.text("ping.txt"), took_s=1.3)
PAIRS = ("lom->yuki", "lom->luna", "yuki->lom", "yuki->luna", "luna->lom", "luna->yuki")


def started(vpn: str = "nebula", **words: Any) -> Record:
    start = record(link(PING), cell=cell(vpn=vpn, **words))
    start.vpn.ready_s = {pair: 0.5 + index / 10 for index, pair in enumerate(PAIRS)}
    start.vpn.direct_s = dict.fromkeys(PAIRS[:4], 1.25)
    return start


def failed(vpn: str = "nebula", **words: Any) -> Record:
    reason = "lom: it did not start"
    start = record(link(status=Status.FAILED, reason=reason), cell=cell(vpn=vpn, **words))
    start.vpn.status, start.vpn.reason = Status.FAILED, reason
    return start


def table(folder: Path, *recorded: Record) -> pa.Table:
    paths = []
    for number, cell_record in enumerate(recorded):
        paths.append(folder / f"{number}.json")
        records.write(cell_record, paths[-1])
    samples, links, out = (
        folder / "samples.parquet",
        folder / "links.parquet",
        folder / "out.parquet",
    )
    parse.parse(paths, samples, links)
    aggregate.aggregate("readiness", [samples], [links], out)
    return pq.read_table(out)


def test_every_ordered_pair_has_its_time(tmp_path: Path) -> None:
    rows = table(tmp_path, started()).to_pylist()
    assert {f"{row['source']}->{row['target']}": row["ready_s"] for row in rows} == {
        pair: pytest.approx(0.5 + index / 10) for index, pair in enumerate(PAIRS)
    }
    assert [row["direct_s"] for row in rows].count(1.25) == 4
    assert {row["status"] for row in rows} == {"ok"}
    assert {(row["benchmark"], row["profile"]) for row in rows} == {("ping", "low")}


def test_a_vpn_that_was_up_already_has_no_times(tmp_path: Path) -> None:
    assert table(tmp_path, record(link(PING))).num_rows == 0


def test_a_silent_pair_of_a_start_is_a_fact(tmp_path: Path) -> None:
    start = started()
    del start.vpn.ready_s["luna->yuki"]
    start.vpn.silent = ["luna->yuki"]
    rows = table(tmp_path, start).to_pylist()
    assert len(rows) == 6
    [silent] = [row for row in rows if row["ready_s"] is None]
    assert (silent["source"], silent["target"], silent["status"]) == ("luna", "yuki", "failed")
    assert "no traffic" in silent["reason"]


def test_a_vpn_that_never_came_up_fails_once_a_round(tmp_path: Path) -> None:
    tries = [failed(round=round_, profile=name) for round_ in (1, 2) for name in ("low", "high")]
    rows = table(tmp_path, *tries).to_pylist()
    pairs = [(row["round"], f"{row['source']}->{row['target']}") for row in rows]
    assert pairs == [(r, pair) for r in (1, 2) for pair in ("lom->yuki", "yuki->lom")]
    assert {(row["status"], row["ready_s"]) for row in rows} == {("failed", None)}
    assert {row["reason"] for row in rows} == {"lom: it did not start"}


def test_one_that_came_up_later_in_the_round_did_come_up(tmp_path: Path) -> None:
    rows = table(tmp_path, failed(profile="baseline"), started(profile="low")).to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    assert len(rows) == 6


def test_a_start_is_no_measure_of_its_cell(tmp_path: Path) -> None:
    failure, start = failed(profile="baseline"), started(profile="low")
    table(tmp_path, failure, start)
    files = synthetic.tables(tmp_path, [tmp_path / "samples.parquet"], [tmp_path / "links.parquet"])
    assert not set(pq.read_table(files["measures"])["metric"].to_pylist()) & {
        metric.name for metric in startup.Startup.metrics
    }


def test_the_figure_shows_each_system_and_why_one_is_missing(tmp_path: Path) -> None:
    context = synthetic.context(vpns=("internal", "wireguard", "nebula", "tinc"), rounds=1)
    # Started while another profile was measured: the network was not impaired all the same.
    tables = {"readiness": table(tmp_path, started("wireguard"), failed("tinc", profile="high"))}
    data = Data(tables)
    groups = {group.vpn: group for group in figure.groups(data, context)}
    assert groups.keys() == {"wireguard", "nebula", "tinc"}
    assert (groups["wireguard"].n_ok, groups["wireguard"].planned) == (6, 6)
    assert groups["tinc"].trouble == "failed"
    assert groups["nebula"].trouble == "not_run"
    assert "wireguard 1.0 s" in figure.caption(data, context)
    assert any("it did not start" in note for note in figure.notes(data, context))
    drawn = render.compose(catalogue.load("readiness"), data, context)
    svg = vlc.vegalite_to_svg(drawn.spec, vl_version=render.VEGA_LITE)
    assert catalogue.get("readiness").title in svg
    assert "Time until traffic passes (s)" in svg
