"""What the sanity rules found of the values that a figure shows: the last of its footnotes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench.checks.places import several_rounds, where
from meshbench.figures.contract import Concern
from meshbench.figures.drawing.wording import counted, shortened

SHOWN = 3
"""Rules named below a figure; the HTML page names all of them."""
_CHARACTERS = 200


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


def _line(title: str, findings: Sequence[Mapping[str, Any]], *, rounds: bool) -> str:
    places = counted(len(findings), "finding") if len(findings) > 1 else ""
    head = f"Check: {title} ({places})" if places else f"Check: {title}"
    place = where(findings[0], benchmark=False, rounds=rounds)
    first = findings[0]["says"] if place == "everywhere" else f"{place}: {findings[0]['says']}"
    return f"{head}: {'e.g. ' if places else ''}{first}"


def few(footnotes: Sequence[str]) -> list[str]:
    """The first of the lines, shortened, for below a picture; how many more the report has."""
    shown = [shortened(line, _CHARACTERS) for line in footnotes[:SHOWN]]
    if (more := len(footnotes) - SHOWN) > 0:
        shown.append(f"Check: {counted(more, 'more rule')} found something, see report.html")
    return shown
