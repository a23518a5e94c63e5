"""parallel_tcp_iperf3.json: all links at the same time, one bidirectional session each."""

from collections.abc import Iterator
from typing import Any

from meshbench.importers.vpn_runner import iperf3
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.outcome import (
    LinkOutcome,
    around,
    embedded_json,
    from_meta,
    judge_pair,
    open_envelope,
)
from meshbench.importers.vpn_runner.reading import UnreadableError, count, items, number, text
from meshbench.importers.vpn_runner.scrub import excerpt


def read(document: Any, host: str) -> Iterator[LinkOutcome]:
    """One link per pair. The file says success even when pairs failed; each pair says for itself."""
    envelope = open_envelope(document)
    if envelope.error is not None:
        yield from_meta(envelope, host, Kind.PARALLEL)
        return
    pairs = items(envelope.data, "pairs")
    if not pairs:
        raise UnreadableError("says success and lists no pair")
    for index, pair in enumerate(pairs):
        link = _pair(pair)
        if index == 0:
            # The restart before the test was one for all pairs.
            link.values.extend(around(envelope.meta))
        link.attempts = count(envelope.meta, "test_attempts", least=1) or 1
        link.duration_s = number(envelope.meta, "duration_seconds")
        yield link


def _pair(pair: Any) -> LinkOutcome:
    source, target = text(pair, "source"), text(pair, "target")
    if source is None or target is None:
        raise UnreadableError("a pair without source or target")
    link = LinkOutcome(source.lower(), target.lower())
    error = text(pair, "error")
    if error is None:
        iperf3.fill(link, pair.get("result"), Kind.PARALLEL)
        return link
    found = judge_pair(error)
    link.status, link.reason, link.limit_s = found.status, found.reason, found.limit_s
    link.log = excerpt(error)
    iperf3.fill(link, embedded_json(error), Kind.PARALLEL)
    return link
