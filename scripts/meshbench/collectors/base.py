"""The contract of a collector: what is looked at beside every benchmark, whatever it measures."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import ClassVar

from meshbench.benchmarks.base import Observation
from meshbench.results.metrics import Metric
from meshbench.results.records import Command, Record
from meshbench.vpns.common.lifecycle import Mesh


class Collector(ABC):
    """One thing looked at. A subclass in a module of this package is found by itself.

    It must load the hosts so little that no benchmark sees it.
    """

    name: ClassVar[str]
    metrics: ClassVar[tuple[Metric, ...]]
    """All that its observations may be of; the module registers them."""

    async def start(self, mesh: Mesh) -> None:
        """Begin on the mesh's hosts, when everything is in place and nothing is measured yet."""
        return

    async def stop(self, mesh: Mesh) -> Sequence[Command]:
        """End, also when the measurement broke, and return the commands that hold what was seen."""
        return ()

    def marks(self, commands: Sequence[Command]) -> Iterator[str]:
        """What a reader must know of what `stop` returned, e.g. that nothing was seen (pure)."""
        yield from ()

    @abstractmethod
    def parse(self, record: Record) -> Iterator[Observation]:
        """The values in a record (pure); the commands are in ``record.collected[name]``."""
