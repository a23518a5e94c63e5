"""What the VPNs did in situations in which nothing is right or wrong: told in the tests' report."""

import json
from pathlib import Path
from typing import Any

import pytest

FILE = Path("build/conformance.json")
KEY = pytest.StashKey[dict[str, dict[str, Any]]]()


class Facts:
    """Facts of one driver, by subject."""

    def __init__(self, config: pytest.Config, driver: str) -> None:
        self._found = config.stash.setdefault(KEY, {}).setdefault(driver, {})

    def tell(self, subject: str, fact: Any) -> None:
        self._found[subject] = fact


def report(config: pytest.Config, write: pytest.TerminalReporter) -> None:
    """Everything that was told, on the terminal and as JSON."""
    by_driver = config.stash.get(KEY, {})
    if not by_driver:
        return
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(by_driver, indent=1) + "\n", encoding="utf-8")
    write.section(f"what the VPNs did ({FILE})")
    for driver, subjects in sorted(by_driver.items()):
        for subject, fact in subjects.items():
            write.line(
                f"{driver}: {subject}: {fact if isinstance(fact, str) else json.dumps(fact)}"
            )
