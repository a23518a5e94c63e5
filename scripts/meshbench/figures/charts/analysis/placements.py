"""What impairing packets at their sender does to each system, against impairing them on the way in."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import analysed, forest, texts
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import joined, number


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per metric, profile and further placement, a row per system; the line is the first one."""
    effects = data.rows("effects", tuning=context.tunings[0])
    panels = [
        forest.Panel(
            f"{series.title}, {profile}",
            f"{placement}, times {context.placement}",
            [_line(vpn, series.of(effects, **_where(vpn, profile, placement, context)), rows)
             for vpn in _systems(rows, context)],
            log=True,
            rule=1.0,
            ends=(1.0,),
        )
        for series, profile, rows in analysed.panels(data, context)
        for placement in context.placements[1:]
    ]  # fmt: skip
    return forest.draw(panels) if panels else texts.nothing("there is one placement")


def _systems(rows: Sequence[Row], context: Context) -> list[str]:
    return ordered(context.vpns, {row["vpn"] for row in rows})


def _where(vpn: str, profile: str, placement: str, context: Context) -> dict[str, str]:
    return {
        "vpn": vpn, "reference": vpn, "profile": profile, "placement": placement,
        "reference_placement": context.placement,
    }  # fmt: skip


def _line(vpn: str, effects: Sequence[Row], rows: Sequence[Row]) -> forest.Line:
    effect = next((row for row in effects if row["n_rounds"]), None)
    if effect is None:
        lacking = [row for row in rows if row["vpn"] == vpn and row["value"] is None]
        why = "; ".join(f"{row['placement']}: {analysed.trouble(row)}" for row in lacking)
        return forest.Line(vpn, None, None, None, why or "no round has both")
    if effect["ratio"] is None and effect["ratio_low"] is None:
        text = f"no ratio of zero or unknown values, n={effect['n_rounds']}"
        return forest.Line(vpn, None, None, None, text)
    text = f"{analysed.effect(effect)}, n={effect['n_rounds']}"
    ends = effect["ratio_low"], effect["ratio_high"]
    return forest.Line(vpn, effect["ratio"], *ends, text, effect["why"])


def caption(data: Data, context: Context) -> str:
    """What is drawn, and what differs by how much."""
    sure: list[str] = []
    for series, profile, rows in analysed.panels(data, context):
        for placement in context.placements[1:]:
            wanted = {"profile": profile, "placement": placement, "verdict": "differs"}
            mine = series.read(data, "effects", tuning=context.tunings[0], **wanted)
            sure += [
                _told(row, series, rows)
                for row in mine
                if row["reference"] == row["vpn"]
                and row["reference_placement"] == context.placement
            ]
    sentence = f" It changes: {'; '.join(sure)}." if sure else " No change can be told."
    return (
        f"Each round's value with impairment at {joined(context.placements[1:])} over that of the same system, "
        f"weather and round at {context.placement}: median of the ratios with its 95 % interval; ~: no "
        "difference can be told (Holm over all systems of a metric and profile), =: equivalent. A profile "
        "that impairs nothing is a control: there the two are the same network. "
        f"{analysed.rounds(data, context)}{sentence}"
    )


def _told(effect: Row, series: Shown, rows: Sequence[Row]) -> str:
    """A ratio with both its operands."""
    name, unit = series.unit
    values = {row["placement"]: row["value"] for row in rows if row["vpn"] == effect["vpn"]}
    operands = [values.get(effect[key]) for key in ("placement", "reference_placement")]
    medians = " and ".join(number(v * unit.scale) for v in operands if v is not None)
    shown = "" if name == "1" else f" {name}"
    ratio = "" if effect["ratio"] is None else f" {number(effect['ratio'])} times"
    return f"{effect['vpn']}, {series.benchmark} at {effect['profile']}{ratio} (medians {medians}{shown})"


def notes(data: Data, context: Context) -> Sequence[str]:
    """What has no value, and why."""
    return analysed.missing(data, context)
