"""What a record's output holds: values, or the reason why it cannot be read."""

import contextlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from meshbench import benchmarks, collectors
from meshbench.benchmarks.base import Benchmark, Headline, Observation, Pair
from meshbench.collectors import daemon_log
from meshbench.collectors.daemon_log import Beside
from meshbench.results.records import LinkRecord, Record, Status
from meshbench.util.foreign import quoted, why


@dataclass(frozen=True)
class Reading:
    """A record with all its values.

    Attributes:
        record: a link that is ok in the file, but cannot be read or holds nothing, is `tool_failed`
            with the reason and the file's name.
        logs: of both ends of each link with single RTTs, what was logged there.
    """

    record: Record
    observations: Sequence[Observation]
    headlines: Sequence[Headline]
    logs: Sequence[Beside] = ()


def read(record: Record, path: Path) -> Reading:
    """Read a record; nothing that its output, its settings or its benchmark are stops another."""
    links = [link.model_copy() for link in record.links]
    record = record.model_copy(update={"links": links})
    collected = [o for kind in collectors.every() for o in kind().parse(record)]
    try:
        benchmark = benchmarks.make(str(record.kind), record.settings["options"])
    except Exception as error:  # noqa: BLE001 - a file may say anything
        for link in record.links:
            _unreadable(link, f"its settings are not of a benchmark here: {why(error)}", path)
        return Reading(record, collected, ())
    measured = _measured(benchmark, record, path)
    logs = list(daemon_log.beside(record, dict(_starts_s(benchmark, record))))
    return Reading(record, [*collected, *measured], benchmark.headlines(), logs)


def judged(record: Record, path: Path) -> list[LinkRecord]:
    """A record's links with the status that their output turns out to have."""
    return list(read(record, path).record.links)


def _starts_s(benchmark: Benchmark[Any], record: Record) -> Iterator[tuple[Pair, float]]:
    for link in record.links:
        with contextlib.suppress(Exception):  # a tool's output may be anything
            start_s = benchmark.series_start_s(link)
            if start_s is not None and math.isfinite(start_s):
                yield link.pair, start_s


def _measured(benchmark: Benchmark[Any], record: Record, path: Path) -> list[Observation]:
    try:
        measured = list(_checked(benchmark.parse(record)))
    except Exception:  # noqa: BLE001 - a tool's output may be anything
        measured = _link_by_link(benchmark, record, path)
    subjects = {observation.subject for observation in measured}
    for link in record.links:
        if link.pair not in subjects and _tells_of_links(benchmark):
            output = quoted("".join(command.stdout for command in link.commands[-1:]))
            _unreadable(link, f"it holds no value: {output}", path)
    return measured


def _link_by_link(benchmark: Benchmark[Any], record: Record, path: Path) -> list[Observation]:
    observations: list[Observation] = []
    for link in record.links:
        alone = record.model_copy(update={"links": [link]})
        try:
            observations += _checked(benchmark.parse(alone))
        except Exception as error:  # noqa: BLE001 - a tool's output may be anything
            _unreadable(link, why(error), path)
    return observations


def _checked(observations: Iterator[Observation]) -> Iterator[Observation]:
    """Raises ValueError at one that is no finite number."""
    for observation in observations:
        for number in (observation.value, observation.t_s):
            if number is not None and not math.isfinite(number):
                raise ValueError(f"{observation.metric.name} is {number}")
        yield observation


def _tells_of_links(benchmark: Benchmark[Any]) -> bool:
    headlines = benchmark.headlines()
    return not headlines or any(headline.of == "link" for headline in headlines)


def _unreadable(link: LinkRecord, reason: str, path: Path) -> None:
    """What did not end well says already why there is nothing to read."""
    if link.status is Status.OK:
        link.status = Status.TOOL_FAILED
        link.reason = f"the output in {path} cannot be read: {reason}"
