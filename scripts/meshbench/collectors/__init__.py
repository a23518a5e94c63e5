"""The collectors, one module each, found by being here."""

from functools import cache

from meshbench.collectors.base import Collector
from meshbench.util import discover


@cache
def every() -> tuple[type[Collector], ...]:
    """All collectors, by name."""
    return tuple(discover.load(__name__, name).COLLECTOR for name in discover.names(__name__))
