"""`python -m tests.vm.engines <campaign> <campaign>`: two engines' calibrations as a table in Markdown.

Ends with 1 when one of them is not what its profile asks for.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from meshbench.config.models import Calibration
from tests.chance import least_deviation_ms, loss_within

SQL = Path(__file__).with_name("engines.sql")
LEAST_PROBES = 20_000
HEAD = (
    "campaign", "profile", "probes", "loss (%)", "expected", "mean delay (ms)", "without a profile",
    "expected of it", "deviation (ms)", "expected", "reordered (%)", "within bounds",
)  # fmt: skip
Row = Mapping[str, Any]


def compare(campaigns: list[str], results: Path = Path("results")) -> list[Row]:
    """One row per profile and campaign, in the columns of `engines.sql`.

    Raises:
        duckdb.IOException: when a campaign has no calibration.
    """
    with duckdb.connect() as database:
        files = [str(results / name / "calibration" / "samples.parquet") for name in campaigns]
        database.read_parquet(files, union_by_name=True).create_view("calibration")
        rows: list[Row] = database.sql(SQL.read_text()).to_arrow_table().to_pylist()
        return rows


def deviations(row: Row) -> Iterator[str]:
    """What of a calibration is outside the bounds that the tests of the impairment have.

    An emulated CPU adds to a delay what it adds without a profile, and once more for the emulator.
    """
    near_ms = Calibration().near_ms(row["expected_ms"])
    added_ms = row["delay_ms"] - row["own_ms"]
    if row["sent"] < LEAST_PROBES:
        yield f"fewer than {LEAST_PROBES} probes"
    if not loss_within(row["lost"], row["sent"], row["expected_loss"]):
        yield "loss"
    if not -near_ms < added_ms - row["expected_ms"] < near_ms + row["own_ms"]:
        yield "mean delay"
    if row["deviation_ms"] < least_deviation_ms(row["expected_deviation_ms"]):
        yield "deviation"
    if (row["reordered"] > 0) != (row["expected_deviation_ms"] > 0):
        yield "reordering"


def table(rows: list[Row]) -> str:
    """The same in Markdown."""
    lines = [HEAD, ("---",) * len(HEAD), *map(_line, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _line(row: Row) -> tuple[str, ...]:
    numbers = (
        100 * row["loss"], 100 * row["expected_loss"], row["delay_ms"], row["own_ms"], row["expected_ms"],
        row["deviation_ms"], row["expected_deviation_ms"], 100 * row["reordered"],
    )  # fmt: skip
    outside = ", ".join(deviations(row))
    shown = (f"{number:.3g}" for number in numbers)
    return (
        row["campaign"],
        row["profile"],
        str(row["sent"]),
        *shown,
        f"no: {outside}" if outside else "yes",
    )


def main() -> int:
    rows = compare(sys.argv[1:])
    sys.stdout.write(table(rows))
    return int(any(any(deviations(row)) for row in rows))


if __name__ == "__main__":
    sys.exit(main())
