"""`python -m tests.vm.engines <campaign> <campaign>`: two engines' calibrations as a table in Markdown."""

import sys
from pathlib import Path

import duckdb

SQL = Path(__file__).with_name("engines.sql")
HEAD = (
    "campaign", "profile", "probes", "loss (%)", "expected", "mean delay (ms)", "expected",
    "deviation (ms)", "expected", "reordered (%)",
)  # fmt: skip


def table(campaigns: list[str], results: Path = Path("results")) -> str:
    """One row per profile and campaign.

    Raises:
        duckdb.IOException: when a campaign has no calibration.
    """
    with duckdb.connect() as database:
        files = [str(results / name / "calibration" / "samples.parquet") for name in campaigns]
        database.read_parquet(files, union_by_name=True).create_view("calibration")
        rows = database.sql(SQL.read_text()).fetchall()
    lines = [HEAD, ("---",) * len(HEAD), *(tuple(map(_shown, row)) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.stdout.write(table(sys.argv[1:]))
