"""Rows of a table put together by what a figure draws: all rounds and links of one system."""

import itertools
import statistics
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from meshbench.analysis.estimates import Estimate
from meshbench.figures.contract import Context, Row
from meshbench.figures.drawing import theme
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.theme import STATUSES, Look, ordered, profile_order
from meshbench.figures.drawing.wording import joined, number, shortened

Variant = tuple[str | None, str | None]
"""Mode and direction."""
_Place = tuple[str, str]
"""System and profile."""
_MANY_TUNINGS = 3
"""So many are counted in a footnote, fewer are named."""


@dataclass(frozen=True)
class Point:
    """One measured value, and where it comes from."""

    value: float
    round: int
    link: str


@dataclass(frozen=True)
class Spread:
    """A centre with an interval or a range around it; `what` says which."""

    centre: float
    low: float
    high: float
    what: str
    interval: bool = False


INTERVAL = "95 % interval of the median"
OPEN = f"{INTERVAL}, open towards the time-outs"


@dataclass(frozen=True)
class Known:
    """What the analysis says of one column of a group (`estimated`).

    Attributes:
        estimate: its centre and interval.
        series: the metric of the table `estimates` that it is; None of what that table does not have.
        effect: the row of the table `effects` that compares it with the bare link of the same rounds.
    """

    estimate: Estimate
    series: Shown | None = None
    effect: Row | None = None


@dataclass(frozen=True)
class Group:
    """Everything about one system under one profile, in one mode and direction.

    Attributes:
        rows: of the table, one per round and link that has a record.
        planned: how many rows there should be.
        known: by column, its centre and interval, from the analysis.
    """

    vpn: str
    tuning: str
    profile: str
    mode: str | None
    direction: str | None
    rows: tuple[Row, ...]
    planned: int
    known: Mapping[str, Known] = field(default_factory=dict)

    @property
    def counts(self) -> Counter[str]:
        """How many rows have each status, 'not_run' among them."""
        by_status = Counter(str(row["status"]) for row in self.rows)
        by_status["not_run"] = max(0, self.planned - len(self.rows))
        return by_status

    @property
    def n_ok(self) -> int:
        return self.counts["ok"]

    @property
    def trouble(self) -> str | None:
        """What went wrong most often, None when all rows are ok; 'not_run' where there are none."""
        return next(iter(self.troubles), None) if self.rows else "not_run"

    @property
    def troubles(self) -> dict[str, int]:
        """How often each thing went wrong: the commonest first, the worse one of equals; last what was not run."""
        by_status = {status: n for status, n in self.counts.items() if n and status != "ok"}
        order = list(STATUSES)
        return dict(
            sorted(
                by_status.items(),
                key=lambda item: (item[0] == "not_run", -item[1], order.index(item[0])),
            )
        )

    @property
    def reason(self) -> str | None:
        """Why, for what went wrong most often: the commonest reason."""
        reasons = Counter(
            str(row["reason"])
            for row in self.rows
            if row["status"] == self.trouble and row["reason"]
        )
        return min(reasons, key=lambda text: (-reasons[text], text), default=None)

    @property
    def marks(self) -> tuple[str, ...]:
        return tuple(sorted({mark for row in self.rows for mark in row["marks"] or ()}))

    def points(self, column: str, scale: float = 1.0) -> list[Point]:
        """The values of a column that are there, times a scale."""
        return [
            Point(row[column] * scale, row["round"], place(row))
            for row in self.rows
            if row[column] is not None
        ]

    def by_round(self, column: str, scale: float = 1.0) -> dict[int, float]:
        """The median over the links of each round that has any value, for what is drawn by round."""
        per_round: dict[int, list[float]] = {}
        for point in self.points(column, scale):
            per_round.setdefault(point.round, []).append(point.value)
        return {round_: statistics.median(values) for round_, values in sorted(per_round.items())}

    def centre(self, column: str, scale: float = 1.0) -> float | None:
        """The median over rounds of the median over links; None without a value."""
        value = self.known[column].estimate.value
        return None if value is None else value * scale

    def told(self, column: str, scale: float = 1.0, digits: int = 3, most: int = 6) -> str:
        """The centre as text, and where time-outs leave no more known of it, that it is a bound."""
        sign = "≥ " if self.known[column].estimate.bound else ""
        return f"{sign}{number(self.centre(column, scale), digits, most)}"

    def spread(self, column: str, scale: float = 1.0) -> Spread | None:
        """The centre with its 95 % interval over rounds where there are enough of them (six), and
        with the range of all points otherwise; None without a value.
        """
        centre, estimate = self.centre(column, scale), self.known[column].estimate
        if centre is None:
            return None
        points = [point.value for point in self.points(column, scale)] or [centre]
        if estimate.low is None:
            return Spread(centre, min(points), max(points), "range")
        low = estimate.low * scale
        if estimate.high is None:
            return Spread(centre, low, max(*points, centre, low), OPEN, interval=True)
        return Spread(centre, low, estimate.high * scale, INTERVAL, interval=True)


def place(row: Row) -> str:
    """The link that a row is of, or the host, which stands at both of its ends."""
    source, target = row["source"], row["target"]
    return f"{source}→{target}" if source != target else str(source)


def variants(rows: Iterable[Row]) -> list[Variant]:
    """The modes and directions in the rows, single before bidirectional and forward before reverse."""
    pairs = {(row["mode"], row["direction"]) for row in rows if row["direction"] is not None}
    return sorted(pairs, key=lambda v: (v[0] != "single", v[0] or "", v[1])) or [(None, None)]


def collect(rows: Sequence[Row], context: Context, *, modes: bool = False) -> list[Group]:
    """A group for everything that was planned or measured, in drawing order.

    Args:
        rows: of one benchmark; with columns mode and direction if `modes`.
        context: what was planned.
        modes: whether to keep modes and directions apart.
    """
    parts = variants(rows) if modes else [(None, None)]
    index: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        index.setdefault((row["vpn"], row["tuning"], row["profile"]), []).append(row)
    links = len({(row["source"], row["target"]) for row in rows})
    benchmarks = {row.get("benchmark", "") for row in rows}
    benchmark = str(benchmarks.pop()) if len(benchmarks) == 1 else ""
    repeats = _repeats(rows)
    groups = (
        _group(
            (vpn, tuning, profile),
            variant,
            index.get((vpn, tuning, profile), []),
            repeats * context.planned(vpn, tuning, links, benchmark=benchmark, profile=profile),
        )
        for profile, variant, vpn, tuning in itertools.product(
            profile_order(context.profiles, {row["profile"] for row in rows}),
            parts,
            ordered(context.vpns, {row["vpn"] for row in rows}),
            ordered(context.tunings, {row["tuning"] for row in rows}),
        )
    )
    there = {(row["vpn"], row["tuning"]) for row in rows}
    return [group for group in groups if group.planned or (group.vpn, group.tuning) in there]


_CELL = ("vpn", "tuning", "profile", "round", "source", "target", "mode", "direction")


def _repeats(rows: Sequence[Row]) -> int:
    """How many values a link has of one measurement: more than one where runs are kept apart."""
    return max(Counter(tuple(row.get(key) for key in _CELL) for row in rows).values(), default=1)


def _group(key: tuple[str, str, str], variant: Variant, rows: Sequence[Row], planned: int) -> Group:
    mine = tuple(
        row for row in rows if variant == (None, None) or (row["mode"], row["direction"]) == variant
    )
    return Group(*key, *variant, rows=mine, planned=max(planned, len(mine)))


def find(
    groups: Iterable[Group], vpn: str, profile: str, tuning: str | None = None
) -> Group | None:
    """The first group of that system and profile (and tuning)."""
    for group in groups:
        if (group.vpn, group.profile) == (vpn, profile) and tuning in {None, group.tuning}:
            return group
    return None


def system(group: Group, context: Context) -> str:
    """The system, with its tuning where the campaign has several."""
    return named(group.vpn, group.tuning, context)


def named(vpn: str, tuning: str, context: Context) -> str:
    """The same of a row."""
    return vpn if len(context.tunings) == 1 else f"{vpn} ({tuning})"


def drawn_as(group: Group, context: Context) -> str:
    """Whose look a system has: under another tuning than the first that of a variant of itself."""
    first = group.tuning == context.tunings[0]
    return group.vpn if first else f"{group.vpn}+{group.tuning}"


def look(group: Group, context: Context) -> Look:
    """How a system is drawn under its tuning."""
    return theme.look(drawn_as(group, context))


def became(group: Group) -> str:
    """What became of a group without values: a glyph and words, or glyphs and counts of several."""
    failed = {status: n for status, n in group.troubles.items() if status != "not_run"}
    if len(failed) > 1:
        return ", ".join(f"{STATUSES[status].glyph} {n}" for status, n in failed.items())
    style = STATUSES[group.trouble or "ok"]
    return f"{style.glyph} {style.words}".strip()


def arrow(group: Group) -> str:
    """The direction as an arrow after a space; empty where it is not known."""
    return {"forward": " →", "reverse": " ←"}.get(group.direction or "", "")


def troubles(groups: Iterable[Group], context: Context) -> list[str]:
    """Footnotes on what lacks values: where, how many, in what way, and why."""
    all_groups = list(groups)
    where: dict[tuple[str, str], list[Group]] = {}
    for group in all_groups:
        counts = group.counts
        parts = [
            f"{counts[status]} of {group.planned} {style.words}"
            for status, style in STATUSES.items()
            if status != "ok" and counts[status]
        ]
        if parts:
            why = f": {shortened(group.reason, 120)}" if group.reason else ""
            where.setdefault((system(group, context), ", ".join(parts) + why), []).append(group)
    alike: dict[tuple[str, str], list[str]] = {}
    for (who, trouble), mine in where.items():
        alike.setdefault((_places(mine, all_groups), trouble), []).append(who)
    return [f"{joined(who)}, {places}: {trouble}" for (places, trouble), who in alike.items()]


def _places(mine: Sequence[Group], all_groups: Sequence[Group]) -> str:
    panels = {(group.profile, group.mode, group.direction) for group in all_groups}
    here = {(group.profile, group.mode, group.direction) for group in mine}
    if here == panels:
        return "everywhere"
    words: list[str] = []
    for profile in dict.fromkeys(group.profile for group in mine):
        inside = [panel for panel in here if panel[0] == profile]
        if len(inside) == sum(panel[0] == profile for panel in panels):
            words.append(profile)
        else:
            words += [
                f"{profile} ({group.mode}{arrow(group)})"
                for group in mine
                if group.profile == profile
            ]
    return ", ".join(words)


def marked(groups: Iterable[Group], context: Context) -> list[str]:
    """One footnote for each mark that a reader must know, and where it applies."""
    planned: dict[_Place, dict[str, None]] = {}
    places: dict[str, dict[_Place, dict[str, None]]] = {}
    for group in groups:
        place, name = (group.vpn, group.profile), system(group, context)
        planned.setdefault(place, {})[name] = None
        for mark in group.marks:
            places.setdefault(mark, {}).setdefault(place, {})[name] = None
    return [
        f"† {mark} ({'; '.join(_where(marked, planned))})"
        for mark, marked in sorted(places.items())
    ]


def _where(
    marked: Mapping[_Place, Collection[str]], planned: Mapping[_Place, Collection[str]]
) -> Iterator[str]:
    """Places in words; of a system under more than two tunings how many they are."""
    for (vpn, profile), names in marked.items():
        of = len(planned[vpn, profile])
        few = len(names) < _MANY_TUNINGS
        count = "all" if len(names) == of else f"{len(names)} of"
        yield from (f"{name}, {profile}" for name in names if few)
        if not few:
            yield f"{vpn} under {count} {of} tunings, {profile}"
