"""All tests: their environment, and in CI no skip that tests/allowed_skips.toml does not allow."""

import os
import re
import tomllib
from collections.abc import Generator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ALLOWED = Path(__file__).parent / "allowed_skips.toml"


def pytest_configure() -> None:
    """A make that a test runs behaves as by hand, also when `make test` runs the tests."""
    for name in ("MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"):
        os.environ.pop(name, None)


def is_allowed(test: str, reason: str) -> bool:
    """Whether the list has an entry whose test pattern and reason fit."""
    entries = tomllib.loads(ALLOWED.read_text(encoding="utf-8"))["skip"]
    return any(
        fnmatchcase(test, entry["test"]) and re.search(entry["reason"], reason) for entry in entries
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.skipped and "CI" in os.environ and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not is_allowed(item.nodeid, reason):
            report.outcome = "failed"
            report.longrepr = (
                f"{item.nodeid} was skipped, which {ALLOWED.name} does not allow: {reason}"
            )
    return report
