"""docs/metrics.md: every metric, what it means, and which tables and figures show it."""

import ast
import dataclasses
import functools
import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from meshbench import benchmarks, collectors
from meshbench.figures import catalogue
from meshbench.figures.contract import Figure
from meshbench.report.markdown import cell
from meshbench.results.imported_metrics import STATISTICS
from meshbench.results.metrics import Metric
from meshbench.tables import aggregate, heads, registry

HEAD = """# The metrics

Every number that meshbench stores, by who measures it. Made from the registry by `make docs`: edit the
benchmarks, not this page.

A value is a row of the samples, with its metric, direction, mode, stream and time. Without a stream and
a time it is of a whole run and stands in the table [`measures`](tables.md#measures) (of a link) or
[`hosts`](tables.md#hosts) (of a host), under the metric's name; *tables* names those that have it in a
column of their own besides. *Figures* that show it are drawn where the campaign suits them; those of
headline values, **bold** here, are also in `benchmark-<name>`.

Units are as stored: rates in bit/s, sizes in bytes, shares from 0 to 1 (unit 1). Better: ↑ higher,
↓ lower, · neither.
"""
_BETTER = {"higher": "↑", "lower": "↓", "neither": "·"}
_IMPORTED = "Only in imported data"


def page() -> str:
    """The whole page in Markdown."""
    sections = [_section(title, about, owned) for title, about, owned in _owners()]
    return "\n".join([HEAD, *sections])


def _owners() -> Iterator[tuple[str, str, Sequence[Metric]]]:
    """Who registers which metrics: a title, a sentence, and the metrics."""
    left = {metric.name: metric for metric in registry.every_metric()}
    for name in (*benchmarks.names(), benchmarks.CALIBRATION):
        kind = benchmarks.load(name)
        yield name, _first_line(kind.__module__), kind.metrics
        for metric in kind.metrics:
            left.pop(metric.name, None)
    for collector in (kind for kind in collectors.every() if kind.metrics):
        about = f"Beside every benchmark. {_first_line(collector.__module__)}"
        yield f"{collector.name} (collector)", about, collector.metrics
        for metric in collector.metrics:
            left.pop(metric.name, None)
    about = "What a published run's files hold that no benchmark here measures."
    yield _IMPORTED, about, tuple(left.values())


def _first_line(module: str) -> str:
    docstring = importlib.import_module(module).__doc__ or ""
    return docstring.strip().splitlines()[0]


def _section(title: str, about: str, metrics: Sequence[Metric]) -> str:
    names = {metric.name for metric in metrics}
    rows = [
        _row(metric, title, names) for metric in metrics if not _statistic_of(metric.name, names)
    ]
    return "\n".join([
        f"## {title}", "", about, "",
        "| metric | unit | | definition | source | tables | figures |", "|---|---|---|---|---|---|---|",
        *rows, "",
    ])  # fmt: skip


def _statistic_of(name: str, names: Iterable[str]) -> bool:
    """Whether a metric is one of the statistics beside a mean, which has a row of its own."""
    mean, _, statistic = name.rpartition("_")
    return statistic in STATISTICS and all(f"{mean}_{s}" in names for s in STATISTICS)


def _row(metric: Metric, owner: str, names: Iterable[str]) -> str:
    also = ""
    if _statistic_of(f"{metric.name}_{STATISTICS[0]}", names):
        also = f" Also {', '.join(f'`_{statistic}`' for statistic in STATISTICS)}."
    name = f"`{metric.name}`"
    cells = (
        f"**{name}**" if metric.name in _headlines(owner) else name,
        metric.unit,
        _BETTER[metric.better],
        cell(f"{metric.title}. {metric.definition}{also}"),
        cell(metric.source),
        ", ".join(f"[{table}](tables.md#{table})" for table in _tables(metric.name)),
        ", ".join(f"`{figure}`" for figure in _figures(metric.name, owner)),
    )
    return f"| {' | '.join(cells)} |"


@functools.cache
def _headlines(owner: str) -> frozenset[str]:
    if owner not in benchmarks.names():
        return frozenset()
    return frozenset(headline.metric.name for headline in benchmarks.make(owner, {}).headlines())


@functools.cache
def _picked() -> Mapping[str, frozenset[str]]:
    return {name: heads.words(name) for name in aggregate.names()}


def _tables(metric: str) -> list[str]:
    return sorted(table for table, words in _picked().items() if metric in words)


def _figures(metric: str, owner: str) -> list[str]:
    """The figures of the owner's benchmark whose declaration or module names the metric."""
    return [
        figure.name
        for figure in catalogue.every()
        if metric in _named(figure)
        and (owner in figure.benchmarks or owner == _IMPORTED or owner.endswith("(collector)"))
    ]


@functools.cache
def _named(figure: Figure) -> frozenset[str]:
    """The words in a figure's module, or in what it is about where it shares a module with others."""
    if figure.of is not None:
        return frozenset(_words(figure.of))
    spec = importlib.util.find_spec(f"meshbench.figures.{figure.module}")
    if spec is None or spec.origin is None:
        return frozenset()
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    keys = {id(node) for node in _keys(tree)}
    return frozenset(
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in keys
    )


def _words(part: Any) -> Iterator[str]:
    """The strings in a declaration, however deep."""
    if isinstance(part, str):
        yield part
    elif dataclasses.is_dataclass(part):
        for field in dataclasses.fields(part):
            yield from _words(getattr(part, field.name))
    elif isinstance(part, tuple | list):
        for item in part:
            yield from _words(item)


def _keys(tree: ast.AST) -> Iterator[ast.expr]:
    """Keys of a figure's own rows, which need be no metrics."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (key for key in node.keys if key is not None)
        elif isinstance(node, ast.Subscript):
            yield node.slice
