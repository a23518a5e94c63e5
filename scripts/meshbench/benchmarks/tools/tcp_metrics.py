"""What is measured of TCP, whoever measures it: iperf3 here, one link at a time or all at once, and in
data that is imported.
"""

from meshbench.results.metrics import Metric, register

_START = "iperf3 JSON: start"
_END = "iperf3 JSON: end"
_INTERVAL = "iperf3 JSON: intervals[].streams[]"
GOODPUT = Metric(
    "goodput", "bit/s", "TCP goodput", "higher",
    "Payload received per second by the receiving application; per interval where t_s is given.",
    f"{_END}.sum_received.bits_per_second; {_INTERVAL} of the receiving side",
)  # fmt: skip
SEND_RATE = Metric(
    "send_rate", "bit/s", "TCP send rate", "higher",
    "Payload handed to the sender's socket per second; what the thesis reports.",
    f"{_END}.sum_sent.bits_per_second",
)  # fmt: skip
SENT = Metric("sent", "byte", "Sent", "neither", "Payload sent.", f"{_END}.sum_sent.bytes")
GOODPUT_CV = Metric(
    "goodput_cv", "1", "Variability of goodput over time", "lower",
    "Standard deviation over mean of the goodput of a run's whole intervals.",
    f"{_INTERVAL} of the receiving side; coefficient of variation of the population",
)  # fmt: skip
STALLED = Metric(
    "stalled", "s", "Time at zero", "lower",
    "Sum of the whole intervals in which the receiving application got nothing; iperf3 counts whole "
    "blocks (option block_bytes), so that below one block per interval a slow stream stands still too.",
    f"{_INTERVAL} of the receiving side",
)  # fmt: skip
FAIRNESS = Metric(
    "fairness", "1", "Fairness between directions", "higher",
    "Jain's index over the goodput of a link's two directions at the same time: 1 when they are equal, "
    "1/2 when one has all.",
    "Jain, Chiu and Hawe, DEC-TR-301 (1984); RFC 5166 section 2.3.1",
)  # fmt: skip
RETRANSMITS = Metric(
    "retransmits", "1", "Retransmitted segments", "lower",
    "Segments the sender sent again, spurious ones included; per interval where t_s is given.",
    f"{_END}.sum_sent.retransmits (tcpi_total_retrans)",
)  # fmt: skip
RETRANSMIT_RATE = Metric(
    "retransmit_rate", "1", "Retransmit rate", "lower",
    "Retransmitted segments over estimated segments sent (bytes sent / MSS).",
    "published-data.md section 4, as in the thesis",
)  # fmt: skip
CWND = Metric(
    "cwnd", "byte", "Congestion window", "neither", "At an interval's end.", f"{_INTERVAL}.snd_cwnd"
)
CWND_MAX = Metric(
    "cwnd_max", "byte", "Largest congestion window", "neither",
    "Of a run.", f"{_END}.streams[].sender.max_snd_cwnd",
)  # fmt: skip
SND_WND = Metric(
    "snd_wnd", "byte", "Send window", "neither",
    "The peer's advertised window at an interval's end.", f"{_INTERVAL}.snd_wnd",
)  # fmt: skip
SND_WND_MAX = Metric(
    "snd_wnd_max", "byte", "Largest send window", "neither",
    "Of a run.", f"{_END}.streams[].sender.max_snd_wnd",
)  # fmt: skip
TCP_RTT = Metric(
    "tcp_rtt", "ms", "RTT seen by TCP", "lower",
    "Smoothed RTT at an interval's end.", f"{_INTERVAL}.rtt (stored in µs)",
)  # fmt: skip
TCP_RTT_VAR = Metric(
    "tcp_rtt_var", "ms", "RTT variation seen by TCP", "lower",
    "Mean deviation of the smoothed RTT at an interval's end (RFC 6298 RTTVAR).",
    f"{_INTERVAL}.rttvar (stored in µs)",
)  # fmt: skip
TCP_RTT_MEAN = Metric(
    "tcp_rtt_mean", "ms", "Mean RTT seen by TCP", "lower",
    "Mean of the smoothed RTT.", f"{_END}.streams[].sender.mean_rtt (stored in µs)",
)  # fmt: skip
TCP_RTT_MIN = Metric(
    "tcp_rtt_min", "ms", "Smallest RTT seen by TCP", "lower",
    "Smallest of a run's interval values.", f"{_END}.streams[].sender.min_rtt (stored in µs)",
)  # fmt: skip
TCP_RTT_MAX = Metric(
    "tcp_rtt_max", "ms", "Largest RTT seen by TCP", "lower",
    "Largest of a run's interval values.", f"{_END}.streams[].sender.max_rtt (stored in µs)",
)  # fmt: skip
MSS = Metric(
    "mss", "byte", "TCP MSS", "higher", "Payload per segment.", f"{_START}.tcp_mss_default"
)
PMTU = Metric(
    "pmtu", "byte", "Path MTU", "higher",
    "Of the sender's route; the largest of a run where t_s is not given.", f"{_INTERVAL}.pmtu",
)  # fmt: skip
REORDERING = Metric(
    "reordering_seen", "1", "Reordering seen by TCP", "lower",
    "Reordering events the sender saw; missing where iperf3 is older than 3.20 and does not say.",
    f"{_END}.streams[].sender.reorder; {_INTERVAL}.reorder",
)  # fmt: skip
CPU_CLIENT = Metric(
    "iperf3_cpu_client", "1", "CPU of iperf3, client", "lower",
    "Of one core; says nothing about the VPN's daemon.",
    f"{_END}.cpu_utilization_percent.host_total",
)  # fmt: skip
CPU_SERVER = Metric(
    "iperf3_cpu_server", "1", "CPU of iperf3, server", "lower",
    "Of one core; says nothing about the VPN's daemon.",
    f"{_END}.cpu_utilization_percent.remote_total",
)  # fmt: skip
TEST_DURATION = Metric(
    "test_duration", "s", "Test duration", "neither",
    "How long the client was asked to send.", f"{_START}.test_start.duration",
)  # fmt: skip
OMITTED = Metric(
    "omitted", "s", "Omitted start", "neither",
    "How long the client sent before anything was counted; missing where all of it was.",
    f"{_START}.test_start.omit",
)  # fmt: skip
STREAMS = Metric(
    "streams", "1", "Streams per direction", "neither",
    "Streams of one session in one direction.", f"{_START}.test_start.num_streams",
)  # fmt: skip
START_SPREAD = Metric(
    "start_spread", "s", "Spread of the starts", "lower",
    "Between the first and the last start of the sessions that run at the same time.",
    "record: groups[].start_spread_s",
)  # fmt: skip

OF_A_RUN = (
    GOODPUT, SEND_RATE, SENT, GOODPUT_CV, STALLED, FAIRNESS, RETRANSMITS, RETRANSMIT_RATE, CWND,
    CWND_MAX, SND_WND, SND_WND_MAX, TCP_RTT, TCP_RTT_VAR, TCP_RTT_MEAN, TCP_RTT_MIN, TCP_RTT_MAX,
    MSS, PMTU, REORDERING, CPU_CLIENT, CPU_SERVER, TEST_DURATION, OMITTED,
    STREAMS,
)  # fmt: skip
"""What one iperf3 run holds."""
register(*OF_A_RUN, START_SPREAD)
