"""Latency against throughput of every single link, so that a system whose links differ is seen."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import measured, pictures
from meshbench.figures.base import Context, Data, Row
from meshbench.figures.findings import Concern
from meshbench.figures.groups import drawn_as, system
from meshbench.figures.measured import Measure
from meshbench.figures.wording import number

TITLE = "Latency and throughput of each link"
TABLES = ("measures",)
BENCHMARKS = ("ping", "tcp")
NEEDS = ("ping", "tcp")
CONCERN = Concern(("ping", "tcp"), first_profile=True)
RTT = Measure("ping", "rtt_avg", "ms")
RATE = Measure("tcp", "send_rate", "Mbit/s", measured.MBIT)
_UNEVEN = 2.0
"""Systems whose best link has more than this times the worst one's rate are labelled."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A point per link; systems whose links differ much have a label on each, others on the best."""
    return pictures.scatter(
        points(data, context), measured.axis(RTT), measured.axis(RATE), log_x=True, side=300
    )


def points(data: Data, context: Context) -> list[Row]:
    """One row per system and link that has both."""
    rates = measured.groups(data, context, RATE, context.profiles[:1])
    rows: list[Row] = []
    for group in measured.groups(data, context, RTT, context.profiles[:1]):
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
    told = "; ".join(
        f"{row['why']}: {number(row['x'])} ms, {number(row['y'])} Mbit/s"
        for row in points(data, context)
        if row["system"] == row["why"]
    )
    return (
        f"Mean RTT and single-stream TCP send rate of each link at {context.profiles[0]}, one point per system and link. "
        + (
            f"Links that differ by more than {number(_UNEVEN)} times within a system: {told}."
            if told
            else ""
        )
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    groups = measured.groups(data, context, RATE, context.profiles[:1])
    return [
        *measured.sample_sizes(groups, context, "links per system"),
        *measured.notes(groups, context),
    ]
