"""docs/methodology.md names figures, tables, rules and metrics that there are, and leaves nothing out."""

import re
from pathlib import Path

import pytest

from meshbench import analysis, benchmarks, collectors
from meshbench.checks import rules
from meshbench.config.profile import Profile
from meshbench.figures import catalogue
from meshbench.results.records import Status
from meshbench.tables import aggregate, heads, registry, schema

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "methodology.md").read_text(encoding="utf-8")
_LIST = r"((?:`[^`]+`(?:, (?:and )?| and )?)+)"
_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
CAVEATS = 44
PICTURED = (6, 11, 19, 24, 26, 29, 30, 31, 32, 36, 37)
"""Those whose answer must be a figure or a table."""
KNOWN = {
    "figure": set(catalogue.names()),
    "table": {
        "samples",
        *aggregate.names(),
        *analysis.TABLES,
        *(figure.name for figure in catalogue.every() if "csv" in figure.formats),
    },
    "rule": set(rules.names()),
    "metric": {metric.name for metric in registry.every_metric()},
    "benchmark": {*benchmarks.names()},
    "collector": {kind.name for kind in collectors.every()},
    "column": {
        *schema.LINKS.names,
        *(
            name
            for table in aggregate.names()
            for names, _ in heads.read(table).columns
            for name in names
        ),
    },
}
NAMED = {
    *(name for known in KNOWN.values() for name in known),
    *schema.SAMPLES.names,
    *Profile.model_fields,
    *(path.stem for path in (ROOT / "config" / "vpns").glob("*.yaml")),
    *(str(status) for status in Status),
    *(option for name in benchmarks.names() for option in benchmarks.options(name).model_fields),
}
"""Whatever a word in an answer may be the name of."""
OTHERS = {"rounds", "cold", "vpn.options", "vpn.effective", "make claims", "make checks"}
"""Words of the configuration, of records and of the Makefile."""


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
        return any(known_name.startswith(name[:-1]) for known_name in known)
    return name in known or name.startswith("benchmark-")


def test_every_benchmark_has_a_section_of_more_than_a_line() -> None:
    sections = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
    for name in benchmarks.names():
        assert len(sections[name].strip().splitlines()) > 3, f"docs/methodology.md: {name}"


def test_every_caveat_has_its_line() -> None:
    rows = _ROW.findall(PAGE)
    assert [int(number) for number, _, _ in rows] == list(range(1, CAVEATS + 1))
    assert all(remark.strip() and answer.strip() for _, remark, answer in rows)


@pytest.mark.parametrize(("number", "answer"), [(n, answer) for n, _, answer in _ROW.findall(PAGE)])
def test_every_name_in_an_answer_is_one_of_something(number: str, answer: str) -> None:
    words = {word.partition(":")[0].partition("@")[0] for word in re.findall(r"`([^`]+)`", answer)}
    names = {word for word in words if not list(ROOT.glob(word))} - OTHERS
    missing = [name for name in sorted(names) if not _there(name, NAMED)]
    assert not missing, f"caveat {number}: nothing is called {', '.join(missing)}"


@pytest.mark.parametrize("number", PICTURED)
def test_what_the_text_leaves_open_is_answered_by_a_figure_or_a_table(number: int) -> None:
    answers = {int(n): answer for n, _, answer in _ROW.findall(PAGE)}
    named = {
        (kind, name)
        for kind in ("figure", "table")
        for words in re.findall(rf"\b{kind}s? {_LIST}", answers[number])
        for name in re.findall(r"`([^`]+)`", words)
    }
    assert named
    assert all(name in KNOWN[kind] for kind, name in named)
    assert "not yet" not in answers[number]
