"""What became of every planned cell."""

from collections import Counter
from collections.abc import Sequence

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing.theme import STATUSES, ordered
from meshbench.figures.drawing.wording import counted, joined
from meshbench.report.markup import Cell, Marked, Section, section
from meshbench.results import records
from meshbench.results.records import Status

_MATRIX = "cells ok of those planned: tunings x profiles x rounds"
_BAD = ("status", "VPN", "tuning", "profile", "benchmark", "round", "links ok", "why")
_STOPS = ("VPN", "tuning", "profile", "rounds", "ended", "why")
_FEW = 25
"""So many cells that are not ok are listed without a click."""


def cells(data: Data, context: Context) -> Section:
    """Counts by system and benchmark, and each cell that is not ok with its reasons."""
    rows = data.rows("cells")
    planned = sum(
        _planned(vpn, benchmark, context)
        for vpn in context.vpns
        for benchmark in context.benchmarks
    )
    counts = Counter(row["status"] for row in rows)
    tally = joined(f"{counts[s]} {look.words}" for s, look in STATUSES.items() if counts[s])
    summary = f"{len(rows)} of {counted(planned, 'planned cell')} have a record: {tally or 'none'}."
    bad = [row for row in rows if row["status"] != "ok"]
    benchmarks = ordered(context.benchmarks, {row["benchmark"] for row in rows})
    return section(
        "cells",
        "Cells",
        summary=summary,
        matrix_head=[_MATRIX, *benchmarks],
        matrix=_matrix(rows, benchmarks, context),
        bad_title=f"{counted(len(bad), 'cell')} with a link that is not ok",
        bad_head=_BAD,
        bad=_listed(bad, context),
        opened=len(bad) <= _FEW,
        stops_head=_STOPS,
        stops=[_stop(row, context) for row in data.rows("stopping")],
    )


def _stop(row: Row, context: Context) -> list[Cell]:
    """After how many rounds a system ended, and why."""
    profile = f"{row['profile']}, {row['placement']}" if context.at else row["profile"]
    ended = "enough" if row["enough"] else "no more rounds"
    return [
        row["vpn"],
        row["tuning"],
        profile,
        f"{row['n_rounds']}/{row['most']}",
        ended,
        row["why"],
    ]


def _planned(vpn: str, benchmark: str, context: Context) -> int:
    """How many cells a system should have of a benchmark."""
    return sum(
        len(context.rounds_of(vpn, tuning, benchmark, profile, placement))
        for tuning in context.tunings
        for profile in context.profiles
        for placement in context.placements or (context.placement,)
    )


def _matrix(rows: Sequence[Row], benchmarks: Sequence[str], context: Context) -> list[list[Cell]]:
    lines: list[list[Cell]] = []
    for vpn in ordered(context.vpns, {row["vpn"] for row in rows}):
        mine = {b: [r for r in rows if (r["vpn"], r["benchmark"]) == (vpn, b)] for b in benchmarks}
        counts = (_counted(mine[name], _planned(vpn, name, context)) for name in benchmarks)
        lines.append([vpn, *counts])
    return lines


def _counted(rows: Sequence[Row], planned: int) -> Marked:
    good = sum(row["status"] == "ok" for row in rows)
    worst = records.worst([Status(row["status"]) for row in rows]) if rows else None
    look = STATUSES[worst or "not_run"]
    words = f"{good}/{max(planned, len(rows))}"
    return Marked(words if worst in {None, Status.OK} else f"{words}, {look.words}", look.fill)


def _listed(rows: Sequence[Row], context: Context) -> list[list[Cell]]:
    return [
        [
            Marked(STATUSES[row["status"]].words, STATUSES[row["status"]].fill),
            row["vpn"],
            row["tuning"],
            f"{row['profile']}, {row['placement']}" if context.at else row["profile"],
            row["benchmark"],
            str(row["round"]),
            f"{row['n_ok']}/{row['n_links']}",
            row["reasons"] or "",
        ]
        for row in sorted(rows, key=lambda row: (row["benchmark"], row["vpn"], row["profile"]))
    ]
