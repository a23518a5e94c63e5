"""A host over SSH, with strict host keys."""

import asyncio
import contextlib
import logging
import os
import shlex
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

import asyncssh

from meshbench.results.records import Command, now
from meshbench.testbed import credentials, together
from meshbench.testbed.host import LOCALE, SLICE, Address, CommandError, File, Unit
from meshbench.testbed.together import Question
from meshbench.util.errors import TestbedError
from meshbench.util.scrub import scrub

log = logging.getLogger(__name__)

GRACE_S = 5.0
"""How much longer than a command's own limit the controller waits for the host to say so."""
_READ_SECRETS = (
    'for name in $1; do IFS= read -r value; export "$name=$value"; done; shift; exec "$@"'
)
# By env(1) and not over SSH, whose servers accept the variables that they want.
_IN_LOCALE = ["env", "-u", "LANGUAGE", *(f"{key}={value}" for key, value in LOCALE.items())]
_LIMIT_STATUS = {124, 137, -9}
"""How timeout(1) ends when the limit, not the program, ended it; -9 when it had to use SIGKILL."""


class SshHost:
    """A host over one SSH connection, opened at first use and kept for the life of the job."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._connection: asyncssh.SSHClientConnection | None = None
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        return self.address.name

    async def connect(self, limit_s: float = 15.0) -> asyncssh.SSHClientConnection:
        """The connection. Raises TestbedError naming the host when it cannot be had."""
        async with self._opening:
            if self._connection is None or self._connection.is_closed():
                self._connection = await self._open(limit_s)
            return self._connection

    async def _open(self, limit_s: float) -> asyncssh.SSHClientConnection:
        where = self.address
        files = where.key_file, where.known_hosts_file
        problem = credentials.key_problem(files[0]) or credentials.hosts_problem(files[1])
        if problem:
            raise TestbedError(f"{self.name}: {problem}")
        try:
            return await asyncssh.connect(
                where.control,
                where.port,
                username=where.user,
                client_keys=[str(where.key_file)],
                known_hosts=str(where.known_hosts_file),
                config=None,
                agent_path=None,
                connect_timeout=limit_s,
                login_timeout=limit_s,
                keepalive_interval=10,
            )
        except (asyncssh.HostKeyNotVerifiable, asyncssh.KeyExchangeFailed) as error:
            raise TestbedError(f"{self.name}: {await self._distrust(error)}") from error
        except asyncssh.PermissionDenied as error:
            raise TestbedError(
                f"{self.name}: {where.user}@{where.control} does not accept the key "
                f"{where.key_file}: its public half must be a line of ~{where.user}/.ssh/"
                "authorized_keys there, and sshd must allow it (PermitRootLogin prohibit-password)"
            ) from error
        except (ConnectionResetError, asyncssh.ConnectionLost) as error:
            raise TestbedError(f"{self.name}: {await self._hung_up()}") from error
        except (OSError, asyncssh.Error, TimeoutError, ValueError) as error:
            raise TestbedError(
                f"{self.name}: no SSH to {where.user}@{where.control}:{where.port}: "
                f"{_why(error) or f'no answer within {limit_s:.0f} s'}; is that where its sshd "
                "listens?"
            ) from error

    async def _distrust(self, error: asyncssh.Error) -> str:
        """Why the host's key was not accepted: it is another than the one known, or none is."""
        where = self.address
        file, name, port = where.known_hosts_file, where.control, where.port
        if "revoked" in str(error):
            return f"{file} says that the key of {name} is revoked"
        infos = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
        if not credentials.is_known(file, name, port, {str(info[4][0]) for info in infos}):
            return credentials.unknown_problem(file, name, port)
        if isinstance(error, asyncssh.HostKeyNotVerifiable) or "host key" in str(error).lower():
            return credentials.changed_problem(file, name, port)
        return f"no SSH to {where.user}@{name}:{port}: {error}"

    async def _hung_up(self) -> str:
        """Why the host hangs up: it has no key of the types that are known, or SSH never begins."""
        where = self.address
        with contextlib.suppress(OSError, asyncssh.Error):
            async with asyncio.timeout(GRACE_S):
                key = await asyncssh.get_server_host_key(where.control, where.port, config=None)
            if key is not None:
                file = where.known_hosts_file
                return credentials.changed_problem(file, where.control, where.port)
        return (
            f"{where.control}:{where.port} hangs up before SSH begins: is that where its sshd "
            "listens? One that was asked with wrong keys does so for a minute (PerSourcePenalties)"
        )

    async def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            await self._connection.wait_closed()

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        secrets: Mapping[str, str] | None = None,
        limit_s: float = 30.0,
        check: bool = True,
    ) -> Command:
        if secrets:
            command = await self._run(argv, secrets=secrets, limit_s=limit_s)
        else:
            question = Question(argv, stdin, limit_s)
            command = await together.ask(self.name, question, self._ask)
        if check and command.returncode != 0:
            raise CommandError(command)
        return command

    async def _ask(self, question: Question) -> Command:
        return await self._run(question.argv, stdin=question.stdin, limit_s=question.limit_s)

    async def _run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        secrets: Mapping[str, str] | None = None,
        limit_s: float,
    ) -> Command:
        connection = await self.connect()
        started, clock = now(), time.monotonic()
        limited = ["timeout", "-k", "2", f"{limit_s:.3f}", *argv]
        if secrets:
            stdin = "".join(f"{value}\n" for value in secrets.values()).encode()
            limited = ["sh", "-c", _READ_SECRETS, "sh", " ".join(secrets), *limited]
        # asyncssh does not end an empty input, and a program that reads it would wait for ever.
        line = f"exec {shlex.join([*_IN_LOCALE, *limited])}" + ("" if stdin else " </dev/null")
        log.debug("%s: starts %s, limit %.0f s", self.name, shlex.join(argv), limit_s)
        try:
            result = await connection.run(
                line, input=stdin, encoding=None, timeout=limit_s + GRACE_S, check=False
            )
        except asyncssh.TimeoutError:
            result = None
        except (OSError, asyncssh.Error) as error:
            raise TestbedError(
                f"{self.name}: SSH broke during {shlex.join(argv)}: {error}"
            ) from error
        if result is not None and result.returncode is None:
            raise TestbedError(f"{self.name}: SSH broke during {shlex.join(argv)}")
        command = _command(self.name, argv, started, time.monotonic() - clock, result, limit_s)
        log.debug(
            "%s: %s -> %s after %.1f s",
            self.name, shlex.join(argv), command.returncode, command.duration_s,
        )  # fmt: skip
        return command

    async def upload(self, files: Sequence[File]) -> None:
        if not files:
            return
        have = await self.run(["sha256sum", "--", *(str(file.path) for file in files)], check=False)
        present = {
            path: digest
            for digest, _, path in (line.partition("  ") for line in have.stdout.splitlines())
        }
        missing = [file for file in files if present.get(str(file.path)) != file.digest]
        if missing:
            connection = await self.connect()
            log.debug("%s: writes %s", self.name, ", ".join(str(file.path) for file in missing))
            try:
                async with connection.start_sftp_client() as sftp:
                    for file in missing:
                        await _put(sftp, file)
            except (OSError, asyncssh.Error) as error:
                paths = ", ".join(str(file.path) for file in missing)
                raise TestbedError(f"{self.name}: cannot write {paths}: {error}") from error
        for mode in {file.mode for file in files}:
            paths_ = [str(file.path) for file in files if file.mode == mode]
            await self.run(["chmod", f"{mode:o}", "--", *paths_])

    async def start(self, unit: Unit) -> None:
        await self.stop(unit.name)
        options = [f"--property={key}={value}" for key, value in unit.properties.items()]
        await self.run([
            "systemd-run", "--quiet", "--collect", f"--unit={unit.name}", f"--slice={SLICE}",
            *(f"--setenv={key}={value}" for key, value in LOCALE.items()),
            # systemd expands variables in a command line, and has "$$" for a "$".
            *options, "--", *(word.replace("$", "$$") for word in unit.argv),
        ])  # fmt: skip

    async def stop(self, *names: str) -> None:
        if names:
            await self.run(["systemctl", "--quiet", "stop", "--", *names], limit_s=60, check=False)

    async def logs(self, unit: str, lines: int = 30) -> str:
        command = await self.run(
            ["journalctl", "-q", "-o", "short-iso-precise", "-n", str(lines), "-u", unit],
            check=False,
        )
        return scrub(command.stdout)


def _why(error: Exception) -> str:
    """An error in the system's words, without those of Python around them."""
    if isinstance(error, OSError) and error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno)
    return (isinstance(error, socket.gaierror) and error.strerror) or str(error)


async def _put(sftp: asyncssh.SFTPClient, file: File) -> None:
    temporary = file.path.with_name(f".{file.path.name}.new")
    await sftp.makedirs(str(file.path.parent), exist_ok=True)
    private = asyncssh.SFTPAttrs(permissions=0o600)
    async with sftp.open(str(temporary), "wb", attrs=private) as remote:
        await remote.write(file.content)
    await sftp.chmod(str(temporary), file.mode)
    await sftp.posix_rename(str(temporary), str(file.path))


def _command(
    host: str,
    argv: Sequence[str],
    started: datetime,
    duration_s: float,
    result: asyncssh.SSHCompletedProcess | None,
    limit_s: float,
) -> Command:
    def text(data: object) -> str:
        return data.decode(errors="replace") if isinstance(data, bytes) else ""

    code = None if result is None else result.returncode
    if duration_s >= limit_s and code in _LIMIT_STATUS:
        code = None
    return Command(
        host=host,
        argv=list(argv),
        started=started,
        duration_s=round(duration_s, 6),
        returncode=code,
        stdout=text(result.stdout) if result else "",
        stderr=text(result.stderr) if result else "",
    )


async def connect_all(hosts: Sequence[SshHost]) -> None:
    """Open every connection. Raises TestbedError with what is wrong with any of them."""
    results = await asyncio.gather(*(host.connect() for host in hosts), return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    if foreseen := [str(error) for error in errors if isinstance(error, TestbedError)]:
        raise TestbedError("\n".join(foreseen))
    if errors:
        raise errors[0]


async def close_all(hosts: Sequence[SshHost]) -> None:
    """Close every connection, whatever state it is in."""
    await asyncio.gather(*(host.close() for host in hosts), return_exceptions=True)
