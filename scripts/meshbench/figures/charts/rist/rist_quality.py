"""Link quality and packet counts of the RIST stream, at the first profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import joined

_HALF = 32_768
PARTS = (
    ("link quality before recovery", Measure("rist", "rist_quality", "%")),
    ("packets dropped per second", Measure("rist", "rist_packets_dropped", "count", bound=1)),
    ("packets recovered per second", Measure("rist", "rist_packets_recovered", "count", bound=1)),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel for each statistic."""
    return measured.draw(
        [[(title, measure, _groups(data, context, measure))] for title, measure in PARTS], context
    )


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return measured.groups(data, context, measure, context.profiles[:1])


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the extremes."""
    _, measure = PARTS[0]
    return " ".join(
        [
            f"RIST stream at {context.profiles[0]}: share of packets that needed no recovery (not picture quality),",
            "packets given up and packets repaired per second, each the mean over the stream's seconds.",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            measured.extremes(_groups(data, context, measure), measure),
            measured.unsure(
                (statistic for _, statistic in PARTS), data, context, context.profiles[:1]
            ),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and which counts of drops a wrapped counter made."""
    wrapped = sorted(
        {
            row["vpn"]
            for row in data.rows("measures", benchmark="rist", metric="rist_packets_dropped_max")
            if row["value"] is not None
            and row["value"] >= _HALF
            and row["profile"] in context.profiles[:1]
        }
    )
    lines = measured.notes(_groups(data, context, PARTS[0][1]), context)
    if wrapped:
        lines.append(
            f"{joined(wrapped)}: over {_HALF} drops in one second are a wrapped 16-bit counter, not loss"
        )
    return lines
