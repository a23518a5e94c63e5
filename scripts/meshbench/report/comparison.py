"""A comparison in words: for a terminal, a page, a pull request, paper and machines.

It reads like Go's benchstat: a table per metric, `~` where no difference can be told, with n and p.
"""

import csv
import io
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from meshbench.analysis import compare as comparing
from meshbench.analysis.compare import KEY, Change, Comparison
from meshbench.analysis.estimates import Estimate
from meshbench.analysis.gates import Judged, Outcome
from meshbench.figures.drawing import measure, tabular, theme
from meshbench.figures.drawing.wording import DASH, counted, number
from meshbench.util import templates, terminal
from meshbench.util.files import atomic

_GROUP = ("benchmark", "metric", "mode", "direction", "unit", "better", "placement", "subject_kind")
_STYLES = {comparing.BETTER: "green", comparing.WORSE: "red"}
_OUTCOMES = {Outcome.PASS: "green", Outcome.FAIL: "red", Outcome.CANNOT_TELL: "yellow"}
_ARROWS = {"forward": "→", "reverse": "←"}
SAME = "Both sides were measured under the same conditions, as far as they are recorded."


@dataclass(frozen=True)
class Grid:
    """A table of texts; `styles` are of its rows' last cells, for a terminal."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    styles: Sequence[str] = ()


@dataclass(frozen=True)
class Told:
    """Everything there is to say, in the order in which it is said."""

    title: str
    lines: Sequence[str]
    grids: Sequence[Grid]


def told(comparisons: Sequence[Comparison], judged: Sequence[Judged] = ()) -> Told:
    """What was not the same first, then the gates, then a table per metric."""
    base, others = comparisons[0].base, [comparison.other for comparison in comparisons]
    lines, grids = [], []
    for comparison in comparisons:
        lines.append(f"{comparison.other} against {comparison.base}: {_basis(comparison)}.")
        if comparison.basis.mismatches:
            grids.append(_mismatches(comparison))
        else:
            lines.append(SAME)
    if judged:
        grids.append(_gates(judged))
    grids += _metrics(comparisons)
    if not any(comparison.changes for comparison in comparisons):
        lines.append("Nothing is left that could be compared.")
    return Told(f"{base} and {', '.join(others)}", lines, grids)


def together(several: Sequence[Told]) -> Told:
    """One after the other."""
    return Told(
        "; ".join(report.title for report in several),
        [line for report in several for line in report.lines],
        [grid for report in several for grid in report.grids],
    )


def _basis(comparison: Comparison) -> str:
    paired = {
        True: "round by round",
        False: "unpaired, as the rounds met other weather",
        None: "unpaired, as no record tells the weather",
    }[comparison.basis.paired]
    relative = ", each value over that of its own bare link" if comparison.basis.relative else ""
    return paired + relative


def _mismatches(comparison: Comparison) -> Grid:
    return Grid(
        "Not the same on both sides",
        ("what", comparison.base, comparison.other, "so it is"),
        [(m.what, m.base, m.other, m.effect) for m in comparison.basis.mismatches],
    )


def _gates(judged: Sequence[Judged]) -> Grid:
    return Grid(
        "Gates",
        ("gate", "of", "change", "verdict"),
        [
            (str(verdict.gate), _place(verdict.change), _change(verdict.change), _verdict(verdict))
            for verdict in judged
        ],
        [_OUTCOMES[verdict.outcome] for verdict in judged],
    )


def _verdict(verdict: Judged) -> str:
    return f"{verdict.outcome}: {verdict.why}" if verdict.why else str(verdict.outcome)


def _place(change: Change) -> str:
    key = change.key
    return ", ".join(
        str(word)
        for word in (key["vpn"], key["profile"], key["benchmark"], key["mode"], _way(key))
        if word
    )


def _way(key: dict[str, Any]) -> str:
    return _ARROWS.get(key["direction"], "")


def _metrics(comparisons: Sequence[Comparison]) -> Iterator[Grid]:
    groups: dict[tuple[Any, ...], dict[tuple[str, str, str], dict[int, Change]]] = {}
    for index, comparison in enumerate(comparisons):
        for change in comparison.changes:
            group = tuple(change.key[name] for name in _GROUP)
            row = (change.key["vpn"], change.key["tuning"], change.key["profile"])
            groups.setdefault(group, {}).setdefault(row, {})[index] = change
    for group, rows in groups.items():
        yield _metric(dict(zip(_GROUP, group, strict=True)), rows, comparisons)


def _metric(
    group: dict[str, Any],
    rows: dict[tuple[str, str, str], dict[int, Change]],
    comparisons: Sequence[Comparison],
) -> Grid:
    head = ["system", "profile", comparisons[0].base]
    for comparison in comparisons:
        head += [comparison.other, "change"]
    several = len({tuning for _, tuning, _ in rows}) > 1
    lines, styles = [], []
    order = theme.profile_order({profile for _, _, profile in rows})
    for row in sorted(rows, key=lambda row: (order.index(row[2]), row)):
        (vpn, tuning, profile), changes = row, rows[row]
        first = next(iter(changes.values()))
        line = [
            f"{vpn} ({tuning})" if several else vpn,
            profile,
            _centre(first.base, group["unit"]),
        ]
        for index in range(len(comparisons)):
            change = changes.get(index)
            line += (
                [_centre(change.other, group["unit"]), _change(change)] if change else [DASH, DASH]
            )
        lines.append(line)
        styles.append(_STYLES.get(first.verdict, "") if len(changes) == 1 else "")
    return Grid(_title(group), head, lines, styles)


def _title(group: dict[str, Any]) -> str:
    unit = measure.told(group["unit"])[0]
    words = [group["benchmark"], group["mode"], _way(group), group["placement"]]
    better = "" if group["better"] == "neither" else f", {group['better']} is better"
    shown = (
        f" ({unit}{better})" if unit != "1" else f" ({better.removeprefix(', ')})" if better else ""
    )
    return f"{group['metric']}{shown}: {', '.join(word for word in words if word)}"


def _centre(centre: Estimate, unit: str) -> str:
    scale = measure.told(unit)[1].scale
    if centre.value is None:
        return DASH
    value = f"{'≥' if centre.bound else ''}{number(centre.value * scale)}"
    if centre.low is None or centre.high is None or not centre.value:
        return f"{value} (n={centre.rounds})"
    half = max(centre.high - centre.value, centre.value - centre.low) / abs(centre.value)
    return f"{value} ±{number(100 * half, 2)} %"


def _change(change: Change) -> str:
    size = f"n={change.rounds}"
    p = "" if change.p_holm is None else f"p={number(change.p_holm, 2, 4)}, "
    if change.verdict == comparing.CANNOT_TELL:
        why = f", {change.why}" if change.p_holm is None and change.why else ""
        return f"~ {_interval(change)}({p}{size}{why})"
    if change.verdict == comparing.EQUIVALENT:
        return f"= {_interval(change)}({size})"
    return f"{_size(change)} {_interval(change)}({p}{size})"


def _size(change: Change) -> str:
    if change.ratio is not None:
        return _percent(change.ratio)
    if change.shift is None:
        return change.verdict
    unit, definition = measure.told(change.key["unit"])
    value = number(abs(change.shift) * definition.scale)
    return f"{'+' if change.shift > 0 else '-'}{value}{'' if unit == '1' else f' {unit}'}"


def _percent(ratio: float) -> str:
    off = 100 * (ratio - 1)
    return f"{'+' if off > 0 else '-' if off < 0 else '±'}{number(abs(off), 2, 2)} %"


def _interval(change: Change) -> str:
    if change.low is None and change.high is None:
        return ""
    ends = (
        "open" if end is None else _percent(end).removesuffix(" %")
        for end in (change.low, change.high)
    )
    return f"[{', '.join(ends)}] "


# As files


def for_terminal(report: Told) -> Group:
    """For rich."""
    return Group(*(Text(line) for line in report.lines), *(_rich(grid) for grid in report.grids))


def _rich(grid: Grid) -> Table:
    table = terminal.table(grid.title, grid.head, plain=True)
    for row, style in zip(grid.rows, grid.styles or [""] * len(grid.rows), strict=True):
        table.add_row(*(Text(cell) for cell in row[:-1]), Text(row[-1], style=style))
    return table


def markdown(report: Told) -> str:
    """For a pull request."""
    parts = [f"### {report.title}", "", *(f"{line}\n" for line in report.lines)]
    for grid in report.grids:
        parts += [f"**{grid.title}**", "", _line(grid.head), _line(["---"] * len(grid.head))]
        parts += [*(_line(row) for row in grid.rows), ""]
    return "\n".join(parts)


def _line(cells: Iterable[str]) -> str:
    escaped = (cell.replace("\\", "\\\\").replace("|", "\\|").replace("~", "\\~") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def page(report: Told) -> str:
    """A page that needs nothing else."""
    return templates.html(__package__, "comparison.html", told=report)


def latex(report: Told) -> str:
    """A float per table."""
    return "\n".join(
        tabular.latex(
            tabular.Table(
                [tabular.Column(str(i), tabular.escaped(head), digits=None) for i, head in enumerate(grid.head)],
                grid.rows,
            ),
            f"{report.title}: {grid.title}",
            f"tab:comparison-{index}",
        )
        for index, grid in enumerate(report.grids, 1)
    )  # fmt: skip


_COLUMNS = (
    "base", "other", *KEY, "paired", "relative", "base_value", "base_low", "base_high", "base_rounds",
    "other_value", "other_low", "other_high", "other_rounds", "ratio", "ratio_low", "ratio_high",
    "shift", "rounds", "p", "p_holm", "verdict", "why",
)  # fmt: skip


def flat(comparisons: Sequence[Comparison]) -> str:
    """A row per change, as CSV with unrounded numbers in the metric's unit."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS)
    writer.writeheader()
    for comparison in comparisons:
        for change in comparison.changes:
            writer.writerow(_row(comparison, change))
    return out.getvalue()


def _row(comparison: Comparison, change: Change) -> dict[str, Any]:
    return {
        "base": comparison.base,
        "other": comparison.other,
        **change.key,
        "paired": bool(comparison.basis.paired),
        "relative": comparison.basis.relative,
        **_sided("base", change.base),
        **_sided("other", change.other),
        "ratio": change.ratio,
        "ratio_low": change.low,
        "ratio_high": change.high,
        "shift": change.shift,
        "rounds": change.rounds,
        "p": change.p,
        "p_holm": change.p_holm,
        "verdict": change.verdict,
        "why": change.why,
    }


def _sided(name: str, centre: Estimate) -> dict[str, Any]:
    values = {
        "value": centre.value,
        "low": centre.low,
        "high": centre.high,
        "rounds": centre.rounds,
    }
    return {f"{name}_{key}": value for key, value in values.items()}


def junit(judged: Sequence[Judged], *, unsure_passes: bool) -> str:
    """The gates as JUnit XML, a test case per value; one that cannot tell fails, or is skipped."""
    root = ET.Element("testsuites", name="meshbench compare")
    for gate in dict.fromkeys(verdict.gate for verdict in judged):
        mine = [verdict for verdict in judged if verdict.gate == gate]
        unsure = sum(verdict.outcome is Outcome.CANNOT_TELL for verdict in mine)
        failed = sum(verdict.outcome is Outcome.FAIL for verdict in mine)
        suite = ET.SubElement(
            root, "testsuite", name=str(gate), tests=str(len(mine)),
            failures=str(failed + (0 if unsure_passes else unsure)),
            skipped=str(unsure if unsure_passes else 0),
        )  # fmt: skip
        for verdict in mine:
            _case(suite, verdict, unsure_passes=unsure_passes)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _case(suite: ET.Element, verdict: Judged, *, unsure_passes: bool) -> None:
    case = ET.SubElement(
        suite,
        "testcase",
        name=_place(verdict.change),
        classname=f"{verdict.comparison.other}.{verdict.gate.metric}",
    )
    message = f"{_change(verdict.change)} {_verdict(verdict)}"
    if verdict.outcome is Outcome.FAIL or (
        verdict.outcome is Outcome.CANNOT_TELL and not unsure_passes
    ):
        ET.SubElement(case, "failure", type=str(verdict.outcome), message=message)
    elif verdict.outcome is Outcome.CANNOT_TELL:
        ET.SubElement(case, "skipped", message=message)


def summary(judged: Sequence[Judged]) -> str:
    """What the gates say, in a line."""
    counts = {outcome: sum(verdict.outcome is outcome for verdict in judged) for outcome in Outcome}
    parts = [f"{count} {outcome}" for outcome, count in counts.items() if count]
    return f"{counted(len(judged), 'value')} behind gates: {', '.join(parts)}"


def write(path: Path, content: str) -> None:
    """Whole or not at all."""
    with atomic(path) as temporary:
        temporary.write_text(content, encoding="utf-8")
