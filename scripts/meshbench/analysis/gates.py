"""Gates: may a commit go in? `goodput -5%` lets a goodput fall by five percent at the most (pure)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from meshbench.analysis.compare import Change, Comparison
from meshbench.util.errors import MeshbenchError
from meshbench.util.hints import close_matches

_FORM = re.compile(r"^\s*([a-z][a-z0-9_]*)\s+([+-]\d+(?:\.\d+)?)\s*%\s*$")

_ALL_OF_IT = -100


class Outcome(StrEnum):
    """What a gate says of one change."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Gate:
    """A metric and how far it may go in one direction, in percent: below zero down, above it up."""

    metric: str
    percent: float

    @classmethod
    def of(cls, text: str) -> "Gate":
        """From ``goodput -5%``. Raises MeshbenchError for anything else."""
        match = _FORM.match(text)
        if match is None or float(match[2]) == 0 or float(match[2]) <= _ALL_OF_IT:
            raise MeshbenchError(
                f"--gate '{text}': write a metric and the change that is still allowed, down or up, "
                "such as 'goodput -5%' or 'rtt_avg +10%'"
            )
        return cls(match[1], float(match[2]))

    def __str__(self) -> str:
        return f"{self.metric} {self.percent:+g}%"

    def judge(self, change: Change) -> tuple[Outcome, str]:
        """Pass only where the whole interval is on the good side of the limit, fail where it is beyond."""
        if change.base.rounds and not change.other.rounds:
            return (
                Outcome.FAIL,
                f"no value any more, there were some in {change.base.rounds} rounds",
            )
        limit = 1 + self.percent / 100
        down = self.percent < 0
        near, far = (change.low, change.high) if down else (change.high, change.low)
        if near is not None and (near >= limit if down else near <= limit):
            return Outcome.PASS, ""
        if far is not None and (far < limit if down else far > limit):
            return Outcome.FAIL, ""
        if change.low is None and change.high is None:
            return Outcome.CANNOT_TELL, change.why or "no interval"
        return Outcome.CANNOT_TELL, f"the interval holds the limit of {self.percent:+g} %"


@dataclass(frozen=True)
class Judged:
    """A gate's word on one change."""

    gate: Gate
    comparison: Comparison
    change: Change
    outcome: Outcome
    why: str


def judged(gates: Sequence[Gate], comparisons: Sequence[Comparison]) -> list[Judged]:
    """Every gate on every change of its metric.

    Raises:
        MeshbenchError: a gate's metric is in none of the comparisons: it would pass whatever happened.
    """
    judgements = [
        Judged(gate, comparison, change, *gate.judge(change))
        for gate in gates
        for comparison in comparisons
        for change in comparison.changes
        if change.key["metric"] == gate.metric
    ]
    for gate in gates:
        if all(judgement.gate != gate for judgement in judgements):
            metrics = sorted(
                {c.key["metric"] for compared in comparisons for c in compared.changes}
            )
            raise MeshbenchError(
                f"--gate '{gate}': no value of '{gate.metric}' is compared; "
                f"{close_matches(gate.metric, metrics)}"
            )
    return judgements


def worst(outcomes: Sequence[Outcome], *, unsure_passes: bool = False) -> Outcome:
    """What all of them come to; one that cannot tell is no pass unless that was asked for."""
    if Outcome.FAIL in outcomes:
        return Outcome.FAIL
    if Outcome.CANNOT_TELL in outcomes and not unsure_passes:
        return Outcome.CANNOT_TELL
    return Outcome.PASS
