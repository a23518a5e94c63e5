"""`rules` and `claims`: findings and verdicts on a terminal, for people and CI.

Exit status: 0 when nothing is wrong, 1 when a claim differs or cannot be checked (claims) or a rule of
severity 'error' has findings and ``--strict`` is given (rules), 2 for files that cannot be used.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from meshbench.checks import claims, pages, rules, tables, verdicts
from meshbench.checks.rules import Severity
from meshbench.checks.verdicts import Verdict
from meshbench.config import paths
from meshbench.util import terminal
from meshbench.util.errors import MeshbenchError
from meshbench.util.files import atomic


def add(commands: Any) -> None:
    """Add both commands to a command line's."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("campaign", help="a campaign's name, or a folder with samples/ and links/")
    common.add_argument("--all", action="store_true", help="show every line")
    rules_ = commands.add_parser("rules", parents=[common], help="run the sanity rules")
    rules_.add_argument("--strict", action="store_true", help="exit status 1 for any error")
    rules_.set_defaults(command=lambda chosen: _ended(_rules, chosen))
    text = commands.add_parser("claims", parents=[common], help="check the numbers of a text")
    text.add_argument("text", type=Path, help="CSV or YAML with the text's numbers")
    text.add_argument(
        "--queries", type=Path, help="YAML with the queries, if not in the text's file"
    )
    text.add_argument("--csv", type=Path, help="write the verdicts there")
    text.add_argument("--html", type=Path, help="write the verdicts there")
    text.set_defaults(command=lambda chosen: _ended(_claims, chosen))


def _ended(command: Callable[[argparse.Namespace], int], chosen: argparse.Namespace) -> int:
    try:
        return command(chosen)
    except MeshbenchError as error:
        terminal.console(sys.stderr).print(str(error), markup=False, soft_wrap=True)
        return 2


def _tables(campaign: str) -> tuple[list[Path], list[Path]]:
    folder = Path(campaign) if Path(campaign).is_dir() else paths.RESULTS / campaign
    samples = [*tables.files(folder / "samples"), *folder.glob("calibration/samples.parquet")]
    links = [*tables.files(folder / "links"), *folder.glob("calibration/links.parquet")]
    if not links:
        raise MeshbenchError(f"{folder} has no tables; run the campaign '{campaign}' first")
    return samples, links


def _rules(chosen: argparse.Namespace) -> int:
    findings = rules.run(*_tables(chosen.campaign))
    terminal.console(sys.stdout).print(pages.findings_table(findings, everything=chosen.all))
    return int(chosen.strict and _errors(findings))


def _errors(findings: pa.Table) -> bool:
    return Severity.ERROR.value in findings["severity"].to_pylist()


def _claims(chosen: argparse.Namespace) -> int:
    samples, links = _tables(chosen.campaign)
    claimed = claims.read(chosen.text, chosen.queries)
    judged = verdicts.judge(claimed, samples, links, rules.run(samples, links))
    terminal.console(sys.stdout).print(pages.claims_table(judged, everything=chosen.all))
    for path, content in ((chosen.csv, pages.claims_csv), (chosen.html, pages.claims_html)):
        if path:
            with atomic(path) as temporary:
                temporary.write_text(content(judged), encoding="utf-8")
    return int(any(row.verdict in {Verdict.DIFFERS, Verdict.STALE} for row in judged))
