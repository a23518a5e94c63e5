"""The aggregate tables: one SQL file each, run by DuckDB over the samples and the links.

A file ``sql/<name>.sql`` ends with the query of the table ``<name>``. It sees the views `samples`
and `links`, and those other tables that a header line ``-- needs: one, another`` names; where that
names `links`, it sees the table of that name, which has more columns than the view.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from meshbench.tables import database
from meshbench.tables.database import Tidy
from meshbench.util.errors import MeshbenchError

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_FOLDER = Path(__file__).parent / "sql"
_NEEDS = re.compile(r"^-- needs:(.*)$", re.MULTILINE)


def names() -> tuple[str, ...]:
    """Every table there is, in an order in which each comes after those it needs."""
    tables = sorted(path.stem for path in _FOLDER.glob("*.sql"))
    ordered: list[str] = []
    while waiting := [name for name in tables if name not in ordered]:
        ready = [name for name in waiting if set(needs(name)) <= set(ordered)]
        if not ready:
            raise MeshbenchError(
                f"tables need each other in a circle, or one is missing: {waiting}"
            )
        ordered += ready
    return tuple(ordered)


def needs(name: str) -> tuple[str, ...]:
    """The other aggregate tables that the one of this name reads."""
    match = _NEEDS.search(source(name).read_text(encoding="utf-8"))
    return tuple(word.strip() for word in match[1].split(",")) if match else ()


def source(name: str) -> Path:
    """The SQL file of a table. Raises MeshbenchError when there is none."""
    path = _FOLDER / f"{name}.sql"
    if not path.is_file():
        choices = ", ".join(sorted(file.stem for file in _FOLDER.glob("*.sql")))
        raise MeshbenchError(f"there is no table '{name}'; known: {choices}")
    return path


def aggregate(
    name: str,
    samples: Sequence[Path],
    links: Sequence[Path],
    out: Path,
    tables: Mapping[str, Path] | None = None,
    calibration_samples: Sequence[Path] = (),
    calibration_links: Sequence[Path] = (),
    bracket_samples: Sequence[Path] = (),
    bracket_links: Sequence[Path] = (),
) -> None:
    """Make one table and write it as Parquet, whole or not at all.

    Args:
        name: of the table.
        samples: Parquet files in the schema `SAMPLES`; may be none.
        links: Parquet files in the schema `LINKS`; may be none.
        out: where the table goes.
        tables: the files of the tables that `needs` names; more are ignored.
        calibration_samples: the same of the network itself, in a view of this name.
        calibration_links: the same.
        bracket_samples: the same of the bare link around rounds.
        bracket_links: the same.

    Raises:
        MeshbenchError: when there is no such table, a needed one is not given, or the files do
            not fit the query.
    """
    # The Snakefile asks for the names only; importing these takes most of a second.
    from meshbench.tables import schema  # noqa: PLC0415

    files = {table: path for table, path in (tables or {}).items() if table in needs(name)}
    if missing := [table for table in needs(name) if table not in files]:
        raise MeshbenchError(f"table '{name}' needs the tables {', '.join(missing)}")
    tidy = Tidy(
        samples, links, calibration_samples, calibration_links, bracket_samples, bracket_links
    )
    with database.opened(tidy, files) as connection:
        schema.write(_run(connection, name), out)


def _run(connection: "duckdb.DuckDBPyConnection", name: str) -> "pa.Table":
    import duckdb  # noqa: PLC0415

    try:
        return connection.sql(source(name).read_text(encoding="utf-8")).to_arrow_table()
    except duckdb.Error as error:
        raise MeshbenchError(f"{source(name)}: {error}") from error
