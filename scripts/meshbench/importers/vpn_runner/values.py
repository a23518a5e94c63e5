"""A value as it stands in a file of the runner's."""

from dataclasses import dataclass

from meshbench.results.metrics import Metric


@dataclass(frozen=True)
class Value:
    """One value; the rest of its sample row comes from the file's place."""

    metric: Metric
    value: float | None
    t_s: float | None = None
    direction: str = "forward"
    mode: str | None = None
    stream: int | None = None
