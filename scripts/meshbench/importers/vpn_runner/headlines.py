"""The values of each kind of file that a link has a row for also when it failed."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from meshbench.benchmarks import ping
from meshbench.benchmarks.base import Direction, Headline
from meshbench.benchmarks.tools import nix_metrics as nix
from meshbench.benchmarks.tools import quic_metrics as quic
from meshbench.benchmarks.tools import rist_metrics
from meshbench.benchmarks.tools import tcp_metrics as tcp
from meshbench.benchmarks.tools import udp_metrics as udp
from meshbench.importers.vpn_runner.index import Kind
from meshbench.results.metrics import Metric

_TCP = (tcp.GOODPUT, tcp.SEND_RATE, tcp.RETRANSMITS, tcp.RETRANSMIT_RATE)
_METRICS: Mapping[Kind, Sequence[Metric]] = {
    Kind.TCP: _TCP,
    Kind.PARALLEL: _TCP,
    Kind.UDP: (udp.GOODPUT, udp.LOSS),
    Kind.QPERF: (quic.GOODPUT.mean, quic.CONNECT.mean, quic.TTFB.mean),
    Kind.PING: (ping.RTT_AVG,),
    Kind.NIX_CACHE: (nix.COPY_TIME,),
    Kind.RIST: (rist_metrics.QUALITY.mean,),
}
_BIDIRECTIONAL = {Kind.TCP, Kind.PARALLEL, Kind.UDP}
_FORWARD: tuple[Direction, ...] = ("forward",)
_DIRECTIONS: Mapping[Kind, tuple[Direction, ...]] = {
    Kind.TCP: ("forward", "reverse"),
    Kind.PARALLEL: ("forward", "reverse"),
}


def of(kind: Kind) -> Iterator[Headline]:
    """The headlines of a kind, of links all of them; some kinds have none."""
    mode = "bidir" if kind in _BIDIRECTIONAL else None
    for metric, direction in product(_METRICS.get(kind, ()), _DIRECTIONS.get(kind, _FORWARD)):
        yield Headline(metric, direction, mode)
