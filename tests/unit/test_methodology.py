"""docs/methodology.md names figures, tables, rules and metrics that there are, and leaves nothing out."""

import re
from pathlib import Path

import pytest

from meshbench import benchmarks
from meshbench.checks import rules
from meshbench.figures import catalogue
from meshbench.tables import aggregate, registry

PAGE = (Path(__file__).parents[2] / "docs" / "methodology.md").read_text(encoding="utf-8")
_LIST = r"((?:`[^`]+`(?:, (?:and )?| and )?)+)"
CAVEATS = 44
KNOWN = {
    "figure": set(catalogue.names()),
    "table": {
        "samples",
        *aggregate.names(),
        *(figure.name for figure in catalogue.every() if "csv" in figure.formats),
    },
    "rule": set(rules.names()),
    "metric": {metric.name for metric in registry.every_metric()},
}


@pytest.mark.parametrize("kind", KNOWN)
def test_what_it_names_is_there(kind: str) -> None:
    named = {
        name
        for words in re.findall(rf"\b{kind}s? {_LIST}", PAGE)
        for name in re.findall(r"`([^`]+)`", words)
    }
    assert named
    missing = [name for name in sorted(named) if not _there(name, KNOWN[kind])]
    assert not missing, f"docs/methodology.md: there is no {kind} {', '.join(missing)}"


def _there(name: str, known: set[str]) -> bool:
    """`benchmark-<name>` is a figure of any benchmark, and a name may end in an asterisk."""
    if name.endswith("*"):
        return any(one.startswith(name[:-1]) for one in known)
    return name in known or name.startswith("benchmark-")


def test_every_benchmark_has_a_section_of_more_than_a_line() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    for name in benchmarks.names():
        assert len(sections[name].strip().splitlines()) > 3, f"docs/methodology.md: {name}"


def test_every_caveat_has_its_line() -> None:
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _, _ in rows] == list(range(1, CAVEATS + 1))
    assert all(remark.strip() and answer.strip() for _, remark, answer in rows)
