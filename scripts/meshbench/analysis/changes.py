"""The table `changes`: measurements whose rate changed all at once in the middle."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy import stats

from meshbench.analysis import drift
from meshbench.analysis.estimates import assembled
from meshbench.analysis.significance import LEVEL
from meshbench.tables import database
from meshbench.tables.database import Tidy

KEY = (
    "campaign", "round", "vpn", "tuning", "profile", "placement", "benchmark", "source", "target",
    "mode", "direction",
)  # fmt: skip
LEAST = 20
"""Fewer intervals do not tell how much neighbours are alike."""
LARGE_PERCENT = 20.0
"""A smaller change is not marked, however sure it is."""
_WORD = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        *(pa.field(name, pa.int32() if name == "round" else _WORD) for name in KEY),
        pa.field("n_intervals", pa.int64()),
        pa.field("t_s", pa.float64()),  # the end of the last interval before the change
        pa.field("before_bps", pa.float64()),  # medians of either side
        pa.field("after_bps", pa.float64()),
        pa.field("change_percent", pa.float64()),
        pa.field("p", pa.float64()),  # Pettitt's test, less what neighbours have in common
        pa.field("marked", pa.bool_()),  # large, and of those marked at most 5 % are false
    ]
)
_SERIES = f"""
    SELECT {", ".join(KEY)}, list(rate_bps ORDER BY t_s) AS rates, list(t_s ORDER BY t_s) AS ends
    FROM seconds
    WHERE status = 'ok' AND rate_bps IS NOT NULL
    GROUP BY ALL HAVING count(*) >= {LEAST}
    ORDER BY ALL
"""  # noqa: S608  (names of ours)


def table(seconds: Path) -> pa.Table:
    """A row per measurement with enough intervals, by `SCHEMA`."""
    with database.opened(Tidy(), {"seconds": seconds}) as connection:
        series = connection.sql(_SERIES).to_arrow_table()
    rates = [np.array(row) for row in series["rates"].to_pylist()]
    ends = series["ends"].to_pylist()
    changes = [drift.change(row[np.newaxis]) for row in rates]
    places = [int(place[0]) for place, _ in changes]
    p = np.array([float(chance[0]) for _, chance in changes])
    halves = [(row[:place], row[place:]) for row, place in zip(rates, places, strict=True)]
    before, after = (np.array([float(np.median(half[k])) for half in halves]) for k in (0, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        percent = np.where(before > 0, 100 * (after / before - 1), np.nan)
    columns: dict[str, object] = {
        **{name: series[name] for name in KEY},
        "n_intervals": [len(row) for row in rates],
        "t_s": [times[place - 1] for times, place in zip(ends, places, strict=True)],
        "before_bps": before,
        "after_bps": after,
        "change_percent": percent,
        "p": p,
        # Y. Benjamini and Y. Hochberg, J. R. Stat. Soc. B 57, 1995.
        "marked": (stats.false_discovery_control(p) <= LEVEL) & (np.abs(percent) >= LARGE_PERCENT),
    }
    return assembled(columns, SCHEMA)
