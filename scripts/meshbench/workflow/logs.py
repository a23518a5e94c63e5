"""A job's log file, and how it ends when something is wrong: one sentence for whoever waits."""

import contextlib
import errno
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from meshbench.util.errors import MeshbenchError

_FULL = {errno.ENOSPC, errno.EDQUOT}


class _File(logging.FileHandler):
    """A log file that a full disk cuts off without a word: the job has its own to say."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        del record

    def close(self) -> None:
        with contextlib.suppress(OSError):
            super().close()


@contextlib.contextmanager
def job(path: str | Path) -> Iterator[None]:
    """Log to the rule's file (UTC) while the block runs.

    What goes wrong ends the process with one sentence; the traceback is in the file alone.
    """
    handler = _opened(path)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("meshbench").setLevel(logging.DEBUG)
    logging.getLogger("asyncssh").setLevel(logging.WARNING)
    try:
        yield
    except Exception as error:
        sentence = _sentence(error, path)
        logging.getLogger(__name__).exception("%s", sentence)
        sys.stderr.write(f"{sentence}\n")
        sys.exit(1)
    finally:
        root.removeHandler(handler)
        handler.close()


def _opened(path: str | Path) -> logging.Handler:
    try:
        handler: logging.Handler = _File(path, mode="w", encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"no log is kept: {error}\n")
        return logging.NullHandler()
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    return handler


def _sentence(error: Exception, path: str | Path) -> str:
    if isinstance(error, MeshbenchError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return f"{error.strerror}: {error.filename or 'a file of this job'} was not written"
    return f"unexpected {type(error).__name__}: {error}; its traceback is in {path}"
