"""Where figures have their centres and intervals from: the tables `estimates` and `effects`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from meshbench.analysis import estimates
from meshbench.analysis.estimates import Estimate
from meshbench.figures.contract import Data, Row
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.groups import Group, Known, Variant
from meshbench.results.records import BARE

_KEY = ("metric", "mode", "direction", "vpn", "tuning", "profile")
_Key = tuple[str | None, ...]


def known(
    groups: Iterable[Group],
    data: Data,
    benchmark: str,
    metrics: Mapping[str, str],
    subject_kind: str = "link",
) -> list[Group]:
    """Groups with what the tables say of their columns.

    Args:
        groups: of one benchmark.
        data: with the tables `contract.ANALYSED`.
        benchmark: its name.
        metrics: of each column that has a centre, whose metric it is.
        subject_kind: 'link' or 'host'.
    """
    of = {"benchmark": benchmark, "subject_kind": subject_kind}
    values = _indexed(data, "estimates", metrics.values(), **of)
    against = _indexed(data, "effects", metrics.values(), reference=BARE, **of)
    completed = []
    for group in groups:
        columns = {}
        for column, metric in metrics.items():
            variants = _variants(group, column)
            if len(variants) > 1:
                # Of several modes at once there is no series.
                columns[column] = _of_rounds(group, column)
                continue
            for mode, direction in variants:
                key = (metric, mode, direction, group.vpn, group.tuning, group.profile)
                series = Shown(benchmark, metric, mode, direction or "forward", subject_kind)
                columns[column] = Known(_estimate(values.get(key)), series, against.get(key))
            columns.setdefault(column, Known(Estimate()))
        completed.append(replace(group, known={**group.known, **columns}))
    return completed


def over_rounds(groups: Iterable[Group], *columns: str, marked: bool = True) -> list[Group]:
    """The same of columns that are no metric of links or hosts, by the same function of the analysis.

    Args:
        groups: of rows with a value by round.
        columns: their names.
        marked: whether values of marked cells count (`marked_count`).
    """
    completed = []
    for group in groups:
        of = group if marked else replace(group, rows=unmarked(group.rows))
        estimated = {name: _of_rounds(of, name) for name in columns}
        completed.append(replace(group, known={**group.known, **estimated}))
    return completed


def marked_count(data: Data) -> bool:
    """Whether the analysis counts values of marked cells."""
    return False not in data.tables["estimates"]["marked_counted"].to_pylist()


def counted(rows: Iterable[Row], data: Data) -> tuple[Row, ...]:
    """Those whose values the analysis counts."""
    return tuple(rows) if marked_count(data) else unmarked(rows)


def unmarked(rows: Iterable[Row]) -> tuple[Row, ...]:
    """Those of cells without marks."""
    return tuple(row for row in rows if not row["marks"])


def _of_rounds(group: Group, column: str) -> Known:
    return Known(estimates.of_rounds(list(group.by_round(column).values())))


def _variants(group: Group, column: str) -> Sequence[Variant]:
    """The modes and directions that a group is of; none where nothing was measured."""
    if group.direction is not None:
        return [(group.mode, group.direction)]
    rows = [row for row in group.rows if row[column] is not None] or group.rows
    return list(dict.fromkeys((row.get("mode"), row.get("direction", "forward")) for row in rows))


def _indexed(data: Data, name: str, metrics: Iterable[str], **equal: str) -> dict[_Key, Row]:
    """Rows of these metrics by `_KEY`; of the table `effects` those between systems."""
    rows = [row for metric in set(metrics) for row in data.rows(name, metric=metric, **equal)]
    return {
        tuple(row[key] for key in _KEY): row
        for row in rows
        if all(row[key] == row.get(f"reference_{key}", row[key]) for key in ("tuning", "placement"))
    }


def _estimate(row: Row | None) -> Estimate:
    if row is None:
        return Estimate()
    return Estimate(
        row["value"], row["low"], row["high"], row["n_rounds"], bound=row["bound"] is not None
    )
