"""What a caption says of all that its figure shows: of how many rounds it is, and what cannot be told."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing.analysed import LEAST_ROUNDS, Shown, panels, rests_on
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.wording import counted, joined
from meshbench.results.records import BARE

_MOST = 3
"""So many places are named; the figures `rank_intervals` and `effects` have all of them."""


def told(groups: Iterable[Group], data: Data, context: Context) -> str:
    """How many rounds the estimates of these groups rest on, and which systems they do not tell apart.

    Args:
        groups: what the figure shows, in all its metrics.
        data: with the tables `contract.ANALYSED`.
        context: what was planned; the first tuning's systems are told apart.
    """
    shown = list(groups)
    counts = {column.estimate.rounds for group in shown for column in group.known.values()}
    sentences = [rests_on(counts)]
    if max(counts, default=0) >= LEAST_ROUNDS:
        sentences += _untold(_places(shown, context), data)
    return " ".join(sentence for sentence in sentences if sentence)


def _untold(places: Sequence["Place"], data: Data) -> list[str]:
    if not places:
        return []
    return [
        _sentence("Cannot be told from the first of their tier", tied(places, data)),
        _sentence("Cannot be told from the bare link", unsure(places, data)),
    ]


@dataclass(frozen=True)
class Place:
    """A series under one profile and tuning, and the systems that are shown there."""

    series: Shown
    profile: str
    tuning: str
    vpns: frozenset[str]

    def of(self, data: Data, table: str, **equal: str) -> list[Row]:
        """Its rows of a table of the analysis."""
        rows = self.series.read(data, table, profile=self.profile, tuning=self.tuning, **equal)
        return [row for row in rows if row["vpn"] in self.vpns]


def _places(groups: Sequence[Group], context: Context) -> list[Place]:
    by_place: dict[tuple[Shown, str], set[str]] = {}
    for group in (candidate for candidate in groups if candidate.tuning == context.tunings[0]):
        for column in group.known.values():
            if column.series is not None:
                by_place.setdefault((column.series, group.profile), set()).add(group.vpn)
    return [
        Place(series, profile, context.tunings[0], frozenset(vpns))
        for (series, profile), vpns in by_place.items()
    ]


def every(data: Data, context: Context) -> list[Place]:
    """What the figures over the tables of the analysis show."""
    return [
        Place(series, profile, context.tunings[0], frozenset(row["vpn"] for row in rows))
        for series, profile, rows in panels(data, context)
    ]


Told = Iterator[tuple[str, Place]]
"""Names of systems in words, and where that is."""


def tied(places: Iterable[Place], data: Data) -> Told:
    """Systems that share a tier of the table `ranks`."""
    for place in places:
        mine = [row for row in place.of(data, "ranks") if row["rank_low"] is not None]
        for tier in sorted({row["tier"] for row in mine}):
            names = [row["vpn"] for row in mine if row["tier"] == tier]
            if len(names) > 1:
                yield joined(names), place


def unsure(places: Iterable[Place], data: Data) -> Told:
    """Systems of which the table `effects` says that they cannot be told from the bare link."""
    for place in places:
        rows = place.of(data, "effects", reference=BARE, verdict="cannot tell")
        names = [
            row["vpn"]
            for row in rows
            if row["p"] is not None
            and (row["tuning"], row["placement"])
            == (row["reference_tuning"], row["reference_placement"])
        ]
        if names:
            yield joined(names), place


def _sentence(heading: str, pairs: Told) -> str:
    entries = list(pairs)
    if not entries:
        return ""
    parts = [
        f"{names} ({place.series.title} at {place.profile})" for names, place in entries[:_MOST]
    ]
    more = f" and in {counted(len(entries) - _MOST, 'more place')}" if len(entries) > _MOST else ""
    return f"{heading}: {'; '.join(parts)}{more}."
