"""The table `spikes`: whether the single RTTs of a link repeat themselves, link by link."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from meshbench.analysis import periods
from meshbench.tables import database
from meshbench.tables.database import Tidy

_SQL = Path(__file__).parent / "sql" / "rtts.sql"
_WORD = pa.dictionary(pa.int32(), pa.string())
PLACE = (
    "campaign", "round", "vpn", "tuning", "profile", "placement", "benchmark", "source", "target", "mode",
)  # fmt: skip
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.int32() if name == "round" else _WORD) for name in PLACE),
        pa.field("n", pa.int64()),  # RTTs
        pa.field("span_s", pa.float64()),  # from the first to the last of them
        pa.field("rtt_p50_ms", pa.float64()),
        pa.field("rtt_p99_ms", pa.float64()),
        pa.field("period_s", pa.float64()),  # the strongest one, found or not
        pa.field("power", pa.float64()),  # share of the variance that it takes
        pa.field("false_alarm", pa.float64()),  # that noise had as much at any period, at the most
        pa.field("first_s", pa.float64()),  # when the first of its spikes comes
        pa.field("found", pa.bool_()),  # whether it is no chance
        pa.field("reason", pa.string()),  # why nothing could be looked for
    ]
)


def table(tidy: Tidy) -> pa.Table:
    """A row per series of single RTTs: of `ping`, and of idle phases inside and beside the tunnel."""
    with database.opened(tidy) as connection:
        read = connection.sql(_SQL.read_text(encoding="utf-8")).to_arrow_table()
    return pa.Table.from_pylist([_row(series) for series in read.to_pylist()], schema=SCHEMA)


def _row(series: dict[str, Any]) -> dict[str, Any]:
    times_s, rtts_ms = series["times_s"], series["rtts_ms"]
    low, high = np.percentile(rtts_ms, [50, 99])
    return {
        **{name: series[name] for name in PLACE},
        "n": len(times_s),
        "span_s": times_s[-1] - times_s[0],
        "rtt_p50_ms": float(low),
        "rtt_p99_ms": float(high),
        **dict(_period(times_s, rtts_ms)),
    }


def _period(times_s: list[float], rtts_ms: list[float]) -> Iterator[tuple[str, Any]]:
    period = periods.strongest(times_s, rtts_ms)
    if period is None:
        yield "reason", f"fewer than {periods.LEAST_VALUES} RTTs, or all alike"
        return
    for name in ("period_s", "power", "false_alarm", "first_s", "found"):
        yield name, getattr(period, name)
