"""Words in place of a picture, or below one."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import frame
from meshbench.figures.drawing import channels, theme
from meshbench.figures.drawing.wording import wrapped

_LINE = 13


def nothing(text: str, width: int = 300) -> alt.LayerChart:
    """In place of a picture for which there are no data: why."""
    return _written([text], width, 20)


def paragraph(text: str, width: int, height: int) -> alt.LayerChart:
    """A text in place of a panel of that size."""
    return _written(wrapped([text], width, theme.TEXT), width, height)


def listing(lines: Sequence[str], width: int) -> alt.LayerChart:
    """Lines below a picture: what has no place in it, and why."""
    shown = wrapped(lines, width, theme.TEXT)
    return _written(shown, width, _LINE * len(shown))


def _written(lines: Sequence[str], width: int, height: int) -> alt.LayerChart:
    rows = [{"text": line, "y": 10 + _LINE * index} for index, line in enumerate(lines)]
    chart = (
        alt.Chart(frame(rows))
        .mark_text(align="left", fontSize=theme.TEXT, color=theme.GREY)
        .encode(
            x=channels.x(0),
            y=alt.Y("y:Q", scale=None, axis=None),
            text=alt.Text("text:N"),
        )
    )
    return alt.LayerChart(layer=[chart], width=width, height=height)
