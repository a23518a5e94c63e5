"""tcp_iperf3.json and udp_iperf3.json: raw iperf3 3.20 documents of one bidirectional session.

In a bidirectional run ``sum_*`` is the client's stream (forward) and ``sum_*_bidir_reverse`` the
server's (reverse). The client's document holds intervals of what it sends (all of tcp_info) and of
what it receives (bytes only). RTTs are stored in microseconds.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from meshbench.benchmarks.tools import tcp_metrics as tcp
from meshbench.benchmarks.tools import udp_metrics as udp
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.outcome import (
    LinkOutcome,
    embedded_json,
    from_meta,
    measured,
    no_value,
    open_envelope,
    started,
)
from meshbench.importers.vpn_runner.reading import at, items, number, seconds, text
from meshbench.importers.vpn_runner.values import Value
from meshbench.results.metrics import Metric
from meshbench.results.records import Status

Fields = tuple[tuple[Metric, str, float], ...]

_TCP_SENT: Fields = (
    (tcp.SEND_RATE, "bits_per_second", 1),
    (tcp.SENT, "bytes", 1),
    (tcp.RETRANSMITS, "retransmits", 1),
)
_TCP_RECEIVED: Fields = ((tcp.GOODPUT, "bits_per_second", 1),)
_TCP_RTTS: Fields = (
    (tcp.TCP_RTT_MEAN, "mean_rtt", 1e-3),
    (tcp.TCP_RTT_MIN, "min_rtt", 1e-3),
    (tcp.TCP_RTT_MAX, "max_rtt", 1e-3),
)
_TCP_SENDER: Mapping[str, Fields] = {
    "forward": (
        *_TCP_RTTS,
        (tcp.CWND_MAX, "max_snd_cwnd", 1),
        (tcp.SND_WND_MAX, "max_snd_wnd", 1),
        (tcp.REORDERING, "reorder", 1),
    ),
    # The client knows its own receiving socket only: its RTT is the path's, its window is not.
    "reverse": _TCP_RTTS,
}
_TCP_INTERVAL: Fields = (
    (tcp.SEND_RATE, "bits_per_second", 1),
    (tcp.RETRANSMITS, "retransmits", 1),
    (tcp.CWND, "snd_cwnd", 1),
    (tcp.SND_WND, "snd_wnd", 1),
    (tcp.TCP_RTT, "rtt", 1e-3),
    (tcp.TCP_RTT_VAR, "rttvar", 1e-3),
    (tcp.REORDERING, "reorder", 1),
)
_TCP_INTERVAL_RECEIVED: Fields = ((tcp.GOODPUT, "bits_per_second", 1),)
_UDP_SENT: Fields = ((udp.SEND_RATE, "bits_per_second", 1), (udp.SENT, "packets", 1))
_UDP_RECEIVED: Fields = (
    (udp.GOODPUT, "bits_per_second", 1),
    (udp.LOST, "lost_packets", 1),
    (udp.LOSS, "lost_percent", 0.01),
    (udp.JITTER, "jitter_ms", 1),
)
_TEST: Fields = (
    (tcp.TEST_DURATION, "duration", 1),
    (tcp.STREAMS, "num_streams", 1),
    (udp.RATE_TARGET, "target_bitrate", 1),
)
_CPU: Fields = ((tcp.CPU_CLIENT, "host_total", 0.01), (tcp.CPU_SERVER, "remote_total", 0.01))
_DELIVERED = {tcp.GOODPUT, udp.GOODPUT}
MARK_DEAD = "a stream ended normally and delivered nothing"
_DIRECTIONS = (("forward", "", True), ("reverse", "_bidir_reverse", False))


def read_tcp(document: Any, host: str) -> Iterator[LinkOutcome]:
    """The one link of a tcp_iperf3.json."""
    yield _read(document, host, Kind.TCP)


def read_udp(document: Any, host: str) -> Iterator[LinkOutcome]:
    """The one link of a udp_iperf3.json."""
    yield _read(document, host, Kind.UDP)


def _read(document: Any, host: str, kind: Kind) -> LinkOutcome:
    envelope = open_envelope(document)
    link = from_meta(envelope, host, kind)
    run = envelope.data
    if envelope.error is not None:
        run = embedded_json(text(envelope.error, "stdout") or "")
    fill(link, run, kind)
    return link


def fill(link: LinkOutcome, run: Any, kind: Kind) -> None:
    """Put what a (perhaps unfinished) iperf3 document holds on its link.

    Raises:
        UnreadableError: a success without a single readable value.
    """
    link.started = started(run)
    link.measuring_s = seconds(run, "start", "test_start", "duration")
    if kind is Kind.UDP:
        link.values.extend(_udp(run))
    else:
        link.values.extend(_tcp(run))
        mtus = [value.value for value in link.values if value.metric is tcp.PMTU and value.value]
        link.tunnel_mtu = int(mtus[0]) if mtus and 0 < mtus[0] < 2**31 else None
    if any(
        value.metric in _DELIVERED and value.value == 0 and value.t_s is None
        for value in link.values
    ):
        link.marks.append(MARK_DEAD)
    if link.status is Status.OK and not measured(link):
        raise no_value(run, "whole-run value")


def _mode(run: Any) -> str:
    return "bidir" if number(run, "start", "test_start", "bidir") else "single"


def _fields(
    node: Any, fields: Fields, mode: str, direction: str, t_s: float | None = None
) -> Iterator[Value]:
    if not isinstance(node, dict):
        return
    for metric, key, factor in fields:
        if (value := number(node.get(key))) is not None:
            yield Value(metric, value * factor, t_s, direction, mode)


def _tcp(run: Any) -> Iterator[Value]:
    mode, mss = _mode(run), number(run, "start", "tcp_mss_default")
    yield from _common(run, mode)
    for direction, suffix, sender in _DIRECTIONS:
        sent = at(run, "end", f"sum_sent{suffix}")
        yield from _fields(sent, _TCP_SENT, mode, direction)
        yield from _fields(at(run, "end", f"sum_received{suffix}"), _TCP_RECEIVED, mode, direction)
        yield from _retransmit_rate(sent, mss, mode, direction)
        for stream in items(run, "end", "streams"):
            if at(stream, "sender", "sender") is sender:
                yield from _fields(at(stream, "sender"), _TCP_SENDER[direction], mode, direction)
    if mss:
        yield Value(tcp.MSS, mss, mode=mode)
    intervals = list(_intervals(run))
    mtus = [mtu for _, stream in intervals if (mtu := number(stream, "pmtu"))]
    if mtus:
        yield Value(tcp.PMTU, max(mtus), mode=mode)
    for t_s, stream in intervals:
        if stream.get("sender") is True:
            yield from _fields(stream, _TCP_INTERVAL, mode, "forward", t_s)
        else:
            yield from _fields(stream, _TCP_INTERVAL_RECEIVED, mode, "reverse", t_s)


def _retransmit_rate(sent: Any, mss: float | None, mode: str, direction: str) -> Iterator[Value]:
    retransmits, size = number(sent, "retransmits"), number(sent, "bytes")
    if retransmits is not None and size and mss and size / mss > 0:
        yield Value(tcp.RETRANSMIT_RATE, retransmits / (size / mss), None, direction, mode)


def _udp(run: Any) -> Iterator[Value]:
    mode = _mode(run)
    yield from _common(run, mode)
    if (payload := number(run, "start", "test_start", "blksize")) is not None:
        yield Value(udp.PAYLOAD, payload, mode=mode)
    for direction, suffix, sender in _DIRECTIONS:
        yield from _fields(at(run, "end", f"sum_sent{suffix}"), _UDP_SENT, mode, direction)
        yield from _fields(at(run, "end", f"sum_received{suffix}"), _UDP_RECEIVED, mode, direction)
        for stream in items(run, "end", "streams"):
            if at(stream, "udp", "sender") is sender:
                yield from _fields(
                    at(stream, "udp"), ((udp.OUT_OF_ORDER, "out_of_order", 1),), mode, direction
                )
    for t_s, stream in _intervals(run):
        if stream.get("sender") is True:
            yield from _fields(stream, _UDP_SENT, mode, "forward", t_s)
        else:
            yield from _fields(stream, _UDP_RECEIVED, mode, "reverse", t_s)


def _common(run: Any, mode: str) -> Iterator[Value]:
    yield from _fields(at(run, "start", "test_start"), _TEST, mode, "forward")
    yield from _fields(at(run, "end", "cpu_utilization_percent"), _CPU, mode, "forward")


def _intervals(run: Any) -> Iterator[tuple[float, Mapping[str, Any]]]:
    for interval in items(run, "intervals"):
        for stream in items(interval, "streams"):
            t_s = number(stream, "start")
            if t_s is not None and isinstance(stream, dict) and not stream.get("omitted"):
                yield t_s, stream
