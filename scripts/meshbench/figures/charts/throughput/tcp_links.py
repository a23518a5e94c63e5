"""Single-stream TCP send rate per link, with the spread between links."""

import statistics
from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, strip
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import percent

MEASURE = Measure("tcp", "send_rate", "Mbit/s")


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, with the coefficient of variation between the links."""
    return measured.draw(
        [[(profile, MEASURE, mine)] for profile, mine in _panels(data, context).items()],
        context,
        lambda measure: (
            strip.Column("CV", 38, lambda group: percent(variation(group, measure.scale))),
        ),
    )


def variation(group: Group, scale: float) -> float | None:
    """Standard deviation over the mean of the links (share); None with fewer than two."""
    links = list(measured.by_link(group, scale).values())
    middle = statistics.fmean(links) if links else 0.0
    return statistics.stdev(links) / middle if len(links) > 1 and middle else None


def _panels(data: Data, context: Context) -> dict[str, list[Group]]:
    by_profile: dict[str, list[Group]] = {}
    for group in measured.groups(data, context, MEASURE):
        by_profile.setdefault(group.profile, []).append(group)
    return by_profile


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the system whose links differ most in each profile."""
    sentences = []
    for profile, mine in _panels(data, context).items():
        variations = {group.vpn: cv for group in mine if (cv := variation(group, 1.0)) is not None}
        if variations:
            worst = max(variations, key=lambda vpn: (variations[vpn], vpn))
            sentences.append(
                f"At {profile}, the links of {worst} differ most (CV {percent(variations[worst])})."
            )
    return " ".join(
        [
            "Send rate of one TCP stream over each link, as the thesis reports it; CV is the standard",
            "deviation over the mean of the links.",
            strip.LEGEND_OF_MEANS,
            measured.MEAN,
            *sentences,
            measured.unsure((MEASURE,), data, context),
        ]
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, MEASURE), context)
