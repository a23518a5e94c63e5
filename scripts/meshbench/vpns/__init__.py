"""The VPNs, one module each, found by being here."""

import importlib
import pkgutil
from functools import cache

from meshbench.vpns.base import Driver

_NOT_DRIVERS = {"base", "control", "debian", "lifecycle", "units"}


@cache
def names() -> tuple[str, ...]:
    """The names of all drivers."""
    return tuple(
        sorted(m.name for m in pkgutil.iter_modules(__path__) if m.name not in _NOT_DRIVERS)
    )


@cache
def load(name: str) -> type[Driver]:
    """The driver of that name. Raises KeyError when there is none."""
    if name not in names():
        raise KeyError(name)
    module = importlib.import_module(f"{__name__}.{name}")
    found: type[Driver] = module.DRIVER
    return found
