"""How far a run is and how long it still takes: what the progress lines say."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from meshbench.workflow import space

FAST_JOB_S = 2.0
"""Parsing, a table or a figure."""


@dataclass
class Progress:
    """The jobs of a run with the seconds each should take; a job counts as done at the next one."""

    expected_s: Mapping[int, float]
    stop: Callable[[], None] = lambda: None
    began: float = field(default_factory=time.monotonic)
    seen: set[int] = field(default_factory=set)
    messages: dict[int, str] = field(default_factory=dict)
    ended: bool = False

    def enter(self, job: int) -> tuple[int, float]:
        """A job starts: its number, and the seconds left, scaled by how the run went so far.

        A job that is tried again keeps the number that the run had reached.
        """
        before_s = sum(self.expected_s.get(done, 0.0) for done in self.seen - {job})
        self.seen.add(job)
        left_s = sum(self.expected_s.values()) - before_s
        pace = (time.monotonic() - self.began) / before_s if before_s else 1.0
        return len(self.seen), left_s * pace


_current = Progress({})


def begin(expected_s: Mapping[int, float], stop: Callable[[], None] = lambda: None) -> None:
    """A run begins, with the jobs it will do; `stop` has it start no more of them."""
    global _current  # noqa: PLW0603
    _current = Progress(expected_s, stop)


def failed(job: int, rule: str, logs: Sequence[str]) -> list[str]:
    """What to print when a job has failed, which has said itself why; may end the run."""
    lines = [f"failed: {_current.messages.get(job, rule)}; log: {', '.join(logs)}"]
    if not _current.ended and (reason := space.during()):
        _current.ended = True
        _current.stop()
        lines.append(f"The run ends here: {reason}")
    return lines


def line(job: int, message: str | None) -> str | None:
    """What to print when a job starts; nothing for the rule that only collects."""
    if not message:
        return None
    _current.messages[job] = message
    number, left_s = _current.enter(job)
    left = timedelta(seconds=round(left_s))
    # Where rounds are adaptive, more jobs than were known at the start may come.
    jobs = max(total(), number)
    return f"[{number:>{len(str(jobs))}}/{jobs}] {message}, about {left} left"


def total() -> int:
    return len(_current.expected_s)


def quiet() -> bool:
    """Whether nobody watches: continuous integration says so in its environment."""
    return os.environ.get("CI", "").lower() in {"1", "true"}
