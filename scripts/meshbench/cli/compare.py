"""`compare`: what changed between campaigns, or between two systems of one, and whether a gate lets it pass.

Exit status: 0 when nothing is wrong, 1 when a gate fails, 3 when one cannot tell (and none fails), 2
for what cannot be compared.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meshbench.analysis import compare, gates, sides
from meshbench.analysis.compare import Manner
from meshbench.analysis.gates import Gate, Outcome
from meshbench.report import comparing, comparison
from meshbench.tables.registry import every_metric
from meshbench.util import terminal
from meshbench.util.errors import MeshbenchError
from meshbench.util.hints import close_matches

_STATUS = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.CANNOT_TELL: 3}
_UNUSABLE = 2


def add(commands: Any) -> None:
    """Add the command to a command line's."""
    parser = commands.add_parser(
        "compare",
        help="what changed between campaigns, or between two systems of one; with gates for CI",
    )
    parser.add_argument(
        "sides", nargs="+", metavar="SIDE",
        help="a campaign's name, a folder of results, one system of it (quick:nebula@1.10), or that "
        "under one profile (quick:nebula/low); "
        "the first is what the others are compared with",
    )  # fmt: skip
    parser.add_argument("--metric", action="append", default=[], help="only this one; repeatable")
    parser.add_argument("--all", action="store_true", help="every metric, not the headlines only")
    parser.add_argument(
        "--marked", choices=("in", "out"), default="in", help="values of marked cells"
    )
    parser.add_argument(
        "--anyway", action="store_true", help="compare what was measured under other conditions too"
    )
    parser.add_argument(
        "--equivalent", type=float, default=5.0, metavar="PERCENT", help="margin of '=' (default 5)"
    )
    parser.add_argument(
        "--gate", action="append", default=[], metavar="'METRIC ±N%'",
        help="how far a metric may go, e.g. 'goodput -5%%' or 'rtt_avg +10%%'; repeatable",
    )  # fmt: skip
    parser.add_argument(
        "--cannot-tell", choices=("fail", "pass"), default="fail",
        help="what a gate's 'cannot tell' counts as",
    )  # fmt: skip
    for kind in ("html", "csv", "latex", "markdown", "junit"):
        parser.add_argument(f"--{kind}", type=Path, metavar="FILE", help="write it there too")
    parser.set_defaults(command=_command)


def _command(chosen: argparse.Namespace) -> int:
    try:
        return _compare(chosen)
    except MeshbenchError as error:
        terminal.console(sys.stderr).print(str(error), markup=False, soft_wrap=True)
        return _UNUSABLE


def _compare(chosen: argparse.Namespace) -> int:
    wanted = [Gate.of(text) for text in chosen.gate]
    if chosen.junit and not wanted:
        raise MeshbenchError(
            "--junit writes what gates say: name one, such as --gate 'goodput -5%'"
        )
    manner = Manner(
        metrics=_metrics(chosen, [gate.metric for gate in wanted]),
        marked=chosen.marked == "in",
        anyway=chosen.anyway,
        equivalent_percent=chosen.equivalent,
    )
    comparisons = compare.compare([sides.read(name) for name in chosen.sides], manner)
    judged = gates.judged(wanted, comparisons)
    report = comparison.told(comparisons, judged)
    terminal.console(sys.stdout).print(comparison.for_terminal(report))
    unsure = chosen.cannot_tell == "pass"
    formats: dict[str, Callable[[], str]] = {
        "html": lambda: comparison.page(report),
        "csv": lambda: comparison.flat(comparisons),
        "latex": lambda: comparison.latex(report),
        "markdown": lambda: comparison.markdown(report),
        "junit": lambda: comparison.junit(judged, unsure_passes=unsure),
    }
    for kind, content in formats.items():
        if path := getattr(chosen, kind):
            comparison.write(path, content())
    if judged:
        sys.stdout.write(f"{comparison.summary(judged)}\n")
    return _STATUS[gates.worst([verdict.outcome for verdict in judged], unsure_passes=unsure)]


def _metrics(chosen: argparse.Namespace, gated: list[str]) -> tuple[str, ...]:
    """Those asked for and those of gates; the headlines where none are; none stands for all."""
    names = [metric.name for metric in every_metric()]
    for name in (*chosen.metric, *gated):
        if name not in names:
            raise MeshbenchError(f"there is no metric '{name}'; {close_matches(name, names)}")
    if chosen.all:
        return ()
    return tuple(dict.fromkeys([*(chosen.metric or comparing.headline_metrics()), *gated]))
