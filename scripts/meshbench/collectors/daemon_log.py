"""What the VPN's units logged while a cell was measured, kept to be laid beside its single RTTs."""

import asyncio
import json
import logging
import math
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from meshbench.benchmarks.base import Observation, Pair
from meshbench.benchmarks.tools import clocks
from meshbench.benchmarks.tools.clocks import Clock
from meshbench.collectors.base import Collector
from meshbench.results.records import Command, Record, now, own_command
from meshbench.testbed.host import Host
from meshbench.util import foreign
from meshbench.util.errors import TestbedError
from meshbench.util.scrub import MASK, scrub
from meshbench.vpns.common.lifecycle import Mesh

log = logging.getLogger(__name__)

LOG, NO_UNIT = "log", "no unit"
"""Roles: what a host's units logged, and that the system has none there."""
MOST_LINES = 400
MOST_BYTES = 400_000
LONGEST = 300
"""Characters of a message that are kept."""
LIMIT_S = 20.0
_END = "end"
# The host's clock, what is logged, and how journalctl ended: without that line it was cut off.
_SCRIPT = f"""
lines=$1 bytes=$2
shift 2
date +%s.%N
{{ "$@"; echo "{_END} $?"; }} | head -n "$lines" | head -c "$bytes"
"""
_FIELDS = "MESSAGE,PRIORITY,_SYSTEMD_UNIT,UNIT"
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
"""Of a terminal (ECMA-48)."""
_INFO = 6
"""The priority of a line that has none (syslog(3))."""


class DaemonLog(Collector):
    """The journal's lines of the system's units, of every host, since the cell's values began.

    Journals are asked for a time span by their own host's clock; how far that is ahead of the
    controller's is asked once, beside what other collectors start.
    """

    name = "daemon_log"
    metrics = ()

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._clocks: list[Command] = []

    async def start(self, mesh: Mesh) -> None:
        self._began = time.monotonic()
        if any(mesh.units(host.name) for host in mesh.hosts):
            asked = await asyncio.gather(*(_clock(host) for host in mesh.hosts))
            self._clocks = [command for commands in asked for command in commands]

    async def stop(self, mesh: Mesh) -> Sequence[Command]:
        logs = await asyncio.gather(*(self._log(mesh, host) for host in mesh.hosts))
        hidden = mesh.secrets() if any(command.stdout for command in logs) else ()
        return [*self._clocks, *(kept(command, hidden) for command in logs)]

    async def _log(self, mesh: Mesh, host: Host) -> Command:
        units = mesh.units(host.name)
        if not units:
            return own_command(host.name, [], "", now(), role=NO_UNIT)
        since_s = math.ceil(time.monotonic() - self._began) + 1
        argv = [
            "sh", "-c", _SCRIPT, "sh", str(MOST_LINES + 1), str(MOST_BYTES), "journalctl", "-q",
            "--no-pager", "-o", "json", f"--output-fields={_FIELDS}", f"--since=-{since_s}s",
            *(word for unit in units for word in ("-u", unit)),
        ]  # fmt: skip
        started = now()
        try:
            command = await host.run(argv, limit_s=LIMIT_S, check=False)
        except TestbedError as error:
            log.warning("what the VPN logged on %s is not known: %s", host.name, error)
            command = own_command(host.name, argv, "", started, code=255)
            command.stderr = str(error)
        return command.model_copy(update={"role": LOG, "measuring": False})

    def parse(self, record: Record) -> Iterator[Observation]:
        """No values: its lines are in `beside`."""
        yield from ()


async def _clock(host: Host) -> list[Command]:
    return await clocks.ask(host, ["date", "+%s.%N"], 1)


@dataclass(frozen=True)
class Line:
    """A line of the journal.

    Attributes:
        at_us: when it came to the journal, by the host's clock, in µs since the epoch.
        unit: whose it is, or which one systemd speaks of.
        priority: of syslog(3), from 0, the most urgent, to 7.
    """

    at_us: int
    unit: str
    priority: int
    message: str

    @classmethod
    def read(cls, text: str) -> Self | None:
        """From a line of ``journalctl -o json``; None where it is none, or only a part of one."""
        try:
            fields = foreign.document(text)
            at_us = int(fields["__REALTIME_TIMESTAMP"])
            priority = int(fields.get("PRIORITY") or _INFO)
        except foreign.UNREADABLE:
            return None
        if not (0 <= at_us < 10**17 and 0 <= priority <= 7):  # noqa: PLR2004
            return None
        unit = _text(fields.get("UNIT") or fields.get("_SYSTEMD_UNIT"))
        return cls(at_us, unit, priority, _text(fields.get("MESSAGE")))

    def text(self) -> str:
        """The same form again, with nothing else in it."""
        return json.dumps({
            "__REALTIME_TIMESTAMP": str(self.at_us), "PRIORITY": str(self.priority),
            "UNIT": self.unit, "MESSAGE": self.message,
        }, ensure_ascii=False)  # fmt: skip


def _text(field: Any) -> str:
    """A field of the journal: a text, its bytes where it is no UTF-8, or the first of several."""
    match field:
        case str():
            return field
        case [int(), *_]:
            whole = (byte for byte in field if isinstance(byte, int) and 0 <= byte < 256)  # noqa: PLR2004
            return bytes(whole).decode(errors="replace")
        case [first, *_]:
            return _text(first)
    return ""


def kept(command: Command, hidden: Collection[str]) -> Command:
    """A host's log as it may go into a record (pure): short, plain messages without secrets.

    Args:
        command: what the host said.
        hidden: texts that nobody may read, besides what looks like a key or a password.
    """
    if command.role != LOG:
        return command
    stamp, *rest = command.stdout.split("\n")
    rest = [text for text in rest if text]
    texts = [
        Line(line.at_us, line.unit, line.priority, _clean(line.message, hidden)).text()
        for line in map(Line.read, rest)
        if line
    ]
    end = rest[-1:] if rest and rest[-1].startswith(f"{_END} ") else []
    stdout = "".join(f"{text}\n" for text in (stamp, *texts, *end))
    return command.model_copy(update={"stdout": stdout})


def _clean(message: str, hidden: Collection[str]) -> str:
    for text in hidden:
        message = message.replace(text, MASK)
    plain = _COLOUR.sub("", scrub(message))
    clean = "".join(sign if sign.isprintable() else " " for sign in plain)
    return clean if len(clean) <= LONGEST else f"{clean[: LONGEST - 1]}…"


@dataclass(frozen=True)
class HostLog:
    """What a host's units logged.

    Attributes:
        lines: in their order.
        until_s: what came later, by the host's clock, is not in it: either it was asked for then, or
            it was cut off there.
    """

    lines: tuple[Line, ...]
    until_s: float

    @classmethod
    def read(cls, command: Command) -> Self | str:
        """From a record (pure); in words why it is not known."""
        first, *rest = command.stdout.strip("\n").split("\n")
        stamps, lines = clocks.stamps(first), tuple(filter(None, map(Line.read, rest)))
        if command.returncode != 0 or not stamps:
            return f"the log could not be read: {command.stderr.strip()[:200] or 'no answer'}"
        if rest[-1:] == [f"{_END} 0"]:
            return cls(lines, stamps[0])
        if not lines:
            return f"the log could not be read: {command.stderr.strip()[:200] or 'no line of it'}"
        return cls(lines, lines[-1].at_us / 1e6)


@dataclass(frozen=True)
class Beside:
    """The log of one end of a link, on the axis of the link's single RTTs.

    Attributes:
        clock_error_s: how far it may be off there; None where that is not known.
        until_s: it is known until then.
        lines: at how many seconds, and what.
        reason: why it is not known; then there are no lines.
    """

    pair: Pair
    host: str
    clock_error_s: float | None = None
    until_s: float | None = None
    lines: tuple[tuple[float, Line], ...] = ()
    reason: str | None = None


def beside(record: Record, starts_s: Mapping[Pair, float]) -> Iterator[Beside]:
    """The logs of both ends of links (pure); nothing of a record that has none.

    Args:
        record: the clocks of lab and fake hosts are one, the controller's.
        starts_s: of links with single RTTs, when their axis begins, by the source's clock in
            seconds since the epoch.
    """
    commands = record.collected.get(DaemonLog.name, [])
    logs = {command.host: command for command in commands if command.role in {LOG, NO_UNIT}}
    shared = record.testbed.kind != "ssh"
    hosts = {name for pair in starts_s for name in pair}
    by_host = dict.fromkeys(hosts, Clock(0, 0)) if shared else clocks.clocks(commands, shared=False)
    for pair, start_s in starts_s.items():
        for host in (name for name in pair if name in logs):
            yield _beside(logs[host], pair, start_s, _apart(by_host, host, pair[0]))


def _apart(by_host: Mapping[str, Clock], host: str, source: str) -> Clock | None:
    """How far a host's clock is ahead of the source's; None where that is not known."""
    if host == source:
        return Clock(0, 0)
    if not {host, source} <= by_host.keys():
        return None
    here, there = by_host[host], by_host[source]
    return Clock(here.ahead_s - there.ahead_s, here.uncertainty_s + there.uncertainty_s)


def _beside(command: Command, pair: Pair, start_s: float, apart: Clock | None) -> Beside:
    host = command.host
    if command.role == NO_UNIT:
        return Beside(pair, host, reason="the system has no unit there")
    host_log = HostLog.read(command)
    if isinstance(host_log, str):
        return Beside(pair, host, reason=host_log)
    if apart is None:
        return Beside(pair, host, reason="its clock against the other host's is not known")
    zero_s = start_s + apart.ahead_s
    lines = tuple((round(line.at_us / 1e6 - zero_s, 6), line) for line in host_log.lines)
    until_s = round(host_log.until_s - zero_s, 6)
    return Beside(pair, host, apart.uncertainty_s, until_s, lines)


COLLECTOR = DaemonLog
