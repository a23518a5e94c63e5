"""Digests of code: an edited module changes what it feeds and nothing else."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from meshbench.workflow import digests


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of the same name: parser → shared → deep; chart alone; a folder with __init__."""
    modules = {
        "parser.py": "from meshbench import shared\nfrom meshbench.kinds import ping\n",
        "shared.py": "import meshbench.deep\nimport json\n",
        "deep.py": "from meshbench.shared import loop\n",
        "chart.py": "from meshbench.kinds.base import thing\n",
        "kinds/__init__.py": "import importlib\n",
        "kinds/base.py": "",
        "kinds/templates/page.html": "",
        "kinds/ping.py": "def lazily():\n    from meshbench import late\n",
        "late.py": "",
        "unrelated.py": "",
    }
    for name, text in modules.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    monkeypatch.setattr(digests, "_PACKAGE", tmp_path)
    return tmp_path


def digest(*modules: str, files: tuple[Path, ...] = ()) -> str:
    _forget()
    hexdigest = digests.digest(*modules, files=files)
    _forget()
    return hexdigest


def _forget() -> None:
    for cached in (
        digests.digest,
        digests._closure,
        digests._imports,
        digests._file,
        digests._templates,
    ):
        cached.cache_clear()


@pytest.mark.parametrize(
    ("edited", "parser", "chart"),
    [
        ("parser.py", True, False),
        ("shared.py", True, False),
        ("deep.py", True, False),
        ("kinds/ping.py", True, False),
        ("late.py", True, False),
        ("kinds/__init__.py", True, False),
        ("kinds/templates/page.html", True, True),
        ("kinds/base.py", False, True),
        ("chart.py", False, True),
        ("unrelated.py", False, False),
    ],
)
def test_a_digest_changes_with_what_is_imported_and_nothing_else(
    package: Path, edited: str, parser: bool, chart: bool
) -> None:
    before = digest("parser"), digest("chart")
    path = package / edited
    path.write_text(path.read_text() + "# edited\n")
    after = digest("parser"), digest("chart")
    assert (before[0] != after[0], before[1] != after[1]) == (parser, chart)


def test_touching_changes_nothing(package: Path) -> None:
    before = digest("parser")
    for path in package.rglob("*.py"):
        path.touch()
    assert digest("parser") == before


def test_the_digest_is_independent_of_where_the_package_is(
    package: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest("parser", "chart")
    other = tmp_path_factory.mktemp("zzz") / "elsewhere"
    monkeypatch.setattr(digests, "_PACKAGE", package.rename(other))
    assert digest("parser", "chart") == before == digest("chart", "parser")


def test_other_files_count_by_content(package: Path) -> None:
    sql = package / "cells.sql"
    sql.write_text("SELECT 1")
    before = digest("chart", files=(sql,))
    sql.write_text("SELECT 2")
    assert digest("chart", files=(sql,)) != before


def test_a_benchmark_s_parser_is_not_the_other_ones() -> None:
    files = {name: digests._closure(f"benchmarks.{name}") for name in ("ping", "tcp")}
    names = {name: {path.name for path in paths} for name, paths in files.items()}
    assert "tcp.py" not in names["ping"]
    assert "ping.py" not in names["tcp"]
    assert {"iperf3.py", "metrics.py"} <= names["tcp"]
    assert not {"ping.py", "tcp.py"} & {path.name for path in digests._closure("tables.parse")}


def parsed(path: Path) -> set[str]:
    """The package's modules that a file imports, as Python itself reads it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {
        name.removeprefix("meshbench.") for name in names
        if name.startswith("meshbench.") and digests._file(name.removeprefix("meshbench."))
    }  # fmt: skip


def test_imports_are_found_as_python_finds_them(tmp_path: Path) -> None:
    modules = list(digests._PACKAGE.rglob("*.py"))
    assert len(modules) > 50
    for path in modules:
        imported = {name for name in digests._imports(path) if digests._file(name)}
        assert imported >= parsed(path), path
        assert imported - parsed(path) <= {"metrics"}, path
    odd = tmp_path / "odd.py"
    odd.write_text(
        "import json, meshbench.workflow.hooks as r, meshbench.config.plan\nfrom meshbench.workflow import (\n    workers as m,\n"
        "    digests,\n)\ndef lazily():\n\tfrom meshbench.vpns import base\n"
    )
    assert set(digests._imports(odd)) >= parsed(odd) == {
        "workflow", "workflow.hooks", "config.plan", "workflow.workers", "workflow.digests", "vpns", "vpns.base"
    }  # fmt: skip


_PLAN = """
import sys
from meshbench import benchmarks, vpns
from meshbench.workflow import digests, hooks, settings
from meshbench.config import paths, plan
from meshbench.figures import catalogue
from meshbench.tables import aggregate
from snakemake_logger_plugin_meshbench import LogHandler
for name in vpns.names():
    vpns.load(name)
for name in benchmarks.names():
    benchmarks.load(name)
catalogue.names()
print(*{"altair", "asyncssh", "duckdb", "pyarrow"} & sys.modules.keys())
"""


def test_a_run_that_only_plans_imports_nothing_heavy() -> None:
    done = subprocess.run([sys.executable, "-c", _PLAN], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
