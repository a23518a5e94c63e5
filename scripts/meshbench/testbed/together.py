"""Questions put to a host side by side reach it as one script, and come back in one exchange.

Each is still a command of its own: its arguments, output, status and times are in its `Command`.
"""

import asyncio
import contextlib
import logging
import secrets
import shlex
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import timedelta

from meshbench.results.records import Command
from meshbench.testbed.host import RUN, CommandError

log = logging.getLogger(__name__)

MARGIN_S = 4.0
"""How much longer the script may take than its slowest question."""
_TURNS = 10
"""Of the event loop, in which tasks that started side by side get to their questions."""
_TICK_S = 0.02
"""Two steps of /proc/uptime, by which a host tells how long a question took."""
_LIMIT_STATUS = {124, 137}
"""How timeout(1) ends when the limit, not the program, ended it."""
# Files in the order in which they are printed: how it ended, output, a line between, errors.
_HEAD = """
here=$(mkdir -p {run} && mktemp -d {run}/asked.XXXXXX) || exit
trap 'rm -rf -- "$here"' EXIT
trap 'exit 143' TERM
ask() {{
    to=$here/$1; shift
    read -r from _ </proc/uptime
    timeout -k 2 "$@" >"$to.b" 2>"$to.d"
    code=$?
    read -r now _ </proc/uptime
    printf '\\n{mark}c\\n' >"$to.c"
    printf '\\n{mark}a %s %s %s %s\\n' "${{to##*/}}" "$code" "$from" "$now" >"$to.a"
}}
"""
_TAIL = """
wait
cat -- "$here"/*
"""


@dataclass(frozen=True)
class Question:
    """A program to run on a host, as `Host.run` was asked to."""

    argv: Sequence[str]
    stdin: bytes = b""
    limit_s: float = 30.0

    @property
    def fits(self) -> bool:
        """Whether its input can stand in a script."""
        with contextlib.suppress(UnicodeDecodeError):
            return "\0" not in self.stdin.decode()
        return False


Run = Callable[[Question], Awaitable[Command]]
"""Runs a question on a host by itself."""
Asked = tuple[Question, asyncio.Future[Command]]


@dataclass
class _Round:
    """What waits to be asked, by host."""

    waiting: dict[str, list[Asked]] = field(default_factory=dict)
    sending: set[asyncio.Task[None]] = field(default_factory=set)

    async def ask(self, host: str, question: Question, run: Run) -> Command:
        answer: asyncio.Future[Command] = asyncio.get_running_loop().create_future()
        if host not in self.waiting:
            self.waiting[host] = []
            task = asyncio.create_task(self._send(host, run))
            self.sending.add(task)
            task.add_done_callback(self.sending.discard)
        self.waiting[host].append((question, answer))
        return await answer

    async def _send(self, host: str, run: Run) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        asked = self.waiting.pop(host)
        try:
            commands = await _answers([question for question, _ in asked], run)
        except Exception as error:  # noqa: BLE001 - it is for whoever asked
            for _, answer in asked:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), command in zip(asked, commands, strict=True):
            if not answer.done():
                answer.set_result(command)


_ROUND: ContextVar[_Round | None] = ContextVar("questions to be asked together", default=None)


@contextlib.contextmanager
def together() -> Iterator[None]:
    """What tasks of the block ask of a host at the same time goes to it in one exchange.

    Not for what is timed: a question is answered when the slowest one beside it is.
    """
    mine = _Round()
    token = _ROUND.set(mine)
    try:
        yield
    finally:
        _ROUND.reset(token)
        for task in mine.sending:
            task.cancel()


async def ask(host: str, question: Question, run: Run) -> Command:
    """Ask a host, together with whatever else is asked of it in a block of `together`."""
    current = _ROUND.get()
    if current is None or not question.fits:
        return await run(question)
    return await current.ask(host, question, run)


async def _answers(questions: Sequence[Question], run: Run) -> list[Command]:
    if len(questions) == 1:
        return [await run(questions[0])]
    mark = secrets.token_hex(8)
    limit_s = max(question.limit_s for question in questions) + MARGIN_S
    whole = await run(Question(["sh", "-s"], script(questions, mark).encode(), limit_s))
    commands = answers(questions, whole, mark)
    for command in commands:
        log.debug(
            "%s: asked together: %s -> %s after %.2f s",
            command.host, shlex.join(command.argv), command.returncode, command.duration_s,
        )  # fmt: skip
    return commands


def script(questions: Sequence[Question], mark: str) -> str:
    """The shell script that asks all questions at the same time; `mark` is in none of the answers."""
    lines = [_asking(number, question) for number, question in enumerate(questions)]
    return "".join([_HEAD.format(run=RUN, mark=mark), *lines, _TAIL])


def _asking(number: int, question: Question) -> str:
    words = shlex.join([f"{number:04}", f"{question.limit_s:.3f}", *question.argv])
    if not question.stdin:
        return f"ask {words} </dev/null &\n"
    return f"printf %s {shlex.quote(question.stdin.decode())} | ask {words} &\n"


def answers(questions: Sequence[Question], whole: Command, mark: str) -> list[Command]:
    """Each question's command, from what the script printed (pure).

    One without an answer ran into its limit. Times are the host's, to 10 ms.

    Raises:
        CommandError: when the script itself failed.
    """
    by_number: dict[int, tuple[str, str]] = {}
    for part in whole.stdout.split(f"\n{mark}a ")[1:]:
        head, _, body = part.partition("\n")
        by_number[int(head.split()[0])] = head, body
    if whole.returncode is not None and len(by_number) != len(questions):
        raise CommandError(whole)
    begins = [float(head.split()[2]) for head, _ in by_number.values()]
    return [
        _answer(question, whole, by_number.get(number), mark, min(begins, default=0.0))
        for number, question in enumerate(questions)
    ]


def _answer(
    question: Question, whole: Command, answer: tuple[str, str] | None, mark: str, begin_s: float
) -> Command:
    if answer is None:
        update = {"returncode": None, "stdout": "", "stderr": whole.stderr}
        return whole.model_copy(update={"argv": list(question.argv), **update})
    head, body = answer
    code, start, end = int(head.split()[1]), *map(float, head.split()[2:])
    stdout, _, stderr = body.partition(f"\n{mark}c\n")
    duration_s = round(end - start, 6)
    limited = code in _LIMIT_STATUS and duration_s >= question.limit_s - _TICK_S
    return Command(
        host=whole.host,
        argv=list(question.argv),
        started=whole.started + timedelta(seconds=start - begin_s),
        duration_s=duration_s,
        returncode=None if limited else code,
        stdout=stdout,
        stderr=stderr,
    )
