"""Every figure of the catalogue over campaigns in which all, half or something odd went wrong."""

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import vl_convert as vlc

from meshbench.figures import catalogue
from meshbench.figures.contract import Data, Figure
from meshbench.figures.drawing import render, tabular
from tests.unit import everything
from tests.unit.everything import BROKEN, PROFILES, REASON, VPNS

FIGURES = catalogue.every()
CHARTS = [figure for figure in FIGURES if "svg" in figure.formats]
PRINTED = [figure for figure in FIGURES if "csv" in figure.formats]
NO_VALUES = {"impairment", "impairment_profiles", "power", "test_duration"}
"""Figures of the network and of time, in which no system can fail."""
Made = dict[str, dict[str, Path]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return {
        state: everything.write(tmp_path_factory.mktemp(state), state)
        for state in get_args(everything.State)
    }


class Drawings:
    """Each chart of each state drawn once, whatever tests look at it."""

    def __init__(self, by_state: Made) -> None:
        self._made = by_state
        self._drawn: dict[tuple[str, str], render.Drawn] = {}

    def of(self, figure: Figure, state: str) -> render.Drawn:
        key = (figure.name, state)
        if key not in self._drawn:
            data = read(figure, self._made, state)
            loaded = catalogue.load(figure.name)
            self._drawn[key] = render.compose(loaded, data, everything.context())
        return self._drawn[key]


@pytest.fixture(scope="module")
def drawings(made: Made) -> Drawings:
    return Drawings(made)


def read(figure: Figure, by_state: Made, state: str) -> Data:
    return Data.read({table: by_state[state][table] for table in figure.tables})


def name(figure: Figure) -> str:
    return figure.name


def shown(figure: Figure) -> tuple[str, ...]:
    """The systems that a figure is to show."""
    if figure.name == "readiness":
        return tuple(vpn for vpn in VPNS if vpn != "internal")
    return figure.systems or VPNS


@pytest.mark.parametrize("figure", CHARTS, ids=name)
def test_every_chart_becomes_a_pdf(figure: Figure, drawings: Drawings) -> None:
    """An SVG that is nested too deeply does not."""
    svg = vlc.vegalite_to_svg(drawings.of(figure, "good").spec, vl_version=render.VEGA_LITE)
    assert vlc.svg_to_pdf(svg).startswith(b"%PDF")


@pytest.mark.parametrize("state", get_args(everything.State))
@pytest.mark.parametrize("figure", CHARTS, ids=name)
def test_every_chart_is_drawn_with_axes_that_can_be_read(
    figure: Figure, state: str, drawings: Drawings
) -> None:
    drawn = drawings.of(figure, state)
    svg = vlc.vegalite_to_svg(drawn.spec, vl_version=render.VEGA_LITE)
    nonsense = [text for text in axis_labels(svg) if re.search(r"\d[\d,.]{8}|0\.0000", text)]
    assert nonsense == []
    assert not re.search(r"\b(NaN|undefined|null|Infinity)\b", " ".join(texts(svg)))
    assert drawn.caption
    assert not re.search(r"\d{16}", drawn.caption)


def texts(svg: str) -> list[str]:
    return [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)<", svg)]


def axis_labels(svg: str) -> list[str]:
    groups = re.findall(r'role-axis-label"[^>]*>(.*?)</g>', svg)
    return [text for group in groups for text in texts(group)]


@pytest.mark.parametrize("figure", CHARTS, ids=name)
def test_what_failed_is_drawn_as_failed_with_its_reason(figure: Figure, drawings: Drawings) -> None:
    if figure.name in NO_VALUES:
        return
    drawn = drawings.of(figure, "failed")
    text = json.dumps([drawn.spec["datasets"], *drawn.notes], ensure_ascii=False)
    assert REASON in text
    assert "failed" in text
    assert not re.search(r"not run\b|not measured|nothing was measured", text)
    for vpn in shown(figure):
        assert vpn in json.dumps(drawn.spec), vpn


@pytest.mark.parametrize("figure", CHARTS, ids=name)
def test_every_planned_row_has_a_value_or_a_reason(figure: Figure, drawings: Drawings) -> None:
    drawn = drawings.of(figure, "half")
    for view, data_names in views(drawn.spec, frozenset()):
        rows = [row for name in data_names for row in drawn.spec["datasets"][name]]
        for field in ("key", "system"):
            for wanted in domain(view, field):
                mine = [row for row in rows if row.get(field) == wanted]
                explained = [row for row in mine if told_of(row)]
                assert explained, (view.get("title"), wanted)


def told_of(row: dict[str, Any]) -> bool:
    """Whether it says a value or why there is none."""
    words = " ".join(
        str(row.get(key) or "") for key in ("text", "why", "value", "detail", "label", "status")
    )
    return isinstance(row.get("value"), float) or bool(re.search(r"ok|failed|\d", words))


def views(node: dict[str, Any], above: frozenset[str]) -> Iterator[tuple[dict[str, Any], set[str]]]:
    """Every layered view with the names of its data, which may stand in a node above it."""
    names = above | ({node["data"]["name"]} if "data" in node else set())
    if "layer" in node:
        yield node, {*names, *(part["data"]["name"] for part in node["layer"] if "data" in part)}
    for key in ("vconcat", "concat", "hconcat"):
        for part in node.get(key, ()):
            yield from views(part, names)


def domain(view: dict[str, Any], field: str) -> list[str]:
    """The names on the vertical axis."""
    for layer in view["layer"]:
        y = layer.get("encoding", {}).get("y", {})
        if y.get("field") == field and isinstance(y.get("scale"), dict):
            names: list[str] = y["scale"].get("domain", [])
            return names
    return []


@pytest.mark.parametrize("state", get_args(everything.State))
@pytest.mark.parametrize("figure", PRINTED, ids=name)
def test_every_table_is_written(figure: Figure, state: str, made: Made) -> None:
    loaded, data, context = (
        catalogue.load(figure.name),
        read(figure, made, state),
        everything.context(),
    )
    assert loaded.tabulate is not None
    table = loaded.tabulate(data, context)
    latex = tabular.latex(table, loaded.caption(data, context), "x", loaded.notes(data, context))
    assert not re.search(r"\b(nan|inf)\b|\d{16}", latex)
    assert list(csv.reader(io.StringIO(tabular.csv_text(table))))


@pytest.mark.parametrize("state", ["failed", "half"])
@pytest.mark.parametrize("figure", PRINTED, ids=name)
def test_a_table_says_of_every_system_what_failed_and_why(
    figure: Figure, state: str, made: Made
) -> None:
    if figure.name in NO_VALUES:
        return
    loaded, data = catalogue.load(figure.name), read(figure, made, state)
    assert loaded.tabulate is not None
    text = tabular.csv_text(loaded.tabulate(data, everything.context()))
    rows = list(csv.DictReader(io.StringIO(text)))
    for vpn in shown(figure):
        mine = [row for row in rows if row["vpn"].startswith(vpn)]
        if state == "failed" or vpn == BROKEN:
            assert mine
            assert all(f"failed: {REASON}" in cells(row) or REASON in cells(row) for row in mine)
    assert "not run" not in text
    if not figure.first_profile:
        assert all(profile in text for profile in PROFILES)


def cells(row: dict[str, str]) -> str:
    return " ".join(row.values())
