"""The contract of a benchmark: which links it measures together, how, and what its output says."""

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, Generic, Literal, Protocol, TypeVar

from meshbench.benchmarks.tools.versions import Tool
from meshbench.config.packages import Package
from meshbench.config.strict import Strict
from meshbench.packages.supply import Supply, resolve
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, LinkRecord, PathState, Record, Status
from meshbench.testbed.host import Host

FIRST_PORT = 5201
PORTS_PER_LINK = 10
"""A benchmark may listen on a link's port and on the nine after it."""

CANNOT = 3
"""How the command of a fault ends that is impossible by design; what it prints says why."""
RESTORED = "restored"
"""The role of what says that a fault took something away that was put back (`Faults.restore`)."""

Pair = tuple[str, str]
"""The names of a link's source and target."""
Direction = Literal["forward", "reverse"]
"""`forward`: the link's source sends."""
OptionsT = TypeVar("OptionsT", bound=Strict)
L = TypeVar("L")


@dataclass(frozen=True)
class Link:
    """An ordered pair of hosts, and the address by which the source reaches the target.

    Attributes:
        interface: of the source, towards the target.
        delay_s: the profile's largest added round-trip time, with full queues: time limits grow
            with it.
        rate_bps: of the profile's bottleneck from the source to the target, if there is one.
        back_rate_bps: the same of the other direction.
        port: the first of `PORTS_PER_LINK` server ports on the target, shared with no other link.
    """

    source: Host
    target: Host
    source_address: str
    target_address: str
    interface: str
    delay_s: float = 0.0
    rate_bps: int | None = None
    back_rate_bps: int | None = None
    port: int = FIRST_PORT

    @property
    def pair(self) -> Pair:
        return self.source.name, self.target.name


class Faults(Protocol):
    """What a benchmark may break. Each is undone, or over, when its call or block ends."""

    async def restart(self, host: str) -> Command:
        """Restart the system's units on a host; ends when systemd says that they run again.

        As all commands of faults it prints when it began and when it was done, in seconds since the
        epoch by that host's clock, and ends with `CANNOT`, having printed why, where it is impossible.
        """
        ...

    async def kill(self, host: str) -> Command:
        """End the processes of the system's units with SIGKILL; ends when they run again."""
        ...

    async def cold_start(self) -> Command:
        """Stop the system on all hosts, then start it on all of them at once.

        It prints when they were told to stop and to start, by the controller's clock. Raises
        VpnError when the system does not start.
        """
        ...

    def isolated(
        self, host: str, limit_s: float
    ) -> contextlib.AbstractAsyncContextManager[list[Command]]:
        """Drop what a host and all others send each other below the system, in the block.

        The list has the command that cuts and, after the block, the one that mends.
        """
        ...

    def readdressed(
        self, host: str, to: str | None, limit_s: float
    ) -> contextlib.AbstractAsyncContextManager[list[Command]]:
        """Give a host another address below the system, in the block; None: one that is free."""
        ...

    async def revive(self) -> None:
        """Start the system anew on all hosts. Raises VpnError when it does not start."""
        ...

    async def handshakes(self, host: str, since_s: float) -> Command | None:
        """When the daemon there shook hands since then, at the start of each line in seconds since
        the epoch; None where it does not tell.
        """
        ...

    async def paths(self) -> Mapping[Pair, PathState]:
        """How each ordered pair is connected just now, as the daemons tell it."""
        ...

    @property
    def hub(self) -> bool:
        """Whether paths between other hosts than the special one go over that one by design."""
        ...

    async def reboot(self, host: str) -> Command:
        """Reboot a host; ends when it answers again.

        Outside `at_boot` the system under test is still down there. The command began when the
        host was asked to reboot.
        """
        ...

    def at_boot(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Have the hosts' systemd start the system when they boot, in the block."""
        ...

    async def booted(self, host: str) -> Sequence[Command]:
        """What a host says of its last boot, in the roles of `benchmarks.tools.boot_times`."""
        ...

    async def restore(self, host: str) -> Sequence[Command]:
        """Make kernel settings and impairment of a host that has rebooted what they were before.

        The commands, in the role `RESTORED`, say in their output what a reader must know was not there.
        """
        ...

    def cut(self, pair: Pair) -> contextlib.AbstractAsyncContextManager[None]:
        """Drop what the two hosts send each other below the system under test, in the block."""
        ...


@dataclass
class Arena:
    """All that a benchmark may touch. It names no VPN.

    Attributes:
        hosts: of the testbed, in their order.
        links: those of the campaign, also the ones that are not measured.
        faults: what may be broken, by benchmarks that disturb.
        kept: what `keep` was given.
    """

    hosts: tuple[Host, ...]
    links: tuple[Link, ...]
    faults: Faults
    kept: list[Command] = field(default_factory=list)

    def host(self, name: str) -> Host:
        """The host of that name. Raises StopIteration when there is none."""
        return next(host for host in self.hosts if host.name == name)

    def keep(self, *commands: Command) -> None:
        """Put commands that belong to no link into the record: faults, what hosts say."""
        self.kept += commands


@dataclass(frozen=True)
class Outcome:
    """What measuring a link came to.

    Attributes:
        hasty: whether the tool gave up sooner than the path could be expected to answer, which is
            tried again like a failure of the tool.
    """

    status: Status
    reason: str | None
    commands: Sequence[Command]
    limit_s: float
    hasty: bool = False


@dataclass(frozen=True)
class Observation:
    """One value, of a link or of a host, with a status of its own where it has one.

    Attributes:
        value: in the metric's unit; None where there is none, with a status that says why.
        subject: a link's pair, or a host's name.
        t_s: since the measurement began; None for a value of the whole run.
        mode: of a benchmark that measures in several ways, e.g. ``bidir``.
        stream: of several at the same time.
        settled: whether it stands whatever became of its link: of a run of its own that ended well
            before another one failed. Any other value of a link that failed has the link's status.
    """

    metric: Metric
    value: float | None
    subject: Pair | str
    direction: Direction = "forward"
    mode: str | None = None
    stream: int | None = None
    t_s: float | None = None
    status: Status = Status.OK
    reason: str | None = None
    settled: bool = False


@dataclass(frozen=True)
class Headline:
    """A value of the whole run that every link, or every host, has a row for, also when it failed."""

    metric: Metric
    direction: Direction = "forward"
    mode: str | None = None
    of: Literal["link", "host"] = "link"


class Benchmark(ABC, Generic[OptionsT]):
    """One kind of measurement. A subclass in a module of this package is found by itself."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Of the method. Bumping it measures the benchmark's cells again; a refactoring does not."""
    metrics: ClassVar[tuple[Metric, ...]]
    """All that its observations may be of; the module registers them."""
    packages: ClassVar[tuple[str, ...]] = ()
    """Debian packages that the hosts need for it."""
    programs: ClassVar[tuple[Package, ...]] = ()
    """Packages of programs that the hosts get for it from elsewhere, before a cell is measured."""
    tools: ClassVar[tuple[Tool, ...]] = ()
    """The programs it runs on the hosts, whose versions are asked before a cell is measured."""
    carries_tcp: ClassVar[bool] = False
    """Whether what it measures is TCP: then what the hosts' TCP counted meanwhile speaks of it."""
    disturbs: ClassVar[bool] = False
    """Whether it breaks things on purpose: then a daemon that is down afterwards is not the VPN's
    failure, and a path that is another one no reason for doubt.
    """
    reboots: ClassVar[bool] = False
    """Whether it reboots hosts: one's own must be allowed to (`allow_reboot` in the testbed's file).
    What collectors sample there ends with the first reboot, and nothing is said of it.
    """
    options_class: type[OptionsT]

    def __init__(self, options: OptionsT | None = None) -> None:
        self.options: OptionsT = self.options_class() if options is None else options

    @cached_property
    def supplies(self) -> tuple[Supply, ...]:
        """Where its programs come from, as they are on this machine when this is first asked."""
        resolved = (resolve(package, "benchmark") for package in self.programs)
        return tuple(supply for supply in resolved if supply)

    def program(self, name: str) -> str:
        """How a host runs one of its programs: by its absolute path."""
        return str(next(s for s in self.supplies if name in s.programs).path(name))

    def headlines(self) -> Sequence[Headline]:
        """What is drawn, printed and compared without further code, with these options."""
        return ()

    @property
    def attempts(self) -> int:
        """How often a group is measured at the most when its tool fails."""
        return 1

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        """Which links are measured at the same time; the default is one after the other."""
        return [[link] for link in links]

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        """Have in place what every group needs (servers, keys), and take it away afterwards.

        It is entered while the network is being impaired.
        """
        yield

    async def warm_up(self, group: Sequence[Link], arena: Arena) -> None:
        """Throw-away traffic that ends handshakes and path discovery, and waiting for servers."""
        return

    @abstractmethod
    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        """Measure the links of one group once, all starting together; outcomes in their order.

        The group is warm: what is not measuring belongs into `warm_up`, so that the links start
        within `runner.groups.START_SPREAD_S` of each other. A group is measured again as a whole
        when a tool failed on one of its links.
        """

    @abstractmethod
    def parse(self, record: Record) -> Iterator[Observation]:
        """The values in a record's native output (pure). Raises ValueError when it is unreadable."""

    def marks(self, link: LinkRecord) -> Iterator[str]:
        """What a reader of a link's values must know of how the tool itself fared (pure)."""
        yield from ()

    def series_start_s(self, link: LinkRecord) -> float | None:
        """When `t_s` of a link's single RTTs is 0 (pure), by the source's clock in seconds since the
        epoch; None where it has none.
        """
        return None

    @abstractmethod
    def duration_s(self) -> float:
        """About how long measuring one group takes, for the plan."""

    def longest_s(self) -> float:
        """How long that may take at the most: as long the network stays impaired."""
        return self.duration_s()


class PerLink(Benchmark[OptionsT]):
    """A benchmark whose output is read link by link."""

    def parse(self, record: Record) -> Iterator[Observation]:
        for link in record.links:
            yield from self.parse_link(link)

    @abstractmethod
    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        """The values in a link's native output (pure). Raises ValueError when it is unreadable."""
