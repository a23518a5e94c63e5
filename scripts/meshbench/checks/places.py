"""Where a finding of the sanity rules is, in words."""

from collections.abc import Mapping
from typing import Any


def where(finding: Mapping[str, Any], *, benchmark: bool = True) -> str:
    """The place of a finding: ``tinc, medium, tcp, luna->lom``; 'everywhere' for none.

    Args:
        finding: a row of the table of findings.
        benchmark: whether to name it; a figure need not.
    """
    names = ("vpn", "tuning", "profile", *(["benchmark"] if benchmark else []))
    parts = [finding[name] for name in names if finding[name]]
    if "stock" in parts:
        parts.remove("stock")
    if finding["source"]:
        parts.append(
            f"{finding['source']}->{finding['target']}" if finding["target"] else finding["source"]
        )
    return ", ".join(parts) or "everywhere"
