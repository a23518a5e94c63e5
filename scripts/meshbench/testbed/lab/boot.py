"""How far a lab host's boot has come, and what it is doing (pure)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

UNITS = "@ units"
_CONSOLE_LINES = 8
_NAMES = 8
_JOB_COLUMNS, _UNIT_COLUMNS = 4, 4


@dataclass(frozen=True)
class Sight:
    """A host as it is seen from outside: its units' states, the jobs of its systemd, its console."""

    alive: bool
    """Whether the program that runs the host is there."""
    units: Mapping[str, str] = field(default_factory=dict)
    jobs: Mapping[str, str] = field(default_factory=dict)
    console: str = ""


def parse(text: str) -> tuple[dict[str, str], dict[str, str]]:
    """Units and jobs by name, of ``systemctl list-jobs``, a line `UNITS`, ``systemctl list-units``."""
    jobs_text, _, units_text = text.partition(UNITS)
    units, jobs = {}, {}
    for line in jobs_text.splitlines():
        words = line.split()
        if len(words) == _JOB_COLUMNS and words[0].isdigit():
            jobs[words[1]] = f"{words[2]} {words[3]}"
    for line in units_text.splitlines():
        words = line.lstrip("●* ").split()
        if len(words) >= _UNIT_COLUMNS:
            units[words[0]] = f"{words[2]} {words[3]}"
    return units, jobs


class Progress:
    """Something is progress when it is seen for the first time.

    So neither a service that is restarted for ever nor a message repeated with another number is.
    """

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def advanced(self, sight: Sight, *more: str) -> bool:
        """Whether a host, or what else was observed of it, shows anything new."""
        states = [f"{name} {state}" for name, state in (*sight.units.items(), *sight.jobs.items())]
        observed = {re.sub(r"\d+", "0", text) for text in (*states, *_lines(sight.console), *more)}
        new = observed - self._seen
        self._seen |= new
        return bool(new)


def describe(sight: Sight) -> str:
    """What a host is doing: units that start or wait, units that failed, the console's last lines."""
    running = [name for name, job in sight.jobs.items() if job.endswith(" running")]
    waiting = [name for name, job in sight.jobs.items() if job.endswith(" waiting")]
    failed = [name for name, state in sight.units.items() if state.startswith("failed")]
    parts = []
    if not sight.alive:
        parts.append("its systemd-nspawn has ended")
    elif not sight.units:
        parts.append("its systemd does not say what it is doing")
    elif not sight.jobs:
        parts.append("its boot has ended")
    parts += [
        f"{label}: {_some(names)}"
        for label, names in (("in progress", running), ("waiting", waiting), ("failed", failed))
        if names
    ]
    if last := _lines(sight.console)[-_CONSOLE_LINES:]:
        return "; ".join(parts) + "; its console ends with:\n" + "\n".join(last)
    return "; ".join((*parts, "its console says nothing"))


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more} more" if more > 0 else "")
