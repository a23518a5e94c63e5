"""The metrics of video over RIST: the importer of the published data has the first eight of them too."""

from meshbench.results.imported_metrics import Spread
from meshbench.results.metrics import Metric

# Over the one-second intervals; of the published data only these statistics were kept.
QUALITY = Spread(Metric(
    "rist_quality", "1", "RIST link quality", "higher",
    "Share of packets not missing before recovery, mean over the seconds; not picture quality.",
    "librist: receiver-stats quality",
))  # fmt: skip
DROPPED = Spread(Metric(
    "rist_packets_dropped", "1", "RIST packets dropped", "lower",
    "Packets given up per second, mean over the seconds.", "librist: receiver-stats lost",
))  # fmt: skip
RECOVERED = Spread(Metric(
    "rist_packets_recovered", "1", "RIST packets recovered", "neither",
    "Packets repaired per second, mean over the seconds.", "librist: receiver-stats recovered_total",
))  # fmt: skip
RTT = Spread(Metric(
    "rist_rtt", "ms", "RIST RTT", "lower",
    "As librist estimates it, mean over the seconds.", "librist: peer avg_rtt",
))  # fmt: skip
BITRATE = Spread(Metric(
    "rist_bitrate", "bit/s", "RIST bit rate", "higher",
    "Received per second, mean over the seconds.", "librist: receiver-stats bitrate",
))  # fmt: skip
ENCODING_BITRATE = Spread(Metric(
    "encoding_bitrate", "bit/s", "Encoder bit rate", "neither",
    "What the sender's encoder made: mean over its progress lines, or of the finished file where it "
    "was encoded beforehand.", "ffmpeg: bitrate=; ffprobe: format.bit_rate",
))  # fmt: skip
ENCODING_FPS = Spread(Metric(
    "encoding_fps", "1/s", "Encoder frame rate", "higher",
    "Frames encoded per second, mean over its progress lines.", "ffmpeg: fps=",
))  # fmt: skip
ENCODING_DROPPED = Spread(Metric(
    "encoding_dropped_frames", "1", "Frames dropped by the encoder", "lower",
    "Nominal frames less the last frame counter that was printed.", "runner: 900 - ffmpeg frame=",
))  # fmt: skip
SPREADS = (
    QUALITY, DROPPED, RECOVERED, RTT, BITRATE, ENCODING_BITRATE, ENCODING_FPS, ENCODING_DROPPED,
)  # fmt: skip

# Counted at both ends of the whole run.
_HANDED_ON = "bytes in the stream that ristreceiver handed on"
QUALITY_RECOVERED = Metric(
    "rist_quality_recovered", "1", "RIST quality after recovery", "higher",
    "Share of the stream that the receiver handed on; per second, of the packets that were due.",
    f"{_HANDED_ON} over those that ffmpeg sent; librist: received / (received + lost)",
)  # fmt: skip
SENT = Metric(
    "rist_packets_sent", "1", "RIST packets sent", "neither",
    "Packets of the stream, without repetitions.", "ffmpeg: bytes sent / packet size",
)  # fmt: skip
DELIVERED = Metric(
    "rist_packets_delivered", "1", "RIST packets delivered", "higher",
    "Packets of the stream that the receiver handed on.", f"{_HANDED_ON} / packet size",
)  # fmt: skip
LOST = Metric(
    "rist_packets_lost", "1", "RIST packets lost", "lower",
    "Packets sent that were never handed on: missing after recovery.",
    "rist_packets_sent less rist_packets_delivered",
)  # fmt: skip
RETRIES = Metric(
    "rist_retries", "1", "RIST repetitions asked for", "lower",
    "Times the receiver asked for a packet again; per second where t_s is given.",
    "librist: receiver-stats retries",
)  # fmt: skip
RETRANSMITTED = Metric(
    "rist_packets_retransmitted", "1", "RIST packets repeated", "lower",
    "Packets the sender sent again; per second where t_s is given.",
    "librist: sender-stats retransmitted",
)  # fmt: skip
REORDERED = Metric(
    "rist_packets_reordered", "1", "RIST packets out of order", "lower",
    "Packets that came after a later one, repetitions left out.", "librist: receiver-stats reordered",
)  # fmt: skip
FRAMES_SENT = Metric(
    "rist_frames_sent", "1", "Video frames sent", "neither", "Frames put on the way.", "ffmpeg: frame="
)  # fmt: skip
FRAMES_RECEIVED = Metric(
    "rist_frames_received", "1", "Video frames received", "higher",
    "Frames in the stream that the receiver handed on, damaged ones included.",
    "ffprobe: packets of the video",
)  # fmt: skip
FRAMES_DAMAGED = Metric(
    "rist_frames_damaged", "1", "Video frames damaged", "lower",
    "Frames received with a gap in the transport stream's continuity counter.",
    "ffprobe: packet flag C (from ffmpeg 6.1 on)",
)  # fmt: skip
FRAME_LOSS = Metric(
    "rist_frame_loss", "1", "Video frames lost", "lower",
    "Share of the frames sent that did not come whole.",
    "(sent - received + damaged) / sent, counted at the receiver",
)  # fmt: skip
SOURCE_BITRATE = Metric(
    "rist_source_bitrate", "bit/s", "RIST bit rate sent", "neither",
    "Transport stream put on the way per second of the run, without repetitions.",
    "ffmpeg: bytes sent over its run time",
)  # fmt: skip
DELIVERED_BITRATE = Metric(
    "rist_delivered_bitrate", "bit/s", "RIST bit rate delivered", "higher",
    "Transport stream handed on by the receiver per second of the sender's run.",
    f"{_HANDED_ON} over ffmpeg's run time",
)  # fmt: skip
BUFFER = Metric(
    "rist_buffer", "ms", "RIST buffer", "neither",
    "How long the receiver waits for what is missing.", "config: buffer_ms",
)  # fmt: skip
PACKET = Metric(
    "rist_packet", "byte", "RIST packet", "neither",
    "Transport stream in a RIST packet; GRE, RTP, UDP and IP headers come on top. Not an MTU.",
    "config: packet_bytes",
)  # fmt: skip
FRAGMENTS = Metric(
    "rist_fragments", "1", "IP fragments", "lower",
    "Fragments that the source's kernel made during the run, of the stream's packets and of what "
    "carries them.", "/proc/net/snmp Ip FragCreates, /proc/net/snmp6 Ip6FragCreates",
)  # fmt: skip
REFUSED = Metric(
    "rist_refused", "1", "Packets too large", "lower",
    "Packets that the source's kernel would not fragment during the run.",
    "/proc/net/snmp Ip FragFails, /proc/net/snmp6 Ip6FragFails",
)  # fmt: skip
UNREAD = Metric(
    "rist_unread", "1", "Datagrams not read in time", "lower",
    "Datagrams that full receive buffers of the target dropped during the run, those of the system "
    "under test included.", "/proc/net/snmp Udp RcvbufErrors, /proc/net/snmp6 Udp6RcvbufErrors",
)  # fmt: skip
WRAPPED = Metric(
    "rist_wrapped_seconds", "1", "Wrapped counts of loss", "neither",
    "Seconds whose count of lost packets exceeds all that was missing in the end: librist went once "
    "around its ring of 65,536. They count in no loss.", "librist: receiver-stats lost",
)  # fmt: skip
OWN = (
    QUALITY_RECOVERED, SENT, DELIVERED, LOST, RETRIES, RETRANSMITTED, REORDERED, FRAMES_SENT,
    FRAMES_RECEIVED, FRAMES_DAMAGED, FRAME_LOSS, SOURCE_BITRATE, DELIVERED_BITRATE, BUFFER, PACKET,
    FRAGMENTS, REFUSED, UNREAD, WRAPPED,
)  # fmt: skip


def every() -> tuple[Metric, ...]:
    """All of them, with the statistics of those that have them."""
    spread = (m for quantity in SPREADS for m in (quantity.mean, *quantity.statistics.values()))
    return (*spread, *OWN)
