"""What commands print of a campaign's tables."""

from collections.abc import Sequence

import pyarrow.parquet as pq

from meshbench.analysis import folder_of
from meshbench.figures.contract import Row
from meshbench.report import comparing
from meshbench.util.errors import MeshbenchError


def of(campaign: str, table: str, metrics: Sequence[str], without: str) -> list[Row]:
    """The rows of some metrics in a table of the analysis.

    Args:
        campaign: its name, or a folder of its results.
        table: one of `analysis.TABLES`.
        metrics: those wanted; every benchmark's first headline if there are none.
        without: what is said where there is no row, with ``{metrics}`` for their names.

    Raises:
        MeshbenchError: when there is no such table or no such row.
    """
    path = folder_of(campaign) / "tables" / f"{table}.parquet"
    if not path.is_file():
        raise MeshbenchError(f"'{campaign}' has no table {path}: run the campaign first")
    wanted = metrics or comparing.headline_metrics()
    rows = [row for row in pq.read_table(path).to_pylist() if row["metric"] in wanted]
    if not rows:
        raise MeshbenchError(f"'{campaign}' {without.format(metrics=', '.join(wanted))}")
    return rows
