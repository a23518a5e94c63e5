"""Kernel tunings of the bare link beside each other, by profile and test."""

from collections.abc import Collection, Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured, pictures, texts, theme
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import number
from meshbench.results.records import BARE

VPN = BARE
PARTS = (
    ("TCP, one link at a time (Mbit/s)", Measure("tcp", "send_rate", "Mbit/s")),
    ("retransmit rate (%)", Measure("tcp", "retransmit_rate", "%")),
    (
        "TCP, all links at once, per link (Mbit/s)",
        Measure("tcp_parallel", "send_rate", "Mbit/s"),
    ),
    ("Nix download (s)", Measure("nix_cache", "copy_time", "s")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A map per test: a row per tuning, a column per profile."""
    charts = []
    for title, measure in measured.planned(PARTS, data, context):
        groups = _groups(data, context, measure)
        cells = [_cell(group, groups, measure, context) for group in groups]
        cells += _never([(cell["system"], cell["column"]) for cell in cells], context)
        picture = (
            pictures.heat(cells, context.profiles, context.tunings)
            if groups
            else texts.nothing("not measured")
        )
        charts.append(picture.properties(title=alt.TitleParams(title, fontSize=theme.TEXT)))
    return alt.concat(*charts, columns=2, spacing=18, usermeta={"width": 720})


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return [g for g in measured.groups(data, context, measure) if g.vpn == VPN]


def _never(there: Collection[tuple[str, str]], context: Context) -> list[dict[str, Any]]:
    """Cells for what no run of a tuning set out to do."""
    style = theme.STATUSES["not_run"]
    content = {"value": f"{style.glyph} {style.words}", "detail": "", "why": ""}
    return [
        {"system": tuning, "column": profile, "fill": style.fill, "edge": None, **content}
        for tuning in context.tunings
        for profile in context.profiles
        if (tuning, profile) not in there
    ]


def _cell(
    group: Group, groups: Sequence[Group], measure: Measure, context: Context
) -> dict[str, Any]:
    value, status = measured.mean(group, measure.scale), theme.STATUSES[group.trouble or "ok"]
    cell = {"system": group.tuning, "column": group.profile, "why": group.reason or ""}
    n = f"n {group.n_ok}/{group.planned}"
    if value is None:
        text = f"{status.glyph} {status.words}"
        return {**cell, "value": text, "detail": n, "fill": status.fill, "edge": None}
    first = measured.same(groups, group, tuning=context.tunings[0])
    reference = measured.mean(first, measure.scale) if first and first is not group else None
    detail = f"{number(value / reference)} of {number(reference, most=3)}" if reference else n
    edge = status.ink if group.trouble else None
    return {
        **cell,
        "value": number(value, most=3),
        "detail": detail,
        "fill": "#ffffff",
        "edge": edge,
    }


def caption(data: Data, context: Context) -> str:
    """What is drawn."""
    groups = _groups(data, context, PARTS[0][1])
    shown = [group for _, measure in PARTS for group in _groups(data, context, measure)]
    tunings = list(dict.fromkeys(group.tuning for group in groups if group.rows))
    words = "one tuning only" if len(tunings) == 1 else f"tunings {', '.join(tunings)}"
    return (
        f"The bare link under kernel settings of its own ({words}), means over the links that have "
        "a value; below a value its ratio to the first tuning with that operand, or how many links "
        "it rests on. " + doubt.told(shown, data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    alone = len(context.tunings) == 1
    missing = ["no tuned run among the data: there is nothing to compare with"] if alone else []
    return [
        *missing,
        *(
            f"{title}: {note}"
            for title, measure in PARTS
            for note in measured.notes(_groups(data, context, measure), context)
        ),
    ]
