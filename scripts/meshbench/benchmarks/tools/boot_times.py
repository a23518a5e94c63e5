"""When a host's last boot began and its units were active, on the controller's clock.

A host's own clock need not agree with the controller's, and a boot may set it. So the host is asked
for its clock and for the time since its kernel started, in one command; of several such commands the
one with the shortest round trip counts, as in NTP (RFC 5905 section 8), and half of that round trip
is how far a time may be off. systemd gives a time since the kernel's start for each event, which no
setting of the clock moves.

A container (systemd-nspawn) boots without its kernel, which runs for longer than the reboot took:
there the boot's start is systemd's own (``UserspaceTimestamp``), by the host's clock.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from meshbench.benchmarks.tools import clocks
from meshbench.results.records import Command
from meshbench.testbed.host import Host

CLOCK, BOOT, UNITS = clocks.ROLE, "boot", "units"
"""Roles of the commands."""
_ASKED = 6
_CLOCK = "date +%s.%N; cat /proc/uptime"
_SHOW = ["systemctl", "show", "--timestamp=us+utc"]
_BOOT = ["UserspaceTimestamp", "UserspaceTimestampMonotonic"]
_UNIT = [
    "Id", "ActiveState", "SubState", "Result", "ActiveEnterTimestamp", "ActiveEnterTimestampMonotonic",
]  # fmt: skip
_FORM = "%a %Y-%m-%d %H:%M:%S.%f UTC"
_NUMBER = re.compile(r"\d{1,12}(?:\.\d{1,9})?", re.ASCII)


async def ask(host: Host, units: Sequence[str]) -> list[Command]:
    """What a host says of its clock, its boot and these units."""
    commands = await ask_clock(host)
    boot = await host.run([*_SHOW, f"--property={','.join(_BOOT)}"], check=False)
    commands.append(_of(boot, BOOT))
    if units:
        shown = await host.run([*_SHOW, f"--property={','.join(_UNIT)}", "--", *units], check=False)
        commands.append(_of(shown, UNITS))
    return commands


async def ask_clock(host: Host) -> list[Command]:
    """What a host says of its clock, several times."""
    return await clocks.ask(host, ["sh", "-c", _CLOCK], _ASKED)


def _of(command: Command, role: str) -> Command:
    return command.model_copy(update={"role": role, "measuring": False})


@dataclass(frozen=True)
class Clock:
    """A host's clock against the controller's.

    Attributes:
        ahead_s: by how much the host's is ahead; 0 where that is less than what it may be off, as
            clocks that NTP or one machine keeps are.
        error_s: how far a time on it may be off.
        started_s: when its kernel started, on the controller's clock.
    """

    ahead_s: float
    error_s: float
    started_s: float

    @classmethod
    def read(cls, commands: Iterable[Command]) -> "Clock":
        """Of the commands in the role `CLOCK`. Raises ValueError when none says the time."""
        readings = [(c, words) for c in commands if (words := _numbers(c.stdout))]
        if not readings:
            raise ValueError("the host does not say what its clock is")
        command, (time_s, uptime_s) = min(readings, key=lambda reading: reading[0].duration_s)
        middle_s = command.started.timestamp() + command.duration_s / 2
        ahead_s, error_s = time_s - middle_s, command.duration_s / 2
        if abs(ahead_s) <= error_s:
            return cls(0.0, error_s + abs(ahead_s), middle_s - uptime_s)
        return cls(ahead_s, error_s, middle_s - uptime_s)

    def at_s(self, host_s: float) -> float:
        """A time on the host's clock, on the controller's."""
        return host_s - self.ahead_s


def _numbers(text: str) -> tuple[float, float] | None:
    """The time and the uptime, in seconds."""
    words = text.split()[:2]
    if len(words) == 2 and all(map(_NUMBER.fullmatch, words)):  # noqa: PLR2004
        return float(words[0]), float(words[1])
    return None


@dataclass(frozen=True)
class BootTimes:
    """Of one boot, on the controller's clock in seconds since the epoch.

    Attributes:
        started_s: when the boot began: the kernel, or in a container its user space.
        kernel: whether it was the kernel.
        active_s: when the last of the system's units became active; None without units, or where
            one of them is not.
        not_active: units that are not, each with its state.
        error_s: how far the times may be off.
    """

    started_s: float
    kernel: bool
    active_s: float | None
    not_active: tuple[str, ...]
    error_s: float

    @classmethod
    def read(cls, commands: Sequence[Command], asked_s: float) -> "BootTimes":
        """Of the commands of `ask`, after a reboot that was asked for at `asked_s`.

        Raises ValueError when they do not tell.
        """
        clock = Clock.read(c for c in commands if c.role == CLOCK)
        kernel = clock.started_s > asked_s
        [boot] = _blocks(commands, BOOT) or [{}]
        started_s = (
            clock.started_s if kernel else _at_s(boot, "UserspaceTimestamp", clock, kernel=False)
        )
        if started_s is None:
            raise ValueError("systemd does not say when the host's user space started")
        units = _blocks(commands, UNITS)
        lacking = tuple(
            f"{u.get('Id')} is {u.get('ActiveState')} ({u.get('SubState')}, {u.get('Result')})"
            for u in units
            if u.get("ActiveState") != "active"
        )
        times = [_at_s(unit, "ActiveEnterTimestamp", clock, kernel=kernel) for unit in units]
        active_times = [time_s for time_s in times if time_s is not None]
        whole = units and not lacking and len(active_times) == len(units)
        return cls(started_s, kernel, max(active_times) if whole else None, lacking, clock.error_s)


def _blocks(commands: Iterable[Command], role: str) -> list[Mapping[str, str]]:
    """The properties that systemctl shows, by unit: blocks with an empty line between them."""
    return [
        dict(line.partition("=")[::2] for line in block.splitlines())
        for command in commands
        if command.role == role
        for block in command.stdout.strip().split("\n\n")
        if block.strip()
    ]


def _at_s(properties: Mapping[str, str], name: str, clock: Clock, *, kernel: bool) -> float | None:
    """A time stamp of systemd's on the controller's clock; None where it has none."""
    if kernel:
        since = properties.get(f"{name}Monotonic", "")
        return clock.started_s + int(since) / 1e6 if since.isdecimal() and int(since) else None
    try:
        local = datetime.strptime(properties.get(name, ""), _FORM).replace(tzinfo=UTC)
    except ValueError:
        return None
    return clock.at_s(local.timestamp())
