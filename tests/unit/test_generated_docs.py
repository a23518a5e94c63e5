"""The pages of docs/ that are made from the code are what the code makes, and say what they should."""

import re
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from meshbench import benchmarks
from meshbench.cli import main
from meshbench.figures import catalogue
from meshbench.report import generated, metrics_page, tables_page
from meshbench.tables import aggregate, heads, registry, schema
from meshbench.util.errors import MeshbenchError
from tests.unit import synthetic

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a campaign without any record: they have their columns all the same."""
    return synthetic.tables(tmp_path_factory.mktemp("empty"), [], [])


@pytest.mark.parametrize("page", generated.pages(DOCS))
def test_the_page_in_the_repository_is_the_code_s(page: Path) -> None:
    expected = generated.pages(DOCS)[page]
    assert page.read_text(encoding="utf-8") == expected, f"docs/{page.name}: run `make docs`"


def test_the_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["docs", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"vpns.md", "metrics.md", "tables.md"}
    assert (tmp_path / "tables.md").read_text(encoding="utf-8") == tables_page.page()
    assert main(["docs", str(tmp_path / "nowhere")]) == 1
    assert "run it where docs/ is" in capsys.readouterr().err


def test_every_metric_and_every_benchmark_is_there() -> None:
    page = metrics_page.page()
    for metric in registry.every_metric():
        mean = metric.name.rpartition("_")[0]
        assert f"`{metric.name}`" in page or f"`{mean}`" in page
        if f"`{metric.name}`" in page:
            assert metric.definition.replace("|", "\\|").replace("<", "&lt;") in page
    for name in benchmarks.names():
        assert f"\n## {name}\n" in page


def test_a_metric_names_its_tables_and_figures() -> None:
    [row] = [row for row in metrics_page.page().splitlines() if row.startswith("| `rtt_ipdv` ")]
    assert row.endswith("| [latency](tables.md#latency) | `jitter` |")
    assert "| ms | ↓ |" in row
    page = metrics_page.page()
    assert "| **`rtt_avg`** |" in page
    assert not any("measures](" in line for line in page.splitlines() if "ready_time" in line)
    named = set(re.findall(r"`([a-z_]+)`(?:, | \|$)", page, re.MULTILINE)) & set(catalogue.names())
    assert {"rtt", "tcp_throughput", "readiness", "tcp_retransmits", "rist_table"} <= named


def test_every_column_of_every_table_is_said(tables: dict[str, Path]) -> None:
    """In its grain, among its columns, or, for the table of links, in the schema."""
    for name in aggregate.names():
        head = heads.read(name)
        described = {column for columns, _ in head.columns for column in columns}
        described |= set(re.findall(r"\w+", head.grain))
        described |= set(schema.LINKS.names) if name == "links" else set()
        missing = set(pq.read_schema(tables[name]).names) - described
        assert not missing, f"{name}.sql: its head says nothing of {', '.join(sorted(missing))}"
        assert all(text for _, text in head.columns)


def test_nothing_is_said_of_a_column_that_is_not_there(tables: dict[str, Path]) -> None:
    for name in aggregate.names():
        described = {column for columns, _ in heads.read(name).columns for column in columns}
        extra = described - set(pq.read_schema(tables[name]).names)
        assert not extra, f"{name}.sql: there is no column {', '.join(sorted(extra))}"


@pytest.mark.parametrize(
    "text",
    ["SELECT 1", "-- A table.\nSELECT 1", "-- A table.\n-- Columns:\n--   a  b\n-- Grain: c.\nSELECT 1"],
)  # fmt: skip
def test_a_head_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(MeshbenchError, match=r"x\.sql must begin with comments"):
        heads.parse(text, "x.sql")


def test_a_head_is_read_with_lines_that_go_on() -> None:
    head = heads.parse(
        "-- Odd: a table.\n-- needs: links\n-- Grain: a, b.\n-- Columns, all in s:\n--   c, d   one\n"
        "--          and more\n--   e: two\n-- A remark.\nSELECT 'rtt' WHERE metric NOT IN ('x')",
        "odd.sql",
    )
    assert (head.summary, head.grain, head.about) == ("Odd: a table.", "a, b.", "all in s")
    assert head.columns == ((("c", "d"), "one and more"), (("e",), "two"))
    assert head.remarks == "A remark."


def test_a_picture_of_one_s_own_in_five_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page's code, run beside a campaign's results."""
    synthetic.write(
        tmp_path / "results" / "quick", *synthetic.campaign(), ["impairment", "links", "latency"]
    )
    [block] = _BLOCK.findall((DOCS / "tables.md").read_text(encoding="utf-8"))
    lines = [line for line in block.splitlines() if line]
    assert len(lines) == 5
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/tables.md", "exec"), {})  # noqa: S102
    picture = (tmp_path / "rtt.svg").read_text(encoding="utf-8")
    for vpn in ("internal", "nebula"):
        assert vpn in picture
