"""Reordering events that the TCP sender saw per segment sent, under every profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import doubt, estimated, measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import percent

MEASURE = Measure("tcp", "reordering_seen", "% of segments", bound=1)
_LEAST_SEGMENTS = 100
"""Below so many segments sent a share says nothing: the stream was dead."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, with what the emulator was told to reorder."""
    nominal = _nominal(data)
    panels: dict[str, list[Group]] = {}
    for group in groups(data, context):
        panels.setdefault(group.profile, []).append(group)
    return measured.draw(
        [
            [(f"{profile}{nominal.get(profile, '')}", MEASURE, mine)]
            for profile, mine in panels.items()
        ],
        context,
    )


def groups(data: Data, context: Context) -> list[Group]:
    """Groups whose value is the share of segments (0..1), per link."""
    segments = _segments(data)
    rows = []
    for row in measured.values(data, MEASURE):
        sent = segments.get(_key(row), 0.0)
        usable = row["value"] is not None and sent >= _LEAST_SEGMENTS
        status = (
            {}
            if usable or row["status"] != "ok"
            else {"status": "failed", "reason": "the stream was dead"}
        )
        rows.append({**row, "value": row["value"] / sent if usable else None, **status})
    shares = measured.collected(rows, context, MEASURE)
    return estimated.over_rounds(shares, "value", marked=estimated.marked_count(data))


def _segments(data: Data) -> dict[tuple[str, ...], float]:
    sizes = {
        metric: {
            _key(row): row["value"]
            for row in data.rows("measures", benchmark="tcp", metric=metric, direction="forward")
            if row["value"]
        }
        for metric in ("sent", "mss")
    }
    return {
        key: sent / sizes["mss"][key] for key, sent in sizes["sent"].items() if key in sizes["mss"]
    }


def _key(row: Row) -> tuple[str, ...]:
    return tuple(
        str(row[name]) for name in ("round", "vpn", "tuning", "profile", "source", "target", "mode")
    )


def _nominal(data: Data) -> dict[str, str]:
    return {
        row["profile"]: f", configured {percent(row['reorder'])} per host"
        for row in data.rows("impairment_settings")
        if row["reorder"] is not None
    }


def caption(data: Data, context: Context) -> str:
    """What is drawn."""
    shares = groups(data, context)
    sentences = [
        f"At {profile} the systems range from {percent(min(means))} to {percent(max(means))}."
        for profile in dict.fromkeys(group.profile for group in shares)
        if (
            means := [
                value
                for g in shares
                if g.profile == profile and (value := measured.mean(g)) is not None
            ]
        )
    ]
    return " ".join(
        [
            "Reordering events counted by the sender's kernel over estimated segments sent (bytes / MSS).",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            *sentences,
            doubt.told(shares, data, context),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(groups(data, context), context)
