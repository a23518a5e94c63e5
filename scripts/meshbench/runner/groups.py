"""Measuring the links of a cell group by group, all links of a group starting together."""

import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from meshbench.benchmarks.base import Arena, Benchmark, Link, Outcome, Pair
from meshbench.results.records import Command, GroupRecord, LinkRecord, Status, now

log = logging.getLogger(__name__)

START_SPREAD_S = 0.05
"""How far apart the links of one group may start without a mark."""
SILENT = "no traffic through the tunnel on this pair before the measurement"


@dataclass
class Measured:
    """What came of a cell's links."""

    links: list[LinkRecord] = field(default_factory=list)
    groups: list[GroupRecord] = field(default_factory=list)
    kept: list[Command] = field(default_factory=list)
    failures: list[Command] = field(default_factory=list)


async def measure(benchmark: Benchmark[Any], arena: Arena, silent: Collection[Pair]) -> Measured:
    """Measure every link of the arena that is not silent; those have a record that says so."""
    by_pair: dict[Pair, LinkRecord] = {}
    done = Measured()
    able = [link for link in arena.links if link.pair not in silent]
    for group in filter(None, benchmark.groups(able)):
        await _group(benchmark, group, arena, done, by_pair)
    done.links = [by_pair.get(link.pair) or _silent(link) for link in arena.links]
    done.kept = list(arena.kept)
    return done


def _silent(link: Link) -> LinkRecord:
    return _record(link, status=Status.FAILED, reason=SILENT)


def _record(link: Link, **facts: Any) -> LinkRecord:
    source, target = link.pair
    return LinkRecord(
        source=source, target=target, target_address=link.target_address, started=now(), **facts
    )


async def _group(
    benchmark: Benchmark[Any],
    group: Sequence[Link],
    arena: Arena,
    done: Measured,
    by_pair: dict[Pair, LinkRecord],
) -> None:
    """Measure one group, again as a whole when a tool failed or did not wait; nothing else is tried away."""
    records = {link.pair: _record(link, status=Status.OK) for link in group}
    clock, kept = time.monotonic(), len(arena.kept)
    attempts = 1
    while True:
        await benchmark.warm_up(group, arena)
        outcomes = await benchmark.measure(group, arena)
        broken = [o.reason for o in outcomes if o.status is Status.TOOL_FAILED or o.hasty]
        if not broken or attempts >= benchmark.attempts:
            break
        log.warning("%s: %s; trying again", _names(group), broken[0])
        for link, outcome in zip(group, outcomes, strict=True):
            records[link.pair].failures += outcome.commands
        done.failures += arena.kept[kept:]
        del arena.kept[kept:]
        attempts += 1
    took_s = round(time.monotonic() - clock, 3)
    for link, outcome in zip(group, outcomes, strict=True):
        record = records[link.pair]
        record.status, record.reason, record.attempts = outcome.status, outcome.reason, attempts
        record.commands, record.limit_s = list(outcome.commands), outcome.limit_s
        record.duration_s = took_s
    by_pair |= records
    done.groups.append(
        GroupRecord(links=_names(group), attempts=attempts, start_spread_s=spread_s(outcomes))
    )


def _names(group: Sequence[Link]) -> list[str]:
    return ["->".join(link.pair) for link in group]


def spread_s(outcomes: Sequence[Outcome]) -> float | None:
    """The largest time between the starts of the first commands of one role on the links of a group,
    in seconds.

    None where fewer than two links ran one.
    """
    starts: dict[str, list[float]] = {}
    for outcome in outcomes:
        measuring = [command for command in outcome.commands if command.measuring]
        for role in {command.role for command in measuring}:
            first = min(command.started for command in measuring if command.role == role)
            starts.setdefault(role, []).append(first.timestamp())
    spreads = [max(times) - min(times) for times in starts.values() if len(times) > 1]
    return round(max(spreads), 6) if spreads else None
