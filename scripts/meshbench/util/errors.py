"""Errors that a person reads: what is wrong, where, and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class Problem:
    """One thing wrong with the input, and where it stands."""

    file: str
    key: str
    message: str
    line: int | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class MeshbenchError(Exception):
    """Base of all errors that end a run with a message and no traceback."""


class ConfigError(MeshbenchError):
    """The configuration cannot be used; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class TestbedError(MeshbenchError):
    """Our side broke: SSH, the lab, the lease. Snakemake may try the job again."""

    __test__ = False


class VpnError(MeshbenchError):
    """The VPN could not do what was asked. The text becomes the reason in the record."""

    status: ClassVar[str] = "failed"
    """Of a record that it ends (`results.records.Status`)."""


class UnavailableError(VpnError):
    """The VPN cannot be had here: no program, or a kernel without the feature it needs."""

    status: ClassVar[str] = "unavailable"


class ToolError(MeshbenchError):
    """A measuring tool on a host is missing, too old or cannot run: nothing is known of the VPN.

    The text becomes the reason in the record.
    """

    status: ClassVar[str] = "tool_failed"


class RecordError(MeshbenchError, ValueError):
    """A file is not a record; the text names it and says why."""


NO_BINARY = "no binary"
"""How the reason begins when a VPN's programs cannot be had; charts show these words alone."""
