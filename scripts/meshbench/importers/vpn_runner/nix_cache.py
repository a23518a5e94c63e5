"""nix_cache.json: hyperfine's export of two timed copies, or how far the copies came."""

from collections.abc import Iterator
from typing import Any

from meshbench.benchmarks.tools import nix_metrics as m
from meshbench.benchmarks.tools import nix_output
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.outcome import (
    LinkOutcome,
    from_meta,
    measured,
    no_value,
    open_envelope,
)
from meshbench.importers.vpn_runner.reading import items, number, text
from meshbench.importers.vpn_runner.values import Value
from meshbench.results.records import Status

_FIELDS = ((m.COPY_TIME, "mean"), (m.COPY_USER, "user"), (m.COPY_SYSTEM, "system"))


def read(document: Any, host: str) -> Iterator[LinkOutcome]:
    """The one link of a nix_cache.json; `stream` numbers the timed copies from 0.

    Raises:
        UnreadableError: a success without a value.
    """
    envelope = open_envelope(document)
    link = from_meta(envelope, host, Kind.NIX_CACHE)
    if envelope.error is not None:
        link.values.extend(_progress(text(envelope.error, "stderr") or ""))
        yield link
        return
    results = items(envelope.data, "results")
    result = results[0] if results else None
    link.values.extend(_times(result))
    if not measured(link):
        raise no_value(envelope.data)
    if bad := [code for code in items(result, "exit_codes") if code not in (0, None)]:
        link.status, link.reason = Status.FAILED, f"copies ended with exit codes {bad[:5]}"
    yield link


def _times(result: Any) -> Iterator[Value]:
    for metric, key in _FIELDS:
        if (seconds := number(result, key)) is not None:
            yield Value(metric, seconds)
    for index, time in enumerate(items(result, "times")):
        if (seconds := number(time)) is not None:
            yield Value(m.COPY_TIME, seconds, stream=index)


def _progress(log: str) -> Iterator[Value]:
    if begun := nix_output.begun(log):
        yield Value(m.COPIES_STARTED, begun.copies)
        yield Value(m.PATHS_WANTED, begun.wanted)
        yield Value(m.PATHS_STARTED, begun.paths)
