"""Encoding channels as objects: for plain words Altair looks for their class in the whole schema."""

import altair as alt


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
