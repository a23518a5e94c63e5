"""Names may have forty characters: above columns and panels they are whole and apart."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree  # noqa: ICN001

import pytest
import vl_convert as vlc

from meshbench.figures import catalogue
from meshbench.figures.contract import Data
from meshbench.figures.drawing import render, theme
from meshbench.figures.drawing.wording import broken
from tests.unit import synthetic

LONG = {
    "baseline": "baseline",
    "low": "rural-dsl-evening_25mbit_with-bufferbloat",
    "medium": "satellite@geo.600ms-rtt_and_0.5-loss-avg",
    "high": "abcdefghijklmnopqrstuvwxyzabcdefghijklmn",
}
CHARTS = [figure.name for figure in catalogue.every() if "svg" in figure.formats]
SHOWN = {"campaign_overview", "rtt", "tcp_retransmits", "tcp_throughput", "throughput_profiles"}
"""Charts that have profiles as heads and values in the synthetic campaign."""
Files = Mapping[str, Path]


@dataclass(frozen=True)
class Box:
    """Where a text stands, in px."""

    text: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: "Box") -> bool:
        return (
            self.left < other.right - 1
            and other.left < self.right - 1
            and self.top < other.bottom - 1
            and other.top < self.bottom - 1
        )


def _number(pattern: str, text: str) -> tuple[float, ...]:
    match = re.search(pattern, text)
    return tuple(map(float, match.groups())) if match else (0.0, 0.0)


def boxes(element: ElementTree.Element, x: float = 0, y: float = 0) -> Iterator[Box]:
    """Every line of text of an SVG; a letter is half as wide as it is high."""
    dx, dy = _number(r"translate\(([-\d.]+),\s*([-\d.]+)\)", element.get("transform", ""))
    x, y = x + dx, y + dy
    if element.tag.endswith("text") and "rotate" not in element.get("transform", ""):
        size = float((element.get("font-size") or "10").removesuffix("px"))
        lines = [(element.text or "", x, y)]
        foot = y
        for span in element:
            foot += float(span.get("dy", 0))
            lines.append((span.text or "", x + float(span.get("x", 0)), foot))
        for text, left, foot in lines:
            width = 0.5 * size * len(text)
            share = {"middle": 0.5, "end": 1.0}.get(element.get("text-anchor", ""), 0.0)
            if text.strip():
                yield Box(
                    text, left - share * width, foot - 0.8 * size, left + (1 - share) * width, foot
                )
    for child in element:
        yield from boxes(child, x, y)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Files:
    samples, links = synthetic.campaign()
    for row in [*samples, *links]:
        row["profile"] = LONG[row["profile"]]
    return synthetic.write(tmp_path_factory.mktemp("names"), samples, links)


@pytest.mark.parametrize("name", CHARTS)
def test_long_profile_names_are_whole_and_apart(name: str, campaign: Files) -> None:
    figure = catalogue.load(name)
    data = Data.read({table: campaign[table] for table in figure.figure.tables})
    context = synthetic.context(profiles=tuple(LONG.values()))
    svg = vlc.vegalite_to_svg(
        render.compose(figure, data, context).spec, vl_version=render.VEGA_LITE
    )
    placed = list(boxes(ElementTree.fromstring(svg)))  # noqa: S314
    heads = [box for box in placed if _is_of_a_name(box.text)]
    assert heads or name not in SHOWN
    meeting = [(a.text, b.text) for a in heads for b in placed if a is not b and a.meets(b)]
    assert meeting == []


def _is_of_a_name(text: str) -> bool:
    first = text.partition(", ")[0]
    return len(first) > 3 and any(first in name for name in LONG.values())


@pytest.mark.parametrize("name", LONG.values())
def test_a_broken_name_is_whole_and_fits(name: str) -> None:
    for width in (30, 74, 200, 1000):
        lines = broken(name, width, theme.TEXT)
        assert "".join(lines) == name
        assert max(map(len, lines)) <= max(4, width / (0.56 * theme.TEXT))
    assert broken(name, 1000, theme.TEXT) == [name]
    assert broken("", 1000, theme.TEXT) == [""]
