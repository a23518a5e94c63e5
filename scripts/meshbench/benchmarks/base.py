"""The contract of a benchmark: its options, how it measures one link, how its output is parsed."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, LinkRecord, Status
from meshbench.testbed.host import Host


@dataclass(frozen=True)
class Link:
    """An ordered pair of hosts, and the address by which the source reaches the target."""

    source: Host
    target: Host
    source_address: str
    target_address: str
    interface: str
    delay_s: float = 0.0
    """The profile's largest added round-trip time: time limits grow with it."""


@dataclass(frozen=True)
class Outcome:
    """What measuring a link came to."""

    status: Status
    reason: str | None
    commands: Sequence[Command]
    limit_s: float


@dataclass(frozen=True)
class Value:
    """One value of a parsed link; the rest of its sample row comes from the record."""

    metric: Metric
    value: float | None
    t_s: float | None = None
    direction: str = "forward"
    mode: str | None = None
    stream: int | None = None


class Benchmark(ABC):
    """One kind of measurement. A subclass in a module of this package is found by itself."""

    name: ClassVar[str]
    version: ClassVar[int]
    """Of the method. Bumping it measures the benchmark's cells again; a refactoring does not."""
    options_class: ClassVar[type[Strict]]
    metrics: ClassVar[tuple[Metric, ...]]
    packages: ClassVar[tuple[str, ...]] = ()
    """Debian packages the hosts need for it."""
    concurrent: ClassVar[bool] = False
    """Whether the links are measured at the same time (only where they load nothing)."""

    def __init__(self, options: Strict | None = None) -> None:
        self.options = self.options_class() if options is None else options

    async def prepare(self, hosts: Sequence[Host]) -> None:
        """Put in place what the hosts need before any link is measured (servers, keys)."""
        return

    async def clean_up(self, hosts: Sequence[Host]) -> None:
        """Take away what `prepare` put in place."""
        return

    async def warm_up(self, link: Link) -> None:
        """Throw-away traffic that ends handshakes and path discovery before measuring."""
        return

    @abstractmethod
    async def measure(self, link: Link) -> Outcome:
        """Measure one link once."""

    @abstractmethod
    def parse(self, link: LinkRecord) -> Iterator[Value]:
        """The values in a link's native output (pure). Raises ValueError when it is unreadable."""

    def constants(self, settings: Mapping[str, Any]) -> Iterator[Value]:
        """Values that follow from a cell's settings and belong beside the measured ones."""
        yield from ()

    @abstractmethod
    def duration_s(self) -> float:
        """About how long one link takes, for the plan."""
