"""What somebody may have meant who wrote a name that nobody knows."""

import difflib
from collections.abc import Iterable

_LIKENESS = 0.5
"""Of difflib's ratio, 0 to 1: from here on a name may be a slip of another."""


def close_matches(name: str, known: Iterable[str], label: str = "known") -> str:
    """The nearest of the known names, or all of them after the label."""
    names = list(known)
    near = difflib.get_close_matches(name, names, n=1, cutoff=_LIKENESS)
    return f"did you mean '{near[0]}'?" if near else f"{label}: {', '.join(names)}"
