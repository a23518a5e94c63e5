"""What UDP runs are measured by: the metrics of `udp`, and of published runs."""

from collections.abc import Mapping

from meshbench.benchmarks.tools.tcp_metrics import CPU_CLIENT, CPU_SERVER
from meshbench.results.metrics import Metric

_END = "iperf3 JSON: end"
_INTERVALS = "intervals[].streams[] of the receiving side"
GOODPUT = Metric(
    "udp_goodput", "bit/s", "UDP goodput", "higher",
    "Payload received per second by the receiving application; per interval where t_s is given.",
    f"{_END}.sum_received.bits_per_second; {_INTERVALS}",
)  # fmt: skip
SEND_RATE = Metric(
    "udp_send_rate", "bit/s", "UDP send rate", "neither",
    "Payload handed to the sender's socket per second; much of it may never leave the host.",
    f"{_END}.sum_sent.bits_per_second",
)  # fmt: skip
RATE_TARGET = Metric(
    "rate_target", "bit/s", "Asked sender rate", "neither",
    "0 means unlimited.", "iperf3 JSON: start.test_start.target_bitrate",
)  # fmt: skip
SENT = Metric(
    "udp_sent", "1", "Datagrams sent", "neither",
    "Datagrams handed to the sender's socket.", f"{_END}.sum_sent.packets",
)  # fmt: skip
RECEIVED = Metric(
    "udp_received", "1", "Datagrams received", "higher",
    "Datagrams that the receiving application read.",
    f"{_END}.sum_received of the receiving side: packets - lost_packets",
)  # fmt: skip
PACKET_RATE = Metric(
    "udp_packet_rate", "1/s", "UDP packet rate", "higher",
    "Datagrams received per second by the receiving application.",
    "udp_received over the receiver's time",
)  # fmt: skip
LOST = Metric(
    "udp_lost", "1", "Datagrams lost", "lower",
    "Datagrams missing at the receiver, by their counters.", f"{_END}.sum_received.lost_packets",
)  # fmt: skip
LOSS = Metric(
    "udp_loss", "1", "UDP loss", "lower",
    "Share of the datagrams sent that the receiver missed.", f"{_END}.sum_received.lost_percent",
)  # fmt: skip
JITTER = Metric(
    "udp_jitter", "ms", "UDP jitter", "lower",
    "Smoothed interarrival jitter at the receiver (RFC 3550, 6.4.1).",
    f"{_END}.sum_received.jitter_ms",
)  # fmt: skip
JITTER_MEAN = Metric(
    "udp_jitter_mean", "ms", "Mean UDP jitter", "lower",
    "Mean over a run's intervals of the smoothed interarrival jitter, of which udp_jitter is the last.",
    f"iperf3 JSON: {_INTERVALS}: jitter_ms (RFC 3550, 6.4.1)",
)  # fmt: skip
OUT_OF_ORDER = Metric(
    "udp_out_of_order", "1", "Datagrams out of order", "lower",
    "Datagrams that came after a later one.", f"{_END}.streams[].udp.out_of_order",
)  # fmt: skip
PAYLOAD = Metric(
    "udp_payload", "byte", "UDP payload", "neither",
    "Payload of one datagram; where none is asked for, iperf3 takes it from the MSS of its control "
    "connection. Not an MTU.",
    "iperf3 JSON: start.test_start.blksize",
)  # fmt: skip
INTERFACE_MTU = Metric(
    "interface_mtu", "byte", "Interface MTU", "neither",
    "MTU of the interface by which the sender reaches the receiver.", "ip route get, ip link",
)  # fmt: skip


LOST_AT = "UDP lost: "
"""How the titles of the places begin."""


def _place(name: str, title: str, definition: str, source: str) -> Metric:
    return Metric(f"udp_dropped_{name}", "1", f"{LOST_AT}{title}", "lower", definition, source)


PLACES: Mapping[str, Metric] = {
    "send_socket": _place(
        "send_socket", "sending socket",
        "Datagrams that the sending host's network refused its sockets, beyond what its queues and "
        "interfaces counted.", "/proc/net/snmp: Udp SndbufErrors of the sender",
    ),
    "interface_out": _place(
        "interface_out", "sender's interfaces",
        "Packets that the sending host's interfaces dropped, the tunnel's among them.",
        "/proc/net/dev: drop of the sender, transmitting",
    ),
    "qdisc": _place(
        "qdisc", "sender's queues",
        "Packets that the sending host's queueing disciplines dropped, without netem.",
        "tc -s qdisc: drops of the sender",
    ),
    "netem": _place(
        "netem", "netem on the hosts",
        "Packets that netem on either host dropped; one elsewhere is part of udp_lost_elsewhere.",
        "tc -s qdisc: drops of netem",
    ),
    "interface_in": _place(
        "interface_in", "receiver's interfaces",
        "Packets that the receiving host's interfaces dropped, the tunnel's among them.",
        "/proc/net/dev: drop of the receiver, receiving",
    ),
    "daemon_buffer": _place(
        "daemon_buffer", "daemon's receive buffer",
        "Packets for which the receive buffer of a socket that stays, the VPN daemon's, had no room.",
        "ss -uanm: drops of the receiver's sockets",
    ),
    "receive_buffer": _place(
        "receive_buffer", "receiver's buffer",
        "Datagrams for which the receiving application's buffer had no room.",
        "/proc/net/snmp: Udp RcvbufErrors of the receiver, less the daemon's",
    ),
    "too_late": _place(
        "too_late", "after the end",
        "Datagrams that came when the receiver had closed its socket.",
        "/proc/net/snmp: Udp NoPorts of the receiver",
    ),
}  # fmt: skip
"""By the field of `datagram_drops.Drops`, in the order in which datagrams pass the places."""
ELSEWHERE = Metric(
    "udp_lost_elsewhere", "1", f"{LOST_AT}on the way", "lower",
    "Datagrams sent and not received that no counter of the two hosts accounts for: lost between "
    "them, by an emulator on the way, or inside the VPN's daemons.",
    "udp_sent - udp_received - the sum of udp_dropped_*",
)  # fmt: skip

OF_A_RUN = (
    GOODPUT, SEND_RATE, RATE_TARGET, SENT, RECEIVED, PACKET_RATE, LOST, LOSS, JITTER, JITTER_MEAN,
    OUT_OF_ORDER, PAYLOAD, INTERFACE_MTU, *PLACES.values(), ELSEWHERE, CPU_CLIENT, CPU_SERVER,
)  # fmt: skip
