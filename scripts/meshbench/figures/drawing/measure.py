"""One metric of one benchmark as figures tell it, and the units in which they do."""

from dataclasses import dataclass

OVERLOAD_MODES = ("bidir", "single")
"""Of UDP without a rate limit: both directions at once as in the thesis, else one at a time."""


@dataclass(frozen=True)
class Unit:
    """A unit in which values are told.

    Attributes:
        stored: the unit of the samples.
        scale: from that unit to this one.
        key: ends the names of CSV columns.
        latex: as siunitx source.
    """

    stored: str
    scale: float
    key: str
    latex: str


UNITS = {
    "Mbit/s": Unit("bit/s", 1e-6, "mbit_s", "\\mega\\bit\\per\\second"),
    "%": Unit("1", 100.0, "percent", "\\percent"),
    "% of segments": Unit("1", 100.0, "percent", "\\percent"),
    "count": Unit("1", 1.0, "count", ""),
    "ms": Unit("ms", 1.0, "ms", "\\milli\\second"),
    "1/min": Unit("1/min", 1.0, "per_min", "\\per\\minute"),
    "s": Unit("s", 1.0, "s", "\\second"),
    "byte": Unit("byte", 1.0, "bytes", "\\byte"),
    "KiB": Unit("byte", 1 / 1024, "kib", "\\kibi\\byte"),
}


def told(stored: str) -> tuple[str, Unit]:
    """In what values of a stored unit are told where no figure says so, and its name."""
    if stored == "bit/s":
        return "Mbit/s", UNITS["Mbit/s"]
    return stored, UNITS.get(stored, Unit(stored, 1.0, stored, ""))


@dataclass(frozen=True)
class Measure:
    """One metric of one benchmark, and how it is told.

    Attributes:
        benchmark: its name.
        metric: its name.
        unit: in which it is told, one of `UNITS`.
        direction: 'forward' or 'reverse'.
        bound: the least end of its axis in that unit, so that nothing is not blown up.
        modes: those of which it is, of a benchmark that measures in several ways; the first that
            the campaign has counts. All of them when empty.
    """

    benchmark: str
    metric: str
    unit: str
    direction: str = "forward"
    bound: float = 0.0
    modes: tuple[str, ...] = ()

    @property
    def scale(self) -> float:
        """From the stored unit to the one in which it is told."""
        return UNITS[self.unit].scale


@dataclass(frozen=True)
class SideBySide:
    """Measures under every profile beside each other, each with its title.

    Attributes:
        what: they are, in a sentence.
        stacked: whether they stand below each other, and profiles beside each other.
        one_scale: the titles of those whose axes of a profile have one scale, when stacked.
    """

    parts: tuple[tuple[str, Measure], ...]
    what: str
    stacked: bool = False
    one_scale: tuple[str, ...] = ()


@dataclass(frozen=True)
class ByProfile:
    """A measure under every profile, and what it is in a sentence.

    Attributes:
        log: whether a chart's axes are logarithmic.
    """

    measure: Measure
    what: str
    log: bool = False
