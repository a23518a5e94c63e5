"""The table `estimates`: what each system has of each metric, and how far that may be off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from meshbench.analysis import drift, order
from meshbench.analysis.matrix import Matrix, by_size, empty, packed
from meshbench.analysis.rounds import Design, Rounds, Values

_WORD = pa.dictionary(pa.int32(), pa.string())
KEY = (
    "campaign", "vpn", "tuning", "profile", "placement", "benchmark", "subject_kind", "metric",
    "mode", "direction", "unit", "better",
)  # fmt: skip
"""What makes a series."""
TROUBLES = pa.list_(
    pa.struct([("status", pa.string()), ("reason", pa.string()), ("n", pa.int64())])
)
SCHEMA = pa.schema(
    [
        *(pa.field(name, _WORD) for name in KEY),
        pa.field("n_planned", pa.int64()),  # values: rounds x links (or hosts); of an import: rows
        pa.field("n_valid", pa.int64()),
        pa.field("n_censored", pa.int64()),  # time-outs of which a bound is known
        pa.field("n_marked", pa.int64()),  # of the values: of marked cells
        pa.field("n_not_run", pa.int64()),
        pa.field("troubles", TROUBLES),  # of the others
        pa.field("n_rounds", pa.int64()),  # with a value
        pa.field("value", pa.float64()),  # the median over rounds of the median over links
        pa.field("bound", _WORD),  # '>=' where time-outs leave no more known of it, else null
        pa.field("low", pa.float64()),  # 95 % interval; null below six rounds, and where it is open
        pa.field("high", pa.float64()),
        pa.field("interval", _WORD),  # what became of it, in words
        pa.field("round_q1", pa.float64()),  # quartiles of the rounds' medians
        pa.field("round_q3", pa.float64()),
        pa.field("between_rounds", pa.float64()),  # largest less smallest median of a round
        pa.field("between_subjects", pa.float64()),  # the same of links' (or hosts') medians
        pa.field("trend_per_round", pa.float64()),
        pa.field("trend_p", pa.float64()),
        pa.field("marked_counted", pa.bool_()),  # whether values of marked cells are in `value`
        pa.field("value_other", pa.float64()),  # with the opposite choice
    ]
)
NO_INTERVAL = "none: fewer than six rounds"
INTERVAL = "95 % of the median, by order statistics"
OPEN = "95 %, open towards the time-outs"
NOTHING = "none: no value"


@dataclass(frozen=True)
class Estimate:
    """What is known of one series, in its unit: what the table says in a row, or of values not in it.

    Attributes:
        value: the median over rounds of the median over links (or hosts); None without any.
        low, high: its 95 % interval; None below six rounds, and for an end that is open.
        rounds: with a value.
        bound: whether time-outs leave no more known of the value than that it is at least this.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    rounds: int = 0
    bound: bool = False


def of_rounds(values: Sequence[float]) -> Estimate:
    """The estimate of one value per round, of what is in no table, such as a sum over all links."""
    row = np.array([values], dtype=np.float64)
    return next(each(Values(row, row)))


def each(values: Values) -> Iterator[Estimate]:
    """The estimate of each series."""
    medians = centres(values)
    for place in range(len(medians.low)):
        low, high = medians.low[place], medians.high[place]
        yield Estimate(
            known(low), known(medians.least[place]), known(medians.most[place]),
            int(medians.rounds[place]), bound=bool(low < high),
        )  # fmt: skip


def known(value: float) -> float | None:
    """None for infinity and NaN."""
    return float(value) if np.isfinite(value) else None


@dataclass
class Centres:
    """Of each series: the bounds of its median and its interval, and of how many rounds."""

    rounds: np.ndarray
    low: Matrix
    high: Matrix
    least: Matrix
    most: Matrix


def centres(values: Values) -> Centres:
    """Medians over the rounds, with intervals where there are enough of them."""
    size = len(values.low)
    medians = Centres(values.there.sum(axis=1), empty(size), empty(size), empty(size), empty(size))
    for count, rows in by_size(values.there):
        some = values.take(rows)
        low, high = (packed(bounds, some.there, count) for bounds in (some.low, some.high))
        medians.low[rows], medians.high[rows] = order.median(low), order.median(high)
        if (lower := order.median_interval(low)) and (upper := order.median_interval(high)):
            medians.least[rows], medians.most[rows] = lower[0], upper[1]
    return medians


def table(rounds: Rounds, design: Design) -> pa.Table:
    """A row per series, by `SCHEMA`."""
    values = rounds.chosen(marked=design.marked)
    medians = centres(values)
    other = centres(rounds.chosen(marked=not design.marked))
    value, bound = _told(medians)
    series = rounds.series
    columns = {
        **{name: series[name] for name in series.column_names},
        **_counts(rounds, design),
        **_spread(rounds, values),
        "n_rounds": medians.rounds,
        "value": value,
        "bound": bound,
        "low": finite(medians.least),
        "high": finite(medians.most),
        "interval": _interval(medians),
        "marked_counted": np.full(series.num_rows, design.marked),
        "value_other": _told(other)[0],
    }
    return assembled(columns, SCHEMA)


def finite(values: Matrix) -> Matrix:
    """Infinity is the open end of an interval."""
    return np.where(np.isfinite(values), values, np.nan)


def _told(medians: Centres) -> tuple[Matrix, list[str | None]]:
    """The median, or the bound that is known of it."""
    return medians.low, [
        ">=" if low < high else None for low, high in zip(medians.low, medians.high, strict=True)
    ]


def _interval(medians: Centres) -> list[str]:
    words = np.full(len(medians.low), INTERVAL, dtype=object)
    words[np.isinf(medians.most)] = OPEN
    words[np.isnan(medians.least)] = NO_INTERVAL
    words[medians.rounds == 0] = NOTHING
    return list(words)


def _counts(rounds: Rounds, design: Design) -> dict[str, np.ndarray]:
    series = rounds.series
    rows, subjects = series["n_rows"].to_numpy(), series["n_subjects"].to_numpy()
    if not design.rounds:
        return {"n_planned": rows, "n_not_run": np.zeros_like(rows)}
    hosts = np.array(rounds.column("subject_kind")) == "host"
    each = np.maximum(np.where(hosts, design.hosts, design.links), subjects)
    planned = np.maximum(_rounds(rounds, design) * each, rows)
    return {"n_planned": planned, "n_not_run": planned - rows}


def _rounds(rounds: Rounds, design: Design) -> np.ndarray:
    """In how many each series was to be measured."""
    columns = [rounds.column(name) for name in ("vpn", "tuning", "placement", "profile")]
    groups = list(zip(*columns, strict=True))
    by_group = {group: design.rounds_of(group) for group in set(groups)}
    return np.array([by_group[group] for group in groups], dtype=np.int64)


def _spread(rounds: Rounds, values: Values) -> dict[str, Matrix]:
    size = len(values.low)
    names = ("round_q1", "round_q3", "between_rounds", "trend_per_round", "trend_p")
    columns = {name: empty(size) for name in names}
    exact = Values(
        np.where(values.low == values.high, values.low, np.nan),
        np.where(values.low == values.high, values.high, np.nan),
    )
    numbers = np.broadcast_to(rounds.numbers, exact.low.shape)
    for count, rows in by_size(exact.there):
        there = exact.there[rows]
        some = packed(exact.low[rows], there, count)
        columns["round_q1"][rows], columns["round_q3"][rows] = np.quantile(
            some, (0.25, 0.75), axis=1
        )
        if count > 1:
            columns["between_rounds"][rows] = some.max(axis=1) - some.min(axis=1)
        if count >= order.LEAST_ROUNDS:
            slope, p = drift.trend(some, packed(numbers[rows], there, count))
            columns["trend_per_round"][rows], columns["trend_p"][rows] = slope, p
    return columns


def assembled(columns: dict[str, object], schema: pa.Schema) -> pa.Table:
    """Columns as a table of exactly this schema; NaN is null."""
    return pa.Table.from_arrays(
        [_column(columns[field.name], field.type) for field in schema], schema=schema
    )


def _column(values: object, kind: pa.DataType) -> pa.Array:
    array = pa.array(values, from_pandas=True) if isinstance(values, np.ndarray) else values
    if not isinstance(array, (pa.Array, pa.ChunkedArray)):
        array = pa.array(array)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(kind):
        return array.cast(pa.string()).dictionary_encode()
    return array.cast(kind)
