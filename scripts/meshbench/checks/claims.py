"""Claims: numbers that a text states, recomputed from the data by a query each.

A claims file is CSV or YAML with one row per number: ``section, vpn, profile, benchmark, metric, unit,
value, stated_as, note``, of which only `value` and `stated_as` are needed, and ``query, compare, why``.
Where the text belongs to someone else, its rows stay in a file of their own, and the queries are kept
in a YAML file keyed by row number, each with a digest of the row it was written for.

A query is either an expression in the words of claims.sql or a whole SELECT with a column `value` and
perhaps `n` and `of`; the words are about the tuning 'stock' unless they are given another, a SELECT
says of which tuning it is. `compare` is nothing (by the quoted digits) or one of: ``at_most``,
``at_least`` (bounds as they stand, not rounded), ``within`` (for a range ``a-b``), ``is`` (the same
text), ``holds`` (true), ``{about: <percent>}``.
"""

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from meshbench.config import wording
from meshbench.util.errors import ConfigError, Problem

TEXT_COLUMNS = (
    "section", "vpn", "profile", "benchmark", "metric", "unit", "value", "stated_as", "note",
)  # fmt: skip
_OWN_COLUMNS = ("query", "compare", "why")
Word = Literal["at_most", "at_least", "within", "is", "holds"]


class About(BaseModel):
    """A tolerance in percent of the stated value."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    about: Annotated[float, Field(gt=0, le=1000)]


Compare = Word | About | None


class Query(BaseModel):
    """How one number is recomputed, or why it cannot be."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    row: str | None = None
    query: str | None = None
    compare: Compare = None
    why: str | None = None


@dataclass(frozen=True)
class Claim:
    """One number of a text.

    Attributes:
        number: of its row, from 1.
        text: the row's columns by `TEXT_COLUMNS`; missing ones are empty.
        query: how it is recomputed.
        changed: the row is not the one that the query was written for.
    """

    number: int
    text: Mapping[str, str]
    query: Query
    changed: bool = False


def digest(row: Mapping[str, str]) -> str:
    """Ten hex digits that change when any column of the row does."""
    joined = "\x1f".join((row.get(name) or "").strip() for name in TEXT_COLUMNS)
    return hashlib.sha256(joined.encode()).hexdigest()[:10]


def read(text: Path, queries: Path | None = None) -> list[Claim]:
    """The claims of a text file, with queries of their own or from a second file.

    Raises:
        ConfigError: a file is missing or not in its format; names every row that is wrong.
    """
    rows = _rows(text)
    by_row = _queries(queries) if queries else {}
    claims, problems = [], []
    for number, row in enumerate(rows, start=1):
        plain = {name: _plain(row.get(name)) for name in TEXT_COLUMNS}
        try:
            query = by_row.get(number) or _own_query(row)
        except ValidationError as error:
            problems.append(Problem(str(text), f"row {number}", _first(error)))
            continue
        changed = query.row is not None and query.row != digest(plain)
        claims.append(Claim(number, plain, query, changed))
    problems += [
        Problem(str(queries), str(number), f"{text} has no row {number}")
        for number in by_row
        if number > len(rows)
    ]
    if problems:
        raise ConfigError(problems)
    return claims


def _rows(path: Path) -> list[dict[str, Any]]:
    content = _content(path)
    if path.suffix.lower() in {".yaml", ".yml"}:
        rows = _yaml(path, content)
        if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
            return rows
        raise ConfigError([Problem(str(path), "", "must be a list of claims, each a mapping")])
    reader = csv.DictReader(content.splitlines())
    missing = {"value", "stated_as"} - set(reader.fieldnames or ())
    unknown = set(reader.fieldnames or ()) - set(TEXT_COLUMNS) - set(_OWN_COLUMNS)
    if missing or unknown:
        message = f"columns missing: {sorted(missing)}; unknown: {sorted(unknown)}"
        raise ConfigError([Problem(str(path), "", message, 1)])
    return list(reader)


def _queries(path: Path) -> dict[int, Query]:
    by_row = _yaml(path, _content(path))
    try:
        return TypeAdapter(dict[int, Query]).validate_python(by_row)
    except ValidationError as error:
        raise ConfigError([Problem(str(path), "", _first(error))]) from None


def _content(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError([Problem(str(path), "", "no such file")]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read as UTF-8: {error}")]) from None


def _yaml(path: Path, content: str) -> Any:
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ConfigError([Problem(str(path), "", f"not YAML: {error}")]) from None


def _own_query(row: Mapping[str, Any]) -> Query:
    own = {name: row[name] for name in _OWN_COLUMNS if row.get(name) not in (None, "")}
    compare = own.get("compare")
    if isinstance(compare, str) and compare.startswith("about"):
        own["compare"] = {"about": compare.removeprefix("about").strip(": %")}
    return Query.model_validate(own)


def _plain(value: Any) -> str:
    return "" if value is None else str(value)


def _first(error: ValidationError) -> str:
    detail = error.errors()[0]
    return f"{'.'.join(str(part) for part in detail['loc'])}: {wording.message(detail)}"
