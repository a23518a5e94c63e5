"""What an iperf3 client prints with --json: one document, checked before anything is read from it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, NonNegativeFloat, ValidationError

from meshbench.benchmarks.base import Direction
from meshbench.results.records import Command
from meshbench.util import foreign
from meshbench.util.foreign import Told

Mode = Literal["forward", "reverse", "bidir"]
_REVERSE = "_bidir_reverse"


def _object(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {}


class Sum(Told):
    """All streams of one direction at one end."""

    bytes: NonNegativeFloat
    bits_per_second: NonNegativeFloat
    retransmits: NonNegativeFloat | None = None
    packets: NonNegativeFloat | None = None
    lost_packets: float | None = None
    jitter_ms: float | None = None


class Datagrams(Told):
    """What was counted of a UDP stream over the whole run; lost ones may be below zero."""

    sender: bool | None = None
    packets: NonNegativeFloat | None = None
    lost_packets: float | None = None
    jitter_ms: float | None = None
    out_of_order: NonNegativeFloat | None = None


class Stream(Told):
    """One stream in one interval; of the counters, those that this iperf3 knows."""

    start: float
    seconds: float | None = None
    bits_per_second: NonNegativeFloat
    bytes: float | None = None
    sender: bool | None = None
    omitted: bool = False
    retransmits: float | None = None
    snd_cwnd: float | None = None
    snd_wnd: float | None = None
    rtt: float | None = None
    rttvar: float | None = None
    pmtu: float | None = None
    reorder: float | None = None
    packets: float | None = None
    lost_packets: float | None = None
    jitter_ms: float | None = None


class Interval(Told):
    streams: tuple[Stream, ...] = ()


class Socket(Told):
    """What the end of a stream says of its own socket over the whole run."""

    sender: bool | None = None
    max_snd_cwnd: float | None = None
    max_snd_wnd: float | None = None
    min_rtt: float | None = None
    mean_rtt: float | None = None
    max_rtt: float | None = None
    reorder: float | None = None


class StreamEnd(Told):
    sender: Annotated[Socket, BeforeValidator(_object)] = Socket()
    udp: Annotated[Datagrams, BeforeValidator(_object)] = Datagrams()


class Cpu(Told):
    host_total: float | None = None
    remote_total: float | None = None


class End(Told):
    streams: tuple[StreamEnd, ...] = ()
    sum_sent: Sum | None = None
    sum_received: Sum | None = None
    sum_sent_bidir_reverse: Sum | None = None
    sum_received_bidir_reverse: Sum | None = None
    cpu_utilization_percent: Annotated[Cpu, BeforeValidator(_object)] = Cpu()
    sender_tcp_congestion: str | None = None
    receiver_tcp_congestion: str | None = None


class Test(Told):
    __test__ = False

    reverse: bool = False
    bidir: bool = False
    blksize: NonNegativeFloat | None = None
    target_bitrate: NonNegativeFloat | None = None
    num_streams: int | None = None
    duration: float | None = None
    omit: float | None = None


class Start(Told):
    test_start: Annotated[Test, BeforeValidator(_object)] = Test()
    tcp_mss_default: NonNegativeFloat | None = None
    version: str | None = None


class Side(Told):
    """What one end of the connection tells of a run."""

    start: Start = Start()
    intervals: tuple[Interval, ...] = ()
    end: End = End()


def _side(output: Any) -> Any:
    """A server's own output adds to the client's; one that cannot be read takes nothing away."""
    try:
        return Side.model_validate(output)
    except ValidationError:
        return Side()


class Run(Side):
    """What the client tells, with what the server told it."""

    error: Any = None
    server_output_json: Annotated[Side, BeforeValidator(_side)] = Side()

    @property
    def error_text(self) -> str | None:
        """What iperf3 says went wrong, if anything did."""
        return str(self.error) if self.error else None

    def sums(self, mode: Mode) -> Iterator[tuple[Direction, Sum, Sum]]:
        """By direction, what was sent and what was received. Raises ValueError if it is not said.

        In a run in both directions `sum_*` is the client's stream and `sum_*_bidir_reverse` the
        server's.
        """
        end = self.end
        first: Direction = "reverse" if mode == "reverse" else "forward"
        yield first, *_both("", end.sum_sent, end.sum_received)
        if mode == "bidir":
            yield (
                "reverse",
                *_both(_REVERSE, end.sum_sent_bidir_reverse, end.sum_received_bidir_reverse),
            )


def _both(suffix: str, sent: Sum | None, received: Sum | None) -> tuple[Sum, Sum]:
    if sent is None or received is None:
        lacking = "sum_sent" if sent is None else "sum_received"
        raise ValueError(f"iperf3's output has no end.{lacking}{suffix}")
    return sent, received


def read(text: str) -> Run:
    """The one document in a client's output, also with other text before or after it.

    Of several documents one with an error counts; equal ones are one.

    Raises:
        ValueError: quoting what came instead, or naming the key that is not as it should be.
    """
    documents = foreign.documents(text, _pairs)
    failed = [run for run in documents if run.get("error")]
    different = failed[:1] or [run for n, run in enumerate(documents) if run not in documents[:n]]
    if len(different) != 1:
        count = "no JSON object" if not documents else f"{len(different)} different JSON objects"
        raise ValueError(f"{count} in {foreign.quoted(text)}")
    try:
        return Run.model_validate(different[0])
    except ValidationError as error:
        raise ValueError(foreign.why(error)) from None


def sent_s(run: Run) -> float:
    """How long a run sent, by the client's intervals without those left out; 0 where it has none."""
    streams = (stream for interval in run.intervals for stream in interval.streams)
    ends = (stream.start + (stream.seconds or 0) for stream in streams if not stream.omitted)
    return max(ends, default=0.0)


def _pairs(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which the second of two equal sums has the name that it has had since 3.11.

    Before, a run in both directions had each of its sums twice: the client's stream, then the
    server's (esnet/iperf issue 952).
    """
    named = dict(pairs)
    if len(named) < len(pairs):
        first = dict(reversed(pairs))
        for key in [key for key in first if key == "sum" or key.startswith("sum_")]:
            if first[key] is not named[key]:
                named[key + _REVERSE], named[key] = named[key], first[key]
    return named


def mode_of(command: Command, run: Run) -> Mode:
    """The mode of a run, from its command line; where that is not iperf3's, from what it says."""
    if "iperf3" in {word.rpartition("/")[2] for word in command.argv}:
        if "--bidir" in command.argv:
            return "bidir"
        return "reverse" if {"-R", "--reverse"} & set(command.argv) else "forward"
    return mode_told(run)


def mode_told(run: Run) -> Mode:
    """The mode as the document itself tells it; 3.12 and older do not say `bidir` of themselves."""
    test = run.start.test_start
    if test.bidir or run.end.sum_received_bidir_reverse:
        return "bidir"
    return "reverse" if test.reverse else "forward"
