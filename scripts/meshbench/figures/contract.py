"""What a figure is, and what it is given: tables and the plan of the campaign.

A figure is declared in the `catalogue` of its subject below `charts`, as a `Figure`. Its module, of
the same name beside it, has

* ``draw(data, context) -> alt.TopLevelMixin``, for a chart,
  or ``tabulate(data, context) -> tabular.Table``, for a table;
* ``caption(data, context) -> str``, made from the data: a ratio comes with both its operands;
* and may have ``notes(data, context) -> Sequence[str]``: footnotes, such as what is missing and why.

Nothing here imports Altair or Arrow: a Snakefile may ask what figures there are at little cost.
"""

import dataclasses
import functools
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, cast

from meshbench.analysis.decisions import read as read_decisions
from meshbench.results.metrics import Metric
from meshbench.tables import registry
from meshbench.util.errors import MeshbenchError

if TYPE_CHECKING:
    import pyarrow as pa

CHART_FORMATS = ("svg", "png", "pdf", "html")
TABLE_FORMATS = ("csv", "tex")
ANALYSED = ("estimates", "effects", "ranks")
"""The tables that centres, intervals and what cannot be told are from (`drawing.estimated`, `drawing.doubt`)."""
SELF_TOLD = ("timing", "netem")
"""What an imported run says of its own times and settings: of the form of a benchmark, and none."""

Row = Mapping[str, Any]
_NOTE = "note"
"""The severity of what a careful reader keeps in mind anyway: in the report only."""


class Headline(NamedTuple):
    """A value that every link, or every host, of a benchmark's cells has a row for."""

    benchmark: str
    metric: str
    mode: str | None
    direction: str
    of: str
    """'link' or 'host'."""


@dataclass(frozen=True)
class Context:
    """What was planned, so that a figure can show what is missing.

    Attributes:
        vpns, tunings, profiles, benchmarks: in the order in which they are drawn.
        links: ordered pairs (source, target).
        testbed: its kind, e.g. 'lab', 'ssh', 'fake'.
        placement: where it was impaired: the only one, or the first of several.
        placements: all of them, where there are several.
        stops: VPN, tuning, placement and profile of what was measured in fewer rounds, and in how many.
        engine: as configured; figures say what the records say where they say it.
        runs: of an import, each system's tuning and round in every run that holds it; none for a
            campaign measured here, of which every system has every tuning in all rounds.
        tests: of an import, what each run set out to do: its tuning and round, benchmark, profile,
            and over how many links; as `runs`.
        headlines: of each benchmark, in its own order; of some none may be known.
    """

    campaign: str
    vpns: tuple[str, ...]
    tunings: tuple[str, ...]
    profiles: tuple[str, ...]
    benchmarks: tuple[str, ...]
    rounds: int
    links: tuple[tuple[str, str], ...]
    testbed: str
    placement: str
    engine: str = "auto"
    runs: tuple[tuple[str, str, int], ...] = ()
    tests: tuple[tuple[str, int, str, str, int], ...] = ()
    headlines: tuple[Headline, ...] = ()
    placements: tuple[str, ...] = ()
    stops: tuple[tuple[str, str, str, str, int], ...] = ()

    @property
    def at(self) -> str | None:
        """The placement that a figure of one shows; None where there is but one."""
        return self.placement if len(self.placements) > 1 else None

    def to_dict(self) -> dict[str, Any]:
        """As plain lists and strings, for a rule's params or a JSON file."""
        plain = dataclasses.asdict(self)
        plain["links"] = [list(pair) for pair in self.links]
        plain["headlines"] = [list(headline) for headline in self.headlines]
        return {
            key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`. Raises TypeError for an unknown or missing key."""
        fields: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in plain.items()
        }
        fields["links"] = tuple((source, target) for source, target in plain["links"])
        fields["stops"] = tuple(tuple(stop) for stop in plain.get("stops", ()))
        fields["headlines"] = tuple(Headline(*parts) for parts in plain.get("headlines", ()))
        return cls(**fields)

    def told(self, facts: Path | None) -> "Context":
        """With what imported runs hold, which only their import knows: what none of them has a
        file of was not planned.

        Args:
            facts: what the import wrote, by run; None for a campaign that was measured here.
        """
        if facts is None:
            return self
        runs = json.loads(facts.read_text(encoding="utf-8")).values()
        if not runs:
            return self
        held = {(vpn, run["tuning"], run["round"]) for run in runs for vpn in run["vpns"]}
        return dataclasses.replace(
            self,
            runs=tuple(sorted(held)),
            tests=tuple(sorted(_tests(runs))),
            rounds=max(run["round"] for run in runs),
            vpns=_found(self.vpns, {vpn for run in runs for vpn in run["vpns"]}),
            tunings=_found(self.tunings, {run["tuning"] for run in runs}),
            profiles=_found(self.profiles, {name for run in runs for name in run["profiles"]}),
        )

    def ended(self, decisions: Path | None) -> "Context":
        """With what was not measured in all rounds.

        Args:
            decisions: what was decided last on who goes on; None where all have as many rounds.
        """
        stops = (
            decision for decision in read_decisions(decisions).values() if not decision.goes_on
        )
        return dataclasses.replace(
            self, stops=tuple((*decision.group, decision.rounds) for decision in stops)
        )

    def _last_round(self, vpn: str, tuning: str, profile: str, placement: str) -> int:
        """Of a system at a placement; without a profile, of the one with the most."""
        last_rounds = {(v, t, f): r for v, t, place, f, r in self.stops if place == placement}
        names = (profile,) if profile else self.profiles
        return max(
            (last_rounds.get((vpn, tuning, f), self.rounds) for f in names), default=self.rounds
        )

    def rounds_of(
        self, vpn: str, tuning: str, benchmark: str = "", profile: str = "", placement: str = ""
    ) -> tuple[int, ...]:
        """The rounds in which a system was to be measured under a tuning; none if it was not.

        Args:
            vpn: its name.
            tuning: its name.
            benchmark: only those in which this was to be run.
            profile: only those in which that was to be run under this.
            placement: where it was impaired, if not as shown.
        """
        if not self.runs:
            last = self._last_round(vpn, tuning, profile, placement or self.placement)
            return tuple(range(1, last + 1)) if vpn in self.vpns else ()
        rounds = tuple(r for v, t, r in self.runs if (v, t) == (vpn, tuning))
        if not (self.tests and benchmark):
            return rounds
        held = {
            r
            for t, r, b, p, _ in self.tests
            if (t, b) == (tuning, benchmark) and profile in {"", p}
        }
        return tuple(r for r in rounds if r in held)

    def planned(
        self, vpn: str, tuning: str, links: int = 0, *, benchmark: str = "", profile: str = ""
    ) -> int:
        """How many values that system should have under one profile: rounds x links.

        Args:
            vpn: its name.
            tuning: its name.
            links: of the benchmark, where it has more than the campaign's, e.g. all pairs of hosts.
            benchmark: its name, as a run that was imported need not have set out to do all of them.
            profile: its name; the same.
        """
        rounds = self.rounds_of(vpn, tuning, benchmark, profile)
        if self.runs and self.tests and benchmark:
            wanted = (tuning, benchmark, profile)
            return sum(n for t, r, b, p, n in self.tests if (t, b, p) == wanted and r in rounds)
        return len(rounds) * max(len(self.links), links)


def _tests(runs: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, int, str, str, int]]:
    return (
        (run["tuning"], run["round"], benchmark, profile, test["links"])
        for run in runs
        for benchmark, test in run.get("tests", {}).items()
        for profile in test["profiles"]
    )


def _found(planned: Sequence[str], there: Collection[str]) -> tuple[str, ...]:
    return (*(name for name in planned if name in there), *sorted(set(there) - set(planned)))


@dataclass(frozen=True)
class Data:
    """The tables that a figure reads, by name."""

    tables: Mapping[str, "pa.Table"]

    @classmethod
    def read(cls, paths: Mapping[str, Path]) -> Self:
        """Read tables from Parquet files; numbers too large for any axis are missing, with the reason."""
        import pyarrow.parquet as pq  # noqa: PLC0415

        return cls(
            {name: drawable(pq.read_table(path, partitioning=None)) for name, path in paths.items()}
        )

    def placed(self, placement: str | None) -> "Data":
        """What was measured with impairment there, of the tables that say so; all of it for None."""
        if placement is None:
            return self
        import pyarrow.compute as pc  # noqa: PLC0415

        return Data(
            {
                name: table.filter(pc.equal(table["placement"], placement))
                if "placement" in table.column_names
                else table
                for name, table in self.tables.items()
            }
        )

    def rows(self, name: str, **equal: Any) -> list[Row]:
        """A table's rows, those whose columns equal the given values (None: without one). Raises KeyError."""
        import pyarrow.compute as pc  # noqa: PLC0415

        table = self.tables[name]
        wanted = [
            pc.is_null(table[column]) if value is None else pc.equal(table[column], value)
            for column, value in equal.items()
        ]
        chosen = table.filter(functools.reduce(pc.and_, wanted)) if wanted else table
        return cast("list[Row]", chosen.to_pylist())


LARGEST = 1e18
"""No axis, sum or number of ours goes further; more than this is no measurement."""


def drawable(table: "pa.Table") -> "pa.Table":
    """A table without infinities, NaN and numbers beyond `LARGEST`.

    A row that had one in a column of values is not ok any more, where it has a status and a reason.
    """
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    for field in (field for field in table.schema if pa.types.is_floating(field.type)):
        column = table[field.name]
        good = pc.less_equal(pc.abs(column), LARGEST)
        if pc.all(good).as_py() is not False:
            continue
        bad = pc.fill_null(pc.invert(good), False)
        table = _replaced(table, field.name, pc.if_else(good, column, None))
        if {"status", "reason"} <= set(table.column_names):
            shown = pc.binary_join_element_wise(
                f"{field.name} of", pc.cast(column, pa.string()), "cannot be drawn", " "
            )
            spoilt = pc.and_(bad, pc.equal(table["status"], "ok"))
            reasons = pc.if_else(spoilt, shown, pc.cast(table["reason"], pa.string()))
            statuses = pc.if_else(spoilt, "tool_failed", pc.cast(table["status"], pa.string()))
            table = _replaced(_replaced(table, "reason", reasons), "status", statuses)
    return table


def _replaced(table: "pa.Table", name: str, values: Any) -> "pa.Table":
    return table.set_column(table.column_names.index(name), name, values)


@dataclass(frozen=True)
class Concern:
    """Which findings of the sanity rules are about what a figure shows.

    Attributes:
        benchmarks: those whose values it shows; none for a figure about the campaign itself.
        first_profile: whether it shows the first profile only.
        systems: those it shows, where these are not all.
    """

    benchmarks: tuple[str, ...]
    first_profile: bool = False
    systems: tuple[str, ...] = ()

    def __call__(self, finding: Mapping[str, Any], first_profile: str) -> bool:
        """Whether a finding, a row of the table of findings, is one of these."""
        profiles = {None, first_profile} if self.first_profile else {finding["profile"]}
        return (
            finding["severity"] != _NOTE
            and finding["benchmark"] in self.benchmarks
            and finding["profile"] in profiles
            and (not self.systems or finding["vpn"] in {None, *self.systems})
        )


@dataclass(frozen=True)
class Plan:
    """What a campaign will have. None where only its data tell, as of an import."""

    benchmarks: Collection[str]
    systems: Collection[str] | None = None
    tunings: Collection[str] | None = None
    rounds: int | None = None
    placements: Collection[str] | None = None
    controls: bool = False


@dataclass(frozen=True)
class Figure:
    """What a figure is, as its subject's catalogue declares it.

    Attributes:
        name: of its files, and of its module unless `module` says another.
        title: as shown.
        tables: the aggregate tables it reads.
        formats: the kinds of file it is written as: `CHART_FORMATS`, `TABLE_FORMATS` or both.
        benchmarks: those whose values it shows; 'calibration' is had by all that is measured here.
            It suits a campaign that has one of them, or any campaign where none is named.
        together: whether the campaign must have all of them.
        systems: those it shows, where these are not all; the campaign must have them.
        tunings: how many the campaign must have.
        rounds: how many the campaign must have.
        placements: how many the campaign must have; a figure of one shows the first one of several.
        controls: whether the campaign must have something of which one knows how it compares.
        first_profile: whether it shows the first profile only.
        judged: whether what the sanity rules found of its benchmarks belongs below it.
        module: dotted, below `meshbench.figures`; of a figure that shares one with others.
        of: what this figure is about, the first argument of such a module's functions.
    """

    name: str
    title: str
    tables: tuple[str, ...] = ("measures", *ANALYSED)
    formats: tuple[str, ...] = CHART_FORMATS
    benchmarks: tuple[str, ...] = ()
    together: bool = False
    systems: tuple[str, ...] = ()
    tunings: int = 1
    rounds: int = 1
    placements: int = 1
    controls: bool = False
    first_profile: bool = False
    judged: bool = True
    module: str = ""
    of: Any = None

    def chosen(self, data: Data, context: Context) -> Data:
        """What it shows of its tables."""
        return data if self.placements > 1 else data.placed(context.at)

    @property
    def concern(self) -> Concern:
        """The findings that are its footnotes."""
        shown = self.benchmarks if self.judged else ()
        return Concern(shown, self.first_profile, self.systems)

    def suits(self, plan: Plan) -> bool:
        """Whether a campaign has, or may turn out to have, something that it shows."""
        there = [name in plan.benchmarks for name in self.benchmarks]
        return (
            (all(there) if self.together or not there else any(there))
            and (plan.systems is None or set(self.systems) <= set(plan.systems))
            and (plan.tunings is None or len(plan.tunings) >= self.tunings)
            and (plan.rounds is None or plan.rounds >= self.rounds)
            and self.placements <= len(plan.placements or ("one",))
            and self.controls <= plan.controls
        )


def frame(rows: Sequence[Row]) -> "pa.Table":
    """What a chart draws, as Arrow: Altair copies plain rows again for each layer around them.

    All rows must have the first one's keys.
    """
    import pyarrow as pa  # noqa: PLC0415

    return pa.Table.from_pylist([dict(row) for row in rows])


def axis_title(metric: str, unit: str | None = None) -> str:
    """A registered metric's title with the unit in which it is drawn.

    Args:
        metric: its name.
        unit: where the figure scales the values; the metric's own when None.

    Raises:
        MeshbenchError: when no benchmark registers that metric.
    """
    definition = find_metric(metric)
    shown = definition.unit if unit is None else unit
    return definition.title if shown == "1" else f"{definition.title} ({shown})"


def find_metric(name: str) -> Metric:
    """A metric of the registry.

    Raises:
        MeshbenchError: when no benchmark registers it.
    """
    try:
        return registry.metric(name)
    except KeyError:
        registered = ", ".join(metric.name for metric in registry.every_metric()) or "none"
        raise MeshbenchError(
            f"a figure needs the metric '{name}', which no benchmark registers; registered: {registered}"
        ) from None
