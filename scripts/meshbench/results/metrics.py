"""The registry of metrics: one name, unit, direction, definition and source for each number.

Benchmarks and the calibration fill it when their modules are imported; axis titles, table heads
and the documentation are generated from it.
"""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower", "neither"]


@dataclass(frozen=True)
class Metric:
    """What a value means.

    Attributes:
        name: snake_case, without its unit.
        unit: as stored in the samples, e.g. ``bit/s``, ``ms``, ``1``.
        title: for an axis or a table head.
        better: whether more is better.
        definition: one sentence; says over what a value is taken.
        source: the RFC, or the tool and the field it comes from.
    """

    name: str
    unit: str
    title: str
    better: Better
    definition: str
    source: str


_registry: dict[str, Metric] = {}


def register(*metrics: Metric) -> None:
    """Add metrics. Raises ValueError when a name is taken by a different definition."""
    for metric in metrics:
        if _registry.setdefault(metric.name, metric) != metric:
            raise ValueError(f"metric '{metric.name}' is registered twice with different meanings")


def get(name: str) -> Metric:
    """The metric of that name. Raises KeyError when no module has registered it."""
    return _registry[name]


def all_metrics() -> tuple[Metric, ...]:
    """Every registered metric, by name."""
    return tuple(_registry[name] for name in sorted(_registry))
