"""Axes from one value to another, linear or logarithmic, in px and for Vega."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.drawing import axes
from meshbench.figures.drawing.wording import log_ticks, on_log


@dataclass(frozen=True)
class Scale:
    """An axis from `low` to `high`; without numbers where it is `empty`, as it would invent them."""

    low: float
    high: float
    log: bool
    empty: bool = False

    @classmethod
    def of(cls, values: Sequence[float], *, log: bool, room: float, below: float = 0.7) -> "Scale":
        """An axis that holds the values: from zero, or from `below` times the least if logarithmic."""
        if log:
            values = [value for value in values if on_log(value)]
        if not values:
            return cls(0, 1, log=False, empty=True)
        if log:
            return cls(below * min(values), 1.6 * max(values), log=True)
        low, high = min(0.0, *values), room * max(0.0, *values)
        return cls(low, high if low < high else 1.0, log=False)

    def shows(self, value: float) -> bool:
        """Whether the value has a place of its own on the axis."""
        return not self.log or on_log(value)

    def clamped(self, value: float) -> float:
        """The value, or the low end of the axis for one that has no place on it."""
        return value if self.shows(value) else self.low

    def at(self, value: float, size: float) -> float:
        """Where a value stands on so many px."""
        value = self.clamped(value)
        if self.log:
            return size * math.log(value / self.low) / math.log(self.high / self.low)
        return size * (value - self.low) / (self.high - self.low)

    def scale(self) -> alt.Scale:
        """For Vega."""
        return alt.Scale(
            type="log" if self.log else "linear",
            domain=[self.low, self.high],
            nice=False,
            zero=False,
        )

    def axis(self, title: str) -> alt.Axis:
        """Round ticks; their values say that it is logarithmic."""
        if self.empty:
            return alt.Axis(title=title, labels=False, ticks=False, grid=False)
        if not self.log:
            return alt.Axis(title=title, **axes.ticks([self.low, self.high], count=6))
        ticks = log_ticks(self.low, self.high)
        return alt.Axis(title=f"{title}, log", values=ticks, labelExpr="format(datum.value, '~g')")
