"""Echo requests on ordered pairs of hosts, all the time, and what they say of an outage.

One transient unit per source asks each of its targets 20 times a second (`ping -D -O`) and writes what
ping says to a file on that host, so that nothing of the probe depends on the controller while something
is broken. Requests are bound to no interface and no address: a socket that is bound to an interface is
dead for ever once that is made anew. While there is no route, ping either counts a request as sent and
lost, or ends at its start; then it is started again after an interval.
"""

import asyncio
import bisect
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath

from meshbench.benchmarks.base import Pair
from meshbench.results.records import Command
from meshbench.testbed.host import RUN, CommandError, Host, Unit

INTERVAL_S = 0.05
"""Between two requests of a pair, at the most but for a busy machine: the resolution of every time that
comes of them.
"""
_ASKED_S = 0.044
"""What ping is asked for, as it waits up to two ticks of the kernel's clock (of 4 ms) longer."""
UNIT = "meshbench-probe"
FOLDER = RUN / "probe"
ROLE = "probe"
"""Of the commands that `stop` returns, before a slash and the target's name."""
IN_A_ROW = 10
_LATE = 2
"""So many intervals later than usual a reply says that its request was held up."""
_USUAL = 400
_READ_LIMIT_S = 120.0
_SEQUENCES = 1 << 16
"""The sequence number of an echo request has 16 bits (RFC 792)."""
_START = "PING "
_LINE = re.compile(
    r"^\[(?P<at>\d{1,12}\.\d{1,9})\] (?:"
    r"\d+ bytes from .*icmp_seq=(?P<seq>\d{1,5})\b.* time=(?P<rtt>\d{1,9}(?:\.\d{1,9})?) ms"
    r"|no answer yet for icmp_seq=(?P<lost>\d{1,5})$"
    r"|nothing sent: )",
    re.ASCII,
)


@dataclass(frozen=True)
class Target:
    """Whom a host asks: a name, which is that of the file, and an address."""

    name: str
    address: str


@dataclass(frozen=True)
class Probe:
    """What runs on the hosts, by the source's name.

    Attributes:
        limit_s: after which the hosts end it themselves, should the controller be gone.
        folder: where each host keeps what ping says; one below /run is lost in a reboot.
    """

    hosts: Mapping[str, Host]
    targets: Mapping[str, tuple[Target, ...]]
    limit_s: float
    folder: PurePosixPath = FOLDER

    @property
    def pairs(self) -> tuple[Pair, ...]:
        return tuple((source, target.name) for source, target in self._all())

    def _all(self) -> Iterator[tuple[str, Target]]:
        for source, targets in self.targets.items():
            for target in targets:
                yield source, target

    async def start(self) -> None:
        """Begin on every source; what an earlier start wrote is appended to."""
        await asyncio.gather(*(self._start(source) for source in self.targets))

    def argv(self, source: str) -> list[str]:
        """What a source runs."""
        targets = (f"{target.name}={target.address}" for target in self.targets[source])
        return ["sh", "-c", _script(), "sh", str(self.folder), f"{_ASKED_S:g}", *targets]

    async def _start(self, source: str) -> None:
        limit = {"RuntimeMaxSec": f"{self.limit_s:.0f}"}
        await self.hosts[source].start(Unit(UNIT, self.argv(source), limit))

    async def look(self) -> dict[Pair, str]:
        """The last few lines of each pair: enough for `steady`. Costs one command per source.

        Empty for the pairs of a host whose files cannot be read just now.
        """
        looks = await asyncio.gather(*(self._look(source) for source in self.targets))
        return {pair: text for look in looks for pair, text in look.items()}

    async def _look(self, source: str) -> dict[Pair, str]:
        files_ = [str(self._file(target)) for target in self.targets[source]]
        tail = ["tail", "-v", "-n", str(2 * IN_A_ROW), "--", *files_]
        try:
            output = (await self.hosts[source].run(tail, check=False)).stdout
        except CommandError:
            output = ""
        parts = dict(part.partition(" <==\n")[::2] for part in output.split("==> "))
        return {
            (source, target.name): parts.get(str(self._file(target)), "").rstrip("\n")
            for target in self.targets[source]
        }

    async def stop(self) -> dict[Pair, Command]:
        """End it everywhere and take its files away; what ping said, as a command of each pair.

        All of them carry the time of this call less what they ran: they have been asking together.
        """
        await asyncio.gather(*(self.hosts[source].stop(UNIT) for source in self.targets))
        read = await asyncio.gather(*(self._read(s, target) for s, target in self._all()))
        await asyncio.gather(*(
            self.hosts[source].run(["rm", "-rf", "--", str(self.folder)], check=False)
            for source in self.targets
        ))  # fmt: skip
        return dict(zip(self.pairs, read, strict=True))

    async def _read(self, source: str, target: Target) -> Command:
        read = ["cat", "--", str(self._file(target))]
        log = await self.hosts[source].run(read, limit_s=_READ_LIMIT_S, check=False)
        return log.model_copy(
            update={"argv": command(target.address), "role": f"{ROLE}/{target.name}"}
        )

    def _file(self, target: Target) -> PurePosixPath:
        return self.folder / f"{target.name}.log"


def of(hosts: Sequence[Host], addresses: Mapping[str, str], limit_s: float) -> Probe:
    """A probe on every ordered pair of the hosts that have an address, by their names."""
    addressed = [host for host in hosts if host.name in addresses]
    return Probe(
        {host.name: host for host in addressed},
        {
            host.name: tuple(
                Target(other.name, addresses[other.name])
                for other in addressed
                if other is not host
            )
            for host in addressed
        },
        limit_s,
    )


def command(address: str) -> list[str]:
    """What is run for each pair, again and again should it end."""
    return ["ping", "-n", "-D", "-O", "-i", f"{_ASKED_S:g}", address]


def _script() -> str:
    return (files(__package__) / "probe.sh").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Request:
    """One echo request, by the sending host's clock in seconds since the epoch.

    Attributes:
        number: counted on over the whole probe, without gaps within one run of ping.
        sent_s: taken from the reply less its RTT; of one without a reply, from the line that says so.
        replied_s: when the first reply had come; None if none did.
    """

    number: int
    sent_s: float
    replied_s: float | None

    def by(self, offset_s: float) -> "Request":
        """The same by another clock, which the sending host's is that far ahead of."""
        back = None if self.replied_s is None else self.replied_s - offset_s
        return Request(self.number, self.sent_s - offset_s, back)

    @property
    def rtt_s(self) -> float | None:
        return None if self.replied_s is None else self.replied_s - self.sent_s


def requests(text: str) -> list[Request]:
    """Every request of a probe whose fate is known, in the order of sending (pure).

    One that could not be sent, as there was no route when ping was started, is one without a reply.
    ping's further runs, which begin with sequence number 1 again, are counted on. Lines that are
    neither a reply nor say that one is missing (errors of ICMP or of the sending host) are skipped:
    ping says of each such request too that it has no answer.
    """
    by_number: dict[int, Request] = {}
    first, latest = 0, 0
    for line in text.splitlines():
        if line.startswith(_START):
            first, latest = max(by_number, default=-1) + 1, 0
        elif (match := _LINE.match(line)) and "BAD CHECKSUM" not in line:
            if sequence := match["seq"] or match["lost"]:
                latest = _counted_on(latest, int(sequence))
                number = first + latest
            else:
                number = max(by_number, default=-1) + 1
            request = _request(match, number)
            # The first reply counts, also where ping had said that it was missing.
            if number not in by_number or (
                by_number[number].replied_s is None and request.replied_s
            ):
                by_number[number] = request
    return [by_number[number] for number in sorted(by_number)]


def _counted_on(latest: int, sequence: int) -> int:
    """The number nearest to the one before that has these 16 bits."""
    half = _SEQUENCES // 2
    return latest + (sequence - latest + half) % _SEQUENCES - half


def _request(match: re.Match[str], number: int) -> Request:
    at_s = float(match["at"])
    if match["rtt"]:
        return Request(number, at_s - float(match["rtt"]) / 1000, at_s)
    # That an answer is missing is said when the next request is sent.
    return Request(number, at_s - INTERVAL_S if match["lost"] else at_s, None)


@dataclass(frozen=True)
class Outage:
    """What a pair's probe saw of something that happened to it; times as in `Request`.

    Attributes:
        noticed: whether at least two requests in turn were lost, or answered late.
        last_before_s: the last reply before them; None if there was none, or nothing was noticed.
        first_after_s: the first reply to one of them or to a later one; None: none came in time.
        steady_s: the first reply of the first ten requests in turn that were all answered; None:
            there were none in time.
        sent, lost: requests sent from the event on until it was steady again, or to the end.
    """

    noticed: bool
    last_before_s: float | None
    first_after_s: float | None
    steady_s: float | None
    sent: int
    lost: int


def outage(sent: Sequence[Request], since_s: float, until_s: float) -> Outage:
    """The first outage of a pair that began in a window (pure).

    A request is late when its reply took more than two intervals longer than usual, so that one that
    a VPN queued counts, and the path's own delay does not. Usual is the median of the 400 answered
    requests before the window; of the fastest one where there are none.

    Args:
        sent: all requests of the pair, as `requests` gives them.
        since_s: when the event began.
        until_s: what came later than this counts as not come; requests whose replies were not due
            by then are left out.
    """
    begin = bisect.bisect_left(sent, since_s - INTERVAL_S, key=_sent_s)
    due_s = _usual_rtt_s(sent, begin) + _LATE * INTERVAL_S
    end = bisect.bisect_right(sent, until_s - due_s, key=_sent_s)
    window = [as_of(request, until_s) for request in sent[begin:end]]
    bad = [request.rtt_s is None or request.rtt_s > due_s for request in window]
    start = next((i for i in range(len(bad) - 1) if bad[i] and bad[i + 1]), None)
    if start is None:
        return Outage(False, None, None, None, len(window), _lost(window))
    before = [r.replied_s for r in (*sent[:begin], *window[:start]) if r.replied_s is not None]
    after = [r.replied_s for r in window[start:] if r.replied_s is not None]
    steady = first_in_a_row(window[start:])
    over = len(window) if steady is None else start + steady
    return Outage(
        noticed=True,
        last_before_s=max(before, default=None),
        first_after_s=min(after, default=None),
        steady_s=None if steady is None else window[over].replied_s,
        sent=over,
        lost=_lost(window[:over]),
    )


def _sent_s(request: Request) -> float:
    return request.sent_s


def as_of(request: Request, until_s: float) -> Request:
    """The same without a reply that came too late to be known."""
    if request.replied_s is None or request.replied_s <= until_s:
        return request
    return Request(request.number, request.sent_s, None)


def _usual_rtt_s(sent: Sequence[Request], begin: int) -> float:
    before = [r.rtt_s for r in sent[max(0, begin - _USUAL) : begin] if r.rtt_s is not None]
    if before:
        return statistics.median(before)
    return min((r.rtt_s for r in sent if r.rtt_s is not None), default=0.0)


def _lost(window: Iterable[Request]) -> int:
    return sum(request.replied_s is None for request in window)


def first_in_a_row(window: Sequence[Request]) -> int | None:
    """Where the first ten requests in turn begin that were all answered."""
    run = 0
    for index, request in enumerate(window):
        run = run + 1 if request.replied_s is not None else 0
        if run == IN_A_ROW:
            return index - IN_A_ROW + 1
    return None


def steady(tail: str) -> bool:
    """Whether the last lines of a probe are ten replies in a row (pure)."""
    lines = tail.splitlines()[-IN_A_ROW:]
    replies = [line for line in lines if (match := _LINE.match(line)) and match["rtt"]]
    return len(replies) == IN_A_ROW


def ran(text: str) -> bool:
    """Whether what ran was ping, by its first line, an error of its own, or what it says of a request (pure)."""
    return any(
        line.startswith((_START, "ping: ")) or "icmp_seq=" in line for line in text.splitlines()
    )


def traces(
    commands: Iterable[Command], offsets_s: Mapping[str, float]
) -> dict[Pair, list[Request]]:
    """By pair, its requests by the controller's clock (pure).

    Args:
        commands: those in the probe's role are read.
        offsets_s: by host, how far its clock is ahead; 0 where it is not named.
    """
    by_pair = {}
    for command_ in commands:
        role, _, target = command_.role.partition("/")
        if role == ROLE:
            ahead_s = offsets_s.get(command_.host, 0.0)
            sent = requests(command_.stdout)
            by_pair[command_.host, target] = [r.by(ahead_s) for r in sent] if ahead_s else sent
    return by_pair
