"""TCP over one link at a time beside all links at the same time."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.measure import UNITS, Measure
from meshbench.figures.drawing.wording import number
from meshbench.results.records import BARE

MBIT = UNITS["Mbit/s"].scale
PARTS = (
    ("one link at a time", Measure("tcp", "send_rate", "Mbit/s")),
    ("all links at once, per link", Measure("tcp_parallel", "send_rate", "Mbit/s")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile; the sum over the links only where all of them have a value."""
    profiles = list(dict.fromkeys(g.profile for g in measured.groups(data, context, PARTS[1][1])))
    return measured.draw(
        [
            [
                (f"{profile}, {title}", measure, measured.groups(data, context, measure, [profile]))
                for title, measure in PARTS
            ]
            for profile in profiles
        ],
        context,
        _sum,
    )


def _sum(measure: Measure) -> Sequence[strip.Column]:
    if measure.benchmark == "tcp":
        return ()
    return (strip.Column("sum", 48, lambda group: number(measured.total(group, measure.scale), 4)),)


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the bare link's scaling with both operands."""
    single, together = (
        measured.groups(data, context, measure, context.profiles[:1]) for _, measure in PARTS
    )
    sentences = []
    for group in single:
        both = measured.same(together, group)
        mean, total = (
            measured.mean(group, MBIT),
            both and measured.total(both, MBIT),
        )
        alike = both is not None and not measured.other_modes(group, both)
        if group.vpn == BARE and mean and total and alike:
            sentences.append(
                f"At {group.profile} the bare link scales by {number(total / mean)} = {number(total, 4)} / {number(mean)}, "
                "half the number of links, as each link then carries two of the streams that are counted one way."
            )
    return " ".join(
        [
            "Send rate of one TCP stream per direction, over one link at a time and over all links at the same time.",
            "A sum over links is given only where every link has a value.",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            *sentences,
            measured.unsure((measure for _, measure in PARTS), data, context),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, for both."""
    return [
        f"{title}: {note}"
        for title, measure in PARTS
        for note in measured.notes(measured.groups(data, context, measure), context)
    ]
