"""The VPNs, one module each, found by being here."""

from typing import cast

from meshbench.config.strict import Strict
from meshbench.util import discover
from meshbench.vpns.base import Driver


def names() -> tuple[str, ...]:
    """The names of all drivers."""
    return discover.names(__name__)


def load(name: str) -> type[Driver]:
    """The driver of that name. Raises KeyError when there is none."""
    return cast("type[Driver]", discover.load(__name__, name).DRIVER)


def options(name: str) -> type[Strict]:
    """The model of a driver's options."""
    return load(name).options_class
