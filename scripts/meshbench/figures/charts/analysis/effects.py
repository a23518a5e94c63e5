"""Each system's ratio to the bare link of the same round, with its interval, as a forest plot."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import analysed, doubt, forest, texts
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.theme import ordered
from meshbench.results.records import BARE


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per metric and profile, a row per system; the line is the bare link."""
    rows = data.rows("effects", reference=BARE)
    panels = [
        forest.Panel(
            f"{series.title}, {profile}",
            "times the bare link",
            [_line(row, series, rows) for row in _others(estimates, context)],
            log=True,
            rule=1.0,
            ends=(1.0,),
        )
        for series, profile, estimates in analysed.panels(data, context)
        if _others(estimates, context)
    ]
    return forest.draw(panels) if panels else texts.nothing("there is nothing to compare")


def _others(rows: Sequence[Row], context: Context) -> list[Row]:
    """Every system in drawing order; the bare link says only why it has no value itself."""
    order = ordered(context.vpns, {row["vpn"] for row in rows})
    some = [row for row in rows if row["vpn"] != BARE or row["value"] is None]
    return sorted(some, key=lambda row: order.index(row["vpn"]))


def _line(row: Row, series: Shown, effects: Sequence[Row]) -> forest.Line:
    if row["value"] is None:
        return forest.Line(row["vpn"], None, None, None, analysed.trouble(row))
    effect = _effect(row, series, effects)
    if effect is None or (effect["ratio"] is None and effect["ratio_low"] is None):
        return forest.Line(row["vpn"], None, None, None, "no ratio (n = 0): no bare link beside it")
    text = f"{analysed.effect(effect)}, n={effect['n_rounds']}"
    return forest.Line(
        row["vpn"], effect["ratio"], effect["ratio_low"], effect["ratio_high"], text, effect["why"]
    )


def _effect(row: Row, series: Shown, effects: Sequence[Row]) -> Row | None:
    mine = series.of(
        effects, vpn=row["vpn"], profile=row["profile"], tuning=row["tuning"],
        reference_tuning=row["tuning"], placement=row["placement"],
    )  # fmt: skip
    return mine[0] if mine else None


def caption(data: Data, context: Context) -> str:
    """What is drawn, and what cannot be told."""
    unsure = [
        f"{names} ({place.series.benchmark} at {place.profile})"
        for names, place in doubt.unsure(doubt.every(data, context), data)
    ]
    sentence = f" Cannot be told from the bare link: {'; '.join(unsure)}." if unsure else ""
    return (
        "The median of the rounds' ratios to the bare link of the same round, with its 95 % interval; ~: no "
        "difference can be told (Holm over all pairs of a metric and profile), =: equivalent. "
        f"{analysed.rounds(data, context)}{sentence}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What has no value, and why."""
    return analysed.missing(data, context)
