"""Headscale over the bare link by tuning: does the gap reverse when the bare link is tuned too?"""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured, pictures
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.theme import STATUSES
from meshbench.figures.drawing.wording import DASH, number
from meshbench.results.records import BARE

PAIR = (BARE, "headscale")
MEASURE = Measure("tcp", "send_rate", "Mbit/s")


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A cell per tuning and profile: the ratio, and its operands below."""
    groups = measured.groups(data, context, MEASURE)
    cells = [
        _cell(groups, tuning, profile) for tuning in context.tunings for profile in context.profiles
    ]
    return pictures.heat(cells, context.profiles, context.tunings, width=92, height=30)


def _pair(groups: Sequence[Group], tuning: str, profile: str) -> list[Group | None]:
    return [
        next((g for g in groups if (g.vpn, g.tuning, g.profile) == (vpn, tuning, profile)), None)
        for vpn in PAIR
    ]


def _cell(groups: Sequence[Group], tuning: str, profile: str) -> dict[str, Any]:
    bare, other = _pair(groups, tuning, profile)
    bare_rate, other_rate = (measured.mean(g, MEASURE.scale) if g else None for g in (bare, other))
    cell = {"system": tuning, "column": profile, "why": "", "edge": None}
    if bare_rate is None or other_rate is None:
        bad = next((g for g in (bare, other) if g and g.trouble), None)
        status = STATUSES[(bad and bad.trouble) or "not_run"]
        content = {"value": f"{status.glyph} {status.words}", "fill": status.fill}
        return {**cell, **content, "detail": "", "why": (bad and bad.reason) or ""}
    if not bare_rate:
        return {**cell, "value": DASH, "detail": f"{number(other_rate)} / 0", "fill": "#ffffff"}
    fill = "#f6c9a0" if other_rate > bare_rate else "#ffffff"
    return {
        **cell,
        "value": number(other_rate / bare_rate),
        "detail": f"{number(other_rate)} / {number(bare_rate)}",
        "fill": fill,
    }


def caption(data: Data, context: Context) -> str:
    """What is drawn, and where Headscale leads."""
    groups = measured.groups(data, context, MEASURE)
    leads = []
    for tuning in context.tunings:
        for profile in context.profiles:
            bare_rate, other_rate = (
                measured.mean(g, MEASURE.scale) if g else None
                for g in _pair(groups, tuning, profile)
            )
            if bare_rate and other_rate and other_rate > bare_rate:
                leads.append(
                    f"{tuning}, {profile}: {number(other_rate / bare_rate)} = {number(other_rate)} / {number(bare_rate)} Mbit/s"
                )
    return (
        "Single-stream TCP send rate of Headscale over that of the bare link under the same kernel tuning; means over "
        f"the links. Above 1 (shaded) the tunnel beats the link it runs on: {'; '.join(leads) or 'nowhere'}. "
        + doubt.told((group for group in groups if group.vpn in PAIR), data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    missing = (
        []
        if len(context.tunings) > 1
        else ["no tuned run among the data: whether the gap reverses cannot be told"]
    )
    groups = [g for g in measured.groups(data, context, MEASURE) if g.vpn in PAIR]
    return [*missing, *measured.sample_sizes(groups, context), *measured.notes(groups, context)]
