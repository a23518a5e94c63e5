"""Where labels of points go, so that they hide neither points nor each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from meshbench.figures.drawing import theme

_WAYS = [
    (radius * math.cos(angle), radius * math.sin(angle))
    for radius in (9, 14, 22, 32, 44, 58, 74, 92, 112, 140, 175, 215)
    for angle in (
        0.0, -0.7, 0.7, math.pi, -2.4, 2.4, -math.pi / 2, math.pi / 2, -0.35, 0.35, -1.1, 1.1, -2.0, 2.0
    )
]  # fmt: skip
"""Where a label may begin (or end, to the left) relative to its point, the nearest first."""
NEAR = 15
_LINE_CROSSED, _POINT_HIDDEN, _LABEL_HIDDEN, _OUTSIDE = 40.0, 150.0, 1000.0, 2000.0
"""What is as bad as a label so many px farther from its point."""


def places(
    points: Sequence[tuple[float, float, str]],
    side: float,
    blocked: Sequence[tuple[float, ...]] = (),
) -> list[tuple[float, float]]:
    """The left edge and the middle, in px, of the label of each point; greedy, in their order.

    A label hides no other one and, where there is room, neither points nor lines to them.

    Args:
        points: x, y and label.
        side: of the picture.
        blocked: boxes (left, top, right, bottom) that labels leave free besides the points.
    """
    marks = [*((x - 5, y - 5, x + 5, y + 5) for x, y, _ in points), *blocked]
    taken: list[_Label] = []
    chosen = []
    for x, y, text in points:
        best = _best((x, y), width_px(text), marks, taken, side)
        if text:
            taken.append(best)
        chosen.append((best.box[0], best.middle))
    return chosen


def _best(
    point: tuple[float, float],
    width: float,
    marks: Sequence[tuple[float, ...]],
    taken: "Sequence[_Label]",
    side: float,
) -> "_Label":
    """The nearest place that is free, or else the least bad one."""
    candidates: list[tuple[float, _Label]] = []
    for dx, dy in _WAYS:
        way = _Label.at(*point, dx, dy, width)
        cost = _cost(way, marks, taken, side)
        candidates.append((cost, way))
        if cost == way.distance:
            break
    return min(candidates, key=lambda candidate: candidate[0])[1]


@dataclass(frozen=True)
class _Label:
    """A label's box, and the line that leads to it from its point where it is not next to that."""

    box: tuple[float, ...]
    middle: float
    distance: float
    line: tuple[tuple[float, float], tuple[float, float]] | None

    @classmethod
    def at(cls, x: float, y: float, dx: float, dy: float, width: float) -> "_Label":
        left = x + dx - (0 if dx > 1 else width if dx < -1 else width / 2)
        middle = y + dy
        end = line_end(x, left, width), middle
        far = math.hypot(end[0] - x, dy) > NEAR
        box = (left, middle - 6, left + width, middle + 6)
        return cls(box, middle, math.hypot(dx, dy), ((x, y), end) if far else None)


def line_end(x: float, left: float, width: float) -> float:
    """Where a line from a point at `x` meets its label, across."""
    return min(max(x, left), left + width)


def _cost(
    way: _Label, marks: Sequence[tuple[float, ...]], taken: Sequence[_Label], side: float
) -> float:
    crossed = sum(_crosses(way.line, other.box) + _crosses(other.line, way.box) for other in taken)
    # Each line begins at its own point.
    struck = max(0, sum(_crosses(way.line, mark) for mark in marks) - 1)
    return (
        way.distance
        + _OUTSIDE * (not _inside(way.box, side))
        + _POINT_HIDDEN * sum(overlap(way.box, mark) for mark in marks)
        + _LABEL_HIDDEN * sum(overlap(way.box, other.box) for other in taken)
        + _LINE_CROSSED * (crossed + struck)
    )


def _crosses(
    line: tuple[tuple[float, float], tuple[float, float]] | None, box: tuple[float, ...]
) -> bool:
    """Whether a line goes through a box, by looking at points along it."""
    if line is None:
        return False
    (x, y), (to_x, to_y) = line
    left, top, right, bottom = box
    if not overlap((min(x, to_x), min(y, to_y), max(x, to_x), max(y, to_y)), box):
        return False
    steps = [step / 12 for step in range(13)]
    return any(
        left < x + (to_x - x) * step < right and top < y + (to_y - y) * step < bottom
        for step in steps
    )


def _inside(box: tuple[float, ...], side: float) -> bool:
    left, top, right, bottom = box
    return left >= 2 and right <= side + 70 and top >= 4 and bottom <= side - 2  # noqa: PLR2004


def width_px(text: str, size: float = theme.SMALL) -> float:
    """The width of a text in a sans-serif font of a size in px: digits are wider than most letters."""
    ems = (0.3 if c in " .,:;/!|()-ijlrt" else 0.57 if c.isdigit() else 0.54 for c in text)
    return size * sum(ems)


def overlap(box: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
