"""Jobs run in processes that stay while the run lasts.

Loading Altair and starting its JavaScript costs several times what one figure does. So a job hands
its work to a free worker and waits; where there is none it starts one, so there are as many as jobs
run at once. A worker ends with the run that it belongs to, whichever way that ends. Where no run
says so (a queue's node, a job by hand), and where a worker breaks, a job does its work itself.

Work on the testbed is done apart: in a child of the worker that has everything loaded and nothing
of an earlier job, and that is interrupted when its job goes.
"""

import contextlib
import fcntl
import importlib
import io
import itertools
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from meshbench.workflow.logs import job

log = logging.getLogger(__name__)

RUN = "MESHBENCH_RUN"
MAIN = "MESHBENCH_MAIN"
"""The process id of the run whose workers its jobs may use."""

IDLE = "MESHBENCH_IDLE_S"
"""For how many seconds the worker had had nothing to do before a job that it does apart."""


@dataclass(frozen=True)
class Work:
    """A function, e.g. ``meshbench.figures.drawing.render.render``, its arguments, and a log file."""

    function: str
    arguments: Mapping[str, Any]
    log: Path
    apart: bool = False

    def load(self) -> Callable[..., None]:
        """The function, with all that its module needs."""
        module, _, name = self.function.rpartition(".")
        function: Callable[..., None] = getattr(importlib.import_module(module), name)
        return function

    def do(self) -> None:
        """Call it, logging to the file; exits or raises as `logs.job` does."""
        with job(self.log):
            self.load()(**self.arguments)


def allow() -> None:
    """Let the jobs that this process starts use workers, which end with it."""
    os.environ[MAIN] = str(os.getpid())


def run(log_file: str | Path, function: str, *, apart: bool = False, **arguments: Any) -> None:
    """Do a piece of work in a worker, or here.

    Args:
        log_file: of the job.
        function: e.g. ``meshbench.figures.drawing.render.render``.
        apart: in a child of the worker, which no other work has touched.
        arguments: by name; they must be picklable.
    """
    work = Work(function, arguments, Path(log_file), apart)
    answer = None
    if MAIN in os.environ and RUN in os.environ:
        with contextlib.suppress(OSError, EOFError):
            answer = _ask(work)
    if answer is None:
        work.do()
        return
    status, stderr = answer
    sys.stderr.write(stderr)
    if status:
        sys.exit(status)


def _ask(work: Work) -> tuple[int, str]:
    """What a worker came to: an exit status and what it had to say. Raises OSError, EOFError."""
    with _slot("apart" if work.apart else "here") as address, _connected(address) as connection:
        connection.send(work)
        status, stderr = connection.recv()
    return int(status), str(stderr)


@contextlib.contextmanager
def _slot(kind: str) -> Iterator[Path]:
    """The address of a worker of this kind that is nobody else's meanwhile."""
    folder = Path(tempfile.gettempdir()) / f"meshbench-{os.environ[MAIN]}-{os.environ[RUN]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    for number in itertools.count():
        with (folder / f"{kind}-{number}.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield folder / f"{kind}-{number}.socket"
            return


@contextlib.contextmanager
def _connected(address: Path) -> Iterator[Connection]:
    """A connection to the worker there. Only this user's processes can have one: the folder is theirs."""
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(str(address))
        except OSError:
            _start(address)
            connection.connect(str(address))
        descriptor = connection.detach()
    with Connection(descriptor) as messages:
        yield messages


def _start(address: Path) -> None:
    """Start a worker; whoever connects meanwhile waits in its queue."""
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()
        words = [sys.executable, "-m", __name__, str(listener.fileno()), os.environ[MAIN]]
        # Nothing of a job's may stay open in a worker: who reads it would wait for the run's end.
        nothing = subprocess.DEVNULL
        subprocess.Popen(  # noqa: S603
            [*words, str(address)],
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            pass_fds=[listener.fileno()],
        )


def serve(listener: socket.socket, main: int) -> None:
    """Do one piece of work after another until the process `main` has gone."""
    try:
        alive = os.pidfd_open(main)
    except ProcessLookupError:
        return
    poll, ended = select.poll(), None
    for descriptor in (listener.fileno(), alive):
        poll.register(descriptor, select.POLLIN)
    while alive not in dict(poll.poll()):
        accepted, _ = listener.accept()
        idle_s = None if ended is None else time.monotonic() - ended
        with Connection(accepted.detach()) as connection, contextlib.suppress(OSError, EOFError):
            work = connection.recv()
            if work.apart:
                _apart(work, connection, idle_s)
            else:
                connection.send(_done(work))
        ended = time.monotonic()


def _apart(work: Work, connection: Connection, idle_s: float | None) -> None:
    """Have a child do it and answer; it is interrupted, as by Ctrl-C, when nobody waits any more.

    It finds in its environment for how long the worker had nothing to do.
    """
    with contextlib.suppress(Exception):  # the child finds the same, and says it
        work.load()
    if not (child := os.fork()):
        os.environ.update({} if idle_s is None else {IDLE: f"{idle_s:.3f}"})
        # A shell that started the run in the background had it ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            connection.send(_done(work))
        finally:
            os._exit(0)
    ended, poll = os.pidfd_open(child), select.poll()
    for descriptor in (connection.fileno(), ended):
        poll.register(descriptor, select.POLLIN)
    try:
        if ended not in dict(poll.poll()):
            signal.pidfd_send_signal(ended, signal.SIGINT)
    finally:
        os.close(ended)
        os.waitpid(child, 0)


def _done(work: Work) -> tuple[int, str]:
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr):
        try:
            work.do()
        except SystemExit as end:
            return (end.code if isinstance(end.code, int) else 1), stderr.getvalue()
    return 0, stderr.getvalue()


def main(words: list[str]) -> None:
    """Serve on an inherited socket: its descriptor, the run's process id, the socket's path."""
    listener, run_process, address = int(words[0]), int(words[1]), Path(words[2])
    try:
        with socket.socket(fileno=listener) as inherited:
            serve(inherited, run_process)
    finally:
        for path in (address, address.with_suffix(".lock")):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            address.parent.rmdir()


if __name__ == "__main__":
    # Work names its class by module: it must not be this one under another name.
    importlib.import_module(__spec__.name).main(sys.argv[1:])
