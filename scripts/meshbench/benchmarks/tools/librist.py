"""ristsender and ristreceiver: how they are started, and what their logs say."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field

from meshbench.util import foreign
from meshbench.util.foreign import Told

Profile = Literal["simple", "main"]
_NUMBERS: dict[Profile, str] = {"simple": "0", "main": "1"}
_COMMON = ("-S", "1000", "-v", "6")
"""A line of statistics per second, as JSON in the log."""
RING = 1 << 16
"""Places in the receiver's ring: once around it counts so many packets as lost (librist flow.c)."""
SLACK = 64
"""Packets by which librist's count of losses may exceed those that were missing at the end."""
T = TypeVar("T")
_LINE = re.compile(
    r"^(?P<at>\d{9,11}\.\d{6})\|[^|\n]{0,60}\|\[[A-Z]{1,10}\] (?P<said>.*)$",
    re.MULTILINE | re.ASCII,
)
_VERSION = re.compile(r"libRIST library: v?(\d[\w.+-]{0,40})", re.ASCII)
_CONNECTED = re.compile(r"peer connected count is (\d{1,4})", re.ASCII)
CONNECTED = "peer connected count is 1"
"""What ristsender logs when the handshake is done."""

Count = Annotated[float, Field(ge=0, le=1e12)]


class _Flow(Told):
    """Of one second at the receiver."""

    quality: Annotated[float, Field(ge=0, le=100)]
    received: Count
    lost: Count
    recovered_total: Count
    retries: Count
    reordered: Count = 0
    bitrate: Count | None = None


class _Peer(Told):
    avg_rtt: Count | None = None


class _Sent(Told):
    """Of one second at the sender."""

    sent: Count
    retransmitted: Count


@dataclass(frozen=True)
class Second:
    """What the receiver says of one second.

    Attributes:
        at_s: its end, by the receiver's clock.
        quality: share of packets not missing before recovery.
        rtt_ms: None where no peer says it.
        bitrate_bps: None where it is not said.
    """

    at_s: float
    quality: float
    received: float
    lost: float
    recovered: float
    retries: float
    reordered: float
    rtt_ms: float | None
    bitrate_bps: float | None

    @property
    def active(self) -> bool:
        """Whether there was a stream in it."""
        return bool(self.received or self.lost)


@dataclass(frozen=True)
class SentSecond:
    """What the sender says of one second."""

    at_s: float
    sent: float
    retransmitted: float


def url(address: str, port: int, *, listens: bool = False, **parameters: int) -> str:
    """A RIST URL, e.g. ``rist://@[fd00::1]:5202?buffer=400``."""
    host = f"[{address}]" if ip_address(address).version == 6 else address  # noqa: PLR2004
    query = "&".join(f"{key}={value}" for key, value in parameters.items())
    return f"rist://{'@' * listens}{host}:{port}{'?' * bool(query)}{query}"


def receiver(profile: Profile, source: str, to_port: int) -> list[str]:
    """The command of a receiver that hands the stream on to a UDP port of its own host."""
    target = f"udp://127.0.0.1:{to_port}"
    return ["ristreceiver", "-i", source, "-o", target, "-p", _NUMBERS[profile], *_COMMON]


def sender(profile: Profile, from_port: int, target: str) -> list[str]:
    """The command of a sender that has the stream from a UDP port of its own host."""
    source = f"udp://@127.0.0.1:{from_port}"
    return ["ristsender", "-i", source, "-o", target, "-p", _NUMBERS[profile], *_COMMON]


def version(log: str) -> str | None:
    """Which librist wrote a log; None where it is no log of librist."""
    match = _VERSION.search(log)
    return match[1] if match else None


def connected(log: str) -> bool:
    """Whether the sender ever had a session."""
    return any(count != "0" for count in _CONNECTED.findall(log))


def broke(log: str) -> bool:
    """Whether the sender's session ended while it ran."""
    counts = _CONNECTED.findall(log)
    return "0" in counts[counts.index("1") :] if "1" in counts else False


def seconds(log: str) -> list[Second]:
    """The receiver's statistics. Raises ValueError where there are some and none can be read."""
    return _read(log, "receiver-stats", _second)


def sent_seconds(log: str) -> list[SentSecond]:
    """The sender's statistics. Raises ValueError where there are some and none can be read."""
    return _read(log, "sender-stats", _sent_second)


def _second(at_s: float, document: Any) -> Second:
    flow = document["receiver-stats"]["flowinstant"]
    stats = _Flow.model_validate(flow["stats"])
    rtts = [_Peer.model_validate(peer["stats"]).avg_rtt for peer in flow.get("peers", ())]
    return Second(
        at_s, stats.quality / 100, stats.received, stats.lost, stats.recovered_total, stats.retries,
        stats.reordered, next((rtt for rtt in rtts if rtt is not None), None),
        stats.bitrate or None,  # none in a flow's first second
    )  # fmt: skip


def _sent_second(at_s: float, document: Any) -> SentSecond:
    stats = _Sent.model_validate(document["sender-stats"]["peer"]["stats"])
    return SentSecond(at_s, stats.sent, stats.retransmitted)


def _read(log: str, kind: str, make: Callable[[float, Any], T]) -> list[T]:
    kept: list[T] = []
    problem: Exception | None = None
    for line in _LINE.finditer(log):
        if not line["said"].startswith(f'{{"{kind}"'):
            continue
        try:
            kept.append(make(float(line["at"]), foreign.document(line["said"])))
        except foreign.UNREADABLE as error:  # also the last line of a program that was killed
            problem = error
    if problem and not kept:
        raise ValueError(f"{kind}: {foreign.why(problem)}")
    return kept


def is_wrap(lost: float, missing: float | None) -> bool:
    """Whether a second's count of lost packets is the ring's length and not loss.

    Args:
        lost: the count.
        missing: packets that were really missing at the end of the run; None where nobody counted.
    """
    return lost >= RING / 2 if missing is None else lost > missing + SLACK
