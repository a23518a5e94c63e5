"""Statistic objects {min, average, max, percentiles}, as the runner stores them."""

import math
from collections.abc import Iterator
from typing import Any

from meshbench.importers.vpn_runner.reading import number
from meshbench.importers.vpn_runner.values import Value
from meshbench.results.imported_metrics import Spread

_PATHS = {
    "min": ("min",),
    "p25": ("percentiles", "p25"),
    "p50": ("percentiles", "p50"),
    "p75": ("percentiles", "p75"),
    "max": ("max",),
}


def values(node: Any, spread: Spread, factor: float = 1) -> Iterator[Value]:
    """The mean and the five other statistics, times `factor`; what is missing is left out.

    Earlier versions of the runner kept a mean alone, as a plain number.
    """
    mean = number(node)
    if mean is None:
        mean = number(node, "average")
    if mean is not None:
        yield Value(spread.mean, mean * factor)
    for statistic, path in _PATHS.items():
        if (value := number(node, *path)) is not None:
            yield Value(spread.statistics[statistic], value * factor)


def of_three(node: Any) -> list[float] | None:
    """The values behind the statistics of up to three runs, ascending; None when they are not that.

    Three runs: p25 and p75 are the smallest and largest, p50 the middle one. Two runs (the third
    had no reply): p50 is the mean, and the quartiles lie outside the range.
    """
    low, middle, high = (number(node, *_PATHS[name]) for name in ("min", "p50", "max"))
    p25, p75 = number(node, *_PATHS["p25"]), number(node, *_PATHS["p75"])
    mean = number(node, "average")
    if None in (low, middle, high, p25, p75, mean):
        return None
    assert low is not None and middle is not None and high is not None and mean is not None  # noqa: S101, PT018
    if p25 == low and p75 == high and _same(mean, (low + middle + high) / 3):
        return [low, middle, high]
    if _same(mean, middle) and _same(mean, (low + high) / 2):
        return [low, high]
    return None


def _same(value: float, other: float) -> bool:
    return math.isclose(value, other, rel_tol=1e-9, abs_tol=1e-9)
