"""Findings and verdicts as files: what the rules `checks` and `claims` make."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq

from meshbench.checks import claims as texts
from meshbench.checks import pages, rules, verdicts
from meshbench.tables import schema
from meshbench.util.files import atomic


def findings(
    samples: Sequence[Path],
    links: Sequence[Path],
    out: Path,
    page: Path,
) -> None:
    """Run every sanity rule and write the findings, as Parquet and as an HTML fragment."""
    table = rules.run(samples, links)
    schema.write(table, out)
    _write(page, pages.findings_html(table))


def claims(
    text: Path,
    queries: Path | None,
    samples: Sequence[Path],
    links: Sequence[Path],
    findings: Path,
    table: Path,
    page: Path,
) -> None:
    """Check the numbers of a text and write the verdicts, as CSV and as an HTML fragment.

    Raises:
        ConfigError: the text or its queries cannot be used; names every row that is wrong.
    """
    judged = verdicts.judge(
        texts.read(text, queries),
        samples,
        links,
        pq.read_table(findings, partitioning=None),
    )
    _write(table, pages.claims_csv(judged))
    _write(page, pages.claims_html(judged))


def _write(path: Path, content: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
