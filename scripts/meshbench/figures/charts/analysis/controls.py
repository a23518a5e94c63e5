"""How often parts of a campaign call different what is one and the same, or what is known to differ."""

from collections.abc import Iterator, Sequence

import altair as alt

from meshbench.analysis import controls
from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import analysed, forest, texts
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import number

_LIMITS = {"same": 5.0, "effect": 95.0}


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per metric and profile; the line is what is allowed, or wanted of what an effect sets."""
    panels = [
        forest.Panel(
            title,
            "% of parts that differ",
            [_line(row) for row in rows],
            rule=_LIMITS[rows[0]["kind"]] if controls.judged(rows[0]) else None,
            ends=(0.0, 100.0),
        )
        for title, rows in _panels(data, context)
    ]
    return forest.draw(panels) if panels else texts.nothing("there is no control")


def _panels(data: Data, context: Context) -> Iterator[tuple[str, list[Row]]]:
    rows = data.rows("controls", tuning=context.tunings[0])
    for series, profile, _ in analysed.panels(data, context):
        mine = series.of(rows, profile=profile)
        if same := [row for row in mine if row["kind"] == "same"]:
            yield f"{series.title}, {profile}: the same twice", _ordered(same, context)
        for reference in dict.fromkeys(
            r["reference_profile"] for r in mine if r["kind"] == "effect"
        ):
            effects = [row for row in mine if row["reference_profile"] == reference
                     and row["kind"] == "effect"]  # fmt: skip
            yield f"{series.title}: {profile} against {reference}", _ordered(effects, context)


def _ordered(rows: Sequence[Row], context: Context) -> list[Row]:
    order = ordered(context.vpns, {row["vpn"] for row in rows})
    return sorted(rows, key=lambda row: order.index(row["vpn"]))


def _line(row: Row) -> forest.Line:
    if row["share"] is None:
        text = f"{row['n_rounds']} rounds with both: {analysed.FEW}"
        return forest.Line(row["vpn"], None, None, None, text)
    low, high = row["ratio_low"], row["ratio_high"]
    ends = f" [{number(low)}, {number(high)}]" if low is not None and high is not None else ""
    ratio = "" if row["ratio"] is None else f", ratio {number(row['ratio'])}{ends}"
    return forest.Line(
        row["vpn"],
        100 * row["share"],
        None,
        None,
        f"{row['n_differ']} of {row['n_resamples']}{ratio}",
    )


def caption(data: Data, context: Context) -> str:
    """What is drawn, and what it comes to over the metrics shown that count."""
    rows = [row for _, some in _panels(data, context) for row in some if row["share"] is not None]
    if not rows:
        return f"No part of the campaign can be compared: {analysed.FEW}."
    size = rows[0]["n_subset"]
    totals = []
    for kind, words in (
        ("same", "One system under two names differs"),
        ("effect", "What a changed parameter sets is found changed"),
    ):
        mine = [row for row in rows if row["kind"] == kind and controls.judged(row)]
        if total := sum(row["n_resamples"] for row in mine):
            differ = sum(row["n_differ"] for row in mine)
            share = number(100 * differ / total, 2)
            bound = "at most 5" if kind == "same" else "at least 95"
            totals.append(
                f"{words} in {differ} of {total} comparisons ({share} %; {bound} % are wanted)."
            )
    return (
        f"Parts of {size} of the rounds, each another one, are compared like campaigns of their own, one metric at a "
        "time: the share of them that is called different (signed-rank test at 5 %, and the interval excludes no "
        f"change). Parts share rounds, so that they agree with each other more than campaigns would. {' '.join(totals)}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What has no value, and why."""
    return analysed.missing(data, context)
