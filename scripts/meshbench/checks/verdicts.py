"""From claims and data to verdicts."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from meshbench.checks import tables
from meshbench.checks.claims import About, Claim, Compare
from meshbench.checks.rules import Severity

if TYPE_CHECKING:
    import duckdb

_WORDS = Path(__file__).parent / "claims.sql"
_BENCHMARKS = {"parallel-tcp": "tcp_parallel", "qperf": "quic", "nix-cache": "nix_cache"}
"""What texts call a benchmark, where that is not its name."""


class Verdict(StrEnum):
    """What a claim came to."""

    MATCH = "match"
    PARTIAL = "rests on n of m"
    """The number is right and stands on fewer links than there should be."""
    DIFFERS = "differs"
    ABSENT = "not in the data"
    """There is a query, and the data it asks for are not here."""
    NOTHING = "nothing to check"
    """No query is possible; the reason says why."""
    STALE = "not checked"
    """The row changed since its query was written, or the query does not run."""


@dataclass(frozen=True)
class Judged:
    """A claim with what the data say."""

    claim: Claim
    verdict: Verdict
    found: float | str | bool | None = None
    n: int | None = None
    of: int | None = None
    message: str | None = None
    flags: tuple[str, ...] = ()
    """Titles of the sanity rules of severity 'error' that concern the claim's system and test."""

    @property
    def told(self) -> str:
        """The verdict in words, with its numbers where it has some."""
        if self.verdict is Verdict.PARTIAL:
            return f"rests on {self.n} of {self.of}"
        return self.verdict.value

    @property
    def good(self) -> bool:
        return self.verdict in {Verdict.MATCH, Verdict.PARTIAL}


@dataclass(frozen=True)
class Answer:
    """What a query gave: a value (None: not in the data), over n of m."""

    value: float | str | bool | None
    n: int | None = None
    of: int | None = None


def judge(
    claims: Sequence[Claim],
    samples: Sequence[Path] | pa.Table,
    links: Sequence[Path] | pa.Table,
    findings: pa.Table | None = None,
) -> list[Judged]:
    """A verdict on each claim, in their order.

    Queries see the tables in memory and nothing else: no file and no network.

    Args:
        claims: what the text says.
        samples: Parquet files or a table of SAMPLES.
        links: the same of LINKS.
        findings: of the sanity rules, to tell which claims they concern.
    """
    connection = tables.connect(samples, links)
    try:
        _materialise(connection)
        concerned = findings.to_pylist() if findings is not None else []
        return [_judge(connection, claim, _flags(claim, concerned)) for claim in claims]
    finally:
        connection.close()


def _materialise(connection: "duckdb.DuckDBPyConnection") -> None:
    for name in ("samples", "links"):
        connection.execute(f"CREATE TEMP TABLE kept_{name} AS SELECT * FROM {name}")  # noqa: S608
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT * FROM kept_{name}")  # noqa: S608
    connection.execute(_WORDS.read_text(encoding="utf-8"))
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _judge(connection: "duckdb.DuckDBPyConnection", claim: Claim, flags: tuple[str, ...]) -> Judged:
    import duckdb  # noqa: PLC0415

    if claim.changed:
        return Judged(claim, Verdict.STALE, message="the row changed since its query was written")
    if claim.query.query is None:
        return Judged(claim, Verdict.NOTHING, message=claim.query.why or "no query")
    try:
        answer = _ask(connection, claim.query.query)
        right = None if answer.value is None else holds(claim, answer.value)
    except (duckdb.Error, ValueError) as error:
        return Judged(claim, Verdict.STALE, message=str(error).splitlines()[0])
    if right is None:
        return Judged(claim, Verdict.ABSENT, None, answer.n, answer.of, claim.query.why)
    partial = answer.n is not None and answer.of is not None and answer.n < answer.of
    verdict = Verdict.DIFFERS if not right else Verdict.PARTIAL if partial else Verdict.MATCH
    return Judged(claim, verdict, answer.value, answer.n, answer.of, claim.query.why, flags)


def _ask(connection: "duckdb.DuckDBPyConnection", query: str) -> Answer:
    whole = query.lstrip().upper().startswith(("SELECT", "WITH", "FROM"))
    result = connection.sql(query if whole else f"SELECT ({query}) AS value")
    rows = result.limit(1).fetchall()
    row: dict[str, Any] = dict(zip(result.columns, rows[0], strict=True)) if rows else {}
    value = row.get("value")
    if isinstance(value, dict):
        row, value = value, value.get("value")
    if not isinstance(value, bool | str) and value is not None:
        value = float(value)
        value = value if math.isfinite(value) else None
    return Answer(value, row.get("n"), row.get("of"))


def holds(claim: Claim, value: float | str | bool) -> bool:
    """Whether a recomputed value agrees with what the claim says.

    Raises:
        ValueError: the claim's value cannot be compared in the way it asks for.
    """
    stated, compare = claim.text["value"].strip(), claim.query.compare
    if compare == "holds":
        return value is True
    if compare == "is":
        return str(value) == stated
    if isinstance(value, bool) or not isinstance(value, float):
        raise ValueError(f"the query gives {value!r}, and no 'is' or 'holds' is asked for")  # noqa: TRY004
    if compare == "within":
        low, high = _range(stated)
    else:
        low, high = _interval(compare, *quoted(stated, claim.text["stated_as"]))
    # A value half-way between two quoted numbers fits both, whatever its last bit.
    slack = 1e-9 * abs(value)
    return low - slack <= value <= high + slack


def _interval(compare: Compare, value: float, half: float) -> tuple[float, float]:
    """The values that agree with a stated one, given half a unit of its last digit.

    A bound is not rounded: 1.103 is not below 1.1.
    """
    if compare == "at_most":
        return -math.inf, value
    if compare == "at_least":
        return value, math.inf
    if isinstance(compare, About):
        half = abs(value) * compare.about / 100
    return value - half, value + half


_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_GROUPS = re.compile(r"(?<=\d)[ ,\u202f\u00a0](?=\d{3}(?!\d))")


def quoted(value: str, stated_as: str) -> tuple[float, float]:
    """A stated number and half a unit of its last quoted digit.

    The digits are those of `stated_as` where it holds the same number (0.60 for 0.6), and those of
    `value` otherwise. Raises ValueError when there is no number.
    """
    if not _NUMBER.fullmatch(value):
        raise ValueError(f"'{value}' is not a number")
    number = float(value)
    candidates = [
        text for text in _NUMBER.findall(_GROUPS.sub("", stated_as)) if float(text) == number
    ]
    text = max(
        [value.removesuffix(".0"), *candidates], key=lambda text: len(text.partition(".")[2])
    )
    return number, 0.5 * 10.0 ** -len(text.partition(".")[2])


def _range(value: str) -> tuple[float, float]:
    low, dash, high = value.partition("-")
    if not dash:
        raise ValueError(f"'{value}' is not a range a-b")
    (least, below), (most, above) = quoted(low, low), quoted(high, high)
    return least - below, most + above


def _flags(claim: Claim, findings: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    text = claim.text
    benchmark = _BENCHMARKS.get(text["benchmark"], text["benchmark"])
    return tuple(
        dict.fromkeys(
            finding["title"]
            for finding in findings
            if finding["severity"] == Severity.ERROR
            and finding["benchmark"] == benchmark
            and finding["vpn"] in (text["vpn"], None)
            and finding["profile"] in (text["profile"], None)
        )
    )
