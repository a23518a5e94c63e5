"""What one UDP run of iperf3 says, with both hosts' counters around it (pure)."""

from collections.abc import Iterator

from meshbench.benchmarks.base import Direction, Observation, Pair
from meshbench.benchmarks.tools import datagram_drops, iperf3_output, tcp_metrics
from meshbench.benchmarks.tools import udp_metrics as m
from meshbench.benchmarks.tools.iperf3_output import Datagrams, Mode, Run, Stream, Sum
from meshbench.results.records import Command, LinkRecord, Status

MARK_LOSS = "iperf3's client tells another loss than the receiver counted; the receiver's is taken"
_DIFFERENT = 0.001


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
    return min(1.0, _lost(counted) / counted.packets) if counted.packets else None


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
    for metric, percent in (
        (tcp_metrics.CPU_CLIENT, use.host_total),
        (tcp_metrics.CPU_SERVER, use.remote_total),
    ):
        if percent is not None:
            yield Observation(metric, percent / 100, pair, sums[0][0], word)


def _counted(run: Run, direction: Direction, received: Sum) -> Datagrams:
    """What the receiving side itself counted; what the client was told where that is not known.

    The client of iperf3 3.20 says that nothing was lost of what it sent (esnet/iperf issue 1984).
    The `packets` of a stream are the sender's in some modes; those of the sums are not.
    """
    side = run.server_output_json if direction == "forward" else run
    own = side.end.sum_received if direction == "forward" else received
    total = own if own is not None and own.packets else received
    late = [end.udp.out_of_order for end in side.end.streams if end.udp.sender is False]
    return Datagrams(
        packets=total.packets,
        lost_packets=total.lost_packets,
        jitter_ms=total.jitter_ms,
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
        m.GOODPUT: received.bits_per_second,
        m.SEND_RATE: sent.bits_per_second,
        m.RATE_TARGET: run.start.test_start.target_bitrate,
        m.PAYLOAD: run.start.test_start.blksize,
        m.SENT: sent.packets,
        m.OUT_OF_ORDER: counted.out_of_order,
    }
    if counted.packets and counted.lost_packets is not None:
        lost = min(_lost(counted), counted.packets)
        values |= {
            m.RECEIVED: counted.packets - lost, m.LOST: lost, m.LOSS: lost / counted.packets,
        }  # fmt: skip
        if received.bytes:
            took_s = 8 * received.bytes / received.bits_per_second
            values[m.PACKET_RATE] = (counted.packets - lost) / took_s
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
            yield Observation(m.JITTER, last, pair, direction, word)
        else:
            reason = f"iperf3 says a jitter of {last:g} ms, longer than the run"
            yield Observation(
                m.JITTER, None, pair, direction, word, status=Status.TOOL_FAILED, reason=reason
            )
    good = [
        s.jitter_ms for s in _received(run, direction)
        if s.jitter_ms is not None and s.packets and 0 <= s.jitter_ms <= longest_ms
    ]  # fmt: skip
    if good:
        yield Observation(m.JITTER_MEAN, sum(good) / len(good), pair, direction, word)


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
        for metric, number in ((m.SEND_RATE, stream.bits_per_second), (m.SENT, stream.packets)):
            if number is not None:
                yield Observation(metric, number, pair, direction, word, t_s=stream.start)
    for stream in _received(run, direction):
        lost = None if stream.lost_packets is None else max(0.0, stream.lost_packets)
        values = {m.GOODPUT: stream.bits_per_second, m.LOST: lost, m.JITTER: stream.jitter_ms}
        if lost is not None and stream.packets:
            values[m.LOSS] = min(1.0, lost / stream.packets)
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
                m.ELSEWHERE, None, link.pair, direction, word, status=Status.TOOL_FAILED,
                reason=reason,
            )  # fmt: skip
            continue
        dropped = datagram_drops.between(sender, receiver)
        for name, metric in m.PLACES.items():
            yield Observation(metric, getattr(dropped, name), link.pair, direction, word)
        if sender[0].mtu is not None:
            yield Observation(m.INTERFACE_MTU, sender[0].mtu, link.pair, direction, word)
        counted = _counted(run, direction, received)
        if sent.packets is not None and counted.packets is not None:
            missing = sent.packets - (counted.packets - _lost(counted))
            rest = max(0.0, missing - dropped.total)
            yield Observation(m.ELSEWHERE, rest, link.pair, direction, word)


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
            client_loss = max(0.0, received.lost_packets) / received.packets
            if abs(_lost(counted) / counted.packets - client_loss) > _DIFFERENT:
                return True
    return False
