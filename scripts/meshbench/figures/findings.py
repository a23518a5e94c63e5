"""What the sanity rules found of the values that a figure shows: the last of its footnotes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshbench.checks.places import several_rounds, where
from meshbench.figures.wording import counted, shortened

SHOWN = 3
"""Rules named below a figure; the HTML page names all of them."""
_CHARACTERS = 200
_NOTE = "note"
"""The severity of what a careful reader keeps in mind anyway: in the report only."""
_TABLES = {"latency": "ping", "throughput": "tcp", "retransmits": "tcp", "runs": "ping"}
"""The benchmark whose values a table holds, where it is only one."""


@dataclass(frozen=True)
class Concern:
    """Which findings are about what a figure shows.

    Attributes:
        benchmarks: those whose values it shows; none for a figure about the campaign itself.
        first_profile: whether it shows the first profile only.
        systems: those it shows, where these are not all.
    """

    benchmarks: tuple[str, ...]
    first_profile: bool = False
    systems: tuple[str, ...] | None = None

    def __call__(self, finding: Mapping[str, Any], first_profile: str) -> bool:
        """Whether a finding, a row of the table of findings, is one of these."""
        profiles = {None, first_profile} if self.first_profile else {finding["profile"]}
        return (
            finding["severity"] != _NOTE
            and finding["benchmark"] in self.benchmarks
            and finding["profile"] in profiles
            and (self.systems is None or finding["vpn"] in {None, *self.systems})
        )


def of_module(given: Concern | None, tables: Sequence[str], benchmarks: Sequence[str]) -> Concern:
    """What a figure's module says it shows, or what its benchmarks and tables tell of that."""
    told = (*benchmarks, *(_TABLES[table] for table in tables if table in _TABLES))
    return given or Concern(tuple(dict.fromkeys(told)))


def read(path: Path | None) -> list[dict[str, Any]]:
    """The rows of a findings file, worst first; none without a file."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    rows: list[dict[str, Any]] = (
        [] if path is None else pq.read_table(path, partitioning=None).to_pylist()
    )
    return rows


def lines(
    findings: Sequence[Mapping[str, Any]], concern: Concern, first_profile: str
) -> tuple[str, ...]:
    """One line per rule that found something of what a figure shows, worst first."""
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for finding in findings:
        if concern(finding, first_profile):
            by_rule.setdefault(finding["title"], []).append(finding)
    rounds = several_rounds(findings)
    return tuple(_line(title, mine, rounds=rounds) for title, mine in by_rule.items())


def _line(title: str, found: Sequence[Mapping[str, Any]], *, rounds: bool) -> str:
    places = counted(len(found), "finding") if len(found) > 1 else ""
    head = f"Check: {title} ({places})" if places else f"Check: {title}"
    place = where(found[0], benchmark=False, rounds=rounds)
    first = found[0]["says"] if place == "everywhere" else f"{place}: {found[0]['says']}"
    return f"{head}: {'e.g. ' if places else ''}{first}"


def few(every: Sequence[str]) -> list[str]:
    """The first of the lines, shortened, for below a picture; how many more the report has."""
    shown = [shortened(line, _CHARACTERS) for line in every[:SHOWN]]
    if (more := len(every) - SHOWN) > 0:
        shown.append(f"Check: {counted(more, 'more rule')} found something, see report.html")
    return shown
