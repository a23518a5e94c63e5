"""Figures by what their specifications and their SVG say: nothing planned may be left out."""

# ruff: noqa: RUF001  (the figures have dashes and multiplication signs)

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import vl_convert as vlc
from altair.vegalite.v6.schema import core

from meshbench.figures import catalogue
from meshbench.figures import contract as base
from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import render, theme
from meshbench.results import metrics
from meshbench.util.errors import MeshbenchError
from tests.unit import synthetic

CHARTS = [name for name in catalogue.names() if "svg" in catalogue.get(name).formats]
Files = dict[str, Path]


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return synthetic.write(tmp_path_factory.mktemp("campaign"), *synthetic.campaign())


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return synthetic.tables(tmp_path_factory.mktemp("empty"), [], [])


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> Files:
    samples, links = synthetic.campaign(all_failed=True)
    headlines = [row for row in samples if row["benchmark"] != "calibration"]
    assert {row["value"] for row in headlines} == {None}
    return synthetic.write(tmp_path_factory.mktemp("failed"), headlines, links)


_drawn: dict[tuple[str, Path, Context], render.Drawn] = {}
_texts: dict[int, list[str]] = {}


def compose(name: str, files: Files, context: Context | None = None) -> render.Drawn:
    """The figure; drawn once for all tests, as that takes about a second."""
    planned = context or synthetic.context()
    key = name, files["links"], planned
    if key not in _drawn:
        figure = catalogue.load(name)
        data = Data.read({table: files[table] for table in figure.figure.tables})
        _drawn[key] = render.compose(figure, data, planned)
    return _drawn[key]


def texts(drawn: render.Drawn) -> list[str]:
    """Every text of the drawn picture, each line on its own."""
    if id(drawn) not in _texts:
        _texts[id(drawn)] = _read(vlc.vegalite_to_svg(drawn.spec, vl_version=render.VEGA_LITE))
    return _texts[id(drawn)]


def _read(svg: str) -> list[str]:
    return [
        html.unescape(re.sub(r"<[^>]+>", "", text)).strip()
        for text in re.findall(r"<(?:text|tspan)[^>]*>([^<]*)", svg)
    ]


def marks(spec: Any) -> Iterator[dict[str, Any]]:
    """Every mark of a specification, as a mapping with its encoding beside it."""
    if isinstance(spec, dict):
        if "mark" in spec:
            mark = spec["mark"]
            yield {**(mark if isinstance(mark, dict) else {"type": mark}), "spec": spec}
        for value in spec.values():
            yield from marks(value)
    elif isinstance(spec, list):
        for value in spec:
            yield from marks(value)


def test_a_context_goes_through_json() -> None:
    context = synthetic.context()
    assert Context.from_dict(json.loads(json.dumps(context.to_dict()))) == context


def test_an_axis_title_comes_from_the_registry() -> None:
    assert base.axis_title("goodput", "Mbit/s") == f"{metrics.get('goodput').title} (Mbit/s)"
    assert base.axis_title("ping_loss") == metrics.get("ping_loss").title
    with pytest.raises(MeshbenchError, match="metric 'gooodput', which no benchmark registers"):
        base.axis_title("gooodput")


@pytest.mark.parametrize("state", ["campaign", "empty", "failed"])
@pytest.mark.parametrize("name", CHARTS)
def test_every_chart_draws_and_says_where_it_comes_from(
    name: str, state: str, request: pytest.FixtureRequest
) -> None:
    drawn = compose(name, request.getfixturevalue(state))
    shown = " ".join(texts(drawn))
    assert catalogue.get(name).title in shown
    assert "campaign synthetic: 2 rounds × 3 links, ingress impairment by linkem" in shown
    assert "share one machine's CPU" in shown
    assert "NaN" not in shown
    assert "undefined" not in shown
    assert "null" not in shown
    assert drawn.caption


@pytest.mark.parametrize("name", CHARTS)
def test_every_specification_is_valid(name: str, campaign: Files) -> None:
    # Drawing does not validate.
    core.Root.validate(compose(name, campaign).spec)


@pytest.mark.parametrize("name", catalogue.names())
def test_every_figure_has_a_caption_and_notes_for_empty_tables(name: str, empty: Files) -> None:
    figure = catalogue.load(name)
    data = Data.read({table: empty[table] for table in figure.figure.tables})
    assert figure.caption(data, synthetic.context())
    assert all(isinstance(note, str) for note in figure.notes(data, synthetic.context()))


@pytest.mark.parametrize(
    "name", ["tcp_throughput", "tcp_retransmits", "rtt", "throughput_profiles", "campaign_overview"]
)
@pytest.mark.parametrize("state", ["empty", "failed"])
def test_every_planned_system_and_profile_is_shown_whatever_was_measured(
    name: str, state: str, request: pytest.FixtureRequest
) -> None:
    shown = texts(compose(name, request.getfixturevalue(state)))
    for vpn in synthetic.VPNS:
        assert any(text.startswith(vpn) for text in shown), vpn
    for profile in synthetic.PROFILES:
        assert any(text.startswith(profile) for text in shown), profile


def test_failed_and_missing_cells_are_drawn_as_such(campaign: Files) -> None:
    shown = texts(compose("tcp_throughput", campaign))
    # Mycelium at High failed on each of four variants; ZeroTier was never run.
    assert shown.count("× failed: no route to host") == 4
    assert shown.count("– not run") == 4 * 4
    assert shown.count("5/6") == 2 * 4
    assert shown.count("3/6") == 4
    # The network was not as asked at High in round 2.
    assert shown.count("5/6†") == 4
    assert shown.count("6†") == 3 * 4
    assert shown.count("0/6") + shown.count("0/6†") == (1 + 4) * 4
    assert "nebula, low: 1 of 6 failed: connection refused" in shown


def test_all_failed_figures_give_the_reason_in_every_row(failed: Files) -> None:
    shown = texts(compose("rtt", failed))
    assert shown.count("× failed: no reply within 60 s") == 5 * 4
    assert "0/6" in shown


def test_a_chart_without_values_has_no_numbers_on_its_axis(empty: Files) -> None:
    shown = texts(compose("tcp_throughput", empty))
    assert not [text for text in shown if re.fullmatch(r"[\d.,]+", text)]


def test_a_throughput_axis_starts_at_zero_and_holds_every_point(campaign: Files) -> None:
    drawn = compose("tcp_throughput", campaign)
    points = [mark for mark in marks(drawn.spec) if mark["type"] == "point"]
    assert len(points) == len(synthetic.PROFILES) * 2
    total = 0
    for mark in points:
        low, high = mark["spec"]["encoding"]["x"]["scale"]["domain"]
        values = [row["value"] for row in drawn.spec["datasets"][mark["spec"]["data"]["name"]]]
        assert low == 0
        assert max(values) <= high
        total += len(values)
    measured = [
        row for row in synthetic.read(campaign["throughput"]) if row["goodput_bps"] is not None
    ]
    assert total == len(measured)


def test_an_rtt_axis_is_logarithmic_and_says_so(campaign: Files) -> None:
    drawn = compose("rtt", campaign)
    (first, *_) = [mark for mark in marks(drawn.spec) if mark["type"] == "point"]
    assert first["spec"]["encoding"]["x"]["scale"]["type"] == "log"
    assert "Mean RTT (ms), log" in texts(drawn)


def test_the_heat_map_gives_values_ratios_and_counts(campaign: Files) -> None:
    shown = texts(compose("throughput_profiles", campaign))
    # The network of one round of `high` was outside its tolerance: its column is marked.
    assert sum(bool(re.fullmatch(r"[\d.]+ · n 5/6", text)) for text in shown) == 2 * 4
    assert sum(bool(re.fullmatch(r"[\d.]+ · n 5/6†", text)) for text in shown) == 4
    assert shown.count("1.0 · n 6") >= 12
    assert shown.count("1.0 · n 6†") >= 4
    assert shown.count("× failed") == 4
    assert shown.count("– not run") == 16


def test_the_scatter_names_what_it_cannot_place(campaign: Files) -> None:
    shown = texts(compose("latency_throughput", campaign))
    assert shown.count("– zerotier: not run") == 4
    assert shown.count("× mycelium: failed") == 1


def test_the_impairment_figure_shows_what_is_outside(campaign: Files) -> None:
    drawn = compose("impairment", campaign)
    shown = texts(drawn)
    assert any(re.fullmatch(r"mean [\d.]+, 10/12 within", text) for text in shown)
    assert "46 of 48 calibrations within tolerance." in drawn.caption
    assert len([note for note in drawn.notes if "outside: delay" in note]) == 2
    sizes = {mark["type"] for mark in marks(drawn.spec)}
    assert {"point", "tick", "bar", "text"} <= sizes


def test_the_interval_that_decides_on_a_loss_is_drawn(tmp_path: Path) -> None:
    """Of all probes, and of the emulators' counters; single links are shown and not judged."""
    samples, links = synthetic.campaign()
    counters = {"emulator_offered": 50_000, "emulator_lost": 130}
    files = synthetic.write(
        tmp_path, samples, [r | counters if r["profile"] == "low" else r for r in links],
        ["impairment", "links"],
    )  # fmt: skip
    drawn = compose("impairment", files)
    [probes, packets] = [mark["spec"] for mark in marks(drawn.spec) if mark["type"] == "rule"]
    data = drawn.spec["datasets"]
    drawn_rows = [data[spec["data"]["name"]] for spec in (probes, packets)]
    assert sorted(row["profile"] for row in drawn_rows[0]) == sorted(synthetic.PROFILES)
    [low] = drawn_rows[1]
    row = next(r for r in synthetic.read(files["impairment"]) if r["profile"] == "low")
    assert (low["low"], low["high"]) == (100 * row["counted_low"], 100 * row["counted_high"])
    assert low["verdict"] == "within tolerance"


def test_profiles_without_calibration_are_called_that(empty: Files) -> None:
    drawn = compose("impairment", empty)
    assert texts(drawn).count("not calibrated") == 4 * 4
    assert "high: not calibrated" in drawn.notes


def test_the_overview_counts_every_cell(campaign: Files) -> None:
    drawn = compose("campaign_overview", campaign)
    shown = texts(drawn)
    assert any(text.startswith("ping: 40 of 48 cells") for text in shown)
    assert any(text.startswith("tcp: 39 of 48 cells") for text in shown)
    # Glyphs: 16 + 1 cells not run; the legend's own words have theirs besides.
    assert shown.count("–") == 17 + 1
    assert shown.count("×") == 3
    assert "Of 96 cells: 73 ok, 3 failed, 1 timed out" in drawn.caption
    assert "× mycelium, tcp (high rounds 1 to 2): failed: no route to host" in drawn.notes


def test_a_fake_testbed_is_stamped_in_red(campaign: Files) -> None:
    for name in ("rtt", "latency_throughput"):
        drawn = compose(name, campaign, synthetic.context(testbed="fake"))
        title = drawn.spec["vconcat"][0]["title"]
        assert title["subtitle"] == "FAKE TESTBED: nothing was measured"
        assert title["subtitleColor"] == theme.RED
        assert theme.RED in json.dumps(drawn.spec["title"])
        assert "share one machine" not in " ".join(drawn.spec["title"].get("subtitle", []))


def test_a_caption_gives_a_ratio_with_both_operands(campaign: Files) -> None:
    caption = compose("tcp_throughput", campaign).caption
    assert re.search(
        r"At baseline, the bare link has [\d.]+ Mbit/s, wireguard [\d.]+ Mbit/s "
        r"\([\d.]+ of it, median of 2 paired rounds\)",
        caption,
    )


def test_two_drawings_are_the_same(campaign: Files, tmp_path: Path) -> None:
    for name in ("campaign_overview", "rtt", "throughput_table"):
        written = []
        for attempt in ("a", "b"):
            outputs = {
                kind: tmp_path / attempt / f"{name}.{kind}"
                for kind in set(catalogue.get(name).formats) - {"pdf"}
            }
            render.render(name, campaign, synthetic.context(), outputs, tmp_path / "vega.js")
            written.append({kind: path.read_bytes() for kind, path in outputs.items()})
        for kind in written[0]:
            assert written[0][kind] == written[1][kind], (name, kind)


def test_a_page_works_without_a_network(campaign: Files, tmp_path: Path) -> None:
    page = tmp_path / "figures" / "c" / "rtt.html"
    bundle = tmp_path / "figures" / "assets" / "vega.js"
    render.render("rtt", campaign, synthetic.context(), {"html": page}, bundle)
    text = page.read_text(encoding="utf-8")
    assert '<script src="../assets/vega.js"></script>' in text
    references = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert not [target for target in references if "//" in target]
    assert (page.parent / references[0]).resolve() == campaign["latency"].resolve()
    assert "the clock source changed during the cell (wireguard, low)" in text
    assert "the hosts share one machine&#39;s CPU" in text


def test_a_reason_cannot_end_the_pages_script(tmp_path: Path) -> None:
    links = [synthetic.link(status="failed", reason="</script><b>x</b>")]
    files = synthetic.write(tmp_path, [], links)
    page = tmp_path / "x.html"
    outputs = {"html": page}
    render.render("tcp_throughput", files, synthetic.context(), outputs, tmp_path / "v.js")
    text = page.read_text(encoding="utf-8")
    assert text.count("</script>") == 2
    assert "<b>" not in text.replace("\\u003c", "<").split("<script>")[0]


def test_the_bundle_sets_the_names_the_page_uses(tmp_path: Path) -> None:
    render.write_bundle(tmp_path / "assets" / "vega.js")
    assert "window.vegaEmbed" in (tmp_path / "assets" / "vega.js").read_text(encoding="utf-8")


def test_a_missing_table_and_a_wrong_format_are_named(campaign: Files, tmp_path: Path) -> None:
    with pytest.raises(MeshbenchError, match="'rtt' needs the tables latency"):
        render.render("rtt", {}, synthetic.context(), {}, tmp_path / "v.js")
    with pytest.raises(MeshbenchError, match="'rtt' cannot be written as csv"):
        render.render(
            "rtt", campaign, synthetic.context(), {"csv": tmp_path / "x"}, tmp_path / "v.js"
        )


def test_several_tunings_are_rows_of_their_own(campaign: Files) -> None:
    context = synthetic.context(tunings=("stock", "reorder-only"))
    shown = texts(compose("rtt", campaign, context))
    assert shown.count("internal (stock)") == 4
    assert shown.count("internal (reorder-only)") == 4


def test_many_rounds_get_an_interval(tmp_path: Path) -> None:
    files = synthetic.write(tmp_path, *synthetic.campaign(rounds=6, vpns=("internal", "tinc")))
    drawn = compose("rtt", files, synthetic.context(rounds=6, vpns=("internal", "tinc")))
    spans = {
        row["what"]
        for rows in drawn.spec["datasets"].values()
        for row in rows
        if row.get("what") and "size" in row
    }
    assert spans == {"95 % interval of the median"}


def test_a_system_without_a_binary_says_so_on_the_chart(tmp_path: Path) -> None:
    samples, links = synthetic.campaign()
    reason = "no binary: go is not installed on this machine (apt-get install golang-go)"
    here = {"round": 1, "profile": "low"}
    lacking = [
        {**row, "status": "failed", "reason": reason} if row["vpn"] == "mycelium" else row
        for row in links
        if here.items() <= row.items() or row["benchmark"] == "calibration"
    ]
    lacked = {"value": None, "status": "failed", "reason": reason}
    kept = [
        {**row, **lacked} if row["vpn"] == "mycelium" else row
        for row in samples
        if here.items() <= row.items()
    ]
    files = synthetic.write(tmp_path, kept, lacking)
    context = synthetic.context(profiles=("low",), rounds=1)
    shown = texts(compose("rtt", files, context))
    assert [text for text in shown if text.startswith("× no binary: go is")]
    overview = compose("campaign_overview", files, context)
    assert "× no binary" in texts(overview)
    assert any(f"failed: {reason}" in note for note in overview.notes)
