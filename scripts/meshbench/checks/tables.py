"""Samples and links as DuckDB views, for rules and claims alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_VIEWS = Path(__file__).parent / "views.sql"


def files(folder: Path) -> list[Path]:
    """The Parquet files below ``samples/`` or ``links/``, sorted."""
    return sorted(folder.rglob("*.parquet"))


def connect(
    samples: "Sequence[Path] | pa.Table", links: "Sequence[Path] | pa.Table"
) -> "duckdb.DuckDBPyConnection":
    """A connection with the views `samples`, `links`, `metrics` and those of views.sql.

    Args:
        samples: Parquet files in the schema SAMPLES (may be none), or a table of it.
        links: the same of the schema LINKS.
    """
    import duckdb  # noqa: PLC0415

    from meshbench.tables.schema import LINKS, SAMPLES  # noqa: PLC0415

    # One thread: sums of floats then have one order. Nothing is fetched behind a reader's back.
    connection = duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})
    _view(connection, "samples", samples, SAMPLES)
    _view(connection, "links", links, LINKS)
    connection.register("metrics", _metrics())
    connection.execute(_VIEWS.read_text(encoding="utf-8"))
    return connection


def _view(
    connection: "duckdb.DuckDBPyConnection",
    name: str,
    source: "Sequence[Path] | pa.Table",
    schema: "pa.Schema",
) -> None:
    import pyarrow as pa  # noqa: PLC0415

    if isinstance(source, pa.Table) or not source:
        connection.register(name, source if isinstance(source, pa.Table) else schema.empty_table())
        return
    paths = [str(path) for path in source]
    # Hive partitioning would invent columns from folders such as benchmark=ping.
    connection.read_parquet(paths, hive_partitioning=False).create_view(name)


def _metrics() -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415

    from meshbench.tables.registry import every_metric  # noqa: PLC0415

    known = every_metric()
    return pa.table(
        {
            "metric": [metric.name for metric in known],
            "unit": [metric.unit for metric in known],
            "title": [metric.title for metric in known],
            "better": [metric.better for metric in known],
        }
    )
