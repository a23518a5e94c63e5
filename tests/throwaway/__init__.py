"""Benchmarks that only tests have: each is one module, put beside the real ones and found there."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from meshbench import benchmarks
from meshbench.util import discover

FOLDER = Path(__file__).parent
NAMES = ("comeback", "flood", "memory", "udp_rtt")


@contextmanager
def found() -> Iterator[None]:
    """They are benchmarks of this process in the block."""
    benchmarks.__path__.append(str(FOLDER))
    _forget()
    try:
        yield
    finally:
        benchmarks.__path__.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(f"{benchmarks.__name__}.{name}", None)
        _forget()


def _forget() -> None:
    discover.names.cache_clear()
    discover.load.cache_clear()
