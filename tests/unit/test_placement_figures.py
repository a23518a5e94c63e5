"""Figures of a campaign with two placements, and of one with controls."""

from pathlib import Path

import pytest
import vl_convert as vlc

from meshbench.figures import catalogue
from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import render
from tests.unit import synthetic
from tests.unit.test_analysis import analysed, campaign

PROFILE = "baseline"
VPNS = ("internal", "tinc", "nebula")


def value(vpn: str, round_: int, index: int) -> float:
    return 1e8 * (1 + 0.01 * ((7 * round_ + len(vpn)) % 5)) + index


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Tinc halves at egress, and Nebula has no value there."""
    samples, links = [], []
    for placement in ("ingress", "egress"):
        some, more = campaign(value, VPNS, 8)
        for row in [*some, *more]:
            row["placement"] = placement
            if placement == "egress" and row["vpn"] == "nebula":
                row.update(status="failed", reason="no route")
                row.update({"value": None} if "value" in row else {})
            elif placement == "egress" and row["vpn"] == "tinc" and "value" in row:
                row["value"] /= 2
        samples += some
        links += more
    folder = tmp_path_factory.mktemp("placements")
    controls = {"systems": [["tinc", "internal"]]}
    analysed(folder, samples, links, placements=["ingress", "egress"], controls=controls, rounds=8)
    return {path.stem: path for path in (folder / "tables").glob("*.parquet")}


CONTEXT: Context = synthetic.context(
    vpns=VPNS, profiles=(PROFILE,), benchmarks=("tcp",), rounds=8, placements=("ingress", "egress")
)


def drawn(name: str, tables: dict[str, Path]) -> tuple[str, render.Drawn]:
    """A figure's picture, and what it says besides."""
    loaded = catalogue.load(name)
    data = Data.read({table: tables[table] for table in loaded.figure.tables})
    figure = render.compose(loaded, loaded.figure.chosen(data, CONTEXT), CONTEXT)
    return vlc.vegalite_to_svg(figure.spec, vl_version=render.VEGA_LITE), figure


def test_the_placements_are_compared_with_both_operands(tables: dict[str, Path]) -> None:
    picture, figure = drawn("placements", tables)
    assert "It changes: tinc, tcp at baseline 0.500 times (medians 50.8 and 102 Mbit/s)." in (
        figure.caption
    )
    assert "0.500 [0.500, 0.500], n=8" in picture
    assert "= 1.00 [1.00, 1.00], n=8" in picture
    assert "egress: failed: no route" in picture
    assert figure.notes == ("nebula, tcp at baseline: failed: no route",)
    assert "egress and ingress impairment" in picture


def test_a_figure_of_one_placement_shows_the_first_one(tables: dict[str, Path]) -> None:
    picture, figure = drawn("effects", tables)
    assert "no route" not in picture
    assert figure.notes == ()
    assert "ingress impairment" in picture
    assert "egress" not in picture


def test_the_controls_are_told_against_what_is_wanted(tables: dict[str, Path]) -> None:
    picture, figure = drawn("controls", tables)
    assert "the same twice" in picture
    assert "28 comparisons" in figure.caption
    assert "at most 5 % are wanted" in figure.caption
