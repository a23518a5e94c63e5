"""What a record's links hold: their values, or the reason why their output cannot be read."""

import math
from collections.abc import Iterator

from meshbench import benchmarks
from meshbench.benchmarks.base import Benchmark, Value
from meshbench.results.records import LinkRecord, Record, Status
from meshbench.util.foreign import UNREADABLE, quoted, why

Read = tuple[LinkRecord, list[Value]]


def links(record: Record) -> Iterator[Read]:
    """Each link with its values.

    One that is ok in the record and cannot be read, or holds nothing, is `tool_failed` here; so are
    all where the record's benchmark or its options are not known. No record stops the others.
    """
    try:
        benchmark = benchmarks.load(record.cell.benchmark)(record.settings["options"])
        constants = list(benchmark.constants(record.settings))
    except UNREADABLE as error:
        reason = f"its settings are not those of a benchmark here: {why(error)}"
        yield from ((_unreadable(link, reason), []) for link in record.links)
        return
    for link in record.links:
        told, values = _link(link, benchmark)
        yield told, [*values, *constants]


def judged(record: Record) -> Record:
    """The record with the status of its links as they can be read."""
    return record.model_copy(update={"links": [link for link, _ in links(record)]})


def _link(link: LinkRecord, benchmark: Benchmark) -> Read:
    try:
        values = list(benchmark.parse(link))
        _check(values)
    except UNREADABLE as error:
        return _unreadable(link, f"its output cannot be read: {why(error)}"), []
    if values:
        return link, values
    said = quoted("".join(command.stdout for command in link.commands[-1:]))
    return _unreadable(link, f"its output holds no value: {said}"), []


def _check(values: list[Value]) -> None:
    for value in values:
        if value.value is not None and not math.isfinite(value.value):
            raise ValueError(f"{value.metric.name} is {value.value}")
        if value.t_s is not None and not math.isfinite(value.t_s):
            raise ValueError(f"{value.metric.name} is at {value.t_s} s")


def _unreadable(link: LinkRecord, reason: str) -> LinkRecord:
    """What did not end well says already why there is nothing to read."""
    if link.status is not Status.OK:
        return link
    return link.model_copy(update={"status": Status.TOOL_FAILED, "reason": reason})
