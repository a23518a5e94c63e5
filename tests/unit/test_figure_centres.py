"""Centres, intervals and doubts of every figure are those of the analysis, not the figure's own."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench.figures import catalogue, charts
from meshbench.figures.contract import ANALYSED, Context, Data, Figure
from meshbench.figures.drawing import doubt, strip
from meshbench.figures.drawing.groups import Group
from tests.unit import everything, synthetic

FIGURES = (*catalogue.every(), *(catalogue.of_benchmark(name) for name in everything.HEADLINES))
OF_ESTIMATES = [
    figure
    for figure in FIGURES
    if set(ANALYSED) <= set(figure.tables) and not figure.module.startswith("charts.analysis.")
]
ROUNDS, SPOILT = 7, 7
"""Six that count: an own median over all of them would be another one."""
NO_METRIC = {
    "factor", "sum_bps", "single_bps", "allowed", "fairness", "start_spread_s",  # of all links
    "ready_s",  # of a start, which is no link's
    "rtt_p99_ms",  # of single replies
}  # fmt: skip
"""Columns that the table `estimates` does not have."""
NO_SERIES = {"reordering_seen", "ping_loss"}
"""Figures of something else than a metric of links: events per segment, and single runs."""
OWN = {
    "drawing/groups.py": "",  # of a round, over its links, for what is drawn by round
    "drawing/brackets.py": "",  # of the rounds' ratios of after to before
    "drawing/neighbours.py": "",  # of the cells' shares of the CPU
    "charts/campaign/repeatability.py": "of all systems, profiles, links and rounds",
    "charts/startup/reboot_stages.py": "over the reboots",
    "charts/recovery/recovery_stages.py": "a dot at the median",
    "charts/load/under_load_time.py": "lines are medians of 0.25 s",
}
"""Modules with medians of something else, and how their caption says of what."""
Files = dict[str, Path]


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return everything.write(tmp_path_factory.mktemp("spoilt"), "good", ROUNDS, SPOILT)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return everything.write(tmp_path_factory.mktemp("few"), "good")


def read(figure: Figure, files: Files) -> Data:
    return Data.read({table: files[table] for table in figure.tables})


def name(figure: Figure) -> str:
    return figure.name


Asked = list[tuple[Group, str, float, float | None]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Every group, column and scale that a figure asks the centre of, and what it gets."""
    centres: Asked = []
    centre = Group.centre

    def spied(group: Group, column: str, scale: float = 1.0) -> float | None:
        centres.append((group, column, scale, centre(group, column, scale)))
        return centres[-1][-1]

    monkeypatch.setattr(Group, "centre", spied)
    return centres


@pytest.mark.parametrize("figure", FIGURES, ids=name)
def test_every_centre_that_a_figure_shows_is_in_the_table(
    figure: Figure, spoilt: Files, asked: Asked
) -> None:
    loaded, data, context = (
        catalogue.load(figure.name),
        read(figure, spoilt),
        everything.context(ROUNDS),
    )
    for function in (loaded.draw, loaded.tabulate, loaded.caption):
        if function is not None:
            function(data, context)
    table = synthetic.read(spoilt["estimates"])
    for group, column, scale, value in asked:
        if column in NO_METRIC or not group.rows:
            continue
        series = group.known[column].series
        if series is None:
            assert figure.name in NO_SERIES
            continue
        [row] = [
            row
            for row in table
            if (row["vpn"], row["tuning"], row["profile"])
            == (group.vpn, group.tuning, group.profile)
            and series.of([row])
        ]
        valued = [row for row in group.rows if row[column] is not None]
        assert {(row.get("mode"), row.get("direction", "forward")) for row in valued} <= {
            (series.mode, series.direction)
        }
        assert value == row["value"] * scale, (group.vpn, group.profile, series)


@pytest.mark.parametrize("figure", FIGURES, ids=name)
def test_what_is_drawn_of_a_strip_is_what_the_analysis_says(
    figure: Figure, spoilt: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[str, list[dict[str, Any]], list[Group], strip.Strip]] = []

    def spy(layer: str) -> None:
        function = getattr(strip, layer)

        def spied(groups: Any, shown: strip.Strip, *rest: Any) -> Any:
            chart = function(groups, shown, *rest)
            drawn.append((layer, chart.data.to_pylist(), list(groups), shown))
            return chart

        monkeypatch.setattr(strip, layer, spied)

    spy("_ticks")
    spy("_spans")
    loaded = catalogue.load(figure.name)
    if loaded.draw is None:
        return
    loaded.draw(read(figure, spoilt), everything.context(ROUNDS))
    for layer, rows, groups, shown in drawn:
        for row in rows:
            [group] = [group for group in groups if shown.key(group) == row["key"] and group.n_ok]
            estimate = group.known[shown.column].estimate
            assert estimate.value is not None
            if layer == "_ticks" and not shown.mean:
                assert row["value"] == estimate.value * shown.scale
            if layer == "_spans" and group.known[shown.column].series:
                assert estimate.low is not None
                assert estimate.high is not None
                assert (row["value"], row["to"]) == (
                    estimate.low * shown.scale,
                    estimate.high * shown.scale,
                )


def medians(path: Path) -> Iterator[int]:
    """The lines in which a module computes a median or an interval."""
    words = {"median", "median_interval", "nanmedian", "quantile", "quantiles", "percentile"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            function = node.func
            called = getattr(function, "attr", None) or getattr(function, "id", None)
            if called in words:
                yield node.lineno


def test_no_figure_has_a_median_of_its_own_where_the_analysis_has_one() -> None:
    folder = Path(charts.__path__[0]).parent
    modules = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*.py") if any(medians(path))
    }
    assert modules == set(OWN)


@pytest.mark.parametrize("module", sorted(module for module, words in OWN.items() if words))
def test_a_median_of_something_else_is_called_that(module: str, spoilt: Files) -> None:
    dotted = module.removesuffix(".py").replace("/", ".")
    [figure] = [figure for figure in FIGURES if figure.module == dotted]
    caption = catalogue.load(figure.name).caption(read(figure, spoilt), everything.context(ROUNDS))
    assert OWN[module] in caption


@pytest.mark.parametrize("figure", OF_ESTIMATES, ids=name)
def test_every_caption_says_on_how_many_rounds_it_rests_and_what_cannot_be_told(
    figure: Figure, spoilt: Files, few: Files
) -> None:
    caption = catalogue.load(figure.name).caption
    text = caption(read(figure, few), everything.context())
    assert "n = 2 rounds. With fewer than six nothing is told apart" in text
    assert "Cannot be told" not in text
    text = caption(read(figure, spoilt), everything.context(ROUNDS))
    assert "n = 6 rounds." in text
    assert "With fewer than six" not in text


def untold(vpns: tuple[str, ...], spoilt: Files) -> str:
    """What is said of the goodput of these systems at the first profile."""
    figure = catalogue.get("tcp_throughput")
    data, context = read(figure, spoilt), everything.context(ROUNDS)
    from meshbench.figures.charts.throughput import tcp_throughput  # noqa: PLC0415

    groups = tcp_throughput.groups(data, context)
    mine = [g for g in groups if g.vpn in vpns and g.profile == everything.PROFILES[0]]
    return doubt.told(mine, data, context)


def test_systems_that_cannot_be_told_apart_are_named(spoilt: Files) -> None:
    series = "TCP goodput (single →) at baseline"
    assert untold(("internal", "headscale", "tinc"), spoilt) == (
        f"n = 6 rounds. Cannot be told from the first of their tier: headscale and tinc ({series}). "
        f"Cannot be told from the bare link: headscale and tinc ({series})."
    )
    assert untold(("internal", "headscale"), spoilt).endswith(f": headscale ({series}).")
    assert "tier" not in untold(("internal", "headscale"), spoilt)


def test_systems_that_differ_are_not(tmp_path: Path) -> None:
    samples, links = [], []
    for round_, (level, vpn), (source, target) in itertools.product(
        range(1, 9), ((1, "internal"), (2, "tinc"), (3, "nebula")), synthetic.LINKS
    ):
        at = {"round": round_, "vpn": vpn, "source": source, "target": target}
        links.append(synthetic.link(**at))
        value = 1e8 / level + 1e5 * round_
        samples.append(synthetic.sample("goodput", value, "bit/s", **at, mode="single"))
    files = synthetic.write(tmp_path, samples, links)
    context: Context = synthetic.context(
        vpns=("internal", "tinc", "nebula"), profiles=("baseline",), rounds=8
    )
    figure = catalogue.get("tcp_throughput")
    caption = catalogue.load(figure.name).caption(read(figure, files), context)
    assert caption.endswith("n = 8 rounds.")
