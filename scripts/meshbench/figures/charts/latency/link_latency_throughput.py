"""Latency against throughput of every single link, so that a system whose links differ is seen."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import measured, pictures
from meshbench.figures.drawing.groups import Group, drawn_as, system, troubles
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import number

RTT = Measure("ping", "rtt_avg", "ms")
RATE = Measure("tcp", "send_rate", "Mbit/s")
_SIDE = 300
_UNEVEN = 2.0
"""Systems whose best link has more than this times the worst one's rate are labelled."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A point per link; systems whose links differ much have a label on each, others on the best."""
    picture = pictures.scatter(
        points(data, context), measured.axis(RTT), measured.axis(RATE), log_x=True, side=_SIDE
    )
    groups = [*_groups(data, context, RTT), *_groups(data, context, RATE)]
    return measured.with_absent(picture, groups, context, _SIDE)


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    return measured.groups(data, context, measure, context.profiles[:1])


def points(data: Data, context: Context) -> list[Row]:
    """One row per system and link that has both."""
    rates = _groups(data, context, RATE)
    rows: list[Row] = []
    for group in _groups(data, context, RTT):
        match = measured.same(rates, group)
        links = measured.by_link(match, RATE.scale) if match else {}
        uneven = bool(links) and max(links.values()) > _UNEVEN * min(links.values())
        for link, rtt in measured.by_link(group).items():
            if link in links:
                who = system(group, context)
                best = links[link] == max(links.values())
                name = f"{who} {link}" if uneven else who if best else ""
                rows.append(
                    {
                        "system": name,
                        "vpn": drawn_as(group, context),
                        "x": rtt,
                        "y": links[link],
                        "why": f"{who} {link}",
                    }
                )
    return rows


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the links of uneven systems."""
    links = "; ".join(
        f"{row['why']}: {number(row['x'])} ms, {number(row['y'])} Mbit/s"
        for row in points(data, context)
        if row["system"] == row["why"]
    )
    return (
        f"Mean RTT and single-stream TCP send rate of each link at {context.profiles[0]}, one point per system and link. "
        + (
            f"Links that differ by more than {number(_UNEVEN)} times within a system: {links}. "
            if links
            else ""
        )
        + measured.unsure((RTT, RATE), data, context, context.profiles[:1])
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    groups = _groups(data, context, RATE)
    return [
        *measured.sample_sizes(groups, context, "links per system"),
        *measured.notes(groups, context),
        *(f"RTT: {note}" for note in troubles(_groups(data, context, RTT), context)),
    ]
