"""DuckDB as tables, rules and claims open it: samples and links as views, and shared macros."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

MACROS = Path(__file__).parent / "macros.sql"
Given = Union[Sequence[Path], "pa.Table"]
"""Parquet files of one schema (may be none), or a table of it."""


@dataclass(frozen=True)
class Tidy:
    """The tidy data of one or more campaigns, in the schemas `SAMPLES`, `LINKS` and `EVENTS`."""

    samples: Given = ()
    links: Given = ()
    calibration_samples: Given = ()
    calibration_links: Given = ()
    bracket_samples: Given = ()
    bracket_links: Given = ()
    events: Given = ()

    def views(self) -> dict[str, Given]:
        """By the name under which queries see them."""
        return {
            "samples": self.samples,
            "links": self.links,
            "calibration_samples": self.calibration_samples,
            "calibration_links": self.calibration_links,
            "bracket_samples": self.bracket_samples,
            "bracket_links": self.bracket_links,
            "events": self.events,
        }


@contextmanager
def opened(
    tidy: Tidy, tables: Mapping[str, Path] | None = None
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """A connection with the views of the tidy data, with `macros.sql`, and with tables by name.

    A table that has the name of a view stands in its place.
    """
    connection = connected(tidy, tables)
    try:
        yield connection
    finally:
        connection.close()


def connected(tidy: Tidy, tables: Mapping[str, Path] | None = None) -> "duckdb.DuckDBPyConnection":
    """The same, to be closed by whoever asked for it."""
    connection = _connect()
    connection.execute(MACROS.read_text(encoding="utf-8"))
    named = tables or {}
    for name, source in tidy.views().items():
        if name not in named:
            _view(connection, name, source)
    for name, path in named.items():
        _view(connection, name, [path])
    return connection


def _connect() -> "duckdb.DuckDBPyConnection":
    import duckdb  # noqa: PLC0415

    # One thread: sums of floats then have one order, and a measurement nearby keeps its core.
    # Nothing may be fetched from the network behind a reader's back.
    return duckdb.connect(config={"threads": 1, "autoinstall_known_extensions": False})


def _view(connection: "duckdb.DuckDBPyConnection", name: str, source: Given) -> None:
    import pyarrow as pa  # noqa: PLC0415

    from meshbench.tables import schema  # noqa: PLC0415

    if isinstance(source, pa.Table):
        connection.register(name, source)
    elif source:
        paths = [str(path) for path in sorted(source)]
        # Hive partitioning would invent columns from folders such as benchmark=ping.
        connection.read_parquet(paths, hive_partitioning=False).create_view(name)
    else:
        of = name.rpartition("_")[2]
        empty = {"links": schema.LINKS, "events": schema.EVENTS}.get(of, schema.SAMPLES)
        connection.register(name, empty.empty_table())
