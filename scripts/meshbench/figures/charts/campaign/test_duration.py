"""Where the time of the suite went, by system, at the first profile."""

from collections.abc import Mapping, Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import measured, pictures
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import number

_PARTS = {
    "tests": ("tests_s", "#0072b2"),
    "installation": ("installation_s", "#e69f00"),
    "waiting for tunnels": ("wait_s", "#cc6677"),
    "restarts": ("restart_s", "#56b4e9"),
    "stabilisation": ("stabilisation_s", "#bbbbbb"),
}


def rows(data: Data, context: Context) -> list[Row]:
    """One row per system, of its first round: seconds by part."""
    every = data.rows("overhead", profile=context.profiles[0], tuning=context.tunings[0])
    found = {row["vpn"]: row for row in sorted(every, key=lambda row: -row["round"])}
    return [found[vpn] for vpn in ordered(context.vpns, found) if vpn in found]


COLOURS = {part: colour for part, (_, colour) in _PARTS.items()}


def chart(
    data: Data, context: Context, width: int = 250, colours: Mapping[str, str] = COLOURS
) -> alt.LayerChart:
    """A stacked bar per system, in minutes; colours and order of the legend as given."""
    bars, ends = [], []
    found = rows(data, context)
    for row in found:
        start = 0.0
        for part, (column, _) in _PARTS.items():
            if row[column]:
                bars.append(
                    {
                        "system": row["vpn"],
                        "part": part,
                        "start": start,
                        "end": start + row[column] / 60,
                    }
                )
                start += row[column] / 60
        ends.append({"system": row["vpn"], "at": start, "text": f"{number(start)} min"})
    return pictures.stacked(
        bars, [row["vpn"] for row in found], colours, "min", ends=ends, width=width
    )


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """One chart."""
    return chart(data, context)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the shares over all systems with both operands."""
    sums = {
        part: sum(row[column] or 0 for row in rows(data, context)) / 3600
        for part, (column, _) in _PARTS.items()
    }
    whole = sum(sums.values())
    told = "; ".join(
        f"{part} {measured.share(hours, whole)} h" for part, hours in sums.items() if hours
    )
    return (
        f"Time spent at {context.profiles[0]}, by what it went into, sums over the tests of a system's first round. "
        f"Over all systems: {told}. It is no wall clock: an installation is the latest one, which may have "
        "been for a part of the tests."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """Which systems have no time."""
    there = {row["vpn"] for row in rows(data, context)}
    return [f"{vpn}: not run" for vpn in context.vpns if vpn not in there]
