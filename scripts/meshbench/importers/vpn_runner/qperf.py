"""qperf.json: QUIC goodput, set-up times and the tool's CPU use, as statistics."""

from collections.abc import Iterator
from typing import Any

from meshbench.benchmarks.tools import quic_metrics as quic
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.outcome import (
    LinkOutcome,
    from_meta,
    measured,
    no_value,
    open_envelope,
)
from meshbench.importers.vpn_runner.reading import at
from meshbench.importers.vpn_runner.spread import values
from meshbench.results.records import Status

_FIELDS = (
    (quic.GOODPUT, "total_bandwidth_mbps", 1e6),
    (quic.CPU, "cpu_usage_percent", 0.01),
    (quic.TTFB, "ttfb_ms", 1),
    (quic.CONNECT, "conn_time_ms", 1),
)


def _statistics(data: Any, key: str) -> Any:
    """A statistic object; the runner's first versions kept its quartiles only, without the mean."""
    quartiles = at(data, f"{key}_percentiles")
    return at(data, key) if quartiles is None else {"percentiles": quartiles}


def read(document: Any, host: str) -> Iterator[LinkOutcome]:
    """The one link of a qperf.json. Raises UnreadableError for a success without a value."""
    envelope = open_envelope(document)
    link = from_meta(envelope, host, Kind.QPERF)
    for spread, key, factor in _FIELDS:
        link.values.extend(values(_statistics(envelope.data, key), spread, factor))
    if link.status is Status.OK and not measured(link):
        raise no_value(envelope.data)
    yield link
