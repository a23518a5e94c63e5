"""A job's log file, and how it ends when something is wrong."""

import contextlib
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from meshbench.util.errors import MeshbenchError


@contextlib.contextmanager
def job(path: str | Path) -> Iterator[None]:
    """Log to the rule's file (UTC) while the block runs; our own errors end it without a traceback."""
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("meshbench").setLevel(logging.DEBUG)
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    try:
        yield
    except MeshbenchError as error:
        logging.getLogger(__name__).error("%s", error)  # noqa: TRY400
        sys.stderr.write(f"{error}\n")
        sys.exit(1)
    except Exception:
        logging.getLogger(__name__).exception("unexpected")
        raise
    finally:
        root.removeHandler(handler)
        handler.close()
