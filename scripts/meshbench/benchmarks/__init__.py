"""The benchmarks, one module each, found by being here."""

import importlib
import pkgutil
from functools import cache

from meshbench.benchmarks.base import Benchmark

_NOT_BENCHMARKS = {"base", "iperf3", "tools"}


@cache
def names() -> tuple[str, ...]:
    """The names of all benchmarks."""
    return tuple(
        sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NOT_BENCHMARKS)
    )


@cache
def load(name: str) -> type[Benchmark]:
    """The benchmark of that name. Raises KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    module = importlib.import_module(f"{__name__}.{name}")
    found: type[Benchmark] = module.BENCHMARK
    return found
