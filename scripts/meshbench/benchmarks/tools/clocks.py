"""How far hosts' clocks are apart, asked over SSH."""

import asyncio
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from meshbench.results.metrics import Metric
from meshbench.results.records import Command
from meshbench.testbed.host import Host

OFFSET = Metric(
    "clock_offset", "ms", "Clock offset", "lower",
    "How far a host's clock is from the controller's, either way; 0 where they share a kernel.",
    "date +%s.%N over SSH, the fastest of 8 questions (as Cristian's algorithm)",
)  # fmt: skip
UNCERTAINTY = Metric(
    "clock_uncertainty", "ms", "Uncertainty of the clock offset", "lower",
    "Half of the time that the fastest question took, and half of the drift between before and after.",
    "date +%s.%N over SSH",
)  # fmt: skip
ROLE = "clock"
_QUESTIONS = 8
_STAMP = re.compile(r"^(\d{9,12}\.\d{1,9})$", re.MULTILINE | re.ASCII)


@dataclass(frozen=True)
class Clock:
    """A host's clock: how far it is ahead of the controller's, in seconds, and how sure that is."""

    ahead_s: float
    uncertainty_s: float


async def read(hosts: Sequence[Host]) -> list[Command]:
    """Ask every host what time it is, several times; the hosts in parallel."""
    asked = await asyncio.gather(*(ask(host, ["date", "+%s.%N"], _QUESTIONS) for host in hosts))
    return [command for commands in asked for command in commands]


async def ask(host: Host, argv: Sequence[str], times: int) -> list[Command]:
    """A question about its clock put to a host so many times, one after the other."""
    commands = [await host.run(argv, check=False) for _ in range(times)]
    return [c.model_copy(update={"role": ROLE, "measuring": False}) for c in commands]


def stamps(text: str) -> list[float]:
    """Every line that is nothing but a time in seconds since the epoch (pure)."""
    return [float(stamp) for stamp in _STAMP.findall(text)]


def clocks(commands: Iterable[Command], *, shared: bool) -> dict[str, Clock]:
    """By host, its clock over the commands in this role (pure): the mean of before and after.

    Args:
        commands: of a record; those of a host that were asked more than 10 s apart are of two sets.
        shared: whether all hosts and the controller have one kernel, and so one clock.
    """
    by_host: dict[str, list[list[tuple[float, float, float]]]] = {}
    for command in commands:
        times_s = stamps(command.stdout)
        if command.role != ROLE or not times_s:
            continue
        at_s, half_s = command.started.timestamp(), command.duration_s / 2
        sets = by_host.setdefault(command.host, [])
        if not sets or at_s - sets[-1][-1][2] > 10:  # noqa: PLR2004
            sets.append([])
        sets[-1].append((half_s, times_s[0] - at_s - half_s, at_s))
    return {host: Clock(0, 0) if shared else _clock(sets) for host, sets in by_host.items()}


def _clock(sets: Sequence[Sequence[tuple[float, float, float]]]) -> Clock:
    best = [min(asked) for asked in sets]
    ahead = [offset_s for _, offset_s, _ in best]
    drift_s = max(ahead) - min(ahead)
    uncertainty_s = max(half_s for half_s, _, _ in best) + drift_s / 2
    return Clock(math.fsum(ahead) / len(ahead), uncertainty_s)
