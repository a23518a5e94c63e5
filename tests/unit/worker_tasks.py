"""What the tests of workers have them do."""

import os
import sys
import time
from pathlib import Path

from meshbench.util.errors import MeshbenchError
from meshbench.workflow import workers


def tell(file: str, wait_for: str = "") -> None:
    """Write which process did it, once another file is there."""
    while wait_for and not Path(wait_for).exists():
        time.sleep(0.01)
    Path(file).write_text(str(os.getpid()), encoding="utf-8")


def parent(file: str) -> None:
    """Write which process started the one that did it."""
    Path(file).write_text(str(os.getppid()), encoding="utf-8")


def linger(begun: str, file: str) -> None:
    """Write which process does it, and what ended it."""
    tell(begun)
    try:
        time.sleep(300)
    except KeyboardInterrupt:
        Path(file).write_text("interrupted", encoding="utf-8")
        raise


def refuse() -> None:
    """End as work does that finds something wrong."""
    raise MeshbenchError("there is no such thing")


def crash() -> None:
    """End as work does that has a defect."""
    raise ZeroDivisionError("a defect")


def vanish(file: str) -> None:
    """Take the worker away, as a fault in native code does; any other process does the work."""
    if sys.modules["__main__"].__spec__ is not None:
        os._exit(1)
    tell(file)


def idle(file: str) -> None:
    """Write for how long the worker had had nothing to do, as it says."""
    Path(file).write_text(os.environ.get(workers.IDLE, "unknown"), encoding="utf-8")
