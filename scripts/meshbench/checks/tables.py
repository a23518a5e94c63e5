"""Samples and links as DuckDB views, for rules and claims alike."""

from pathlib import Path
from typing import TYPE_CHECKING

from meshbench.tables import database
from meshbench.tables.database import Given, Tidy

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_VIEWS = Path(__file__).parent / "views.sql"


def files(folder: Path) -> list[Path]:
    """The Parquet files below ``samples/`` or ``links/``, sorted."""
    return sorted(folder.rglob("*.parquet"))


def connect(samples: Given, links: Given) -> "duckdb.DuckDBPyConnection":
    """A connection with the views `samples`, `links`, `metrics`, those of views.sql and the macros."""
    connection = database.connected(Tidy(samples, links))
    connection.register("metrics", _metrics())
    connection.execute(_VIEWS.read_text(encoding="utf-8"))
    return connection


def _metrics() -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415

    from meshbench.tables.registry import every_metric  # noqa: PLC0415

    metrics = every_metric()
    return pa.table(
        {
            "metric": [metric.name for metric in metrics],
            "unit": [metric.unit for metric in metrics],
            "title": [metric.title for metric in metrics],
            "better": [metric.better for metric in metrics],
        }
    )
