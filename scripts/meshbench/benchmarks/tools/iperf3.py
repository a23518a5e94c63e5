"""iperf3 on the hosts: a server with authentication, and what its errors mean."""

import asyncio
import contextlib
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Sequence
from functools import cache

from meshbench.benchmarks.base import Arena, Link
from meshbench.benchmarks.tools import iperf3_output
from meshbench.benchmarks.tools.iperf3_output import Interval, Mode, Run
from meshbench.results.records import Command, Status
from meshbench.testbed.host import RUN, File, Host, Unit
from meshbench.testbed.waiting import ready
from meshbench.util.errors import ToolError
from meshbench.util.waiting import until

log = logging.getLogger(__name__)

UNIT = "meshbench-iperf3"
CLOCKED = ("sh", "-c", 'date +%s.%N && exec "$@"', "sh")
"""Before a command: it says first, on a line of its own, what its host's clock shows."""
LISTEN_LIMIT_S = 10.0
FREE_LIMIT_S = 5.0
_USER = "meshbench"
_FOLDER = RUN / "iperf3"
_CONNECTING = "unable to connect to server"
FIRST_REPEAT_S = 3.0
"""TCP repeats the first packet of a connection after 1 s, and again at 3 s (RFC 6298, sections 2.1 and
5.5): a client that does not wait for that calls a lost packet a path that carries nothing."""
_VPN_ERRORS = (
    "connection timed out",
    _CONNECTING,
    "no route to host",
    "network is unreachable",
)
_ANSWERS = ("connection refused", "connection reset")
_KERNEL_ERRORS = {
    "tcp_congestion": "net.ipv4.tcp_available_congestion_control says which there are",
    "socket buffer size": "net.core.rmem_max and wmem_max of both hosts must allow it",
}
"""What a kernel does not let iperf3 set, and what decides that."""


@cache
def key_pair() -> tuple[bytes, bytes]:
    """A private and a public RSA key in PEM, made once in a process and those made from it."""
    # Parsing reads this module too, and must not pay for what only measuring needs.
    from cryptography.hazmat.primitives.serialization import PublicFormat  # noqa: PLC0415

    from meshbench.util.keys import rsa_pair  # noqa: PLC0415

    private, public = rsa_pair(2048, PublicFormat.SubjectPublicKeyInfo)
    return private.encode(), public.encode()


class Served:
    """The part of a benchmark whose links each have a server for the length of a cell."""

    servers: "Iperf3Servers"

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        self.servers = Iperf3Servers(arena.links)
        async with self.servers.running():
            yield


class Iperf3Servers:
    """One server per link for the length of a cell, with a password that lives as long."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = links
        self._password = secrets.token_urlsafe(18)
        self._private, self._public = key_pair()

    async def client(
        self, link: Link, words: Sequence[str], limit_s: float, before: Sequence[str] = ()
    ) -> Command:
        """Run a client of a link's server with these arguments besides address, port and user.

        Args:
            link: its source runs the client.
            words: the arguments.
            limit_s: after which it is ended.
            before: a command that runs it, e.g. `CLOCKED`.
        """
        argv = [*before, "iperf3", "-c", link.target_address, "-p", str(link.port), *words]
        return await link.source.run(
            [*argv, *self.client_arguments],
            secrets=self.client_secrets,
            limit_s=limit_s,
            check=False,
        )

    @property
    def client_arguments(self) -> list[str]:
        return ["--username", _USER, "--rsa-public-key-path", str(_FOLDER / "public.pem")]

    @property
    def client_secrets(self) -> dict[str, str]:
        return {"IPERF3_PASSWORD": self._password}

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Every link's server listens in the block. Raises ToolError."""
        ends = [host for link in self._links for host in (link.source, link.target)]
        hosts = {host.name: host for host in ends}.values()
        try:
            await asyncio.gather(*(self._provide(host) for host in hosts))
            await asyncio.gather(*(self._start(link) for link in self._links))
            yield
        finally:
            await asyncio.gather(*(self._stop(host) for host in hosts))

    async def free(self, links: Sequence[Link]) -> None:
        """Wait until each link's server can take a client, at most `FREE_LIMIT_S`; then start it anew.

        It is done with the client before only when that one's last message has crossed the path,
        and turns away or resets whoever comes earlier. Raises ToolError.
        """
        await asyncio.gather(*(self._free(link) for link in links))

    async def _free(self, link: Link) -> None:
        if not await until(lambda: _free(link), FREE_LIMIT_S):
            log.warning(
                "%s: iperf3 took no client for %.0f s; started anew", link.target.name, FREE_LIMIT_S
            )
            await self._start(link)

    async def _provide(self, host: Host) -> None:
        # iperf3(1): the hash of "{user}password".
        digest = hashlib.sha256(f"{{{_USER}}}{self._password}".encode()).hexdigest()
        await host.upload([
            File(_FOLDER / "private.pem", self._private, 0o600),
            File(_FOLDER / "users.csv", f"{_USER},{digest}\n".encode(), 0o600),
            File(_FOLDER / "public.pem", self._public, 0o600),
        ])  # fmt: skip

    async def _start(self, link: Link) -> None:
        server = [
            "iperf3", "-s", "--json", "-p", str(link.port),
            "--rsa-private-key-path", str(_FOLDER / "private.pem"),
            "--authorized-users-path", str(_FOLDER / "users.csv"),
        ]  # fmt: skip
        await link.target.start(Unit(_unit(link), server))
        if not await ready(link.target, _unit(link), lambda: _free(link), LISTEN_LIMIT_S):
            journal = await link.target.logs(_unit(link))
            raise ToolError(f"{link.target.name}: iperf3 does not listen: {journal}")

    async def _stop(self, host: Host) -> None:
        mine = [_unit(link) for link in self._links if link.target.name == host.name]
        await host.stop(*mine)
        await host.run(["rm", "-rf", "--", str(_FOLDER)])


def _unit(link: Link) -> str:
    return f"{UNIT}-{link.port}"


async def _free(link: Link) -> bool:
    """Whether a link's server listens and has no client."""
    sockets = await link.target.run([
        "ss", "-Htn", "state", "listening", "state", "established", "state", "close-wait",
        f"sport = :{link.port}",
    ])  # fmt: skip
    states = {line.split()[0] for line in sockets.stdout.splitlines()}
    return states == {"LISTEN"}


def judge(command: Command, limit_s: float) -> tuple[Status, str | None]:
    """What a client's end means: the tool's own failures are not held against the VPN.

    A run that ends well and moved nothing is a failure of the VPN, not a success at 0 bit/s.
    """
    if command.returncode is None:
        return after_data(command, Status.TIMEOUT, f"not finished within {limit_s:.0f} s")
    stderr = command.stderr.strip()[:300]
    try:
        run = iperf3_output.read(command.stdout)
    except ValueError as error:
        return classify(stderr), f"no JSON from iperf3: {stderr or error}"
    # Before 3.10 iperf3 says errors on standard error only.
    if trouble := run.error_text or (stderr if command.returncode else None):
        return classify(trouble), _explained(trouble)
    if command.returncode:
        return Status.TOOL_FAILED, f"iperf3 ended with {command.returncode} and said nothing"
    try:
        return _moved(run, iperf3_output.mode_of(command, run))
    except ValueError as error:
        return Status.TOOL_FAILED, str(error)


def gave_up_early(command: Command) -> bool:
    """Whether a client did not connect, and waited less than `FIRST_REPEAT_S` for it."""
    if not command.returncode or "--connect-timeout" not in command.argv:
        return False
    waited_ms = float(command.argv[command.argv.index("--connect-timeout") + 1])
    if waited_ms >= 1000 * FIRST_REPEAT_S:
        return False
    try:
        error = iperf3_output.read(command.stdout).error_text or command.stderr
    except ValueError:
        error = command.stderr
    return _CONNECTING in error.lower() and classify(error) is Status.FAILED


def after_data(command: Command, status: Status, reason: str | None) -> tuple[Status, str | None]:
    """How a client ended that did not end well: by iperf3's fault where all of its data was sent.

    Only its exchange of results was left then, which can hang with --bidir (esnet/iperf issue 2029),
    and whose connection overload can starve. A path that carries nothing any more fails the next
    attempt.
    """
    if (sent_s := _all_sent_s(command)) is None:
        return status, reason
    return (
        Status.TOOL_FAILED,
        f"iperf3's exchange of results failed after {sent_s:.0f} s of data: {reason}",
    )


def _all_sent_s(command: Command) -> float | None:
    """How long the client sent, if as long as it was told to, its last second included."""
    try:
        run = iperf3_output.read(command.stdout)
        asked_s = float(command.argv[command.argv.index("-t") + 1])
    except ValueError:
        return None
    sent_s = iperf3_output.sent_s(run)
    moved = bool(run.intervals) and any(stream.bytes for stream in run.intervals[-1].streams)
    return sent_s if moved and sent_s >= asked_s - 1 else None


def classify(error: str) -> Status:
    """Whether an iperf3 error text speaks of the path, of the kernel or of the tool.

    A refusal or a reset has crossed the path; iperf3 resets a client that comes between two tests.
    """
    text = error.lower()
    if any(phrase in text for phrase in _KERNEL_ERRORS):
        return Status.UNSUPPORTED
    answered = any(phrase in text for phrase in _ANSWERS)
    carried = answered or not any(phrase in text for phrase in _VPN_ERRORS)
    return Status.TOOL_FAILED if carried else Status.FAILED


def _explained(error: str) -> str:
    notes = [note for phrase, note in _KERNEL_ERRORS.items() if phrase in error.lower()]
    return f"{error} ({notes[0]})" if notes else error


def _moved(run: Run, mode: Mode) -> tuple[Status, str | None]:
    for name, _, received in list(run.sums(mode)):
        if not received.bytes:
            if _unread(run):
                reason = "its receiver never read: the path delivered until the window was 0"
                return Status.TOOL_FAILED, f"iperf3's {name} stream deadlocked; {reason}"
            return Status.FAILED, f"the {name} stream ended normally and moved no data"
    return Status.OK, None


def _unread(run: Run) -> bool:
    """Whether a sender ended with the receiver's window full: esnet/iperf issue 2029 (--bidir).

    It had sent until then. A path that carries nothing leaves the window as it was.
    """
    return any(_blocked(side.intervals) for side in (run, run.server_output_json))


def _blocked(intervals: Sequence[Interval]) -> bool:
    senders = [[s for s in interval.streams if s.sender] for interval in intervals]
    sent = any(stream.bytes for streams in senders for stream in streams)
    return sent and any(stream.snd_wnd == 0 for stream in senders[-1])
