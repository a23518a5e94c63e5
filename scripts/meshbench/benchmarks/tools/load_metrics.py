"""What is measured of a path while it is idle and while it carries a load, inside and beside a tunnel."""

from meshbench.benchmarks import ping
from meshbench.benchmarks.tools import delays, tcp_metrics
from meshbench.results.metrics import Metric, register

_RTT = f"{ping.RTT.source}; modes '<phase> inside' and '<phase> beside' the tunnel"
SHARES = (50, 95, 99)
TRIMMED = 0.05
"""The share of the largest RTTs that responsiveness leaves out (TM95)."""
ADDED = {
    share: Metric(
        f"added_delay_p{share}", "ms", f"Delay added by load, {share}th percentile", "lower",
        f"{share}th percentile of the RTT in a phase with load less the median RTT of the idle phase "
        f"on the same path; none of fewer than {delays.least(share)} replies.",
        _RTT,
    )
    for share in SHARES
}  # fmt: skip
RESPONSIVENESS = Metric(
    "round_trips_per_minute", "1/min", "Responsiveness", "higher",
    "60,000 ms over the mean of a phase's RTTs without the largest 5 %; of ICMP echo, without the "
    "handshakes and requests that a browser adds.",
    "draft-ietf-ippm-responsiveness (RPM, TM95), of ICMP echo",
)  # fmt: skip

OF_A_PROBE = (
    ping.RTT, *(ping.PERCENTILES[share] for share in SHARES), ping.RTT_MAX, ping.SENT,
    ping.RECEIVED, ping.LOSS, RESPONSIVENESS, *ADDED.values(),
)  # fmt: skip
OF_A_LOAD = (tcp_metrics.GOODPUT,)
register(*ADDED.values(), RESPONSIVENESS)
