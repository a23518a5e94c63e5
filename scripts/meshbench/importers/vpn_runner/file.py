"""One file of the inputs on its way into the tables."""

from dataclasses import dataclass, field
from typing import Any

from meshbench.importers.vpn_runner import runs
from meshbench.importers.vpn_runner.index import Place, Spot
from meshbench.importers.vpn_runner.outcome import LinkOutcome
from meshbench.importers.vpn_runner.report import State


@dataclass
class File:
    """A file with what it holds, and what becomes of it.

    Attributes:
        path: with the input's name, for people.
        size: in bytes.
        source: the number of its input.
        spot: what its path says; None where that is nothing.
        links: what it holds of each link.
        facts: what it holds besides.
        state: what becomes of it, as far as is known.
        reason: why it is not imported.
        run: its run, once it is placed.
        place: its place in that run.
    """

    path: str
    size: int
    source: int
    spot: Spot | None = None
    links: list[LinkOutcome] = field(default_factory=list)
    facts: Any = None
    state: State = State.IMPORTED
    reason: str | None = None
    run: runs.Key | None = None
    place: Place | None = None
    stands_in: bool = False
    """Whether it is there for the link of another file, which had to be set aside."""

    @property
    def good(self) -> bool:
        return self.state is State.IMPORTED and self.run is not None

    def drop(self, state: State, reason: str) -> None:
        """Leave it out, and say why."""
        self.state, self.reason = state, reason
