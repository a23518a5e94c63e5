"""Sanity rules: each one SQL file with a title, one sentence and a severity in its header.

A rule's query gives one row per finding. It names any of the columns in `PLACE` that say where,
and must give `says`, one sentence with the values in it. `value` and `reference` are the numbers
that the sentence compares.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from meshbench.checks import tables
from meshbench.util.errors import MeshbenchError

if TYPE_CHECKING:
    import duckdb

log = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent / "sql"
_HEADER = re.compile(r"^-- (title|sentence|severity): (.+)$", re.MULTILINE)
PLACE = ("campaign", "round", "vpn", "tuning", "profile", "benchmark", "source", "target", "metric")


class Severity(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    """A number means something else than it says."""
    WARNING = "warning"
    """A number does not carry the conclusions it invites."""
    NOTE = "note"
    """What a careful reader keeps in mind."""


@dataclass(frozen=True)
class Rule:
    """One rule, as its file's header describes it."""

    name: str
    title: str
    sentence: str
    severity: Severity
    sql: str


FINDINGS = pa.schema([
    pa.field("rule", pa.string(), nullable=False),
    pa.field("severity", pa.string(), nullable=False),
    pa.field("title", pa.string(), nullable=False),
    pa.field("campaign", pa.string()),
    pa.field("round", pa.int32()),
    *(pa.field(name, pa.string()) for name in PLACE[2:]),
    pa.field("value", pa.float64()),
    pa.field("reference", pa.float64()),
    pa.field("says", pa.string(), nullable=False),
])  # fmt: skip
"""One row per finding. A place that is null means: all of them."""


def names() -> tuple[str, ...]:
    """Every rule there is."""
    return tuple(sorted(path.stem for path in _FOLDER.glob("*.sql")))


def load(name: str) -> Rule:
    """A rule by name. Raises MeshbenchError when there is none or its header is incomplete."""
    path = _FOLDER / f"{name}.sql"
    if not path.is_file():
        raise MeshbenchError(f"there is no rule '{name}'; known: {', '.join(names())}")
    sql = path.read_text(encoding="utf-8")
    header = dict(_HEADER.findall(sql))
    try:
        return Rule(name, header["title"], header["sentence"], Severity(header["severity"]), sql)
    except (KeyError, ValueError) as error:
        raise MeshbenchError(
            f"{path}: the header lacks title, sentence or severity: {error}"
        ) from None


def run(
    samples: Sequence[Path] | pa.Table,
    links: Sequence[Path] | pa.Table,
    chosen: Sequence[str] | None = None,
) -> pa.Table:
    """All findings of the chosen rules (all by default), worst first, by the schema FINDINGS.

    Raises:
        MeshbenchError: an unknown rule, or one whose query does not run or does not fit.
    """
    connection = tables.connect(samples, links)
    try:
        findings = [_findings(connection, load(name)) for name in chosen or names()]
    finally:
        connection.close()
    return _worst_first(pa.concat_tables(findings) if findings else FINDINGS.empty_table())


def _findings(connection: "duckdb.DuckDBPyConnection", rule: Rule) -> pa.Table:
    import duckdb  # noqa: PLC0415

    try:
        result = connection.sql(rule.sql).to_arrow_table()
    except duckdb.Error as error:
        raise MeshbenchError(f"rule '{rule.name}': {error}") from error
    constants = {"rule": rule.name, "severity": rule.severity.value, "title": rule.title}
    if (
        unknown := set(result.column_names) - set(FINDINGS.names)
        or "says" not in result.column_names
    ):
        raise MeshbenchError(
            f"rule '{rule.name}': gives no column 'says', or unknown ones: {unknown}"
        )
    columns = [_column(result, constants, field) for field in FINDINGS]
    log.debug("rule %s: %d findings", rule.name, result.num_rows)
    return pa.Table.from_arrays(columns, schema=FINDINGS)


def _column(result: pa.Table, constants: dict[str, str], field: pa.Field) -> pa.Array:
    if field.name in constants:
        return pa.array([constants[field.name]] * result.num_rows, type=field.type)
    if field.name not in result.column_names:
        return pa.nulls(result.num_rows, type=field.type)
    return result.column(field.name).combine_chunks().cast(field.type)


def _worst_first(findings: pa.Table) -> pa.Table:
    order = [severity.value for severity in Severity]

    def key(row: dict[str, Any]) -> tuple[Any, ...]:
        return (
            order.index(row["severity"]),
            row["rule"],
            *(str(row[name] or "") for name in PLACE),
        )

    return pa.Table.from_pylist(sorted(findings.to_pylist(), key=key), schema=FINDINGS)
