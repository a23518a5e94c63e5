"""No single value keeps a figure, a rule or a claim from being made; what cannot be drawn is marked."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from meshbench.checks import rules, verdicts
from meshbench.figures import base, render, tabular
from meshbench.figures.base import Context, Data
from meshbench.published import importer
from meshbench.tables import schema
from tests.unit import published_data as data
from tests.unit import synthetic
from tests.unit.test_claims import claim
from tests.unit.test_published_figures import context

EXTREMES = {
    "zero": 0.0, "huge": 1e307, "largest": 1.7e308, "negative": -19.0, "tiny": 5e-324,
    "nan": math.nan, "infinite": math.inf,
}  # fmt: skip
Files = dict[str, Path]


def with_one(samples: pa.Table, value: float) -> pa.Table:
    """The samples with this value in place of every one of one link of one system."""
    here = pc.and_(
        pc.and_(pc.equal(samples["vpn"], "demo"), pc.equal(samples["source"], "lom")),
        pc.is_valid(samples["value"]),
    )
    values = pc.if_else(here, value, samples["value"])
    return samples.set_column(samples.column_names.index("value"), "value", values)


@pytest.fixture(scope="module", params=sorted(EXTREMES))
def extreme(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Files, list[pa.Table]]:
    folder = tmp_path_factory.mktemp(request.param)
    importer.save(importer.import_runs([data.run(folder / "2025-12-18")], "published"), folder)
    samples = with_one(pq.read_table(folder / "samples" / "all.parquet"), EXTREMES[request.param])
    changed = folder / "changed.parquet"
    schema.write(samples, changed)
    links = folder / "links" / "all.parquet"
    made = synthetic.tables(folder, [changed], [links])
    return made, [samples, pq.read_table(links)]


TOLD: Context = context("internal", "demo", profiles=("baseline", "low"))


@pytest.mark.parametrize("name", base.names())
def test_every_figure_is_drawn(extreme: tuple[Files, list[pa.Table]], name: str) -> None:
    figure = base.load(name)
    tables = Data.read({table: extreme[0][table] for table in figure.tables})
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
    found = rules.run(samples, links)
    asked = claim("5", query="scaled(mean('demo', 'low', 'tcp', 'send_rate'), 1e-6)")
    [judged] = verdicts.judge([asked], samples, links, found)
    assert judged.verdict is not verdicts.Verdict.STALE
