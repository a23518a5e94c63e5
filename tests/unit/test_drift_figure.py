"""What the figure of the drift says of rounds with the bare link around them, and of neighbours' CPU."""

from datetime import timedelta
from pathlib import Path

from meshbench.figures import catalogue
from meshbench.figures.charts.analysis import drift
from meshbench.figures.contract import Data
from meshbench.figures.drawing import brackets, neighbours, render
from tests.unit import synthetic
from tests.unit.synthetic import START
from tests.unit.test_brackets import Rows, of, side
from tests.unit.test_headlines import drawn_rows

BARE_BPS = 900e6


def campaign(*, around: bool = True, outside: bool = True) -> tuple[Rows, Rows]:
    """Two rounds; the bare link lost a third within the second one at Low, while others were busy."""
    samples, links = synthetic.campaign(rounds=2, vpns=("internal", "tinc"))
    for round_, after in ((1, 1.0), (2, 0.66)) if around else ():
        begun = START + timedelta(hours=round_)
        for word, factor, at in (
            ("before", 1.0, begun), ("after", after, begun + timedelta(minutes=30))
        ):  # fmt: skip
            more = side(
                word, of(factor * BARE_BPS), at=at, round=round_, mode="single", direction="forward"
            )
            samples, links = samples + more[0], links + more[1]
    for row in links if outside else ():
        if row["vpn"] == "tinc" and row["benchmark"] == "tcp" and row["profile"] == "low":
            where = {key: row[key] for key in synthetic.cell()} | {"source": "*", "target": "*"}
            share = 0.4 if row["round"] == 2 else 0.01
            samples.append(synthetic.sample("outside_cpu", share, **where, host=row["source"]))
    return samples, links


def read(folder: Path, samples: Rows, links: Rows) -> Data:
    files = synthetic.write(folder, samples, links)
    return Data.read({name: files[name] for name in catalogue.get("drift").tables})


def test_a_round_whose_bare_link_moved_is_drawn_red_and_told(tmp_path: Path) -> None:
    data, context = read(tmp_path, *campaign()), synthetic.context(vpns=("internal", "tinc"))
    rows = drawn_rows(render.compose(catalogue.load("drift"), data, context))
    slopes = {row["round"]: row for row in rows if "before" in row}
    assert len(slopes) == 2
    assert slopes[1]["before"] == slopes[1]["after"]
    assert slopes[1]["colour"] != slopes[2]["colour"]
    assert slopes[2]["from"] == 2 - brackets.HALF_ROUND
    caption = drift.caption(data, context)
    assert "tcp goodput 0.830 in the median of 2 (0.660 to 1.00)" in caption
    assert "round 2 at low moved by more than 20 %, and the cells between are marked" in caption
    assert "lie outside these times" in caption


def test_what_neighbours_had_is_drawn_by_cell_and_told(tmp_path: Path) -> None:
    data, context = read(tmp_path, *campaign()), synthetic.context(vpns=("internal", "tinc"))
    rows = drawn_rows(render.compose(catalogue.load("drift"), data, context))
    shares = [row["percent"] for row in rows if row.get("benchmark") == "tcp"]
    assert sorted(shares) == [1.0, 40.0]
    assert "at most 40 % (tinc tcp at low, round 2)" in drift.caption(data, context)


def test_without_either_the_figure_says_nothing_of_them(tmp_path: Path) -> None:
    data = read(tmp_path, *campaign(around=False, outside=False))
    context = synthetic.context(vpns=("internal", "tinc"))
    assert brackets.told(data) == neighbours.told(data) == ""
    rows = drawn_rows(render.compose(catalogue.load("drift"), data, context))
    assert rows
    assert not any("before" in row or "benchmark" in row for row in rows)
