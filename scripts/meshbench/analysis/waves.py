"""After a round: which systems have rounds enough under which profile, and why (the rule `wave`)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from meshbench.analysis import NEEDS, decisions, estimates, rounds
from meshbench.analysis.decisions import Decision, First, Group
from meshbench.analysis.matrix import Matrix
from meshbench.analysis.rounds import Design, Rounds
from meshbench.results.records import BARE
from meshbench.tables import aggregate, parse
from meshbench.tables.database import Tidy

_BY_DESIGN = {"unsupported", "unavailable"}


@dataclass(frozen=True)
class Width:
    """How sure a benchmark's first headline is.

    Attributes:
        percent: half the interval's width in percent of the value; None where there is no interval.
        impossible: whether it never had a value for it is impossible by design, or not to be had.
    """

    benchmark: str
    metric: str
    percent: float | None
    impossible: bool = False

    def __str__(self) -> str:
        if self.impossible:
            return f"{self.benchmark} {self.metric}: impossible here"
        width = "no interval" if self.percent is None else f"±{self.percent:.3g} %"
        return f"{self.benchmark} {self.metric} {width}"


def decide(
    records: Sequence[Path],
    calibrations: Sequence[Path],
    brackets: Sequence[Path],
    before: Path | None,
    groups: Sequence[Sequence[str]],
    firsts: Sequence[Sequence[Any]],
    round_: int,
    until: float,
    marked: bool,
    out: Path,
) -> None:
    """Write who goes on after a round.

    Args:
        records: of all rounds until then, of the systems that had not stopped.
        calibrations: of the same rounds: they mark cells.
        brackets: records of the bare link around the same rounds, if it is measured: they do, too.
        before: the decisions of the round before, if there were any.
        groups: all of the campaign (`Group`, as plain data).
        firsts: of each benchmark its first headline (`First`, as plain data).
        round_: the round that was measured last.
        until: percent.
        marked: whether values of marked cells count.
        out: the file.
    """
    all_groups: list[Group] = [
        (vpn, tuning, place, profile) for vpn, tuning, place, profile in groups
    ]
    earlier = decisions.read(before)
    left = [group for group in all_groups if group not in earlier or earlier[group].goes_on]
    series = _measured(records, calibrations, brackets)
    by_group = widths(
        series, [(b, m, mode, way, of) for b, m, mode, way, of in firsts], marked=marked
    )
    fresh = {decision.group: decision for decision in decided(left, by_group, round_, until)}
    decisions.write([fresh.get(group) or earlier[group] for group in all_groups], round_, out)


def _measured(
    records: Sequence[Path], calibrations: Sequence[Path], brackets: Sequence[Path]
) -> Rounds:
    """The values of records, by the very tables that the campaign's estimates come from."""
    with TemporaryDirectory(prefix="meshbench-wave-") as folder:
        of_cells, of_network, of_brackets = (
            [Path(folder, f"{kind}-{table}.parquet") for table in ("samples", "links")]
            for kind in ("cells", "network", "brackets")
        )
        parse.parse(records, *of_cells)
        parse.parse(calibrations, *of_network)
        parse.parse(brackets, *of_brackets)
        tables: dict[str, Path] = {}
        for name in _needed(NEEDS):
            tables[name] = Path(folder, f"{name}.parquet")
            aggregate.aggregate(
                name, of_cells[:1], of_cells[1:], tables[name], tables, of_network[:1],
                of_network[1:], of_brackets[:1], of_brackets[1:],
            )  # fmt: skip
        tidy = Tidy(of_cells[:1], of_cells[1:])
        return rounds.read(tidy, {name: tables[name] for name in NEEDS}, Design())


def _needed(names: Collection[str]) -> list[str]:
    """Tables with those that they need, in an order in which each comes after these."""
    wanted, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        wanted.add(name)
        waiting += aggregate.needs(name)
    return [name for name in aggregate.names() if name in wanted]


def widths(
    series: Rounds, firsts: Sequence[First], *, marked: bool = True
) -> dict[Group, list[Width]]:
    """How sure the first headline of each benchmark is, by system and profile."""
    medians = estimates.centres(series.chosen(marked=marked))
    percent = half_width(medians)
    by_group: dict[Group, list[Width]] = {}
    wanted = set(firsts)
    for place, row in enumerate(series.series.to_pylist()):
        key = (row["benchmark"], row["metric"], row["mode"], row["direction"], row["subject_kind"])
        if key in wanted:
            group = (row["vpn"], row["tuning"], row["placement"], row["profile"])
            statuses = {trouble["status"] for trouble in row["troubles"]}
            by_group.setdefault(group, []).append(
                Width(
                    row["benchmark"],
                    row["metric"],
                    float(percent[place]) if np.isfinite(percent[place]) else None,
                    impossible=not medians.rounds[place]
                    and bool(statuses)
                    and statuses <= _BY_DESIGN,
                )
            )
    return by_group


def half_width(medians: estimates.Centres) -> Matrix:
    """Half the interval's width in percent of the median; NaN without an interval."""
    with np.errstate(invalid="ignore", divide="ignore"):
        wide = medians.most - medians.least
        share: Matrix = np.where(wide == 0, 0.0, 50 * wide / np.abs(medians.low))
    return share


def decided(
    groups: Sequence[Group], by_group: Mapping[Group, Sequence[Width]], round_: int, until: float
) -> list[Decision]:
    """Who goes on: whose intervals are too wide, and the bare link beside any that does.

    Each system is compared with the bare link of the same round, so that this one must be there.
    """
    wide = {group: not _narrow(by_group.get(group, ()), until) for group in groups}
    decisions_ = []
    for group in groups:
        vpn, *where = group
        others = sorted(
            {name for (name, *at), on in wide.items() if on and name != vpn and at == where}
        )
        beside = vpn == BARE and not wide[group] and bool(others)
        words = ", ".join(map(str, by_group.get(group, ()))) or "nothing was measured"
        limit = f"{'more than' if wide[group] else 'within'} ±{until:g} %"
        why = f"beside {', '.join(others)}" if beside else f"{limit}: {words}"
        decisions_.append(Decision(*group, wide[group] or beside, round_, why))
    return decisions_


def _narrow(widths_: Sequence[Width], until: float) -> bool:
    """Whether all that can be known is known well enough; nothing known at all is not."""
    possible = [width for width in widths_ if not width.impossible]
    return bool(widths_) and all(
        width.percent is not None and width.percent <= until for width in possible
    )
