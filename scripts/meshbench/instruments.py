"""What can measure: the benchmarks, and the calibration beside them."""

from meshbench import benchmarks
from meshbench.benchmarks.base import Benchmark
from meshbench.impairment.calibration import Calibration


def load(name: str) -> type[Benchmark]:
    """The benchmark of that name, or the calibration. Raises KeyError."""
    return Calibration if name == Calibration.name else benchmarks.load(name)
