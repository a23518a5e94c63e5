"""timing_breakdown.json: where the runner's time went in its latest (perhaps partial) session.

A profile's file repeats the session's installation and all earlier profiles; only its own profile
is taken. It is not a wall clock of the published tests (reference-runner.md section 9).
"""

from collections.abc import Iterator
from typing import Any

from meshbench.importers.vpn_runner.outcome import EVERYWHERE, LinkOutcome
from meshbench.importers.vpn_runner.reading import (
    UnreadableError,
    from_epoch,
    items,
    number,
    seconds,
    text,
)
from meshbench.importers.vpn_runner.values import Value
from meshbench.results import imported_metrics as m


def read(document: Any, profile: str) -> Iterator[LinkOutcome]:
    """One outcome for no link. Raises UnreadableError when there is no phase of this profile."""
    link = LinkOutcome(
        EVERYWHERE, EVERYWHERE, started=from_epoch(number(document, "start_timestamp"))
    )
    link.duration_s = seconds(document, "total_duration_seconds")
    if link.duration_s is not None:
        link.values.append(Value(m.SESSION_TIME, link.duration_s))
    for phase in items(document, "phases"):
        link.values.extend(_phase(phase, profile, link))
    if not link.values:
        raise UnreadableError("no phase with a duration")
    yield link


def _phase(phase: Any, profile: str, link: LinkOutcome) -> Iterator[Value]:
    name, duration = text(phase, "phase"), number(phase, "duration_seconds")
    if name == "vpn_installation":
        if duration is not None:
            yield Value(m.INSTALLATION_TIME, duration)
        for operation in items(phase, "operations"):
            yield from _operation(operation, link)
    elif name == "benchmarking":
        if _profile(phase) != profile:
            return
        link.started = from_epoch(number(phase, "start_timestamp")) or link.started
        if duration is not None:
            yield Value(m.BENCHMARKING_TIME, duration)
        for metric, operation in (
            (m.STABILISATION_TIME, "tc_stabilization"),
            (m.TESTS_TIME, "run_tests"),
        ):
            for entry in items(phase, "operations"):
                if text(entry, "name") == operation and (took := _took(entry)) is not None:
                    yield Value(metric, took)
    else:
        link.marks.append(f"unknown phase {name!r}")


def _profile(phase: Any) -> str:
    return (text(phase, "metadata", "profile") or "").lower().removesuffix("_impairment")


def _operation(operation: Any, link: LinkOutcome) -> Iterator[Value]:
    name = text(operation, "name") or ""
    if name.startswith("install_") and name.endswith("_config"):
        name = "install_vpn_config"
    metric, took = m.OPERATIONS.get(name), _took(operation)
    if metric is None:
        link.marks.append(f"unknown operation {name!r}")
    elif took is not None:
        yield Value(metric, took)


def _took(operation: Any) -> float | None:
    return number(operation, "duration_seconds")
