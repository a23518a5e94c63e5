"""Figures of simultaneous TCP from one's own runs: which mode they show, and what they say is missing."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench.figures import catalogue
from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import render, tabular
from tests.unit import synthetic
from tests.unit.synthetic import LINKS, link, sample

VPNS = ("internal", "nebula")
REASON = "no route to host, " + "which the tool says at length; " * 4
Rows = list[dict[str, Any]]


def context() -> Context:
    return synthetic.context(
        vpns=VPNS, profiles=("baseline",), benchmarks=("tcp", "tcp_parallel"), rounds=1
    )


def flows(
    vpn: str, benchmark: str, rate: float, modes: tuple[str, ...] = ("bidir",)
) -> Iterator[dict[str, Any]]:
    for source, target in LINKS:
        at = {"vpn": vpn, "benchmark": benchmark, "source": source, "target": target}
        for mode, direction in ((mode, way) for mode in modes for way in ("forward", "reverse")):
            # One direction alone is faster, so that a mean over modes would show.
            value = rate * (1 if mode == "bidir" else 2)
            key = {**at, "mode": mode, "direction": direction}
            for metric in ("goodput", "send_rate"):
                yield sample(metric, value, "bit/s", **key)
            yield sample("retransmit_rate", 0.01, **key)
            for second in range(3):
                yield sample("goodput", value, "bit/s", **key, t_s=float(second))


def data(folder: Path, figure: str, samples: Rows, broken: str = "") -> Data:
    """The tables of a figure; the first link of `broken` failed with all links at once."""
    links = [
        link(vpn=vpn, benchmark=benchmark, source=source, target=target)
        for vpn in VPNS
        for benchmark in ("tcp", "tcp_parallel")
        for source, target in LINKS
    ]
    for row in (*samples, *links):
        first = (row["source"], row["target"]) == LINKS[0]
        if (row["vpn"], row["benchmark"]) == (broken, "tcp_parallel") and first:
            row |= {"status": "failed", "reason": REASON}
            if "value" in row and row.get("t_s") is None:
                row["value"] = None
    files = synthetic.write(folder, samples, links)
    return Data.read({name: files[name] for name in catalogue.get(figure).tables})


def ring(modes: tuple[str, ...] = ("bidir",)) -> Rows:
    return [
        row
        for vpn in VPNS
        for benchmark, rate in (("tcp", 100e6), ("tcp_parallel", 50e6))
        for row in flows(vpn, benchmark, rate, modes if benchmark == "tcp" else ("bidir",))
    ]


def printed(figure: str, tables: Data) -> dict[tuple[str, str], dict[str, str]]:
    loaded = catalogue.load(figure)
    assert loaded.tabulate
    text = tabular.csv_text(loaded.tabulate(tables, context()))
    return {(row["vpn"], row.get("counted", "")): row for row in csv.DictReader(io.StringIO(text))}


ALL_MODES = ("single", "bidir")


@pytest.mark.parametrize("modes", [("bidir",), ALL_MODES])
def test_single_and_simultaneous_tcp_are_compared_in_the_same_mode(
    tmp_path: Path, modes: tuple[str, ...]
) -> None:
    tables = data(tmp_path, "parallel_scaling", ring(modes))
    row = printed("parallel_scaling", tables)["nebula", ""]
    assert float(row["single_mbit_s"]) == 100
    assert (float(row["parallel_mbit_s"]), float(row["factor"])) == (150, 1.5)
    assert (row["single_n"], row["n"]) == ("3/3", "3/3")


@pytest.mark.parametrize(
    ("figure", "key"), [("parallel_scaling", "factor"), ("retransmit_parallel", "ratio")]
)
def test_modes_that_differ_are_not_divided(tmp_path: Path, figure: str, key: str) -> None:
    tables = data(tmp_path, figure, ring(("single",)))
    row = printed(figure, tables)["internal", ""]
    assert (row[key], row[f"{key}_missing"]) == ("", "other mode: single against bidir")


def test_both_ways_of_counting_stand_beside_what_counting_allows(tmp_path: Path) -> None:
    tables = data(tmp_path, "parallel_flows", ring())
    rows = printed("parallel_flows", tables)
    for counted, factor, total in (("forward", 1.5, 150), ("all", 3, 300)):
        row = rows["nebula", counted]
        assert float(row["factor"]) == float(row["allowed"]) == pytest.approx(factor)
        assert float(row["sum_mbit_s"]) == pytest.approx(total)
        assert float(row["fairness"]) == 1
        assert row["n"] == "1/1"
    drawn = render.compose(catalogue.load("parallel_flows"), tables, context())
    assert "6 flows at the same time" in drawn.caption
    assert "1.50 = 150.0 / 100" in drawn.caption
    titles = json.dumps(drawn.spec, ensure_ascii=False)
    assert "counting allows 1.5" in titles
    assert "counting allows 3" in titles


def test_a_sum_that_lacks_a_pair_is_empty_and_says_why(tmp_path: Path) -> None:
    tables = data(tmp_path, "parallel_flows", ring(), broken="nebula")
    row = printed("parallel_flows", tables)["nebula", "all"]
    assert row["factor"] == ""
    assert row["sum_mbit_s_missing"] == f"failed: lom->yuki: {REASON}"
    assert row["n"] == "0/1"
    drawn = render.compose(catalogue.load("parallel_flows"), tables, context())
    assert any("no route to host" in note for note in drawn.notes)


def test_a_factor_without_a_single_run_says_so(tmp_path: Path) -> None:
    samples = [row for row in ring() if row["benchmark"] == "tcp_parallel"]
    row = printed("parallel_flows", data(tmp_path, "parallel_flows", samples))["internal", "all"]
    assert float(row["sum_mbit_s"]) == pytest.approx(300)
    drawn = render.compose(
        catalogue.load("parallel_flows"), data(tmp_path, "parallel_flows", samples), context()
    )
    assert any("no value over one link at a time" in note for note in drawn.notes)


def test_every_flow_is_drawn_over_time_also_of_a_link_that_failed(tmp_path: Path) -> None:
    samples = [{**row, "value": row["value"] * (1 + VPNS.index(row["vpn"]))} for row in ring()]
    tables = data(tmp_path, "parallel_time", samples, broken="nebula")
    drawn = render.compose(catalogue.load("parallel_time"), tables, context())
    lines = [rows for rows in drawn.spec["datasets"].values() if rows and "direction" in rows[0]]
    assert [len({(row["link"], row["direction"]) for row in rows}) for rows in lines] == [6, 6]
    [lacking] = re.findall(r'"subtitle": "([^"]*no route to host[^"]*)"', json.dumps(drawn.spec))
    assert len(json.loads(f'"{lacking}"')) <= 52
    assert any("no route to host" in note for note in drawn.notes)
