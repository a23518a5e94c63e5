"""A host of the testbed: what the rest of meshbench may ask of it."""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from meshbench.results.records import Command
from meshbench.util.errors import TestbedError

STATE = PurePosixPath("/var/lib/meshbench")
RUN = PurePosixPath("/run/meshbench")
SLICE = "meshbench.slice"
PRIVATE = 0o600
LOCALE = {"LC_ALL": "C"}
"""Every program runs with it, whatever the host's language: what programs say is read."""


@dataclass(frozen=True)
class Address:
    """Where a host is: its control address for SSH and its data address for measuring."""

    name: str
    control: str
    port: int
    user: str
    key_file: Path
    known_hosts_file: Path
    data_interface: str
    data_address: str


@dataclass(frozen=True)
class File:
    """A file to be on a host."""

    path: PurePosixPath
    content: bytes
    mode: int = 0o644

    @property
    def secret(self) -> bool:
        return self.mode == PRIVATE

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Unit:
    """A transient systemd service in meshbench's slice."""

    name: str
    argv: Sequence[str]
    properties: Mapping[str, str] = field(default_factory=dict)


class CommandError(TestbedError):
    """A command that had to succeed did not; names the host, the command and what it said."""

    def __init__(self, command: Command) -> None:
        self.command = command
        ended = (
            "ran into its time limit"
            if command.returncode is None
            else (f"ended with {command.returncode}")
        )
        output = (command.stderr or command.stdout).strip()[-2000:]
        super().__init__(f"{command.host}: {shlex.join(command.argv)} {ended}: {output}")


class Host(Protocol):
    """Everything a driver, a benchmark or an engine does on a host goes through this."""

    address: Address

    @property
    def name(self) -> str: ...

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        secrets: Mapping[str, str] | None = None,
        limit_s: float = 30.0,
        check: bool = True,
    ) -> Command:
        """Run a program in the locale C and wait for it. The argument list is quoted here.

        `secrets` become environment variables without appearing in any process list; a program
        that gets secrets gets no `stdin`.

        Raises:
            CommandError: if `check` and it failed or ran into `limit_s`.
            TestbedError: if the host cannot be reached.
        """
        ...

    async def upload(self, files: Sequence[File]) -> None:
        """Put files on the host with their modes; files whose digest is there are left alone."""
        ...

    async def start(self, unit: Unit) -> None:
        """Start a transient service in meshbench's slice, replacing one of the same name."""
        ...

    async def stop(self, *names: str) -> None:
        """Stop services and wait until their processes are gone; unknown names are no error."""
        ...

    async def logs(self, unit: str, lines: int = 30) -> str:
        """The last lines of a service's journal, without what looks like a secret."""
        ...
