"""quicperf on the hosts (tools/quicperf): its servers, what its lines say, and what its errors mean."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import NonNegativeFloat, NonNegativeInt, ValidationError

from meshbench.benchmarks.base import PORTS_PER_LINK, Link
from meshbench.config.packages import Go
from meshbench.results.records import Command, Status
from meshbench.testbed.host import PRIVATE, RUN, File, Unit
from meshbench.testbed.waiting import listening
from meshbench.util import foreign
from meshbench.util.errors import ToolError
from meshbench.util.foreign import Told

NAME = "quicperf"
PACKAGE = Go(folder=str(Path(__file__).parents[4] / "tools" / NAME), programs={NAME: "."})
UNIT = "meshbench-quicperf"
LISTEN_LIMIT_S = 10.0
_FOLDER = RUN / NAME

Side = Literal["client", "server"]
Role = Literal["sender", "receiver"]

_PATH_ERRORS = {"handshake_timeout", "idle_timeout", "unreachable", "no_report"}
"""Kinds of errors for which the path is to blame; of the others the tool is."""
_TOO_LARGE = "message_too_large"


class Settings(Told):
    connections: NonNegativeInt | None = None


class Start(Told):
    side: Side
    quic_go: str
    congestion: str
    settings: Settings = Settings()


class Connected(Told):
    side: Side
    connection: NonNegativeInt
    handshake_ms: NonNegativeFloat | None = None
    packet_bytes: NonNegativeInt
    gso: bool


class FirstByte(Told):
    connection: NonNegativeInt
    ttfb_ms: NonNegativeFloat


class Counted(Told):
    """An interval, or the whole. A later quic-go may take lost packets back that arrived after all."""

    side: Side
    connection: NonNegativeInt
    role: Role
    start_s: NonNegativeFloat
    seconds: NonNegativeFloat
    bytes: NonNegativeFloat
    packets_sent: NonNegativeFloat
    packets_lost: float
    bytes_sent: NonNegativeFloat
    rtt_ms: NonNegativeFloat
    rtt_min_ms: NonNegativeFloat


class Cpu(Told):
    cpu: NonNegativeFloat


class Error(Told):
    kind: str
    message: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"


@dataclass(frozen=True)
class Run:
    """What a client said, by kind of event, each in its order."""

    starts: Sequence[Start]
    connected: Sequence[Connected]
    first_bytes: Sequence[FirstByte]
    intervals: Sequence[Counted]
    ends: Sequence[Counted]
    cpu: Sequence[Cpu]
    error: Error | None

    @property
    def connections(self) -> int:
        """How many connections it was to make. Raises ValueError when it does not say."""
        for start in self.starts:
            if start.side == "client" and start.settings.connections:
                return start.settings.connections
        raise ValueError("quicperf does not say how many connections it was to make")

    def total(self, role: Role) -> list[Counted]:
        """What each connection moved in all, as that end counted. Raises ValueError if one is missing."""
        by_connection = {end.connection: end for end in self.ends if end.role == role}
        if len(by_connection) != self.connections:
            raise ValueError(
                f"the {role} of {self.connections - len(by_connection)} connections says no end"
            )
        return list(by_connection.values())


def read(text: str) -> Run:
    """The lines of a client; ones that end in the middle, of a client that was ended, are left out.

    Raises:
        ValueError: quoting what came instead, or naming the key that is not as it should be.
    """
    whole = text if text.endswith("\n") else text[: text.rfind("\n") + 1]
    lines = foreign.documents(whole)
    if not lines:
        raise ValueError(f"no JSON lines of quicperf in {foreign.quoted(text)}")

    def of(event: str) -> list[dict[str, object]]:
        return [line for line in lines if line.get("event") == event]

    try:
        errors = [Error.model_validate(line) for line in of("error")]
        return Run(
            starts=[Start.model_validate(line) for line in of("start")],
            connected=[Connected.model_validate(line) for line in of("connected")],
            first_bytes=[FirstByte.model_validate(line) for line in of("first_byte")],
            intervals=[Counted.model_validate(line) for line in of("interval")],
            ends=[Counted.model_validate(line) for line in of("end")],
            cpu=[Cpu.model_validate(line) for line in of("cpu")],
            error=errors[-1] if errors else None,
        )
    except ValidationError as error:
        raise ValueError(foreign.why(error)) from None


def judge(command: Command, limit_s: float) -> tuple[Status, str | None]:
    """What a client's end means: the tool's own failures are not held against the VPN."""
    if command.returncode is None:
        return Status.TIMEOUT, f"not finished within {limit_s:.0f} s"
    try:
        run = read(command.stdout)
    except ValueError as error:
        return Status.TOOL_FAILED, f"{error}; {foreign.quoted(command.stderr)} on standard error"
    if run.error:
        return classify(run.error), str(run.error)
    if command.returncode:
        return Status.TOOL_FAILED, f"quicperf ended with {command.returncode} and said no error"
    return _moved(run)


def _moved(run: Run) -> tuple[Status, str | None]:
    try:
        moved = [end.bytes for end in run.total("receiver")]
        run.total("sender")
    except ValueError as error:
        return Status.TOOL_FAILED, str(error)
    if not all(moved):
        return Status.FAILED, f"{moved.count(0)} of {len(moved)} connections moved no data"
    return Status.OK, None


def classify(error: Error) -> Status:
    """Whether an error speaks of the path or of the tool."""
    if error.kind == _TOO_LARGE:
        return Status.UNSUPPORTED
    return Status.FAILED if error.kind in _PATH_ERRORS else Status.TOOL_FAILED


class Servers:
    """One server per link for the length of a cell, on all of the link's ports, with a token."""

    def __init__(self, program: str, links: Sequence[Link], flags: Iterable[str]) -> None:
        self._program, self._links, self._flags = program, links, list(flags)
        self._token = secrets.token_urlsafe(18)

    @property
    def client_secrets(self) -> dict[str, str]:
        return {"QUICPERF_TOKEN": self._token}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Every link's server listens in the block. Raises ToolError."""
        try:
            await asyncio.gather(*(self._start(link) for link in self._links))
            yield
        finally:
            await asyncio.gather(*(self._stop(link) for link in self._links))

    async def _start(self, link: Link) -> None:
        token = File(_FOLDER / f"token-{link.port}", self._token.encode(), PRIVATE)
        await link.target.upload([token])
        argv = [
            self._program, "server", "--listen", endpoint(link.target_address, link.port),
            "--ports", str(PORTS_PER_LINK), "--token-file", str(token.path), *self._flags,
        ]  # fmt: skip
        await link.target.start(Unit(_unit(link), argv))
        last = link.port + PORTS_PER_LINK - 1
        if not await listening(link.target, last, LISTEN_LIMIT_S, "u", _unit(link)):
            words = await link.target.logs(_unit(link))
            raise ToolError(f"{link.target.name}: quicperf does not listen: {words}")

    async def _stop(self, link: Link) -> None:
        await link.target.stop(_unit(link))
        await link.target.run(["rm", "-rf", "--", str(_FOLDER / f"token-{link.port}")])


def _unit(link: Link) -> str:
    return f"{UNIT}-{link.port}"


def endpoint(address: str, port: int) -> str:
    """As quicperf takes it: an IPv6 address in brackets."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
