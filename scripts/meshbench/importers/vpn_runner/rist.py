"""rist_stream.json: encoder and receiver statistics over about 31 seconds."""

from collections.abc import Iterator
from typing import Any

from meshbench.benchmarks.tools import rist_metrics as m
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
    (m.ENCODING_BITRATE, "encoding", "bitrate_kbps", 1e3),
    (m.ENCODING_FPS, "encoding", "fps", 1),
    (m.ENCODING_DROPPED, "encoding", "dropped_frames", 1),
    (m.DROPPED, "network", "packets_dropped", 1),
    (m.RECOVERED, "network", "packets_recovered", 1),
    (m.RTT, "network", "rtt_ms", 1),
    (m.QUALITY, "network", "quality", 0.01),
    (m.BITRATE, "network", "bitrate_bps", 1),
)


MARK_SENDER_ONLY = "the sender's numbers only: this version of the runner kept none of the receiver"


def _part(data: Any, name: str) -> Any:
    """The encoder's or the receiver's statistics; earlier versions had the encoder's only, at the top."""
    return data if name == "encoding" and at(data, name) is None else at(data, name)


def read(document: Any, host: str) -> Iterator[LinkOutcome]:
    """The one link of a rist_stream.json. Raises UnreadableError for a success without a value."""
    envelope = open_envelope(document)
    link = from_meta(envelope, host, Kind.RIST)
    data = envelope.data
    for spread, part, key, factor in _FIELDS:
        link.values.extend(values(at(_part(data, part), key), spread, factor))
    if link.status is Status.OK and not measured(link):
        raise no_value(data)
    if link.status is Status.OK and at(data, "network") is None:
        link.marks.append(MARK_SENDER_ONLY)
    yield link
