"""Every metric that tables can hold: those of benchmarks, of collectors and of imported data."""

import functools
import importlib

from meshbench.results import metrics
from meshbench.results.metrics import Metric
from meshbench.util import discover

_ROOMS = ("meshbench.benchmarks", "meshbench.collectors")


@functools.cache
def _registered() -> None:
    importlib.import_module("meshbench.results.imported_metrics")
    for room in _ROOMS:
        for name in discover.names(room):
            discover.load(room, name)


def metric(name: str) -> Metric:
    """The metric of that name. Raises KeyError when nothing registers it."""
    _registered()
    return metrics.get(name)


def every_metric() -> tuple[Metric, ...]:
    """All of them, by name."""
    _registered()
    return metrics.all_metrics()
