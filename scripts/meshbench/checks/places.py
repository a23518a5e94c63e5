"""Where a finding of the sanity rules is, in words."""

from collections.abc import Iterable, Mapping
from typing import Any


def several_rounds(findings: Iterable[Mapping[str, Any]]) -> bool:
    """Whether findings are of a campaign of more than one round, as far as they tell."""
    return any((finding["round"] or 1) > 1 for finding in findings)


def where(finding: Mapping[str, Any], *, benchmark: bool = True, rounds: bool = False) -> str:
    """The place of a finding: ``tinc, medium, tcp, luna->lom``; 'everywhere' for none.

    Args:
        finding: a row of the table of findings.
        benchmark: whether to name it; a figure need not.
        rounds: whether there are several, so that its own must be named.
    """
    names = ("vpn", "tuning", "profile", *(["benchmark"] if benchmark else []))
    parts = [finding[name] for name in names if finding[name]]
    if "stock" in parts:
        parts.remove("stock")
    if finding["source"]:
        parts.append(
            f"{finding['source']}->{finding['target']}" if finding["target"] else finding["source"]
        )
    if rounds and finding["round"] is not None:
        parts.append(f"round {finding['round']}")
    return ", ".join(parts) or "everywhere"
