"""Rows of one value each with its interval, a system per row, and in words beside it what it says."""

from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.contract import frame
from meshbench.figures.drawing import channels, theme
from meshbench.figures.drawing.scales import Scale

ROW = 16
WIDTH = 150
_TEXT = 150


@dataclass(frozen=True)
class Line:
    """One system.

    Attributes:
        vpn: whose look it has.
        value, low, high: None where there is none.
        text: beside the row.
        why: for a tooltip.
        label: what the row is called, if not as the system.
    """

    vpn: str
    value: float | None
    low: float | None
    high: float | None
    text: str
    why: str = ""
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.vpn


@dataclass(frozen=True)
class Panel:
    """Rows on a common axis.

    Attributes:
        rule: where a line stands that values are compared with.
        ends: of the axis at the least.
        steps: whether values are whole numbers from 1 on, as ranks are.
    """

    title: str
    axis: str
    lines: Sequence[Line]
    log: bool = False
    rule: float | None = None
    ends: tuple[float, ...] = ()
    steps: bool = False


def draw(panels: Sequence[Panel], columns: int = 2) -> alt.ConcatChart:
    """Panels side by side, `columns` in a row."""
    return alt.concat(
        *(_panel(panel) for panel in panels),
        columns=columns,
        spacing=14,
        usermeta={"width": theme.PAGE},
    )


def _panel(panel: Panel) -> alt.LayerChart:
    values = [
        end for line in panel.lines for end in (line.value, line.low, line.high) if end is not None
    ]
    # Words for an axis without values would invent some.
    axis_values = [*values, *(panel.ends if values else ())]
    scale = Scale.of(axis_values, log=panel.log, room=1.05)
    y = alt.Y(
        "system:N",
        scale=alt.Scale(domain=[line.name for line in panel.lines]),
        axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=6),
    )
    axis = scale.axis(panel.axis)
    if panel.steps and not scale.empty:
        scale = Scale(0.5, max(axis_values) + 0.5, log=False)
        axis = alt.Axis(
            title=panel.axis, values=list(range(1, round(max(axis_values)) + 1)), format="d"
        )
    rows = [_row(line, scale) for line in panel.lines]
    base = alt.Chart(frame(rows)).encode(y=y, color=alt.Color("colour:N", scale=None))
    x = alt.X("value:Q", scale=scale.scale(), axis=axis)
    layers = [
        *_rule(panel, scale),
        base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale.scale()), x2="high:Q"),
        base.mark_point(filled=True, size=50, opacity=1).encode(
            x=x,
            shape=alt.Shape("shape:N", scale=None),
            tooltip=channels.tooltip("system:N", "value:Q", "low:Q", "high:Q", "why:N"),
        ),
        base.mark_text(align="left", fontSize=theme.SMALL).encode(
            x=channels.x(WIDTH + 8), text="text:N", color=alt.value(theme.INK)
        ),
    ]
    return alt.LayerChart(
        layer=layers,
        width=WIDTH,
        height=ROW * max(1, len(rows)),
        title=channels.title(panel.title, WIDTH + _TEXT),
    )


def _rule(panel: Panel, scale: Scale) -> list[alt.Chart]:
    if panel.rule is None or scale.empty:
        return []
    rule = alt.Chart(frame([{"at": panel.rule}])).mark_rule(color="#888888", strokeDash=[3, 2])
    return [rule.encode(x=alt.X("at:Q", scale=scale.scale()))]


def _row(line: Line, scale: Scale) -> dict[str, object]:
    look = theme.look(line.vpn)

    def placed(value: float | None) -> float | None:
        return None if value is None else float(scale.clamped(value))

    return {
        "system": line.name,
        "value": placed(line.value),
        "low": placed(line.low),
        "high": placed(line.high),
        "text": line.text,
        "why": line.why,
        "colour": look.colour,
        "shape": look.shape,
    }
