"""What the commands of a RIST run come to: a status, and values with their sources apart."""

import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from meshbench.benchmarks.base import Observation, Pair
from meshbench.benchmarks.tools import kernel_counters, librist, stream
from meshbench.benchmarks.tools import rist_metrics as m
from meshbench.benchmarks.tools.librist import Second, SentSecond
from meshbench.results.imported_metrics import Spread
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, LinkRecord, Status, worst
from meshbench.util.foreign import quoted

HEADLINES = (
    m.QUALITY.mean, m.QUALITY_RECOVERED, m.FRAME_LOSS, m.DELIVERED_BITRATE, m.RTT.mean,
)  # fmt: skip
_TAIL = 300
_LOST_AT_HOME = 0.98
"""Share of the stream that must get from a program to the next on the same host."""
_HELD_UP = 0.5
"""Share of the bit rate below which the source's host was too slow to be a source."""
_PACE_KEPT = 0.9
"""The share below which a reader must know it."""
_WHOLE_SECONDS = 3
"""Seconds with a stream, of which the first and the last are cut short."""


class Role(StrEnum):
    """What a command of a run was for; its packet size follows."""

    CLIP = "clip"
    """Of the host and not of a run: without a size."""
    BEFORE = "before"
    AFTER = "after"
    FEED = "feed"
    SENDER = "sender"
    RECEIVER = "receiver"
    CAPTURE = "capture"
    ALIVE = "alive"
    DROPS = "drops"
    """The sockets by which a host's own programs hand the stream to each other."""
    CAPTURED = "captured"
    FRAMES = "frames"


_DROPPED = re.compile(r"skmem:\([^)\n]{0,200}\bd(\d{1,12})\)", re.ASCII)
_SIZED = re.compile(r"^[a-z]+ (\d{1,5})$", re.ASCII)


def role(kind: str, size: int) -> str:
    """As it stands in the record."""
    return f"{kind} {size}"


def mode(index: int, size: int) -> str | None:
    """Of the values of a packet size: the first one's compare with those of any other campaign."""
    return f"{size} byte" if index else None


@dataclass(frozen=True)
class Expected:
    """What was asked for."""

    duration_s: float
    bitrate_bps: int
    buffer_ms: int
    thesis: bool = False


def source_problem(clip: Command, bitrate_bps: int) -> str | None:
    """Why the clip is not what was asked for; None where it is."""
    if clip.returncode != 0:
        ended = "did not end" if clip.returncode is None else f"ended with {clip.returncode}"
        return f"{clip.host}: {clip.argv[0]} {ended} while the stream was made: {_said(clip)}"
    try:
        reached = stream.bit_rate(clip.stdout)
    except ValueError as error:
        return f"{clip.host}: ffprobe: {error}"
    if reached < stream.REACHED * bitrate_bps:
        return f"the encoder made {reached / 1e6:.2f} of {bitrate_bps / 1e6:g} Mbit/s"
    return None


def _said(command: Command) -> str:
    return quoted((command.stderr or command.stdout).strip()[-_TAIL:])


@dataclass(frozen=True)
class Run:
    """One stream, by what its programs wrote."""

    commands: Sequence[Command]
    expected: Expected
    size: int

    def _of(self, kind: Role) -> list[Command]:
        return [command for command in self.commands if command.role == role(kind, self.size)]

    def _text(self, kind: Role) -> str:
        return "".join(command.stdout for command in self._of(kind))

    @cached_property
    def feed(self) -> Command | None:
        return next(iter(self._of(Role.FEED)), None)

    @property
    def sender_log(self) -> str:
        return self._text(Role.SENDER)

    @property
    def receiver_log(self) -> str:
        return self._text(Role.RECEIVER)

    @cached_property
    def seconds(self) -> list[Second]:
        """Those with a stream. Raises ValueError where none of the receiver's can be read."""
        return [second for second in librist.seconds(self.receiver_log) if second.active]

    @cached_property
    def sent_seconds(self) -> list[SentSecond]:
        return librist.sent_seconds(self.sender_log)

    @cached_property
    def progress(self) -> list[stream.Progress]:
        """Of the thesis's sender."""
        return list(stream.progress(self.feed.stderr)) if self.feed else []

    @cached_property
    def sent(self) -> stream.Sent | None:
        """What ffmpeg sent; None where it does not say, or sent nothing."""
        if self.expected.thesis:
            last = self.progress[-1] if self.progress else None
            sent = stream.Sent(last.frame, last.sent_bytes) if last else None
        else:
            sent = stream.sent(self.feed.stdout) if self.feed else None
        return sent if sent and sent.frames and sent.total_bytes else None

    @cached_property
    def captured_bytes(self) -> int | None:
        output = self._text(Role.CAPTURED).strip()
        return int(output) if output.isdecimal() else None

    @cached_property
    def frames(self) -> stream.Frames | None:
        """In the stream that was received; none in an empty one."""
        if self.captured_bytes == 0:
            return stream.Frames(0, 0)
        commands = self._of(Role.FRAMES)
        return stream.frames(commands[0].stdout) if commands else None

    @property
    def sent_bytes(self) -> int:
        return self.sent.total_bytes if self.sent else 0

    @property
    def took_s(self) -> float:
        """How long the source sent; never shorter than the stream."""
        run_s = self.feed.duration_s if self.feed else 0.0
        told_s = self.sent.took_s if self.sent else None
        return max(run_s if told_s is None else told_s, self.expected.duration_s)

    def dropped_on(self, host: str) -> int:
        """Packets that a host's own program did not fetch from another of the same host."""
        output = "".join(command.stdout for command in self._of(Role.DROPS) if command.host == host)
        return sum(int(number) for number in _DROPPED.findall(output))

    @cached_property
    def at_home(self) -> int:
        """The same of both hosts: losses that are no network's."""
        return sum(
            self.dropped_on(host) for host in {command.host for command in self._of(Role.DROPS)}
        )

    @property
    def packets_delivered(self) -> float | None:
        return None if self.captured_bytes is None else self.captured_bytes / self.size

    @cached_property
    def missing(self) -> float | None:
        """Packets that never came out of the receiver; None where nobody counted both ends."""
        if self.sent is None or self.captured_bytes is None:
            return None
        return max(0.0, (self.sent_bytes - self.captured_bytes) / self.size - self.at_home)

    def wrapped(self, second: Second) -> bool:
        return librist.is_wrap(second.lost, self.missing)

    def grown(self, host: str, *names: str) -> int | None:
        """By how much a host's counters grew during the run."""
        before, after = (
            "".join(command.stdout for command in self._of(kind) if command.host == host)
            for kind in (Role.BEFORE, Role.AFTER)
        )
        return kernel_counters.grown(before, after, *names)

    @property
    def alive(self) -> bool:
        return all(command.returncode == 0 for command in self._of(Role.ALIVE))


def sizes(commands: Sequence[Command]) -> list[int]:
    """The packet sizes of a link's runs, in their order."""
    named = (_SIZED.match(command.role) for command in commands)
    return list(dict.fromkeys(int(match[1]) for match in named if match))


def judge_all(commands: Sequence[Command], expected: Expected) -> tuple[Status, str | None]:
    """What a link came to: ok if any packet size went; what one could not has its own reason."""
    judged = [(size, *judge(Run(commands, expected, size))) for size in sizes(commands)]
    statuses = [status for _, status, _ in judged]
    if Status.TOOL_FAILED not in statuses and Status.OK in statuses:
        return Status.OK, None
    status = Status.TOOL_FAILED if Status.TOOL_FAILED in statuses else worst(statuses)
    size, reason = next(
        (size, reason) for size, size_status, reason in judged if size_status is status
    )
    return status, f"{size} byte: {reason}" if len(judged) > 1 else reason


def judge(run: Run) -> tuple[Status, str | None]:
    """How one stream ended, and why."""
    if problem := _programs(run):
        return Status.TOOL_FAILED, problem
    if not run.expected.thesis and not librist.connected(run.sender_log):
        return Status.FAILED, "no RIST session: the receiver did not answer the sender's handshake"
    if run.expected.thesis and run.feed and run.feed.returncode is None:
        limit_s = run.feed.duration_s
        return (
            Status.TIMEOUT,
            f"ffmpeg had not sent {run.expected.duration_s:g} s within {limit_s:.0f} s",
        )
    if problem := _source(run):
        return Status.TOOL_FAILED, problem
    return _arrived(run)


def _programs(run: Run) -> str | None:
    """What is wrong with librist's programs."""
    logs = {"ristreceiver": run.receiver_log}
    if not run.expected.thesis:
        logs["ristsender"] = run.sender_log
    for name, log in logs.items():
        if librist.version(log) is None:
            return f"{name} did not start: {quoted(log.strip()[-_TAIL:])}"
    if not run.alive:
        logs_end = "; ".join(quoted(log.strip()[-_TAIL:]) for log in logs.values())
        return f"a program ended while the stream ran: {logs_end}"
    try:
        _ = run.seconds, run.sent_seconds
    except ValueError as error:
        return f"librist's statistics cannot be read: {error}"
    return None


def _source(run: Run) -> str | None:
    """What is wrong with the sender's side, its own network aside."""
    return _ended(run) or (None if run.expected.thesis else _reached(run) or _handed(run))


def _ended(run: Run) -> str | None:
    """How ffmpeg ended, if not well."""
    feed = run.feed
    if feed is None:
        return "ffmpeg was not started"
    if feed.returncode is None:
        return f"ffmpeg did not end within {feed.duration_s:.0f} s"
    # The thesis takes any end of ffmpeg that left statistics (reference-runner.md section 5.7).
    if feed.returncode != 0 and not (run.expected.thesis and run.progress):
        return f"ffmpeg ended with {feed.returncode}: {_said(feed)}"
    if run.sent is None:
        return f"ffmpeg does not say what it sent: {quoted(feed.stdout[-_TAIL:])}"
    return None


def _reached(run: Run) -> str | None:
    """What became of the bit rate, where the host was too slow for it."""
    rate_bps = 8 * run.sent_bytes / run.took_s
    if rate_bps >= _HELD_UP * run.expected.bitrate_bps:
        return None
    return (
        f"ffmpeg sent {rate_bps / 1e6:.2f} of {run.expected.bitrate_bps / 1e6:g} Mbit/s: "
        f"{run.expected.duration_s:g} s took it {run.took_s:.1f} s"
    )


def _handed(run: Run) -> str | None:
    """What was lost between the programs of a host."""
    if run.at_home > (1 - _LOST_AT_HOME) * run.sent_bytes / run.size:
        return f"{run.at_home} packets were dropped between programs of one host"
    # Its `sent` has the repetitions in it, and some twenty messages of its own a second.
    handed = sum(second.sent - second.retransmitted for second in run.sent_seconds)
    packets = run.sent_bytes / run.size
    if handed >= _LOST_AT_HOME * packets or librist.broke(run.sender_log):
        return None
    return f"ristsender got {handed:.0f} of {packets:.0f} packets from ffmpeg on its own host"


def _arrived(run: Run) -> tuple[Status, str | None]:
    delivered = run.packets_delivered
    if delivered is None:
        return Status.TOOL_FAILED, "ffmpeg kept no file of what came"
    received = sum(second.received for second in run.seconds)
    if not delivered and received:
        return Status.TOOL_FAILED, f"ristreceiver got {received:.0f} packets and none was kept"
    if not delivered:
        return Status.FAILED, f"none of {run.sent_bytes / run.size:.0f} packets came through"
    if run.frames is None or not run.frames.received:
        return Status.TOOL_FAILED, "ffprobe found no frame in what came"
    return Status.OK, None


def observations(link: LinkRecord, expected: Expected) -> Iterator[Observation]:
    """The values of every packet size, those that failed with their reason."""
    for index, size in enumerate(sizes(link.commands)):
        run, kind = Run(link.commands, expected, size), mode(index, size)
        status, reason = judge(run)
        if status is Status.TOOL_FAILED and link.status is Status.OK:
            raise ValueError(reason)
        if status not in {Status.OK, Status.TIMEOUT}:
            for metric in HEADLINES:
                yield Observation(metric, None, link.pair, mode=kind, status=status, reason=reason)
            continue
        yield from _values(run, link, kind)


def _values(run: Run, link: LinkRecord, kind: str | None) -> Iterator[Observation]:
    whole = [
        *_source_values(run, link), *_counted(run), *_by_seconds(run), *_kernel(run, link),
        (m.BUFFER, float(run.expected.buffer_ms)), (m.PACKET, float(run.size)),
    ]  # fmt: skip
    for metric, value in whole:
        yield Observation(metric, value, link.pair, mode=kind)
    if run.at_home:
        reason = f"{run.at_home} packets were dropped between programs of one host"
        yield Observation(
            m.FRAME_LOSS, None, link.pair, mode=kind, status=Status.TOOL_FAILED, reason=reason
        )
    yield from _series(run, link.pair, kind)


Values = Iterator[tuple[Metric, float]]


def _source_values(run: Run, link: LinkRecord) -> Values:
    """What the encoder made."""
    if run.expected.thesis:
        if not run.progress:
            return
        yield from _spread(m.ENCODING_BITRATE, [line.bitrate_bps for line in run.progress])
        yield from _spread(m.ENCODING_FPS, [line.fps for line in run.progress])
        nominal = stream.FPS * run.expected.duration_s
        yield m.ENCODING_DROPPED.mean, max(0.0, nominal - run.progress[-1].frame)
        return
    for clip in link.in_role(Role.CLIP):
        yield m.ENCODING_BITRATE.mean, stream.bit_rate(clip.stdout)


def _counted(run: Run) -> Values:
    """What was counted at both ends over the whole run."""
    if run.sent:
        frames, sent_bytes = run.sent.frames, run.sent.total_bytes
        yield m.SENT, sent_bytes / run.size
        yield m.FRAMES_SENT, frames
        yield m.SOURCE_BITRATE, 8 * sent_bytes / run.took_s
        if run.captured_bytes is not None and run.missing is not None:
            yield m.LOST, run.missing
            yield m.QUALITY_RECOVERED, 1 - run.missing * run.size / sent_bytes
            yield m.DELIVERED_BITRATE, 8 * run.captured_bytes / run.took_s
        if run.frames and not run.at_home:
            whole = run.frames.received - (run.frames.damaged or 0)
            yield m.FRAME_LOSS, max(0.0, (frames - whole) / frames)
    if run.packets_delivered is not None:
        yield m.DELIVERED, run.packets_delivered
    if run.frames:
        yield m.FRAMES_RECEIVED, run.frames.received
        if run.frames.damaged is not None:
            yield m.FRAMES_DAMAGED, run.frames.damaged


def _by_seconds(run: Run) -> Values:
    """Statistics over the seconds, as far as the published data have them, and sums."""
    true = [second for second in run.seconds if not run.wrapped(second)]
    yield from _spread(m.QUALITY, [second.quality for second in run.seconds])
    yield from _spread(m.DROPPED, [second.lost for second in true])
    yield from _spread(m.RECOVERED, [second.recovered for second in run.seconds])
    yield from _spread(m.RTT, _there(run.seconds, lambda second: second.rtt_ms))
    inner = run.seconds[1:-1] if len(run.seconds) >= _WHOLE_SECONDS else []
    yield from _spread(m.BITRATE, _there(inner, lambda second: second.bitrate_bps))
    yield m.RETRIES, sum(second.retries for second in run.seconds)
    yield m.REORDERED, sum(second.reordered for second in run.seconds)
    yield m.WRAPPED, len(run.seconds) - len(true)
    if run.sent_seconds:
        yield m.RETRANSMITTED, sum(second.retransmitted for second in run.sent_seconds)


def _there(seconds: Sequence[Second], value: Callable[[Second], float | None]) -> list[float]:
    return [number for second in seconds if (number := value(second)) is not None]


def _spread(spread: Spread, values: Sequence[float]) -> Values:
    """The mean and, of more than one value, the five other statistics."""
    if not values:
        return
    yield spread.mean, statistics.fmean(values)
    if len(values) > 1:
        p25, p50, p75 = statistics.quantiles(values, n=4)
        low, high = min(values), max(values)
        by_name = {"min": low, "p25": p25, "p50": p50, "p75": p75, "max": high}
        for name, value in by_name.items():
            yield spread.statistics[name], max(0.0, value)


def _kernel(run: Run, link: LinkRecord) -> Values:
    fragments = run.grown(link.source, "IpFragCreates", "Ip6FragCreates")
    refused = run.grown(link.source, "IpFragFails", "Ip6FragFails")
    unread = run.grown(link.target, "UdpRcvbufErrors", "Udp6RcvbufErrors")
    for metric, number in ((m.FRAGMENTS, fragments), (m.REFUSED, refused), (m.UNREAD, unread)):
        if number is not None:
            yield metric, number


def _series(run: Run, pair: Pair, kind: str | None) -> Iterator[Observation]:
    """By second, since the first one with a stream."""
    first_s = run.seconds[0].at_s if run.seconds else 0.0
    for second in run.seconds:
        for metric, value in _of_second(run, second):
            yield Observation(metric, value, pair, mode=kind, t_s=_since(second.at_s, first_s))
    active = [second for second in run.sent_seconds if second.sent or second.retransmitted]
    for sent in active:
        t_s = _since(sent.at_s, active[0].at_s)
        yield Observation(m.RETRANSMITTED, sent.retransmitted, pair, mode=kind, t_s=t_s)


def _since(at_s: float, first_s: float) -> float:
    return round(max(0.0, at_s - first_s), 6)


def _of_second(run: Run, second: Second) -> Values:
    yield m.QUALITY.mean, second.quality
    yield m.RECOVERED.mean, second.recovered
    yield m.RETRIES, second.retries
    yield m.REORDERED, second.reordered
    if not run.wrapped(second):
        yield m.DROPPED.mean, second.lost
        yield m.QUALITY_RECOVERED, second.received / (second.received + second.lost)
    if second.rtt_ms is not None:
        yield m.RTT.mean, second.rtt_ms
    if second.bitrate_bps is not None:
        yield m.BITRATE.mean, second.bitrate_bps


def marks(link: LinkRecord, expected: Expected) -> Iterator[str]:
    """What a reader must know of a link's output."""
    where = f"{link.source}->{link.target}"
    for size in sizes(link.commands):
        run = Run(link.commands, expected, size)
        if run.at_home:
            yield f"{run.at_home} packets were dropped between programs of one host on {where}; no loss"
        rate_bps = 8 * run.sent_bytes / run.took_s
        if run.sent and rate_bps < _PACE_KEPT * run.expected.bitrate_bps and not expected.thesis:
            rates = f"{rate_bps / 1e6:.1f} of {expected.bitrate_bps / 1e6:g} Mbit/s"
            yield f"ffmpeg was held up on {link.source}: {where} had {rates}"
        version = librist.version(run.receiver_log)
        if version and version.startswith(("0.2.6", "0.2.7")):
            yield f"librist {version} tells the RTT in whole ms"
        if link.status is Status.OK and expected.thesis and run.progress:
            encoded_bps = run.progress[-1].bitrate_bps
            yield f"as in the thesis the source made {encoded_bps / 1e6:.1f} of 25 Mbit/s on {where}"
