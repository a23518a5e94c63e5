"""The values of each kind of file that a link has a row for also when it failed."""

from collections.abc import Iterator, Mapping, Sequence

from meshbench.benchmarks import ping, tcp
from meshbench.importers.vpn_runner.index import Kind
from meshbench.results import imported_metrics as m
from meshbench.results.metrics import Metric

HEADLINES: Mapping[Kind, Sequence[Metric]] = {
    Kind.TCP: (tcp.GOODPUT, tcp.SEND_RATE, tcp.RETRANSMIT_RATE),
    Kind.PARALLEL: (tcp.GOODPUT, tcp.SEND_RATE, tcp.RETRANSMIT_RATE),
    Kind.UDP: (m.UDP_GOODPUT, m.UDP_LOSS),
    Kind.QPERF: (m.QUIC_GOODPUT.mean, m.QUIC_CONNECT.mean, m.QUIC_TTFB.mean),
    Kind.PING: (ping.RTT_AVG,),
    Kind.NIX_CACHE: (m.COPY_TIME,),
    Kind.RIST: (m.RIST_QUALITY.mean,),
}
_BIDIRECTIONAL = {Kind.TCP, Kind.PARALLEL, Kind.UDP}


def mode(kind: Kind) -> str | None:
    """The mode of a kind's values."""
    return "bidir" if kind in _BIDIRECTIONAL else None


def of(benchmark: str) -> Iterator[tuple[str, str | None, str, str]]:
    """Metric, mode, direction and kind of subject of each headline that a benchmark becomes."""
    if benchmark in set(Kind):
        kind = Kind(benchmark)
        for metric in HEADLINES.get(kind, ()):
            yield metric.name, mode(kind), "forward", "link"
