"""docs/tables.md: every table with its grain and columns, and how to draw one."""

from collections.abc import Iterator

import pyarrow as pa

from meshbench.figures import catalogue
from meshbench.report.markdown import cell
from meshbench.tables import aggregate, heads, schema

HEAD = """# The tables

Every table that figures, rules and the report read. Made from the heads of the SQL files by `make docs`:
edit those, not this page.

A campaign's tables are Parquet files, `results/<campaign>/tables/<table>.parquet`; each is one SQL file,
`scripts/meshbench/tables/sql/<table>.sql`, run by DuckDB as it stands over the views `samples` and `links`
(below). The metrics in them are in [metrics](metrics.md).

A picture of one's own:

```python
import altair as alt
import duckdb

latency = duckdb.sql("FROM 'results/quick/tables/latency.parquet' WHERE status = 'ok'")
chart = alt.Chart(latency.to_arrow_table()).mark_tick().encode(x="rtt_p50_ms", y="vpn", row="profile")
chart.save("rtt.svg")
```

What a missing value means stands in the same row: `status` is `ok`, `failed`, `timeout`, `tool_failed`,
`unsupported` or `unavailable`, and `reason` says why. `marks` is what a reader must know before
believing a row. A row without `status = 'ok'` is a result too: count them before taking a mean.
"""
_TIDY = (
    ("samples", "Every single value, whatever measured it: `results/<campaign>/samples/`.", schema.SAMPLES),
    ("links of records", "What happened on each link of each record: `results/<campaign>/links/`.", schema.LINKS),
    ("events", "What the VPN's units logged beside single RTTs: `results/<campaign>/events/`.", schema.EVENTS),
)  # fmt: skip


def page() -> str:
    """The whole page in Markdown."""
    tidy = [_tidy(*part) for part in _TIDY]
    return "\n".join([HEAD, *(_section(name) for name in sorted(aggregate.names())), *tidy])


def _section(name: str) -> str:
    head = heads.read(name)
    about = [f"Columns ({head.about}):" if head.about else "Columns:", ""]
    return "\n".join([
        f"## {name}", "", _sentence(head.summary), "", f"One row for each: {head.grain}", "", *about,
        "| column | |", "|---|---|",
        *(f"| {', '.join(f'`{c}`' for c in names)} | {cell(text)} |" for names, text in head.columns),
        "", *_paragraph(head.remarks), *_paragraph(_read_by(name)),
    ])  # fmt: skip


def _sentence(summary: str) -> str:
    """Without the table's name before the colon."""
    _, _, rest = summary.partition(": ")
    return f"{rest[:1].upper()}{rest[1:]}"


def _read_by(name: str) -> str:
    figures = [f"`{figure.name}`" for figure in catalogue.every() if name in figure.tables]
    if name in catalogue.of_benchmark("").tables:
        figures.append("`benchmark-<name>`")
    return f"Figures: {', '.join(figures)}." if figures else ""


def _tidy(title: str, about: str, columns: pa.Schema) -> str:
    rows = (f"| `{field.name}` | {_kind(field.type)} |" for field in columns)
    return "\n".join([f"## {title}", "", about, "", "| column | type |", "|---|---|", *rows, ""])


def _kind(kind: pa.DataType) -> str:
    """A type in a word: dictionaries are how words are stored, not what they are."""
    return "string" if pa.types.is_dictionary(kind) else str(kind)


def _paragraph(text: str) -> Iterator[str]:
    if text:
        yield from (text, "")
