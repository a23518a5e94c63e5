"""Findings and verdicts as HTML fragments, CSV and tables for a terminal."""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from rich.table import Table
from rich.text import Text

from meshbench.checks import rules
from meshbench.checks.places import several_rounds, where
from meshbench.checks.rules import Severity
from meshbench.checks.verdicts import Judged, Verdict
from meshbench.util import templates, terminal

_COLOURS = {
    Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue",
    Verdict.MATCH: "green", Verdict.PARTIAL: "yellow", Verdict.DIFFERS: "red",
    Verdict.ABSENT: "blue", Verdict.NOTHING: "dim", Verdict.STALE: "red",
}  # fmt: skip
_JUDGED_COLUMNS = ("row", "verdict", "what", "the text says", "the data say", "remarks")
_SHOWN_PER_RULE = 4


def findings_table(findings: pa.Table, *, everything: bool = False) -> Table:
    """Findings for a terminal: a few of each rule, or all of them."""
    table = terminal.table(findings_summary(findings), ("rule", "where", "what"), plain=True)
    shown: Counter[str] = Counter()
    totals = Counter(findings["rule"].to_pylist())
    rows = findings.to_pylist()
    rounds = several_rounds(rows)
    for finding in rows:
        rule = finding["rule"]
        shown[rule] += 1
        if everything or shown[rule] <= _SHOWN_PER_RULE:
            name = Text(rule, style=_COLOURS[Severity(finding["severity"])])
            table.add_row(name, where(finding, rounds=rounds), Text(finding["says"]))
        elif shown[rule] == totals[rule]:
            table.add_row("", "", Text(f"… and {totals[rule] - _SHOWN_PER_RULE} more", style="dim"))
    return table


def findings_summary(findings: pa.Table) -> str:
    """How many findings of each severity, of how many rules."""
    severities = Counter(findings["severity"].to_pylist())
    counts = ", ".join(f"{severities[severity.value]} {severity.value}s" for severity in Severity)
    return f"{findings.num_rows} findings by {len(set(findings['rule'].to_pylist()))} of {len(rules.names())} rules: {counts}"


def findings_html(findings: pa.Table) -> str:
    """Findings as an HTML fragment: one section per rule, with its sentence."""
    rows = findings.to_pylist()
    rounds = several_rounds(rows)
    by_rule: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        by_rule.setdefault(row["rule"], []).append((where(row, rounds=rounds), row["says"]))
    return templates.html(
        __package__,
        "findings.html",
        summary=findings_summary(findings),
        findings=[(rules.load(name), rows) for name, rows in by_rule.items()],
        silent=[rules.load(name).title for name in rules.names() if name not in by_rule],
    )


_CLAIM_COLUMNS = (
    "number", "verdict", "section", "vpn", "profile", "benchmark", "metric", "unit", "stated", "stated_as",
    "found", "n", "of", "why", "flags", "query",
)  # fmt: skip


def claims_csv(judged: Sequence[Judged]) -> str:
    """One row per claim, with everything that is known of it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _CLAIM_COLUMNS)
    writer.writeheader()
    writer.writerows(_claim_row(row) for row in judged)
    return out.getvalue()


def claims_html(judged: Sequence[Judged]) -> str:
    """The claims as an HTML fragment: what a reader must know of first, then those that match."""
    return templates.html(
        __package__,
        "claims.html",
        summary=claims_summary(judged),
        head=_JUDGED_COLUMNS,
        others=[_judged_row(row) for row in judged if row.verdict is not Verdict.MATCH],
        matches=[_judged_row(row) for row in judged if row.verdict is Verdict.MATCH],
    )


def _judged_row(row: Judged) -> tuple[str, ...]:
    flags = (f"[{flag}]" for flag in row.flags)
    remarks = " ".join(filter(None, (row.message, *flags)))
    return (str(row.claim.number), row.told, _subject(row), _stated(row), _found(row), remarks)


def claims_table(judged: Sequence[Judged], *, everything: bool = False) -> Table:
    """The claims for a terminal: those that do not simply match, or all of them."""
    table = terminal.table(claims_summary(judged), _JUDGED_COLUMNS, plain=True)
    for row in judged:
        if everything or row.verdict is not Verdict.MATCH:
            verdict = Text(row.told, style=_COLOURS[row.verdict])
            cells = (_subject(row), _stated(row), _found(row), row.message or "")
            table.add_row(str(row.claim.number), verdict, *(Text(cell) for cell in cells))
    return table


def claims_summary(judged: Sequence[Judged]) -> str:
    """How many claims have which verdict, and how many right ones a rule warns of."""
    counts = Counter(row.verdict for row in judged)
    verdicts = ", ".join(
        f"{counts[verdict]} {verdict.value}" for verdict in Verdict if counts[verdict]
    )
    flagged = sum(row.good and bool(row.flags) for row in judged)
    return f"{len(judged)} claims: {verdicts}; a sanity rule warns of {flagged} that are numerically right"


def _claim_row(row: Judged) -> dict[str, Any]:
    text = row.claim.text
    return {
        "number": row.claim.number,
        "verdict": row.verdict.value,
        **{
            name: text[name]
            for name in ("section", "vpn", "profile", "benchmark", "metric", "unit", "stated_as")
        },
        "stated": text["value"],
        "found": "" if row.found is None else row.found,
        "n": row.n,
        "of": row.of,
        "why": row.message or "",
        "flags": "; ".join(row.flags),
        "query": row.claim.query.query or "",
    }


def _subject(row: Judged) -> str:
    text = row.claim.text
    return ", ".join(part for part in (text["vpn"], text["profile"], text["metric"]) if part)


def _stated(row: Judged) -> str:
    return row.claim.text["stated_as"] or row.claim.text["value"]


def _found(row: Judged) -> str:
    if row.found is None:
        return "-"
    shown = f"{row.found:.5g}" if isinstance(row.found, float) else str(row.found)
    partial = row.n is not None and row.of is not None and row.n < row.of
    return f"{shown} (n = {row.n} of {row.of})" if partial else shown
