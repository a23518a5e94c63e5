"""The report: everything of a campaign on one page that needs nothing else."""

import base64
import json
import re
from html.parser import HTMLParser

import pytest

from meshbench.checks import files as checks
from meshbench.figures import catalogue
from meshbench.figures.drawing import render
from meshbench.report.page import Sources, write
from tests.unit import synthetic

NAMES = ("rtt", "throughput_table")
REASON = "</script><b>no route</b> & so on"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("report")
    samples, links = synthetic.campaign()
    index = next(i for i, row in enumerate(links) if row["benchmark"] == "tcp")
    links[index] = {**links[index], "status": "failed", "reason": REASON}
    tables = synthetic.write(
        folder, samples, [{**row, "congestion_control": "bbr"} for row in links]
    )
    for name in NAMES:
        outputs = {kind: folder / f"{name}.{kind}" for kind in catalogue.get(name).formats}
        render.render(name, tables, synthetic.context(), outputs, folder / "v.js")
    checks.findings([], [], folder / "f.parquet", folder / "f.html")
    facts, imported = folder / "deploy.json", folder / "import.json"
    facts.write_text(json.dumps({"note": "<i>1 < 2</i>"}))
    imported.write_text(json.dumps({"files": 3, "not imported": {"a<b>.json": "set aside: odd"}}))
    (folder / "c.html").write_text("<p>2 claims: 2 match</p>")
    return Sources(folder, NAMES, tables, folder / "f.html", folder / "c.html", [facts], imported)


@pytest.fixture(scope="module")
def page(sources: Sources) -> str:
    out = sources.figures / "report.html"
    write(sources, synthetic.context(), out)
    return out.read_text("utf-8")


def test_it_has_a_part_for_everything(page: str) -> None:
    parts = re.findall(r'<section id="(\w+)">', page)
    assert parts == [
        "said", "cells", "checks", "claims", "figures", "tables", "calibration", "versions", "import",
    ]  # fmt: skip
    assert re.findall(r'<a href="#(\w+)">', page) == parts
    assert "2 claims: 2 match" in page
    for name in NAMES:
        assert catalogue.get(name).title in page


def test_its_head_says_what_the_numbers_rest_on(page: str) -> None:
    head = page[: page.index("<nav>")]
    assert "TCP bbr" in head
    assert "not recorded: kernel, CPU" in head


def test_it_needs_nothing_but_itself(page: str, sources: Sources) -> None:
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "<script" not in page
    [svg] = re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)
    assert base64.b64decode(svg) == (sources.figures / "rtt.svg").read_bytes()
    for link in re.findall(r'href="([^#"][^"]*)"', page):
        assert (sources.figures / link).is_file(), link


class Balance(HTMLParser):
    """Whether what is opened is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_text_from_outside_stays_text(page: str) -> None:
    assert "&lt;/script&gt;&lt;b&gt;no route&lt;/b&gt; &amp; so on" in page
    assert "&lt;i&gt;1 &lt; 2" in page
    assert "a&lt;b&gt;.json" in page
    parser = Balance()
    parser.feed(page)
    assert parser.open == []


def test_without_claims_or_an_import_there_is_no_such_part(sources: Sources) -> None:
    plain = Sources(sources.figures, NAMES, sources.tables, sources.findings, None, [], None)
    out = sources.figures / "plain.html"
    write(plain, synthetic.context(), out)
    assert not re.search(r'id="(?:claims|import)"', out.read_text("utf-8"))
