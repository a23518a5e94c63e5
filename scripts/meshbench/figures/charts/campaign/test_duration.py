"""Where the time of the suite went, by system, at the first profile."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.contract import SELF_TOLD, Context, Data, Row
from meshbench.figures.drawing import measured, pictures
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import counted, joined, number

_UNTIMED = {*SELF_TOLD, "bootstrap", "reboot"}
"""Whose links have no duration of their own: they are no tests, or a part of the installation."""
_PARTS = {
    "tests": ("tests_s", "#0072b2"),
    "installation": ("installation_s", "#e69f00"),
    "waiting for tunnels": ("wait_s", "#cc6677"),
    "restarts": ("restart_s", "#56b4e9"),
    "stabilisation": ("stabilisation_s", "#bbbbbb"),
}
OWN_PARTS = {
    "measuring tools": "#0072b2",
    "rest of the tests": "#7a9cc6",
    "restarts": "#56b4e9",
    "waiting for tunnels": "#cc6677",
    "impairing and servers": "#117733",
    "evidence": "#ddcc77",
    "opening the testbed": "#bbbbbb",
    "between cells": "#888888",
}
"""Of a campaign measured here, with their colours."""
_OWN_COLUMNS = {
    "measuring tools": "tools_s",
    "restarts": "restart_s",
    "waiting for tunnels": "wait_s",
    "impairing and servers": "preparing_s",
    "evidence": "evidence_s",
    "opening the testbed": "opening_s",
    "between cells": "workflow_s",
}


@dataclass(frozen=True)
class Spent:
    """Seconds of one system by part, means over the rounds that tell; None where none does.

    Attributes:
        parts: by the names of `_PARTS`, or of `OWN_PARTS` where any row says those.
        untimed: tests of which no duration was kept, and which are in no sum.
    """

    vpn: str
    parts: Mapping[str, float | None]
    untimed: int

    @property
    def unknown(self) -> list[str]:
        """What is not in the total."""
        tests = [f"{counted(self.untimed, 'test')} without a duration"] if self.untimed else []
        return [*(part for part, seconds in self.parts.items() if seconds is None), *tests]


def spent(data: Data, context: Context) -> list[Spent]:
    """Every system that has any time at the first profile and tuning."""
    where = {"profile": context.profiles[0], "tuning": context.tunings[0]}
    rows = data.rows("overhead", **where)
    links = [row for row in data.rows("links", **where) if row["benchmark"] not in _UNTIMED]
    own = _own(rows)
    systems = []
    for vpn in ordered(context.vpns, {row["vpn"] for row in rows}):
        mine = [row for row in rows if row["vpn"] == vpn]
        if mine:
            parts = _own_means(mine) if own else _means(mine)
            untimed = sum(row["vpn"] == vpn and row["duration_s"] is None for row in links)
            systems.append(Spent(vpn, parts, 0 if own else untimed))
    return systems


def _own(rows: Sequence[Row]) -> bool:
    return any(own_parts(row) for row in rows)


def _means(rows: Sequence[Row]) -> dict[str, float | None]:
    return {part: _mean([row[column] for row in rows]) for part, (column, _) in _PARTS.items()}


def _own_means(rows: Sequence[Row]) -> dict[str, float | None]:
    seconds = [own_parts(row) or {} for row in rows]
    return {part: _mean([parts.get(part) for parts in seconds]) for part in OWN_PARTS}


def own_parts(row: Row) -> dict[str, float] | None:
    """Seconds of a row of the table `overhead` by the names of `OWN_PARTS`; None where it does not
    say them.
    """
    if row["evidence_s"] is None:
        return None
    rest = max(0.0, row["tests_s"] - row["tools_s"])
    seconds = {part: row[column] or 0.0 for part, column in _OWN_COLUMNS.items()}
    return {part: seconds.get(part, rest) for part in OWN_PARTS}


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return statistics.fmean(numbers) if numbers else None


def colours(data: Data, context: Context) -> dict[str, str]:
    """Of the parts that are told of, in their order."""
    rows = data.rows("overhead", profile=context.profiles[0], tuning=context.tunings[0])
    return OWN_PARTS if _own(rows) else {part: colour for part, (_, colour) in _PARTS.items()}


def chart(
    data: Data, context: Context, width: int = 250, shown: Mapping[str, str] | None = None
) -> alt.LayerChart:
    """A stacked bar per system, in minutes; colours and order of the legend as given."""
    bars, ends = [], []
    systems = spent(data, context)
    for system in systems:
        start = 0.0
        for part, seconds in system.parts.items():
            if seconds:
                end = start + seconds / 60
                bars.append({"system": system.vpn, "part": part, "start": start, "end": end})
                start = end
        least = "≥ " if system.unknown else ""
        ends.append({"system": system.vpn, "at": start, "text": f"{least}{number(start)} min"})
    return pictures.stacked(
        bars,
        [system.vpn for system in systems],
        shown or colours(data, context),
        "min",
        ends=ends,
        width=width,
    )


_LATEST = (
    " It is no wall clock: an installation is the latest one, which may have been for a part of the "
    "tests."
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """One chart."""
    return chart(data, context)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the shares over all systems with both operands."""
    systems = spent(data, context)
    parts = colours(data, context)
    sums = {part: sum(system.parts[part] or 0 for system in systems) / 3600 for part in parts}
    whole = sum(sums.values())
    shares = "; ".join(
        f"{part} {measured.share(hours, whole)} h" for part, hours in sums.items() if hours
    )
    return (
        f"Time spent at {context.profiles[0]}, by what it went into, sums over the tests of a system, means over the "
        f"rounds. Over all systems: {shares}.{'' if parts == OWN_PARTS else _LATEST} Where a part is unknown a bar is as "
        "long as what is known (≥)."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """Which systems have no time, and what is not known of the others."""
    systems = spent(data, context)
    there = {system.vpn for system in systems}
    lacking: dict[str, list[str]] = {}
    for system in systems:
        if system.unknown:
            lacking.setdefault(joined(system.unknown), []).append(system.vpn)
    return [
        *(f"{joined(vpns)}: unknown: {parts}" for parts, vpns in lacking.items()),
        *(f"{vpn}: not run" for vpn in context.vpns if vpn not in there),
    ]
