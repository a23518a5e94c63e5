"""What the figures over the tables of the analysis share: which series are shown, and in what words."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from meshbench.figures.contract import Context, Data, Row, find_metric
from meshbench.figures.drawing.measure import Unit, told
from meshbench.figures.drawing.theme import STATUSES, ordered, profile_order
from meshbench.figures.drawing.wording import counted, number, shortened

FEW = "an interval needs six rounds"
LEAST_ROUNDS = 6
_ARROWS = {"forward": "→", "reverse": "←"}


@dataclass(frozen=True)
class Shown:
    """One metric of one benchmark, in one mode and direction."""

    benchmark: str
    metric: str
    mode: str | None
    direction: str
    subject_kind: str = "link"

    @property
    def title(self) -> str:
        """The metric's, then in parentheses the benchmark, unless it begins with that, and the mode."""
        title = find_metric(self.metric).title
        benchmark = "" if title.lower().startswith(f"{self.benchmark} ") else self.benchmark
        way = f"{self.mode} {_ARROWS[self.direction]}" if self.mode else ""
        beside = ", ".join(part for part in (benchmark, way) if part)
        return f"{title} ({beside})" if beside else title

    @property
    def unit(self) -> tuple[str, Unit]:
        """The one in which it is told."""
        return told(find_metric(self.metric).unit)

    def read(self, data: Data, table: str, **equal: Any) -> list[Row]:
        """Its rows of a table of the analysis, with these values. Raises KeyError without the table."""
        return data.rows(table, **vars(self), **equal)

    def of(self, rows: Iterable[Row], **equal: Any) -> list[Row]:
        """Its rows among some of a table of the analysis, with these values."""
        return self.among(rows, subject_kind=self.subject_kind, **equal)

    def among(self, rows: Iterable[Row], **equal: Any) -> list[Row]:
        """Its rows among those of any table, with these values."""
        wanted = {
            "benchmark": self.benchmark, "metric": self.metric, "mode": self.mode,
            "direction": self.direction, **equal,
        }  # fmt: skip
        return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def shown(rows: Sequence[Row], context: Context) -> list[Shown]:
    """The first headline of each benchmark that more or less of is better.

    Args:
        rows: of the table `estimates`.
        context: names the headlines; where it knows none of a benchmark, the first metric is shown.
    """
    headlines = []
    for benchmark in ordered(context.benchmarks, {row["benchmark"] for row in rows}):
        mine = [
            row
            for row in rows
            if row["benchmark"] == benchmark
            and row["subject_kind"] == "link"
            and row["better"] != "neither"
        ]
        if mine:
            first = min(mine, key=lambda row: _place(row, context))
            headlines.append(Shown(benchmark, first["metric"], first["mode"], first["direction"]))
    return headlines


def _place(row: Row, context: Context) -> tuple[Any, ...]:
    """Headlines in their order, then others, shares last; single and forward come first."""
    key = (row["metric"], row["mode"], row["direction"])
    names = [h[1:4] for h in context.headlines if h.benchmark == row["benchmark"]]
    position = names.index(key) if key in names else len(names)
    mode = row["mode"] or ""
    variant = (mode not in {"", "single"}, row["direction"])
    return position, row["n_valid"] == 0, row["unit"] == "1", *variant, row["metric"]


def profiles(rows: Sequence[Row], context: Context) -> list[str]:
    """Those there are anything of."""
    return profile_order(
        [name for name in context.profiles if any(row["profile"] == name for row in rows)],
        {row["profile"] for row in rows},
    )


def trouble(row: Row) -> str:
    """Why an estimate has no value: what went wrong most often, in words."""
    if not row["troubles"]:
        return STATUSES["not_run"].words
    worst: Mapping[str, Any] = row["troubles"][0]
    words = STATUSES[worst["status"]].words
    return f"{words}: {shortened(worst['reason'], 60)}" if worst["reason"] else words


def effect(row: Row) -> str:
    """An effect's ratio with its interval: `~` where no difference can be told, `=` of equivalents."""
    sign = {"differs": "", "equivalent": "= ", "cannot tell": "~ "}[row["verdict"]]
    low, high = row["ratio_low"], row["ratio_high"]
    ends = f" [{number(low)}, {number(high)}]" if low is not None and high is not None else ""
    return f"{sign}{number(row['ratio'])}{ends}"


def panels(data: Data, context: Context) -> Iterator[tuple[Shown, str, list[Row]]]:
    """Each metric shown under each profile, with its estimates, the first tuning's."""
    rows = [row for row in data.rows("estimates") if row["tuning"] == context.tunings[0]]
    for series in shown(rows, context):
        mine = series.of(rows)
        for profile in profiles(mine, context):
            yield series, profile, [row for row in mine if row["profile"] == profile]


def missing(data: Data, context: Context) -> list[str]:
    """Footnotes on what has no value, and why."""
    where: dict[tuple[str, str], list[str]] = {}
    for series, profile, rows in panels(data, context):
        for row in (row for row in rows if row["value"] is None):
            where.setdefault((row["vpn"], trouble(row)), []).append(
                f"{series.benchmark} at {profile}"
            )
    return [f"{vpn}, {', '.join(places)}: {why}" for (vpn, why), places in where.items()]


def rounds(data: Data, context: Context) -> str:
    """How many rounds what is shown rests on, and what that means."""
    return rests_on(row["n_rounds"] for *_, rows in panels(data, context) for row in rows)


def rests_on(counts: Iterable[int]) -> str:
    """The same of estimates that have a value in so many rounds; 0 is that of one without."""
    sizes = sorted(set(counts) - {0})
    if not sizes:
        return "No round has a value."
    ends = f"{sizes[0]} to " if len(sizes) > 1 else ""
    few = f" With fewer than six nothing is told apart: {FEW}." if sizes[0] < LEAST_ROUNDS else ""
    return f"n = {ends}{counted(sizes[-1], 'round')}.{few}"
