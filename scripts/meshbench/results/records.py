"""The raw record: everything known about one cell, as one JSON file."""

import shutil
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from meshbench.util.errors import RecordError
from meshbench.util.files import atomic
from meshbench.util.foreign import why

SCHEMA_VERSION: Literal[2] = 2
BARE = "internal"
"""The system that is none: the hosts' own link, which others are compared with."""
Small = Annotated[int, Field(ge=0, lt=2**31)]
"""A count that fits into the tables' 32 bits."""


class Status(StrEnum):
    """How a link of a cell ended."""

    OK = "ok"
    FAILED = "failed"
    """The VPN did not carry it."""
    TIMEOUT = "timeout"
    """Censored at a stated limit."""
    UNAVAILABLE = "unavailable"
    """It cannot be had here: no program, or a kernel without the feature. Says nothing of the VPN."""
    UNSUPPORTED = "unsupported"
    """Impossible by design: a payload larger than the VPN's MTU, a setting the kernel cannot have."""
    TOOL_FAILED = "tool_failed"
    """The measuring tool broke; never held against the VPN."""


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Cell(Model):
    """The unit that is measured, rerun, failed and retried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    vpn: str
    tuning: str
    profile: str
    benchmark: str
    round: Small
    placement: Annotated[str, Field(exclude=True)] = "ingress"
    """Where it is impaired. Records and settings say it in a place of their own, so that it makes
    another key, and not another path.
    """

    def placed(self, placement: str) -> Self:
        return self.model_copy(update={"placement": placement})

    @property
    def path(self) -> str:
        """The folder of its records, below the campaign's ``raw/``."""
        return f"{self.vpn}/{self.tuning}/{self.profile}/{self.benchmark}/{self.round}"


class Command(Model):
    """One command as it ran on a host, with its native output.

    `returncode` is null when the time limit ended it.
    """

    host: str
    argv: list[str]
    started: datetime
    duration_s: float
    returncode: int | None
    stdout: str
    stderr: str
    role: str = ""
    """What it was for, in the benchmark's or collector's own words: by it the output is found again."""
    measuring: bool = True
    """Whether its time is that of a measuring tool."""

    def in_role(self, role: str) -> Self:
        return self.model_copy(update={"role": role})


def measuring_s(commands: Iterable[Command]) -> float:
    """Seconds during which at least one measuring tool ran: tools may run side by side."""
    spans = sorted(
        (command.started.timestamp(), command.started.timestamp() + command.duration_s)
        for command in commands
        if command.measuring
    )
    total, reached = 0.0, float("-inf")
    for start, end in spans:
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


class PathState(Model):
    """How the VPN reaches a peer, in its own words where it has any."""

    kind: Literal["direct", "relay"] | None = None
    transport: str | None = None
    endpoint: str | None = None
    interface: str | None = None
    tunnel_mtu: Small | None = None
    path_mtu: Small | None = None
    """The largest packet that got through the tunnel whole when the VPN had come up; in bytes."""
    cipher: str | None = None
    """Where the daemon shows it."""
    details: dict[str, Any] = {}

    @property
    def known(self) -> bool:
        """Whether the daemon told anything of how it reaches the peer."""
        return any(self.way)

    @property
    def way(self) -> tuple[str | None, ...]:
        """What makes it another path when it changes."""
        return self.kind, self.transport, self.endpoint


class LinkRecord(Model):
    """What happened on one ordered pair of hosts."""

    source: str
    target: str
    status: Status
    reason: str | None = None
    attempts: Small = 1
    limit_s: float | None = None
    started: datetime | None = None
    duration_s: float | None = None
    target_address: str | None = None
    path_before: PathState | None = None
    path_after: PathState | None = None
    ready_s: float | None = None
    direct_s: float | None = None
    commands: list[Command] = []
    failures: list[Command] = []
    """Attempts that were tried again, oldest first."""

    @property
    def pair(self) -> tuple[str, str]:
        return self.source, self.target

    def in_role(self, role: str) -> list[Command]:
        """The commands of one role, in their order."""
        return [command for command in self.commands if command.role == role]

    @property
    def path(self) -> PathState | None:
        """The path as it was told last; one that is unknown only where it was never told."""
        paths = [path for path in (self.path_after, self.path_before) if path]
        return next((path for path in paths if path.known), paths[0] if paths else None)

    @property
    def path_changed(self) -> bool | None:
        """Whether it was another one after the measurement; None where that was not told twice."""
        before, after = self.path_before, self.path_after
        if not (before and before.known and after and after.known):
            return None
        return before.way != after.way


class GroupRecord(Model):
    """Links that were measured at the same time.

    Attributes:
        links: as ``source->target``.
        attempts: how often the group was measured; again only when a tool failed.
        start_spread_s: between the first and the last link's start, the largest over the commands
            of the attempt that counts; null for a single link.
    """

    links: list[str]
    attempts: int = 1
    start_spread_s: float | None = None


class TestbedRecord(Model):
    """Where it was measured, and the hosts' true state before and after."""

    __test__ = False

    name: str
    kind: str
    shared_cpu: bool
    facts: dict[str, Any] = {}
    before: dict[str, dict[str, Any]] = {}
    after: dict[str, dict[str, Any]] = {}


class ImpairmentRecord(Model):
    """What was asked of the network emulator and what it says it did."""

    engine: str
    placement: str
    profile: dict[str, Any]
    seed: int
    commands: dict[str, list[list[str]]] = {}
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}


class VpnRecord(Model):
    """Which system was measured and how it was set up, without secrets."""

    driver: str
    version: str | None = None
    options: dict[str, Any] = {}
    packages: list[dict[str, Any]] = []
    """Where the first host's programs come from, if not from Debian: the packages' manifests."""
    effective: dict[str, Any] = {}
    status: Status = Status.OK
    reason: str | None = None
    control_server: str | None = None
    """Who brings the hosts together, where somebody does."""
    ready_s: dict[str, float] = {}
    """By ordered pair, from starting the VPN to the first reply; empty where it was up already."""
    silent: list[str] = []
    """Ordered pairs that passed no traffic before the measurement."""
    direct_s: dict[str, float] = {}
    """By ordered pair, from starting the VPN until its daemon was first seen to say 'direct'."""
    log_tail: dict[str, str] = {}
    silent_before: list[str] = []
    """Ordered pairs that had passed traffic and did not at the cell's start: it was started anew."""
    fallen_before: list[str] = []
    """Hosts on which its daemon had ended before the cell: it was started anew."""
    log_tail_before: dict[str, str] = {}
    """What its daemons had said last before that."""


class Spent(Model):
    """Where a cell's time went, by the wall clock: the parts follow on each other.

    Attributes:
        workflow_s: before it, since the run's last job on the testbed had ended; null where no
            worker of the run knows.
        opening_s: connecting, bringing a lab up, waiting for the lease.
        evidence_s: asking the hosts before and after it for their state, settings, tools, programs
            and paths, and setting what differs.
        vpn_s: making the VPN the only one that is up, with its path MTU; or seeing that it is.
        preparing_s: impairing, starting servers and collectors, and ending them.
        measuring_s: in the benchmark, its warm-ups and repetitions included.
    """

    workflow_s: float | None = None
    opening_s: float = 0.0
    evidence_s: float = 0.0
    vpn_s: float = 0.0
    preparing_s: float = 0.0
    measuring_s: float = 0.0


class Record(Model):
    """One cell, measured once."""

    schema_version: Literal[2] = SCHEMA_VERSION
    campaign: str
    cell: Cell
    placement: str
    started: datetime
    ended: datetime
    versions: dict[str, str | int]
    """meshbench's version, and the method versions of the driver and the benchmark."""
    settings: dict[str, Any]
    """The cell's whole configuration, as validated."""
    testbed: TestbedRecord
    impairment: ImpairmentRecord
    tuning: dict[str, dict[str, str]] = {}
    """By host, the settings in force, as read back."""
    tuning_changed: Annotated[
        dict[str, dict[str, str]], Field(exclude_if=lambda values: not values)
    ] = {}
    """By host, those of them that were different at the end, and what they were then."""
    vpn: VpnRecord
    programs: list[dict[str, Any]] = []
    """Where the benchmark's own programs on the first host come from: the packages' manifests."""
    tools: dict[str, dict[str, str]] = {}
    """By host and program of the benchmark, its version."""
    links: list[LinkRecord]
    groups: list[GroupRecord] = []
    commands: list[Command] = []
    """What the benchmark kept that belongs to no link: faults, what hosts say."""
    failures: list[Command] = []
    """The same of attempts that were tried again."""
    collected: dict[str, list[Command]] = {}
    """By collector, what it found beside the measurement."""
    spent: Spent | None = None
    """Null in records of before it was kept."""

    @model_validator(mode="after")
    def _placed(self) -> Self:
        self.cell = self.cell.placed(self.placement)
        return self

    @property
    def kind(self) -> str | None:
        """The benchmark's own name, of which the cell has the campaign's; None if nothing says it."""
        kind = self.settings.get("kind")
        return kind if isinstance(kind, str) else None

    @property
    def measuring_s(self) -> float:
        """Seconds of the cell inside measuring tools, those of failed attempts included."""
        return measuring_s(c for link in self.links for c in (*link.failures, *link.commands))

    marks: list[str] = []
    """What a reader must know before believing the numbers."""


def now() -> datetime:
    return datetime.now(UTC)


def own_command(
    host: str, argv: list[str], stdout: str, started: datetime, *, code: int = 0, role: str = ""
) -> Command:
    """What meshbench has done itself since `started`, in the form of a program that ran on a host."""
    return Command(
        host=host, argv=argv, started=started,
        duration_s=round((now() - started).total_seconds(), 6), returncode=code,
        stdout=stdout, stderr="", role=role, measuring=False,
    )  # fmt: skip


def write(record: BaseModel, path: Path) -> None:
    """Write a record atomically. It is validated again on the way: no half-true file is left."""
    text = record.model_dump_json(indent=1)
    type(record).model_validate_json(text)
    with atomic(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def keep(path: Path, kept: Path) -> None:
    """Give a record a second name, under which it stays when the first one's is written anew."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    try:
        kept.hardlink_to(path)
    except FileExistsError:
        return
    except OSError:  # a file system without hard links
        with atomic(kept) as temporary:
            shutil.copyfile(path, temporary)


def read(path: Path) -> Record:
    """Read a record. Raises RecordError naming the file when it is not one."""
    try:
        return Record.model_validate_json(path.read_bytes())
    except ValueError as error:
        raise RecordError(
            f"{path} is not a record of schema version {SCHEMA_VERSION}: {why(error)}"
        ) from None


def worst(statuses: Mapping[str, Status] | list[Status]) -> Status:
    """The status that stands for several links: ok only if all are."""
    order = [
        Status.FAILED, Status.TIMEOUT, Status.TOOL_FAILED, Status.UNSUPPORTED, Status.UNAVAILABLE,
        Status.OK,
    ]  # fmt: skip
    values = list(statuses.values()) if isinstance(statuses, Mapping) else statuses
    return min(values, key=order.index, default=Status.OK)
