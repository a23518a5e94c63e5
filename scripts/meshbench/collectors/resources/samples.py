"""What the sampling program printed, read into samples (pure)."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

CLOCK_HZ = 100
"""Of the kernel's CPU time where the host does not say (USER_HZ)."""


@dataclass(frozen=True)
class Thread:
    """What one thread had since the sample before.

    Attributes:
        ticks: of CPU time, in the host's `clock_hz`.
        core: the one that it was last on.
        run_s, wait_s: on a core, and runnable without one; 0 where the kernel does not count them.
        switches: how often it was put on a core.
    """

    ticks: int
    core: int
    run_s: float
    wait_s: float
    switches: int


@dataclass(frozen=True)
class Core:
    """Ticks of a core since the sample before: what it ran, and for how long nothing."""

    user: int
    system: int
    interrupts: int
    idle: int


@dataclass(frozen=True)
class Group:
    """CPU time of control groups since the sample before, and the periods of their CPU quota."""

    cpu_s: float
    periods: int
    throttled: int


@dataclass
class Sample:
    """What a host's counters grew by since the sample before.

    Attributes:
        at_s: the host's uptime.
        threads: of the VPN, by id and name.
        groups: by what they are: ``vpn``, ``services``, ``sessions``, ``own``.
        received_bytes, sent_bytes, tunnel_drops: of the interface that is measured.
        other_drops: of all other interfaces but the loopback.
        udp_drops: datagrams for which a receive buffer had no room, of all sockets.
        socket_drops: the same by a socket's inode; 0 for those of kernel tunnels.
        kernel_ticks: of CPU time of kernel threads, by kind; told every few seconds.
        energy_j: by package of the processor.
    """

    at_s: float
    threads: dict[tuple[int, str], Thread] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    cores: dict[int, Core] = field(default_factory=dict)
    kernel_ticks: dict[str, int] = field(default_factory=dict)
    socket_drops: dict[str, int] = field(default_factory=dict)
    energy: dict[int, tuple[int, int]] = field(default_factory=dict)
    received_bytes: int = 0
    sent_bytes: int = 0
    tunnel_drops: int = 0
    other_drops: int = 0
    udp_drops: int = 0


@dataclass(frozen=True)
class Series:
    """All samples of a host.

    Attributes:
        samples: the first of which is the beginning and holds no growth.
        clock_hz: of its ticks.
        sockets: inodes of the VPN's sockets.
        memory_bytes: the largest resident size of the VPN's processes together, in each one's life.
        queue_drops: of the measured interface's queue between beginning and end; None if not told.
        end_s: the host's uptime when the sampling was ended; None if that was not told.
    """

    samples: Sequence[Sample]
    clock_hz: int
    sockets: frozenset[str]
    memory_bytes: int | None
    queue_drops: int | None
    end_s: float | None


_DIGITS = 18
"""No counter has more."""


def _count(word: str) -> int:
    """Raises ValueError at what is no counter."""
    if len(word) > _DIGITS or not word.isdecimal():
        raise ValueError(word)
    return int(word)


def _seconds(word: str) -> float:
    """Raises ValueError at what is no uptime."""
    whole, _, part = word.partition(".")
    return _count(whole) + (_count(part) / 10 ** len(part) if part else 0)


class _Reader:
    """Lines in their order; what is cut off, or of another version, is left out."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []
        self.clock_hz = CLOCK_HZ
        self.sockets: set[str] = set()
        self.resident_kb: list[int] = []
        self.queue: list[int] = []
        self.end_s: float | None = None
        self._open: Sample | None = None

    def line(self, text: str) -> None:
        kind, *words = text.split() or [""]
        with contextlib.suppress(ValueError, TypeError, IndexError):
            if kind == "@":
                self._open = Sample(_seconds(words[0]))
            elif kind == "." and self._open:
                self.samples.append(self._open)
                self._open = None
            elif kind in _ONCE:
                _ONCE[kind](self, words)
            elif kind in _OF_SAMPLE and (sample := self._open or self._last()):
                _OF_SAMPLE[kind](sample, words)

    def _last(self) -> Sample | None:
        return self.samples[-1] if self.samples else None

    def hertz(self, words: Sequence[str]) -> None:
        self.clock_hz = max(1, _count(words[0]))

    def end(self, words: Sequence[str]) -> None:
        self.end_s = _seconds(words[0])


def _thread(sample: Sample, words: Sequence[str]) -> None:
    tid, name, core, user, system, run_us, wait_us, switches = words
    sample.threads[_count(tid), name] = Thread(
        _count(user) + _count(system),
        _count(core),
        _count(run_us) / 1e6,
        _count(wait_us) / 1e6,
        _count(switches),
    )


def _group(sample: Sample, words: Sequence[str]) -> None:
    name, cpu_us, periods, throttled = words
    sample.groups[name] = Group(_count(cpu_us) / 1e6, _count(periods), _count(throttled))


def _core(sample: Sample, words: Sequence[str]) -> None:
    number, *ticks = map(_count, words)
    sample.cores[number] = Core(*ticks)


def _tunnel(sample: Sample, words: Sequence[str]) -> None:
    received, sent, dropped_in, dropped_out = map(_count, words)
    sample.received_bytes, sample.sent_bytes = received, sent
    sample.tunnel_drops = dropped_in + dropped_out


def _other(sample: Sample, words: Sequence[str]) -> None:
    sample.other_drops = _count(words[0])


def _udp(sample: Sample, words: Sequence[str]) -> None:
    sample.udp_drops = _count(words[0])


def _socket(sample: Sample, words: Sequence[str]) -> None:
    sample.socket_drops[words[0]] = sample.socket_drops.get(words[0], 0) + _count(words[1])


def _kernel(sample: Sample, words: Sequence[str]) -> None:
    sample.kernel_ticks[words[0]] = _count(words[1])


def _energy(sample: Sample, words: Sequence[str]) -> None:
    package, now_uj, range_uj = map(_count, words)
    sample.energy[package] = now_uj, range_uj


_OF_SAMPLE: Mapping[str, Callable[[Sample, Sequence[str]], None]] = {
    "t": _thread, "g": _group, "c": _core, "b": _tunnel, "d": _other, "r": _udp, "u": _socket,
    "k": _kernel, "e": _energy,
}  # fmt: skip
_ONCE: Mapping[str, Callable[[_Reader, Sequence[str]], None]] = {
    "h": _Reader.hertz,
    "i": lambda reader, words: reader.sockets.update(words[:1]),
    "m": lambda reader, words: reader.resident_kb.append(_count(words[0])),
    "q": lambda reader, words: reader.queue.append(_count(words[0])),
    "end": _Reader.end,
}


def read(text: str) -> Series:
    """The samples in what the program printed; none if it printed none. Never raises."""
    reader = _Reader()
    for line in text.splitlines():
        reader.line(line)
    both = len(reader.queue) == 2  # noqa: PLR2004 - at the beginning and at the end
    return Series(
        samples=reader.samples,
        clock_hz=reader.clock_hz,
        sockets=frozenset(reader.sockets),
        memory_bytes=1024 * max(reader.resident_kb) if any(reader.resident_kb) else None,
        queue_drops=max(0, reader.queue[1] - reader.queue[0]) if both else None,
        end_s=reader.end_s,
    )
