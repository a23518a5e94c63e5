"""What decides a number besides the VPN: said at the foot of every figure and of the report's head."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing.wording import joined

_COLUMNS = (
    ("congestion_control", "TCP {}", "congestion control"),
    ("kernel", "{}", "kernel"),
    ("cpu_model", "{}", "CPU"),
    ("tool", "{}", "tool's version"),
    ("qdisc", "queued by {}", "queueing discipline"),
)
"""Of the table `cells`: how its values are said, and what is missing where there are none."""


def read(cells: Path | None) -> Sequence[Row]:
    """The rows of the table `cells`; none where it is not given."""
    return Data.read({"cells": cells}).rows("cells") if cells else ()


def lines(cells: Sequence[Row], context: Context, benchmarks: Collection[str] = ()) -> list[str]:
    """One statement each on congestion control, kernel, CPU, tool and queueing discipline.

    Args:
        cells: rows of the table `cells`.
        context: what was planned. Nothing is said of a testbed that measures nothing, nor of an
            import, whose files do not tell.
        benchmarks: that the figure shows; none of them, or none given: all are meant.
    """
    if context.testbed in {"fake", "published"} or not cells:
        return []
    mine = [row for row in cells if row["benchmark"] in benchmarks] or list(cells)
    statements = {topic: _line(column, words, mine, context) for column, words, topic in _COLUMNS}
    missing = joined(topic for topic, line in statements.items() if not line)
    return [*filter(None, statements.values()), *([f"not recorded: {missing}"] if missing else [])]


def _line(column: str, words: str, cells: Sequence[Row], context: Context) -> str:
    """What is known of a column; empty if nothing is."""
    by_tuning = {
        tuning: values
        for tuning in context.tunings
        if (values := _values(column, (row for row in cells if row["tuning"] == tuning)))
    }
    if not by_tuning:
        return ""
    if column == "congestion_control" and len(set(map(tuple, by_tuning.values()))) > 1:
        return words.format(joined(f"{joined(v)} ({t})" for t, v in by_tuning.items()))
    return words.format(
        joined(sorted({value for own_values in by_tuning.values() for value in own_values}))
    )


def _values(column: str, cells: Iterable[Row]) -> list[str]:
    """The different values, those apart that a cell joins."""
    texts = (row[column] for row in cells if row[column] is not None)
    return sorted({value for words in texts for value in words.split(", ")})
