"""What the network really did to packets, against what was asked of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data, Row, axis_title, frame
from meshbench.figures.drawing import axes, theme
from meshbench.figures.drawing.theme import profile_order
from meshbench.figures.drawing.wording import DASH, counted, number

_ROW = 26
_WIDTH = 204
_VERDICTS = {
    True: ("circle", "#3b6ea5", "within tolerance"),
    False: ("cross", theme.RED, "outside"),
    None: ("square", theme.GREY, "cannot tell or not judged"),
}
_WITNESSES = (("pooled", "probes"), ("counted", "packets, by the emulators' own counters"))
"""Of the table: the beginning of their columns, and what they counted."""


@dataclass(frozen=True)
class Quantity:
    """One thing an emulator does to packets.

    Attributes:
        metric: whose title the axis has, in `unit`.
        column, expected, nominal, tolerance, judged: of the table, where there are such.
        scale: from the table's unit to `unit`.
        absent: what is said of a profile that has none of it.
        pooled: whether it is judged by all links and rounds of a profile together.
    """

    metric: str
    unit: str
    scale: float
    column: str
    expected: str | None = None
    nominal: str | None = None
    tolerance: str | None = None
    judged: str | None = None
    pooled: bool = False
    absent: str = "not calibrated"


QUANTITIES = (
    Quantity(
        "owd_mean", "ms", 1, "delay_ms", "expected_delay_ms", "nominal_delay_ms",
        "tolerance_delay_ms", "delay_ok",
    ),
    Quantity("owd_sd", "ms", 1, "delay_sd_ms", "expected_jitter_sd_ms"),
    Quantity(
        "probe_loss", "%", 100, "loss", "expected_loss", "nominal_loss", "tolerance_loss", "loss_ok",
        pooled=True,
    ),
    Quantity("reordered", "%", 100, "reordered", None, "nominal_reorder"),
)  # fmt: skip
LINE = (
    Quantity(
        "line_rate", "Mbit/s", 1e-6, "rate_bps", "nominal_rate_bps", None, "tolerance_rate_bps",
        "line_ok", absent="no bottleneck",
    ),
    Quantity(
        "queue_wait", "ms", 1, "queue_ms", "nominal_queue_ms", None, "tolerance_queue_ms", "line_ok",
        absent="no bottleneck",
    ),
)  # fmt: skip
"""Of a bottleneck, where a profile has one."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per quantity, a row per profile; a point is one link, direction and round."""
    rows = data.rows("impairment")
    profiles = profile_order(context.profiles, {row["profile"] for row in rows})
    charts = [
        _panel(quantity, rows, profiles, first=index == 0)
        for index, quantity in enumerate(QUANTITIES)
    ]
    if rated := [row for row in rows if row["nominal_rate_bps"] is not None]:
        charts += [_panel(quantity, rated, profiles, first=False) for quantity in LINE]
    return alt.concat(*charts, columns=1, spacing=10)


def _panel(
    quantity: Quantity, rows: Sequence[Row], profiles: Sequence[str], *, first: bool
) -> alt.LayerChart:
    points = _points(quantity, rows)
    asked = _asked(quantity, rows)
    witnesses = _witnesses(quantity, rows) if quantity.pooled else []
    ends = [row["value"] for row in points] + [row["high"] for row in (*asked, *witnesses)]
    x = {
        "scale": alt.Scale(domain=list(axes.domain(ends or [0.0], room=1.05)), nice=False),
        "axis": alt.Axis(
            title=_axis(quantity),
            labels=bool(ends),
            ticks=bool(ends),
            grid=bool(ends),
            **axes.ticks(ends, count=6),
        ),
    }
    y = alt.Y(
        "profile:N",
        scale=alt.Scale(domain=list(profiles)),
        axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=7),
    )
    layers = [
        _band(asked, x, y),
        _marks(points, x, y, legend=first),
        _nominal(asked, x, y),
        _expected(asked, x, y),
        *_intervals(witnesses, x, y),
        _verdicts(quantity, rows, profiles, y),
    ]
    return alt.LayerChart(layer=layers, width=_WIDTH, height=_ROW * max(1, len(profiles)))


def _axis(quantity: Quantity) -> str:
    title = axis_title(quantity.metric, quantity.unit)
    return title.replace(" (", " added (") if quantity.column == "delay_ms" else title


def _points(quantity: Quantity, rows: Sequence[Row]) -> list[dict[str, Any]]:
    return [
        {
            "profile": row["profile"],
            "value": row[quantity.column] * quantity.scale,
            "verdict": _VERDICTS[None if quantity.pooled else _judged(quantity, row)][2],
            "link": f"{row['source']}→{row['target']} {row['direction']}",
            "round": row["round"],
            "why": row["why"],
        }
        for row in rows
        if row[quantity.column] is not None
    ]


def _witnesses(quantity: Quantity, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What all probes of a profile and all its emulators' counters say, each with its interval."""
    intervals = {
        (row["profile"], witness, row[f"{witness}_loss"]): {
            "profile": row["profile"],
            "witness": witness,
            "value": row[f"{witness}_loss"] * quantity.scale,
            "low": row[f"{witness}_low"] * quantity.scale,
            "high": row[f"{witness}_high"] * quantity.scale,
            "verdict": _VERDICTS[_judged(quantity, row)][2],
            "of": f"{row[f'n_{witness}']:,} {noun}",
        }
        for row in rows
        for witness, noun in _WITNESSES
        if row[f"{witness}_high"] is not None
    }
    return list(intervals.values())


def _intervals(witnesses: Sequence[dict[str, Any]], x: dict[str, Any], y: alt.Y) -> list[alt.Chart]:
    """The intervals that decide, one below the other in a profile's row."""
    looks = list(_VERDICTS.values())
    colour = alt.Color(
        "verdict:N",
        scale=alt.Scale(domain=[words for *_, words in looks], range=[ink for _, ink, _ in looks]),
        legend=None,
    )
    tooltip = ["of:N", "value:Q", "low:Q", "high:Q"]
    layers: list[alt.Chart] = []
    for index, (witness, _) in enumerate(_WITNESSES):
        # Not an encoding: panels of one picture share the scale of their offsets.
        shift = _ROW * (2 * index - 1) / 5
        if mine := [row for row in witnesses if row["witness"] == witness]:
            chart = alt.Chart(frame(mine)).encode(y=y, color=colour, tooltip=tooltip)
            layers += [
                chart.mark_rule(strokeWidth=2, yOffset=shift).encode(
                    x=alt.X("low:Q", **x), x2="high:Q"
                ),
                chart.mark_point(filled=True, size=26, opacity=1, yOffset=shift).encode(
                    x=alt.X("value:Q", **x)
                ),
            ]
    return layers


def _judged(quantity: Quantity, row: Row) -> bool | None:
    return row[quantity.judged] if quantity.judged else None


def _asked(quantity: Quantity, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """What was asked for, once per profile, or once for those of its links that are asked for the same."""
    targets: dict[tuple[str, float | None], dict[str, Any]] = {}
    for row in rows:
        expected = _scaled(row, quantity.expected, quantity.scale)
        nominal = _scaled(row, quantity.nominal, quantity.scale)
        tolerance = _scaled(row, quantity.tolerance, quantity.scale)
        if expected is None and nominal is None:
            continue
        centre = nominal if expected is None else expected
        targets[row["profile"], centre] = {
            "profile": row["profile"],
            "value": expected,
            "nominal": nominal,
            "low": max(0.0, (centre or 0) - (tolerance or 0)),
            "high": max((centre or 0) + (tolerance or 0), nominal or 0),
            "end": (centre or 0) + (tolerance or 0),
            "tolerance": tolerance,
        }
    return list(targets.values())


def _scaled(row: Row, column: str | None, scale: float) -> float | None:
    value = row[column] if column else None
    return None if value is None else value * scale


def _band(asked: Sequence[dict[str, Any]], x: dict[str, Any], y: alt.Y) -> alt.Chart:
    rows = [row for row in asked if row["tolerance"] is not None]
    bars = alt.Chart(frame(rows)).mark_bar(color="#dfe8d4", size=_ROW - 6)
    chart: alt.Chart = bars.encode(x=alt.X("low:Q", **x), x2="end:Q", y=y)
    return chart


def _marks(
    points: Sequence[dict[str, Any]], x: dict[str, Any], y: alt.Y, *, legend: bool
) -> alt.Chart:
    names = [words for _, _, words in _VERDICTS.values()]
    shapes = alt.Scale(domain=names, range=[shape for shape, _, _ in _VERDICTS.values()])
    colours = alt.Scale(domain=names, range=[colour for _, colour, _ in _VERDICTS.values()])
    shown = alt.Legend(title=None, orient="top", offset=4) if legend else None
    chart: alt.Chart = (
        alt.Chart(frame(points))
        .mark_point(strokeOpacity=0.6, strokeWidth=1)
        .encode(
            x=alt.X("value:Q", **x),
            y=y,
            yOffset=alt.YOffset("round:O"),
            shape=alt.Shape("verdict:N", scale=shapes, legend=shown),
            color=alt.Color("verdict:N", scale=colours, legend=shown),
            size=alt.condition("datum.verdict === 'outside'", alt.value(40), alt.value(14)),
            tooltip=["link:N", "round:O", "value:Q", "why:N"],
        )
    )
    return chart


def _expected(asked: Sequence[dict[str, Any]], x: dict[str, Any], y: alt.Y) -> alt.Chart:
    rows = [row for row in asked if row["value"] is not None]
    mark = alt.Chart(frame(rows)).mark_tick(thickness=2, size=_ROW - 4, color=theme.INK)
    chart: alt.Chart = mark.encode(x=alt.X("value:Q", **x), y=y)
    return chart


def _nominal(asked: Sequence[dict[str, Any]], x: dict[str, Any], y: alt.Y) -> alt.Chart:
    rows = [row for row in asked if row["nominal"] is not None]
    mark = alt.Chart(frame(rows)).mark_point(
        shape="diamond", size=60, filled=True, fill="white", stroke=theme.INK, strokeWidth=1.2
    )
    chart: alt.Chart = mark.encode(x=alt.X("nominal:Q", **x), y=y)
    return chart


def _verdicts(
    quantity: Quantity, rows: Sequence[Row], profiles: Sequence[str], y: alt.Y
) -> alt.Chart:
    text: list[dict[str, Any]] = []
    for profile in profiles:
        mine = [row for row in rows if row["profile"] == profile]
        column = "pooled_loss" if quantity.pooled else quantity.column
        values = [row[column] for row in mine if row[column] is not None]
        mean = number(quantity.scale * sum(values) / len(values), 2) if values else DASH
        inside = sum(_judged(quantity, row) is True for row in mine)
        bad = any(_judged(quantity, row) is False for row in mine)
        untold = all(_judged(quantity, row) is None for row in mine)
        verdict = "cannot tell" if untold else f"{inside}/{len(mine)} within"
        within = f", {verdict}" if quantity.judged else ""
        text.append(
            {
                "profile": profile,
                "text": f"mean {mean}{within}" if mine else quantity.absent,
                "ink": theme.RED if bad else theme.INK if mine else theme.GREY,
            }
        )
    mark = alt.Chart(frame(text)).mark_text(align="left", fontSize=theme.SMALL)
    chart: alt.Chart = mark.encode(
        x=alt.value(_WIDTH + 6), y=y, text="text:N", color=alt.Color("ink:N", scale=None)
    )
    return chart


def caption(data: Data, _context: Context) -> str:
    """What is drawn, and how many calibrations were within tolerance."""
    rows = data.rows("impairment")
    return (
        "What probes met on the bare link under each profile, one point per link, direction and "
        "round. Diamond: what the profile says; black tick: what that comes to with the emulator's "
        "clipped delays; green: tolerance around it. Delay is what the profile adds to the "
        "baseline of the same round; at the baseline itself it is the link's own. Deviation and "
        "reordering are shown but not judged. Loss is judged by all probes of a profile together "
        "(upper line) and by the emulators' own counters in calibrations and cells (lower line): "
        "their 99.9 % Wilson intervals must reach the green. "
        f"{_LINE_WORDS if any(row['nominal_rate_bps'] is not None for row in rows) else ''}"
        f"{_counts(rows)}"
    ).strip()


_LINE_WORDS = (
    "Rate and full queue of a profile's bottleneck are those of a UDP flow of 1.25 times its rate. "
)


def _counts(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    inside = sum(row["verdict"] == "within" for row in rows)
    untold = sum(row["verdict"] == "cannot tell" for row in rows)
    more = f"; {untold} cannot tell" if untold else ""
    return f"{inside} of {counted(len(rows), 'calibration')} within tolerance{more}."


def notes(data: Data, context: Context) -> Sequence[str]:
    """The verdicts that are not 'within', and why; what cannot be told once for each profile."""
    rows = data.rows("impairment")
    outside = [_note(row) for row in rows if row["verdict"] not in {"within", "cannot tell"}]
    untold = {row["profile"]: _note(row) for row in rows if row["verdict"] == "cannot tell"}
    more = [f"{note} (and the like)" for note in untold.values()]
    missing = [name for name in context.profiles if name not in {row["profile"] for row in rows}]
    return [*outside, *more, *(f"{name}: not calibrated" for name in missing)]


def _note(row: Row) -> str:
    return (
        f"{row['profile']}, {row['source']}→{row['target']} {row['direction']}, round {row['round']}: "
        f"{row['verdict']}: {row['why']}"
    )
