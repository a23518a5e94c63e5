"""parallel_tcp_iperf3.json: all links at the same time, one bidirectional session each."""

from collections.abc import Iterator
from typing import Any

from meshbench.importers.vpn_runner import iperf3
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.outcome import (
    LinkOutcome,
    around,
    destination,
    embedded_json,
    from_meta,
    judge_pair,
    named_host,
    open_envelope,
)
from meshbench.importers.vpn_runner.reading import UnreadableError, at, count, items, seconds, text
from meshbench.results.records import Status
from meshbench.util.scrub import excerpt


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
        link.duration_s = seconds(envelope.meta, "duration_seconds")
        yield link


def _pair(pair: Any) -> LinkOutcome:
    """One pair; its ends are empty where neither it nor its tool's words name them."""
    error, result = text(pair, "error"), at(pair, "result")
    address = _address(result, error or "")
    target = text(pair, "target") or named_host(address)
    link = LinkOutcome((text(pair, "source") or "").lower(), target.lower(), address=address)
    if error is None:
        _fill(link, result)
        return link
    judgement = judge_pair(error)
    link.status, link.reason, link.limit_s = judgement.status, judgement.reason, judgement.limit_s
    link.log = excerpt(error)
    iperf3.fill(link, embedded_json(error), Kind.PARALLEL)
    return link


def _fill(link: LinkOutcome, result: Any) -> None:
    """A pair without a value says so for itself, and takes no other pair with it."""
    try:
        iperf3.fill(link, result, Kind.PARALLEL)
    except UnreadableError as reason:
        link.status, link.reason = Status.TOOL_FAILED, str(reason)


def _address(result: Any, error: str) -> str:
    """Where a pair's client connected to, by its document or its command line."""
    return destination(result) or error
