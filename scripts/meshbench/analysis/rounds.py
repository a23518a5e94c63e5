"""The values that are analysed: one per series and round, the median over its links (or hosts)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from meshbench.analysis import NEEDS
from meshbench.analysis.decisions import Decision, First, Group
from meshbench.analysis.matrix import Flags, Matrix, Places
from meshbench.tables import database
from meshbench.tables.database import Tidy
from meshbench.tables.registry import every_metric

if TYPE_CHECKING:
    import duckdb

_SQL = Path(__file__).parent / "sql"


@dataclass(frozen=True)
class Design:
    """What was to be measured, and how it is to be judged.

    Attributes:
        systems: every VPN with every tuning; none of an import, whose plan only its data tell.
        tunings: the first one is what others are compared with.
        placements: the same.
        settings: by tuning, the value of each setting it makes; none of an import, whose kernels
            nobody has read.
        controls: pairs of systems and of profiles of which one knows how they compare, and in what
            (`plan.controls`).
        rounds, links, hosts: how many; of adaptive rounds, the most.
        stops: of adaptive rounds, what was decided last on every system and profile.
        until: percent: how wide intervals may be where it ended; 0 where all have as many rounds.
        firsts: of each benchmark its first headline, which these intervals are of.
        marked: whether values of marked cells count.
        equivalent_percent: two systems are equivalent whose ratio is known to lie this near to 1.
        resamples: how often rounds are drawn for the ranks.
        seed: of these draws.
    """

    systems: tuple[tuple[str, str], ...] = ()
    tunings: tuple[str, ...] = ()
    placements: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    controls: Mapping[str, Sequence[Sequence[str]]] = field(default_factory=dict)
    rounds: int = 0
    links: int = 0
    hosts: int = 0
    marked: bool = True
    equivalent_percent: float = 5.0
    resamples: int = 10_000
    seed: int = 1
    stops: tuple[Decision, ...] = ()
    until: float = 0.0
    firsts: tuple[First, ...] = ()

    def rounds_of(self, group: Group) -> int:
        """In how many a system was to be measured under a profile."""
        ended = (
            decision.rounds
            for decision in self.stops
            if decision.group == group and not decision.goes_on
        )
        return next(ended, self.rounds)

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """From plain data, such as a rule's params."""
        systems = tuple((vpn, tuning) for vpn, tuning in plain["systems"])
        names = {key: tuple(plain.get(key, ())) for key in ("tunings", "placements")}
        names["firsts"] = tuple(tuple(first) for first in plain.get("firsts", ()))
        return cls(**{**plain, "systems": systems, **names})


@dataclass(frozen=True)
class Values:
    """Bounds of each series in each round, NaN where there is none; equal where the value is known."""

    low: Matrix
    high: Matrix

    @property
    def there(self) -> Flags:
        return ~np.isnan(self.low)

    def take(self, rows: Places) -> "Values":
        return Values(self.low[rows], self.high[rows])


@dataclass(frozen=True)
class Rounds:
    """Every series of one or more campaigns.

    Attributes:
        series: a row each (sql/series.sql), in the order of the values' rows.
        numbers: the rounds, in the order of the values' columns.
        every: the values.
        unmarked: without those of marked cells.
    """

    series: pa.Table
    numbers: Matrix
    every: Values
    unmarked: Values

    def chosen(self, *, marked: bool) -> Values:
        return self.every if marked else self.unmarked

    def column(self, name: str) -> list[Any]:
        values: list[Any] = self.series[name].to_pylist()
        return values

    def codes(self, *names: str) -> Places:
        """A number per series, the same for those that agree in all these columns, from 0 on."""
        code = np.zeros(self.series.num_rows, dtype=np.int64)
        for name in names:
            column = self.series[name].combine_chunks().dictionary_encode()
            indices = column.indices.fill_null(len(column.dictionary)).to_numpy(
                zero_copy_only=False
            )
            code = code * (len(column.dictionary) + 1) + indices.astype(np.int64)
            code = np.unique(code, return_inverse=True)[1].astype(np.int64)
        return code


def read(tidy: Tidy, tables: Mapping[str, Path], design: Design) -> Rounds:
    """All series of a campaign's tables (`analysis.NEEDS`)."""
    with database.opened(tidy, {name: tables[name] for name in NEEDS}) as connection:
        connection.register("metrics", _metrics())
        connection.register("planned", _planned(design))
        connection.execute((_SQL / "points.sql").read_text(encoding="utf-8"))
        series = _query(connection, "series")
        return _matrices(series, _query(connection, "rounds"))


def _query(connection: "duckdb.DuckDBPyConnection", name: str) -> pa.Table:
    text = (_SQL / f"{name}.sql").read_text(encoding="utf-8")
    return connection.sql(text).to_arrow_table()


def _metrics() -> pa.Table:
    metrics = every_metric()
    return pa.table(
        {
            "metric": pa.array([metric.name for metric in metrics], pa.string()),
            "better": pa.array([metric.better for metric in metrics], pa.string()),
        }
    )


def _planned(design: Design) -> pa.Table:
    return pa.table(
        {
            "vpn": pa.array([vpn for vpn, _ in design.systems], pa.string()),
            "tuning": pa.array([tuning for _, tuning in design.systems], pa.string()),
        }
    )


def _matrices(series: pa.Table, rows: pa.Table) -> Rounds:
    ids = rows["id"].to_numpy()
    numbers, columns = np.unique(rows["round"].to_numpy(), return_inverse=True)

    def matrix(name: str) -> Matrix:
        values = np.full((series.num_rows, len(numbers)), np.nan)
        values[ids, columns] = rows[name].to_numpy(zero_copy_only=False)
        return values

    return Rounds(
        series,
        numbers.astype(np.float64),
        Values(matrix("low"), matrix("high")),
        Values(matrix("low_unmarked"), matrix("high_unmarked")),
    )
