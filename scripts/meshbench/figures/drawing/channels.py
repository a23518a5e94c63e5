"""Encoding channels as objects: for plain words Altair looks for their class in the whole schema."""

import json
from collections.abc import Iterable
from typing import Any

import altair as alt

from meshbench.figures.drawing import theme
from meshbench.figures.drawing.wording import broken


def x(px: float) -> alt.XValue:
    """A fixed place, in px from the left."""
    return alt.XValue(px)  # type: ignore[no-untyped-call]


def x2(px: float) -> alt.X2Value:
    """Where something ends, in px from the left."""
    return alt.X2Value(px)  # type: ignore[no-untyped-call]


def y(px: float) -> alt.YValue:
    """A fixed place, in px from the top."""
    return alt.YValue(px)  # type: ignore[no-untyped-call]


def tooltip(*fields: str) -> list[alt.Tooltip]:
    """What a reader sees who points at a mark, e.g. ``value:Q``."""
    return [alt.Tooltip(field) for field in fields]


def heads(names: Iterable[str], width_px: float, **options: Any) -> alt.Axis:
    """The axis above columns of that width: names that are wider stand in several lines."""
    lines = {name: broken(name, width_px, theme.TEXT) for name in names}
    most = max(map(len, lines.values()), default=1)
    if most > 1:
        height = theme.TEXT + 1
        # Vega puts the first line at the axis, also above a picture, into which the others hang:
        # they are moved up, and shorter heads filled up to stand at the foot.
        above = options.get("orient") == "top"
        filled = {
            name: ["\u00a0"] * (most - len(parts)) * above + parts for name, parts in lines.items()
        }
        options |= {
            "labelExpr": f"({json.dumps(filled)})[datum.label]",
            "labelLineHeight": height,
            "labelOverlap": False,
            "labelPadding": 3 + (most - 1) * height * above,
        }
    return alt.Axis(title=None, labelAngle=0, **options)


def title(text: str, width_px: float, **options: Any) -> alt.TitleParams:
    """What stands above a panel of that width, in several lines if need be."""
    lines = broken(text, width_px, theme.TEXT)
    return alt.TitleParams(lines if len(lines) > 1 else text, fontSize=theme.TEXT, **options)
