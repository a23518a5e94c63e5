"""Echo requests of one size: whether a path carries them whole, in fragments, or says why it does not."""

import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from meshbench.results.records import Command
from meshbench.util.foreign import quoted

LEAST = {4: 68, 6: 1280}
"""By IP version, what every path has to carry (RFC 791, RFC 8200)."""
LARGEST = 65_535
_HEADERS = {4: 20 + 8, 6: 40 + 8}

Fragmenting = Literal["do", "probe", "dont"]
"""ping's -M: `do` not at all; `probe` the same, whatever the kernel has learned of the path; `dont`
forbid it to nobody."""

_RTT = re.compile(r"^rtt [^=]*= (\d{1,9}(?:\.\d{1,9})?)", re.MULTILINE | re.ASCII)
_COUNTS = re.compile(r"^\d{1,9} packets transmitted, (\d{1,9}) received", re.MULTILINE | re.ASCII)
_REFUSED = re.compile(
    r"From (?P<by>\S+) icmp_seq=\d+ (?:Frag needed and DF set \(mtu = |Packet too big: mtu=)(?P<mtu>\d{1,9})",
    re.ASCII,
)
_LOCAL = re.compile(
    r"(?:local error|sendmsg): message too long(?:, mtu[=:] ?(?P<mtu>\d{1,9}))?",
    re.IGNORECASE | re.ASCII,
)
_OTHER = re.compile(r"From (\S+) icmp_seq=\d+ (.+)")


class Fate(StrEnum):
    """What became of packets of one size."""

    PASSED = "passed"
    ICMP = "icmp"
    """Somebody on the way, or the tunnel, answered that they are too large."""
    LOCAL = "local"
    """The sending host's kernel did not take them."""
    SILENT = "silent"
    """Nothing came back."""


@dataclass(frozen=True)
class Answer:
    """What came of asking with packets of one size.

    Attributes:
        mtu: what an answer that they are too large says would do, in bytes.
        by: who says it.
        words: of another error message, where nothing else came back.
    """

    fate: Fate
    mtu: int | None = None
    by: str | None = None
    words: str | None = None


def version(address: str) -> int:
    """4 or 6."""
    return ipaddress.ip_address(address).version


def request(
    address: str, size: int, fragmenting: Fragmenting, sender: str, *more: str
) -> list[str]:
    """The command of one request in a packet of `size` bytes, IP header included.

    Args:
        address: of the target.
        size: of the packet in bytes.
        fragmenting: see there.
        sender: the interface or the address to send from.
        more: further arguments, such as time limits.
    """
    payload = str(size - _HEADERS[version(address)])
    return [
        "ping", "-n", *more, "-c", "1", "-M", fragmenting, "-s", payload, "-I", sender, address,
    ]  # fmt: skip


def size_of(argv: Sequence[str]) -> int:
    """The inverse: the size of the packets that a command sends, in bytes."""
    return int(argv[argv.index("-s") + 1]) + _HEADERS[version(argv[-1])]


def rtt_ms(command: Command) -> float | None:
    """The round-trip time; None if nothing came back."""
    match = _RTT.search(command.stdout)
    return float(match[1]) if match else None


def answer(command: Command) -> Answer:
    """What a command that ended came to. Raises ValueError when ping does not say it."""
    text = command.stdout
    if not (counts := _COUNTS.search(text)):
        problem = command.stderr.strip()[:300] or quoted(text[-200:])
        raise ValueError(f"ping ended with {command.returncode}: {problem}")
    if int(counts[1]):
        return Answer(Fate.PASSED)
    if refused := _REFUSED.search(text):
        return Answer(Fate.ICMP, int(refused["mtu"]) or None, refused["by"])
    if local := _LOCAL.search(command.stderr + text):
        return Answer(Fate.LOCAL, int(local["mtu"]) if local["mtu"] else None)
    other = _OTHER.search(text)
    return Answer(
        Fate.SILENT, words=f"{other[1]} says: {other[2].strip()[:100]}" if other else None
    )


async def largest(passes: Callable[[int], Awaitable[bool]], whole: int, too_large: int) -> int:
    """The largest size in bytes that passes, by halving.

    Args:
        passes: whether a size does; every size up to some limit does, and none above it.
        whole: a size that passes.
        too_large: a larger one that does not.
    """
    while too_large - whole > 1:
        middle = (whole + too_large) // 2
        if await passes(middle):
            whole = middle
        else:
            too_large = middle
    return whole
