"""What one UDP run of iperf3 says, with both hosts' counters around it: metrics and values."""

from collections.abc import Iterator, Mapping

from meshbench.benchmarks.base import Direction, Observation, Pair
from meshbench.benchmarks.tcp import CPU_CLIENT, CPU_SERVER
from meshbench.benchmarks.tools import datagram_drops, iperf3_output
from meshbench.benchmarks.tools.iperf3_output import Datagrams, Mode, Run, Stream, Sum
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, LinkRecord, Status

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


def _place(name: str, title: str, definition: str, source: str) -> Metric:
    return Metric(f"udp_dropped_{name}", "1", title, "lower", definition, source)


PLACES: Mapping[str, Metric] = {
    "send_socket": _place(
        "send_socket", "Sending socket",
        "Datagrams that the sending host's network refused its sockets, beyond what its queues and "
        "interfaces counted.", "/proc/net/snmp: Udp SndbufErrors of the sender",
    ),
    "interface_out": _place(
        "interface_out", "Sender's interfaces",
        "Packets that the sending host's interfaces dropped, the tunnel's among them.",
        "ip -s link: tx dropped of the sender",
    ),
    "qdisc": _place(
        "qdisc", "Sender's queues",
        "Packets that the sending host's queueing disciplines dropped, without netem.",
        "tc -s qdisc: drops of the sender",
    ),
    "netem": _place(
        "netem", "netem on the hosts",
        "Packets that netem on either host dropped; one elsewhere is part of udp_lost_elsewhere.",
        "tc -s qdisc: drops of netem",
    ),
    "interface_in": _place(
        "interface_in", "Receiver's interfaces",
        "Packets that the receiving host's interfaces dropped, the tunnel's among them.",
        "ip -s link: rx dropped of the receiver",
    ),
    "daemon_buffer": _place(
        "daemon_buffer", "Daemon's receive buffer",
        "Packets for which the receive buffer of a socket that stays, the VPN daemon's, had no room.",
        "ss -uanm: drops of the receiver's sockets",
    ),
    "receive_buffer": _place(
        "receive_buffer", "Receiver's buffer",
        "Datagrams for which the receiving application's buffer had no room.",
        "/proc/net/snmp: Udp RcvbufErrors of the receiver, less the daemon's",
    ),
    "too_late": _place(
        "too_late", "After the end",
        "Datagrams that came when the receiver had closed its socket.",
        "/proc/net/snmp: Udp NoPorts of the receiver",
    ),
}  # fmt: skip
"""By the field of `datagram_drops.Drops`, in the order in which datagrams pass the places."""
ELSEWHERE = Metric(
    "udp_lost_elsewhere", "1", "On the way", "lower",
    "Datagrams sent and not received that no counter of the two hosts accounts for: lost between "
    "them, by an emulator on the way, or inside the VPN's daemons.",
    "udp_sent - udp_received - the sum of udp_dropped_*",
)  # fmt: skip

MARK_LOSS = "iperf3's client tells another loss than the receiver counted; the receiver's is taken"
_DIFFERENT = 0.001
METRICS = (
    GOODPUT, SEND_RATE, RATE_TARGET, SENT, RECEIVED, PACKET_RATE, LOST, LOSS, JITTER, JITTER_MEAN,
    OUT_OF_ORDER, PAYLOAD, INTERFACE_MTU, *PLACES.values(), ELSEWHERE, CPU_CLIENT, CPU_SERVER,
)  # fmt: skip


def read(command: Command) -> Run:
    """What iperf3 said. Raises ValueError, also where it says that it failed."""
    run = iperf3_output.read(command.stdout)
    if run.error_text:
        raise ValueError(run.error_text)
    return run


def loss_of(command: Command) -> float | None:
    """The share of the datagrams that a run in one direction lost; None where it failed."""
    try:
        run = read(command)
        mode = iperf3_output.mode_of(command, run)
        [(direction, sent, received)] = run.sums(mode)
    except ValueError:
        return None
    if not received.bytes:
        return 1.0 if sent.bytes else None
    counted = _counted(run, direction, received)
    return _lost(counted) / counted.packets if counted.packets else None


def goodput(command: Command, direction: Direction) -> float:
    """What a run in one direction delivered, in bit/s. Raises ValueError where it does not say."""
    return next(
        received.bits_per_second for d, _, received in read(command).sums(direction)
        if d == direction
    )  # fmt: skip


def parse_run(run: Run, pair: Pair, mode: Mode, word: str) -> Iterator[Observation]:
    """The values of one UDP run. Raises ValueError when it has not the sums of its mode.

    Args:
        run: as iperf3's client printed it.
        pair: the link.
        mode: of the run.
        word: the samples' mode.
    """
    sums = list(run.sums(mode))
    for direction, sent, received in sums:
        yield from _totals(run, pair, direction, word, sent, received)
        yield from _series(run, pair, direction, word)
    use = run.end.cpu_utilization_percent
    for metric, percent in ((CPU_CLIENT, use.host_total), (CPU_SERVER, use.remote_total)):
        if percent is not None:
            yield Observation(metric, percent / 100, pair, sums[0][0], word)


def _counted(run: Run, direction: Direction, received: Sum) -> Datagrams:
    """What the receiving side itself counted; what the client was told where that is not known.

    The client of iperf3 3.20 says that nothing was lost of what it sent (esnet/iperf issue 1984).
    The `packets` of a stream are the sender's in some modes; those of the sums are not.
    """
    side = run.server_output_json if direction == "forward" else run
    own = side.end.sum_received if direction == "forward" else received
    told = own if own is not None and own.packets else received
    late = [end.udp.out_of_order for end in side.end.streams if end.udp.sender is False]
    return Datagrams(
        packets=told.packets,
        lost_packets=told.lost_packets,
        jitter_ms=told.jitter_ms,
        out_of_order=late[0] if late else None,
    )


def _lost(counted: Datagrams) -> float:
    """Duplicates make iperf3 count less than nothing."""
    return max(0.0, counted.lost_packets or 0.0)


def _totals(
    run: Run, pair: Pair, direction: Direction, word: str, sent: Sum, received: Sum
) -> Iterator[Observation]:
    counted = _counted(run, direction, received)
    values = {
        GOODPUT: received.bits_per_second,
        SEND_RATE: sent.bits_per_second,
        RATE_TARGET: run.start.test_start.target_bitrate,
        PAYLOAD: run.start.test_start.blksize,
        SENT: sent.packets,
        OUT_OF_ORDER: counted.out_of_order,
    }
    if counted.packets and counted.lost_packets is not None:
        lost = _lost(counted)
        values |= {
            RECEIVED: counted.packets - lost, LOST: lost, LOSS: lost / counted.packets,
        }  # fmt: skip
        if received.bytes:
            took_s = 8 * received.bytes / received.bits_per_second
            values[PACKET_RATE] = (counted.packets - lost) / took_s
    for metric, number in values.items():
        if number is not None:
            yield Observation(metric, number, pair, direction, word)
    yield from _jitter(run, pair, direction, word, counted)


def _jitter(
    run: Run, pair: Pair, direction: Direction, word: str, counted: Datagrams
) -> Iterator[Observation]:
    """The last smoothed jitter, and the mean over the intervals.

    iperf3 has been seen to say numbers that no network makes (esnet/iperf issue 1182): one longer
    than the run is no value.
    """
    longest_ms = 1000 * max((s.start for s in _received(run, direction)), default=0.0) + 60_000
    if (last := counted.jitter_ms) is not None:
        if 0 <= last <= longest_ms:
            yield Observation(JITTER, last, pair, direction, word)
        else:
            reason = f"iperf3 says a jitter of {last:g} ms, longer than the run"
            yield Observation(
                JITTER, None, pair, direction, word, status=Status.TOOL_FAILED, reason=reason
            )
    good = [
        s.jitter_ms for s in _received(run, direction)
        if s.jitter_ms is not None and s.packets and 0 <= s.jitter_ms <= longest_ms
    ]  # fmt: skip
    if good:
        yield Observation(JITTER_MEAN, sum(good) / len(good), pair, direction, word)


def _streams(run: Run, *, at_client: bool, sends: bool) -> list[Stream]:
    side = run if at_client else run.server_output_json
    return [
        stream for interval in side.intervals for stream in interval.streams
        if stream.sender is sends and not stream.omitted
    ]  # fmt: skip


def _received(run: Run, direction: Direction) -> list[Stream]:
    """The receiving side's intervals of a direction."""
    return _streams(run, at_client=direction == "reverse", sends=False)


def _series(run: Run, pair: Pair, direction: Direction, word: str) -> Iterator[Observation]:
    for stream in _streams(run, at_client=direction == "forward", sends=True):
        for metric, number in ((SEND_RATE, stream.bits_per_second), (SENT, stream.packets)):
            if number is not None:
                yield Observation(metric, number, pair, direction, word, t_s=stream.start)
    for stream in _received(run, direction):
        lost = None if stream.lost_packets is None else max(0.0, stream.lost_packets)
        values = {GOODPUT: stream.bits_per_second, LOST: lost, JITTER: stream.jitter_ms}
        if lost is not None and stream.packets:
            values[LOSS] = min(1.0, lost / stream.packets)
        for metric, number in values.items():
            if number is not None and number >= 0:
                yield Observation(metric, number, pair, direction, word, t_s=stream.start)


def drops(
    link: LinkRecord, command: Command, run: Run, mode: Mode, word: str
) -> Iterator[Observation]:
    """Where the datagrams of a run were lost; one value that says why where that is not known."""
    for direction, sent, received in run.sums(mode):
        ends = link.pair if direction == "forward" else link.pair[::-1]
        try:
            before, after = (
                dict(datagram_drops.pairs(link.commands, f"{when} {command.role}"))
                for when in ("before", "after")
            )
            sender, receiver = ((before[host], after[host]) for host in ends)
        except (ValueError, KeyError) as error:
            reason = f"the hosts' counters of lost packets are not known: {error}"
            yield Observation(
                ELSEWHERE, None, link.pair, direction, word, status=Status.TOOL_FAILED,
                reason=reason,
            )  # fmt: skip
            continue
        dropped = datagram_drops.between(sender, receiver)
        for name, metric in PLACES.items():
            yield Observation(metric, getattr(dropped, name), link.pair, direction, word)
        if sender[0].mtu is not None:
            yield Observation(INTERFACE_MTU, sender[0].mtu, link.pair, direction, word)
        counted = _counted(run, direction, received)
        if sent.packets is not None and counted.packets is not None:
            missing = sent.packets - (counted.packets - _lost(counted))
            rest = max(0.0, missing - dropped.total)
            yield Observation(ELSEWHERE, rest, link.pair, direction, word)


def contradicts(command: Command, mode: Mode) -> bool:
    """Whether iperf3's client and the receiving side tell different losses of a run."""
    try:
        run = read(command)
        sums = list(run.sums(mode))
    except ValueError:
        return False
    for direction, _, received in sums:
        counted = _counted(run, direction, received)
        if counted.packets and received.packets and received.lost_packets is not None:
            told = max(0.0, received.lost_packets) / received.packets
            if abs(_lost(counted) / counted.packets - told) > _DIFFERENT:
                return True
    return False
