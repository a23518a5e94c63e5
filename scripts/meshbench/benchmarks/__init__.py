"""The benchmarks, one module each, found by being here."""

from collections.abc import Mapping
from typing import Any, cast

from meshbench.benchmarks.base import Benchmark
from meshbench.config.strict import Strict
from meshbench.util import discover

CALIBRATION = "calibration"
"""Measured by every campaign of itself, so that none names it."""


def names() -> tuple[str, ...]:
    """The names of the benchmarks that a campaign may ask for."""
    return tuple(name for name in discover.names(__name__) if name != CALIBRATION)


def load(name: str) -> type[Benchmark[Any]]:
    """The benchmark of that name, or the calibration. Raises KeyError when there is none."""
    return cast("type[Benchmark[Any]]", discover.load(__name__, name).BENCHMARK)


def make(name: str, options: Mapping[str, Any]) -> Benchmark[Any]:
    """The benchmark of that name with these options, as plain data. Raises KeyError, ValueError."""
    benchmark = load(name)
    return benchmark(benchmark.options_class.model_validate(dict(options)))


def options(name: str) -> type[Strict]:
    """The model of a benchmark's options."""
    model: type[Strict] = load(name).options_class
    return model


def reboots(name: str) -> bool:
    """Whether the benchmark of that name reboots hosts."""
    return load(name).reboots
