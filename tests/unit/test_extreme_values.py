"""No single value keeps a figure, a rule or a claim from being made; what cannot be drawn is marked."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from meshbench.checks import rules, verdicts
from meshbench.figures import catalogue, contract
from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import render, tabular
from meshbench.importers.vpn_runner import importer
from meshbench.tables import schema
from tests.unit import published_data as data
from tests.unit import synthetic
from tests.unit.test_claims import claim
from tests.unit.test_published_figures import context

EXTREMES = {
    "nothing": {"lom": 0.0, "yuki": 5e-324}, "below": {"lom": -19.0, "yuki": math.nan},
    "beyond": {"lom": 1e307, "yuki": 1.7e308, "luna": math.inf},
}  # fmt: skip
"""What every value of one system becomes, by the sending host."""
Files = dict[str, Path]


def replaced(samples: pa.Table, by_source: Mapping[str, float]) -> pa.Table:
    """The samples with these in place of every value of one system."""
    mine = pc.and_(pc.equal(samples["vpn"], "demo"), pc.is_valid(samples["value"]))
    values = samples["value"]
    for source, value in by_source.items():
        values = pc.if_else(pc.and_(mine, pc.equal(samples["source"], source)), value, values)
    return samples.set_column(samples.column_names.index("value"), "value", values)


@pytest.fixture(scope="module", params=sorted(EXTREMES))
def extreme(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Files, list[pa.Table]]:
    folder = tmp_path_factory.mktemp(request.param)
    importer.save(importer.import_runs([data.run(folder / "2025-12-18")], "published"), folder)
    samples = replaced(pq.read_table(folder / "samples" / "all.parquet"), EXTREMES[request.param])
    changed = folder / "changed.parquet"
    schema.write(samples, changed)
    links = folder / "links" / "all.parquet"
    files = synthetic.tables(folder, [changed], [links])
    return files, [samples, pq.read_table(links)]


TOLD: Context = context("internal", "demo", profiles=("baseline", "low"))


@pytest.mark.parametrize("name", catalogue.names())
def test_every_figure_is_drawn(extreme: tuple[Files, list[pa.Table]], name: str) -> None:
    figure = catalogue.load(name)
    tables = Data.read({table: extreme[0][table] for table in figure.figure.tables})
    if figure.tabulate is not None:
        table = figure.tabulate(tables, TOLD)
        assert tabular.csv_text(table)
        assert tabular.latex(table, figure.caption(tables, TOLD), "x", figure.notes(tables, TOLD))
    else:
        drawn = render.compose(figure, tables, TOLD)
        assert drawn.caption
        assert not [x for x in numbers(drawn.spec) if not math.isfinite(x)]


def numbers(node: Any) -> Iterator[float]:
    """Every number of a specification."""
    if isinstance(node, float):
        yield node
    elif isinstance(node, dict):
        for value in node.values():
            yield from numbers(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from numbers(value)


def test_every_rule_and_claim_is_judged(extreme: tuple[Files, list[pa.Table]]) -> None:
    samples, links = extreme[1]
    findings = rules.run(samples, links)
    asked = claim("5", query="scaled(mean('demo', 'low', 'tcp', 'send_rate'), 1e-6)")
    [judged] = verdicts.judge([asked], samples, links, findings)
    assert judged.verdict is not verdicts.Verdict.STALE


def test_what_a_logarithmic_axis_cannot_show_stands_at_its_end(
    extreme: tuple[Files, list[pa.Table]], request: pytest.FixtureRequest
) -> None:
    drawn = str(
        [
            render.compose(
                catalogue.load(name),
                Data.read({t: extreme[0][t] for t in catalogue.get(name).tables}),
                TOLD,
            ).spec
            for name in ("rtt", "link_latency_throughput", "latency_throughput")
        ]
    )
    beyond = "beyond" in request.node.callspec.id
    assert drawn.count("◄") == 0 if beyond else drawn.count("◄") >= 3
    assert ("cannot be drawn" in drawn) == ("nothing" not in request.node.callspec.id)


@pytest.mark.parametrize("value", [1e307, math.inf, math.nan])
def test_a_row_with_a_number_beyond_any_axis_says_so(value: float) -> None:
    rows = pa.table({"x": [1.0, value, None], "status": ["ok"] * 3, "reason": [None, None, "r"]})
    assert contract.drawable(rows).to_pylist()[0] == {"x": 1.0, "status": "ok", "reason": None}
    spoilt = contract.drawable(rows).to_pylist()[1]
    assert (spoilt["x"], spoilt["status"]) == (None, "tool_failed")
    assert spoilt["reason"].startswith("x of ")
    assert contract.drawable(rows).to_pylist()[2] == {"x": None, "status": "ok", "reason": "r"}
