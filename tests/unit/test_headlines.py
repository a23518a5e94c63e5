"""The generic figure: what any benchmark has drawn, printed and reported without code of its own."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from altair.vegalite.v6.schema import core

from meshbench.checks import files as checks
from meshbench.figures import catalogue
from meshbench.figures.contract import CHART_FORMATS, Context, Data, Headline, Plan
from meshbench.figures.drawing import render, tabular
from meshbench.report.page import Sources, write
from meshbench.results import metrics
from meshbench.results.metrics import Metric
from meshbench.util.errors import ConfigError
from meshbench.workflow import hooks
from tests.unit import making, synthetic

FETCH = Metric("fetch_time", "s", "Fetch time", "lower", "One page.", "a test")
POWER = Metric("power", "W", "Power", "lower", "Of a host, over the run.", "a test")
SIZE = Metric("page_size", "byte", "Page size", "neither", "Of the page.", "a test")
NAME = "http@fast.1"
HEADLINES = (
    Headline(NAME, "fetch_time", "cold", "forward", "link"),
    Headline(NAME, "fetch_time", "warm", "forward", "link"),
    Headline(NAME, "power", None, "forward", "host"),
)
REASON = "connection refused"
Files = dict[str, Path]


@pytest.fixture(scope="module", autouse=True)
def registered() -> Iterator[None]:
    before = dict(metrics._registry)
    metrics.register(FETCH, POWER, SIZE)
    yield
    metrics._registry.clear()
    metrics._registry.update(before)


def context(**changes: Any) -> Context:
    words = {"benchmarks": (NAME,), "profiles": ("baseline", "low"), "headlines": HEADLINES}
    return synthetic.context(vpns=("internal", "tinc", "nebula"), **{**words, **changes})


def rows() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Tinc failed at low; Nebula was never run; a host of Tinc's did not say its power."""
    samples, links = [], []
    for round_ in (1, 2):
        for vpn in ("internal", "tinc"):
            for profile in ("baseline", "low"):
                bad = (vpn, profile) == ("tinc", "low")
                failure = {"status": "failed", "reason": REASON} if bad else {}
                at = {"round": round_, "vpn": vpn, "profile": profile, "benchmark": NAME}
                for source, target in synthetic.LINKS:
                    here = {**at, "source": source, "target": target}
                    links.append(synthetic.link(**here, **failure))
                    for mode, value in (("cold", 0.4), ("warm", 0.1)):
                        value_s = None if bad else value
                        samples.append(
                            synthetic.sample(
                                "fetch_time", value_s, "s", **here, mode=mode, **failure
                            )
                        )
                    samples.append(synthetic.sample("page_size", 1e6, "byte", **here, **failure))
                samples += hosts(at, failure)
    return samples, links


def hosts(at: dict[str, Any], failure: dict[str, str]) -> list[dict[str, Any]]:
    everywhere = {**at, "source": "*", "target": "*"}
    return [
        synthetic.sample(
            "power", None if failure else 40.0, "W", **everywhere, host=host, **failure
        )
        for host in ("lom", "luna", "yuki")
        if (host, at["vpn"], at["profile"]) != ("luna", "tinc", "baseline")
    ]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return synthetic.write(tmp_path_factory.mktemp("headlines"), *rows())


def compose(files: Files, context: Context) -> render.Drawn:
    loaded = catalogue.load(f"benchmark-{NAME}")
    data = Data.read({table: files[table] for table in loaded.figure.tables})
    return render.compose(loaded, data, context)


def drawn_rows(drawn: render.Drawn) -> list[dict[str, Any]]:
    """The rows of every layer: those of equal layers are kept once in the specification."""
    return [row for name in names(drawn.spec) for row in drawn.spec["datasets"][name]]


def names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "name" in node.get("data", {}):
            yield node["data"]["name"]
        for key in ("vconcat", "concat", "layer"):
            for part in node.get(key, ()):
                yield from names(part)


def test_every_value_is_a_point_and_what_failed_says_why(files: Files) -> None:
    drawn = compose(files, context())
    core.Root.validate(drawn.spec)
    rows = drawn_rows(drawn)
    points = [row for row in rows if "link" in row]
    # Three good cells of links in two modes, and of hosts, of which one said nothing once a round.
    assert len([row for row in points if "→" in row["link"]]) == 2 * 3 * 2 * 3
    assert len([row for row in points if row["link"] == "lom"]) == 2 * 3
    assert [row["text"] for row in rows if REASON in row.get("text", "")] == [
        f"\N{MULTIPLICATION SIGN} failed: {REASON}"
    ] * 3
    # In both profiles, for each mode and for the hosts.
    assert len([row for row in rows if str(row.get("text")).endswith("not run")]) == 6
    counted = [row["text"] for row in rows if str(row.get("text")).endswith("/6")]
    assert sorted(set(counted)) == ["0/6", "4/6"]
    text = json.dumps(drawn.spec, ensure_ascii=False)
    assert "Fetch time (s)" in text
    assert "Power (W)" in text
    assert "Page size" not in text
    assert "One page." in drawn.caption
    assert any(
        note.startswith("tinc, low: 6 of 6 failed: connection refused") for note in drawn.notes
    )


def test_without_headlines_what_has_a_good_end_is_shown(files: Files) -> None:
    drawn = compose(files, context(headlines=()))
    text = json.dumps(drawn.spec, ensure_ascii=False)
    assert "Fetch time (s)" in text
    assert "Power (W)" in text
    assert "Page size" not in text


def test_nothing_measured_yet_is_not_run_everywhere(tmp_path: Path) -> None:
    drawn = compose(synthetic.tables(tmp_path, [], []), context())
    missing = [row for row in drawn_rows(drawn) if str(row.get("text")).endswith("not run")]
    assert len(missing) == 3 * 2 * 2


def test_the_table_has_a_row_for_each(files: Files) -> None:
    loaded = catalogue.load(f"benchmark-{NAME}")
    data = Data.read({table: files[table] for table in loaded.figure.tables})
    assert loaded.tabulate is not None
    text = tabular.csv_text(loaded.tabulate(data, context()))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 3 * 2 * 3
    cells = {
        (row["vpn"], row["profile"], row["metric"], row["mode"]): (
            row["median"], row["median_missing"], row["unit"], row["n"],
        )
        for row in rows
    }  # fmt: skip
    assert cells["tinc", "baseline", "Fetch time", "warm"] == ("0.1", "", "s", "6/6")
    assert cells["tinc", "low", "Fetch time", "cold"] == ("", f"failed: {REASON}", "s", "0/6")
    assert cells["tinc", "baseline", "Power", ""] == ("40.0", "", "W", "4/6")
    assert cells["nebula", "low", "Power", ""] == ("", "not run", "W", "0/6")


def test_it_is_in_the_report(files: Files, tmp_path: Path) -> None:
    name = f"benchmark-{NAME}"
    outputs = {kind: tmp_path / f"{name}.{kind}" for kind in catalogue.get(name).formats}
    render.render(name, files, context(), outputs, tmp_path / "v.js")
    assert all(path.stat().st_size for path in outputs.values())
    checks.findings([], [], tmp_path / "f.parquet", tmp_path / "f.html")
    sources = Sources(tmp_path, (name,), files, tmp_path / "f.html", None, [], None)
    write(sources, context(), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("Headline values of http@fast.1") >= 2
    assert f"failed: {REASON}" in page
    assert f'href="{name}.svg"' in page
    assert f'href="{name}.csv"' in page
    ids = [part.partition('"')[0] for part in page.split(' id="')[1:]]
    assert len(ids) == len(set(ids))


def test_every_benchmark_of_a_campaign_has_one() -> None:
    assert (
        catalogue.suitable(Plan((NAME, "calibration", "timing", "netem")))[-1]
        == f"benchmark-{NAME}"
    )
    assert not [name for name in catalogue.suitable(Plan(("netem",))) if "netem" in name]
    shown = hooks.figures(making.campaign())
    assert {"benchmark-ping", "benchmark-tcp"} <= set(shown)
    assert set(CHART_FORMATS) < set(catalogue.get("benchmark-ping").formats)


def test_a_campaign_may_name_those_of_its_benchmarks_only() -> None:
    hooks._check_figures(making.campaign(figures=("benchmark-ping",)), [])
    with pytest.raises(ConfigError, match="there is no 'benchmark-quic'"):
        hooks._check_figures(making.campaign(figures=("benchmark-quic",)), [])


def test_headlines_are_those_the_benchmarks_name_with_their_options() -> None:
    context = Context.from_dict(json.loads(json.dumps(hooks.context(making.campaign()))))
    assert Headline("ping", "rtt_avg", None, "forward", "link") in context.headlines
    assert {headline.mode for headline in context.headlines if headline.benchmark == "tcp"} <= {
        "single",
        "bidir",
    }
    assert [
        headline
        for headline in context.headlines
        if (headline.benchmark, headline.metric) == ("tcp", "goodput")
    ]
