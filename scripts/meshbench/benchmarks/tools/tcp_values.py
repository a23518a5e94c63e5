"""What an iperf3 run over TCP says, as observations of its link."""

import re
from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean, pstdev
from typing import Any

from meshbench.benchmarks.base import Direction, Observation, Pair
from meshbench.benchmarks.tools import iperf3_output
from meshbench.benchmarks.tools import tcp_metrics as m
from meshbench.benchmarks.tools.iperf3_output import Cpu, Interval, Mode, Run, Socket, Stream, Sum
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, Status

TELLS_REORDERING = (3, 20)
"""RELNOTES: the first iperf3 whose JSON has `reorder`."""


def of_command(command: Command, pair: Pair) -> list[Observation]:
    """The values of a run that ended well. Raises ValueError where it did not, or has none."""
    run = iperf3_output.read(command.stdout)
    if run.error_text:
        raise ValueError(run.error_text)
    return list(of_run(run, pair, iperf3_output.mode_of(command, run)))


def until_it_ended(command: Command, pair: Pair) -> list[Observation]:
    """The values of a run that did not end well, as far as it came: its intervals."""
    try:
        return of_command(command, pair)
    except ValueError:
        pass
    try:
        run = iperf3_output.read(command.stdout)
    except ValueError:
        return []
    mode = iperf3_output.mode_of(command, run)
    return [
        value
        for direction in directions(mode)
        for value in _intervals(run, pair, kind_of(mode), direction)
    ]


def of_run(
    document: Run | Mapping[str, Any], pair: Pair, mode: Mode | None = None
) -> Iterator[Observation]:
    """The values of one iperf3 run; of the mode that the document tells, if none is given.

    Raises ValueError when it has not the sums of its mode.
    """
    run = Run.model_validate(document)
    mode = mode or iperf3_output.mode_told(run)
    kind, sums = kind_of(mode), list(run.sums(mode))
    for direction, sent, received in sums:
        yield from _totals(run, pair, kind, direction, sent, received)
        yield from _sockets(run, pair, kind, direction)
        yield from _intervals(run, pair, kind, direction)
        yield from _over_time(run, pair, kind, direction)
    if len(sums) > 1 and (index := jain([received.bits_per_second for _, _, received in sums])):
        yield Observation(m.FAIRNESS, index, pair, mode=kind)
    yield from _session(run, pair, kind, sums[0][0])


def kind_of(mode: Mode) -> str:
    """The mode of its values: one direction alone is `single`, whichever it is."""
    return "bidir" if mode == "bidir" else "single"


def directions(mode: Mode) -> tuple[Direction, ...]:
    """Those in which data flow at the same time."""
    return ("forward", "reverse") if mode == "bidir" else (mode,)


def jain(rates: Sequence[float]) -> float | None:
    """Jain's index of fairness: the squared sum over n times the sum of squares; None of nothing."""
    squares = len(rates) * sum(rate * rate for rate in rates)
    return sum(rates) ** 2 / squares if squares else None


def _totals(
    run: Run, pair: Pair, kind: str, direction: Direction, sent: Sum, received: Sum
) -> Iterator[Observation]:
    mss = run.start.tcp_mss_default
    values = {
        m.GOODPUT: received.bits_per_second,
        m.SEND_RATE: sent.bits_per_second,
        m.SENT: sent.bytes,
        m.MSS: mss or None,
        m.RETRANSMITS: sent.retransmits,
    }
    if mss and sent.bytes and sent.retransmits is not None:
        values[m.RETRANSMIT_RATE] = sent.retransmits / (sent.bytes / mss)
    for metric, number in values.items():
        if number is not None:
            yield Observation(metric, number, pair, direction, kind)


def _side(run: Run, direction: Direction, *, sends: bool) -> iperf3_output.Side:
    """The end that sends, or receives, in a direction."""
    return run if (direction == "forward") is sends else run.server_output_json


def _streams(intervals: Sequence[Interval], kind: str, *, sends: bool) -> Iterator[Stream]:
    """The streams of one end that send, or receive; without those of the time left out."""
    for stream in (s for interval in intervals for s in interval.streams if not s.omitted):
        if stream.sender is sends or (stream.sender is None and kind == "single"):
            yield stream


def _sockets(run: Run, pair: Pair, kind: str, direction: Direction) -> Iterator[Observation]:
    """What the sending end says of its socket over the whole run."""
    side = _side(run, direction, sends=True)
    sockets = [stream.sender for stream in side.end.streams if stream.sender.sender]
    for socket in sockets:
        for metric, number in _socket(socket):
            yield Observation(metric, number, pair, direction, kind)
    mtus = [s.pmtu for s in _streams(side.intervals, kind, sends=True) if s.pmtu]
    if mtus:
        yield Observation(m.PMTU, max(mtus), pair, direction, kind)
    if not any(socket.reorder is not None for socket in sockets):
        reason = _no_reordering(side.start.version)
        yield Observation(
            m.REORDERING, None, pair, direction, kind, status=Status.UNAVAILABLE, reason=reason
        )


def _socket(socket: Socket) -> Iterator[tuple[Metric, float]]:
    for metric, number, factor in (
        (m.CWND_MAX, socket.max_snd_cwnd, 1),
        (m.SND_WND_MAX, socket.max_snd_wnd, 1),
        (m.TCP_RTT_MIN, socket.min_rtt, 1e-3),
        (m.TCP_RTT_MEAN, socket.mean_rtt, 1e-3),
        (m.TCP_RTT_MAX, socket.max_rtt, 1e-3),
    ):
        if number:
            yield metric, number * factor
    if socket.reorder is not None:
        yield m.REORDERING, socket.reorder


def _no_reordering(version: str | None) -> str:
    numbers = tuple(int(part) for part in re.findall(r"\d{1,9}", version or ""))
    if not numbers:
        return "the sending end's iperf3 did not report it"
    if numbers < TELLS_REORDERING:
        return f"{version} does not say it; {'.'.join(map(str, TELLS_REORDERING))} and newer do"
    return f"{version} did not report it"


def _intervals(run: Run, pair: Pair, kind: str, direction: Direction) -> Iterator[Observation]:
    """What each end counts by interval: goodput where it is received, the rest where it is sent."""
    for sends in (True, False):
        streams = list(_streams(_side(run, direction, sends=sends).intervals, kind, sends=sends))
        whole = _whole(streams)
        for stream in streams:
            if stream in whole:
                rate = m.SEND_RATE if sends else m.GOODPUT
                yield Observation(
                    rate, stream.bits_per_second, pair, direction, kind, t_s=stream.start
                )
            for metric, number in _counters(stream) if sends else ():
                yield Observation(metric, number, pair, direction, kind, t_s=stream.start)


def _whole(streams: Sequence[Stream]) -> list[Stream]:
    """Those that last: a run's last interval may be a rest of any length, whose rate says nothing."""
    longest = max((stream.seconds or 0 for stream in streams), default=0)
    return [stream for stream in streams if not longest or (stream.seconds or 0) > longest / 2]


def _counters(stream: Stream) -> Iterator[tuple[Metric, float]]:
    for metric, number, factor in (
        (m.RETRANSMITS, stream.retransmits, 1),
        (m.CWND, stream.snd_cwnd, 1),
        (m.SND_WND, stream.snd_wnd, 1),
        (m.TCP_RTT, stream.rtt, 1e-3),
        (m.TCP_RTT_VAR, stream.rttvar, 1e-3),
        (m.PMTU, stream.pmtu, 1),
        (m.REORDERING, stream.reorder, 1),
    ):
        if number is not None:
            yield metric, number * factor


def _over_time(run: Run, pair: Pair, kind: str, direction: Direction) -> Iterator[Observation]:
    """How steadily a direction's data arrived, over the whole intervals of its receiver."""
    received = _side(run, direction, sends=False).intervals
    whole = _whole(list(_streams(received, kind, sends=False)))
    rates = [stream.bits_per_second for stream in whole]
    if all(stream.seconds for stream in whole) and whole:
        stalled_s = sum(s.seconds or 0 for s in whole if not s.bits_per_second)
        yield Observation(m.STALLED, stalled_s, pair, direction, kind)
    if len(rates) > 1 and any(rates):
        yield Observation(m.GOODPUT_CV, pstdev(rates) / fmean(rates), pair, direction, kind)
    else:
        reason = "it needs two whole intervals in which something was received"
        yield Observation(
            m.GOODPUT_CV, None, pair, direction, kind, status=Status.UNAVAILABLE, reason=reason
        )


def _session(run: Run, pair: Pair, kind: str, first: Direction) -> Iterator[Observation]:
    """What holds for a run as a whole; it stands in the direction of its client."""
    cpu: Cpu = run.end.cpu_utilization_percent
    for metric, number, factor in (
        (m.CPU_CLIENT, cpu.host_total, 0.01),
        (m.CPU_SERVER, cpu.remote_total, 0.01),
        (m.STREAMS, run.start.test_start.num_streams, 1),
        (m.TEST_DURATION, run.start.test_start.duration, 1),
        (m.OMITTED, run.start.test_start.omit or None, 1),
    ):
        if number is not None:
            yield Observation(metric, number * factor, pair, first, kind)
