"""UDP goodput of every system under every profile, with what became of the cells that have none."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured, pictures, theme
from meshbench.figures.drawing.groups import Group, became, system
from meshbench.figures.drawing.measure import OVERLOAD_MODES, Measure
from meshbench.figures.drawing.wording import number

MEASURE = Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per system, a column per profile; darker is nearer to the best of all cells."""
    groups = measured.groups(data, context, MEASURE)
    best = max(
        (value for group in groups if (value := measured.mean(group, MEASURE.scale))), default=None
    )
    rows = [_cell(group, best, context) for group in groups]
    profiles = list(dict.fromkeys(group.profile for group in groups))
    systems = list(dict.fromkeys(row["system"] for row in rows))
    return pictures.heat(rows, profiles, systems)


def _cell(group: Group, best: float | None, context: Context) -> dict[str, Any]:
    value = measured.mean(group, MEASURE.scale)
    status = theme.STATUSES[group.trouble or "ok"]
    text = number(value) if value is not None else became(group)
    partial = group.trouble is not None and value is not None
    return {
        "system": system(group, context),
        "column": group.profile,
        "value": text,
        "detail": f"n {group.n_ok}/{group.planned}",
        "why": group.reason or "",
        "fill": pictures.green(value / best) if value is not None and best else status.fill,
        "edge": status.ink if partial else None,
    }


def caption(data: Data, context: Context) -> str:
    """What is drawn, and how much is missing."""
    groups = measured.groups(data, context, MEASURE)
    ok, planned = sum(group.n_ok for group in groups), sum(group.planned for group in groups)
    counts = {
        style.words: total
        for status, style in theme.STATUSES.items()
        if status != "ok" and (total := sum(group.counts[status] for group in groups))
    }
    troubles = ", ".join(f"{total} {words}" for words, total in counts.items())
    return (
        "UDP goodput at the receiver of a sender without a rate limit, mean over the links that have a "
        f"value. {ok} of {planned} links have one ({troubles or 'none is missing'}); a frame marks a mean over "
        "fewer than planned; a cell in which links failed in several ways has how many in which way and the "
        "colour of the commonest. 'Tool failed' is iperf3's own failure and says nothing about the system. "
        + doubt.told(groups, data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
