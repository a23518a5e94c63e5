"""Where the programs of a configured system come from."""

from collections.abc import Sequence

from meshbench import vpns
from meshbench.config.models import System
from meshbench.packages.supply import Supply
from meshbench.util.errors import TestbedError
from meshbench.vpns.base import Driver


def supplies(name: str, system: System) -> tuple[Supply, ...]:
    """Where a system's programs come from on this machine now."""
    return vpns.load(system.driver)(name, system.options).sources(system.package)


def equipped(name: str, system: System) -> Driver:
    """A system's driver that knows where its programs come from on this machine now."""
    return vpns.load(system.driver)(name, system.options, supplies(name, system))


def planned(name: str, system: System, digests: Sequence[str]) -> tuple[Supply, ...]:
    """Where a system's programs come from, as it was when the run began.

    Raises:
        TestbedError: when they are others than then; no VPN has anything to do with it.
    """
    current = supplies(name, system)
    if [supply.digest for supply in current] != list(digests):
        raise TestbedError(
            f"the programs of {name} changed after this run had begun: start the run again"
        )
    return current
