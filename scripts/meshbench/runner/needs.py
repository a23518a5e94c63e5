"""What a testbed's hosts must have for a campaign's cells."""

import os
from collections.abc import Iterable

from meshbench import benchmarks, vpns
from meshbench.benchmarks.tools import versions
from meshbench.faults.base import PACKAGES as FAULTS

BOTTLENECK = "bottleneck"
"""Stands among the kinds where a profile has one: the calibration fills it."""
CAMPAIGN = "MESHBENCH_BENCHMARKS"
"""The kinds of a run's benchmarks, so that its first job makes a lab that will do for them all."""


def debian_packages(kinds: Iterable[str]) -> list[str]:
    """Debian packages that any driver, or one of some kinds of benchmark, needs.

    The benchmarks of the campaign that runs count too. A driver whose programs come from elsewhere
    needs only what it names besides.
    """
    drivers = [vpns.load(name)(name).debian_names() for name in vpns.names()]
    known = {*benchmarks.names(), benchmarks.CALIBRATION}
    asked = {benchmarks.CALIBRATION, *kinds, *os.environ.get(CAMPAIGN, "").split()}
    instruments = [benchmarks.load(kind).packages for kind in asked & known]
    if BOTTLENECK in asked:
        instruments.append((versions.IPERF3.package,))
    return sorted({package for some in (*drivers, *instruments, FAULTS) for package in some})
