"""What QUIC runs are measured by: the metrics of `quic`, and of published runs, whose tool was qperf."""

from meshbench.results.imported_metrics import Spread
from meshbench.results.metrics import Metric

GOODPUT = Spread(Metric(
    "quic_goodput", "bit/s", "QUIC goodput", "higher",
    "Payload received per second, sum over the client's processes, mean over the seconds; of one "
    "interval where t_s is given.",
    "qperf: total_bandwidth_mbps; quicperf: interval.bytes of the receiver",
))  # fmt: skip
CPU = Spread(Metric(
    "quic_cpu", "1", "CPU of the QUIC client", "lower",
    "Of one core, mean over seconds and processes of the tool; not the VPN's daemon.",
    "qperf: cpu_usage_percent; quicperf: cpu.cpu",
))  # fmt: skip
TTFB = Spread(Metric(
    "quic_ttfb", "ms", "Time to first byte", "lower",
    "From starting to connect until the first byte of the stream, mean over the connections.",
    "qperf: ttfb_ms; quicperf: first_byte.ttfb_ms",
))  # fmt: skip
CONNECT = Spread(Metric(
    "quic_connect", "ms", "QUIC connection set-up", "lower",
    "Until the handshake is done, mean over the connections.",
    "qperf: conn_time_ms; quicperf: connected.handshake_ms",
))  # fmt: skip
LOSS = Metric(
    "quic_loss", "1", "Loss seen by QUIC", "lower",
    "Share of the sender's packets that its QUIC declared lost (RFC 9002, 6.1), over all "
    "connections; what came three packets late counts as well.",
    "quicperf: end.packets_lost / end.packets_sent of the sender",
)  # fmt: skip
RTT = Metric(
    "quic_rtt", "ms", "RTT seen by QUIC", "lower",
    "The sender's smoothed RTT (RFC 9002, 5.3) at an interval's end, mean over the connections, and "
    "over the intervals where t_s is null.",
    "quicperf: interval.rtt_ms of the sender",
)  # fmt: skip
RTT_MIN = Metric(
    "quic_rtt_min", "ms", "Smallest RTT seen by QUIC", "lower",
    "Of the sender's connections (RFC 9002, 5.2).", "quicperf: end.rtt_min_ms of the sender",
)  # fmt: skip
PACKET = Metric(
    "quic_packet", "byte", "Mean QUIC packet", "higher",
    "Bytes of QUIC that the sender sent per packet, without UDP's and IP's headers.",
    "quicperf: end.bytes_sent / end.packets_sent of the sender",
)  # fmt: skip
GSO = Metric(
    "quic_gso", "1", "QUIC with segmentation offload", "neither",
    "1 where the sender handed the kernel several packets at once (UDP GSO), else 0.",
    "quicperf: connected.gso",
)  # fmt: skip
OWN = (LOSS, RTT, RTT_MIN, PACKET, GSO)
SPREADS = (GOODPUT, CPU, TTFB, CONNECT)
