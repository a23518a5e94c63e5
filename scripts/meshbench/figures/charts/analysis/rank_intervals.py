"""The rank of each system with its interval, and how likely it is the best one."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import analysed, doubt, forest, texts
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import percent
from meshbench.results.records import BARE


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per metric and profile, the best system first."""
    ranks = data.rows("ranks", tuning=context.tunings[0])
    panels = []
    for series, profile, rows in analysed.panels(data, context):
        lines = _lines(series, profile, rows, ranks, context)
        if lines:
            ends = (1.0, float(len(lines)))
            title = f"{series.title}, {profile}"
            panels.append(forest.Panel(title, "rank", lines, ends=ends, steps=True))
    return forest.draw(panels) if panels else texts.nothing("there is nothing to rank")


def _lines(
    series: Shown, profile: str, rows: Sequence[Row], ranks: Sequence[Row], context: Context
) -> list[forest.Line]:
    mine = series.of(ranks, profile=profile)
    order = ordered(context.vpns, {row["vpn"] for row in rows})
    ranked = sorted(mine, key=lambda row: (row["rank"], order.index(row["vpn"])))
    there = {row["vpn"] for row in mine}
    absent = sorted(
        (row for row in rows if row["vpn"] not in there and _told(row)),
        key=lambda row: order.index(row["vpn"]),
    )
    return [
        *(_line(row) for row in ranked),
        *(forest.Line(row["vpn"], None, None, None, analysed.trouble(row)) for row in absent),
    ]


def _told(row: Row) -> bool:
    """The bare link has no rank, and says only that it has no value."""
    return row["value"] is None or row["vpn"] != BARE


def _line(row: Row) -> forest.Line:
    sure = "" if row["p_best"] is None else f", best in {percent(row['p_best'])}"
    return forest.Line(
        row["vpn"],
        float(row["rank"]),
        row["rank_low"],
        row["rank_high"],
        f"tier {row['tier']}{sure}, n={row['n_rounds']}",
    )


def caption(data: Data, context: Context) -> str:
    """What is drawn, and which systems cannot be told apart."""
    ranks = data.rows("ranks", tuning=context.tunings[0])
    ties = [
        f"{names} ({place.series.benchmark} at {place.profile})"
        for names, place in doubt.tied(doubt.every(data, context), data)
    ]
    drawn = next((row for row in ranks), None)
    draws = f" in {drawn['resamples']} draws of the rounds" if drawn else ""
    tiers = f" Cannot be told from the first of their tier: {'; '.join(ties)}." if ties else ""
    return (
        f"The rank of each system's median, and where 95 % of its ranks lie{draws}. A tier begins with a system "
        f"that differs from the first of the tier before. {analysed.rounds(data, context)}{tiers}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What has no rank, and why."""
    return analysed.missing(data, context)
