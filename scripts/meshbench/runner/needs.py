"""What a testbed's hosts must have for any cell."""

from meshbench import benchmarks, vpns
from meshbench.faults.base import PACKAGES as FAULTS


def debian_packages() -> list[str]:
    """Debian packages that any driver or benchmark needs: the lab's image has them all.

    A driver whose programs come from elsewhere needs only what it names besides.
    """
    drivers = [vpns.load(name)(name).debian_names() for name in vpns.names()]
    instruments = [
        benchmarks.load(name).packages for name in (*benchmarks.names(), benchmarks.CALIBRATION)
    ]
    return sorted({package for some in (*drivers, *instruments, FAULTS) for package in some})
