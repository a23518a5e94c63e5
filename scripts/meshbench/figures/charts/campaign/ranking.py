"""The rank of every system in every metric at the first profile; no single score is made of them."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured, pictures, texts
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import OVERLOAD_MODES, Measure
from meshbench.figures.drawing.theme import STATUSES
from meshbench.figures.drawing.wording import number
from meshbench.results.records import BARE

PARTS: tuple[tuple[str, Measure, bool], ...] = (
    ("TCP", Measure("tcp", "send_rate", "Mbit/s"), True),
    ("resent", Measure("tcp", "retransmit_rate", "%"), False),
    ("RTT", Measure("ping", "rtt_avg", "ms"), False),
    ("UDP", Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES), True),
    ("QUIC", Measure("quic", "quic_goodput", "Mbit/s"), True),
    ("QUIC set-up", Measure("quic", "quic_connect", "ms"), False),
    ("Nix", Measure("nix_cache", "copy_time", "s"), False),
    ("RIST", Measure("rist", "rist_quality", "%"), True),
)
_NO_TIER = {"retransmit_rate"}
"""Near zero on the bare link, so that a share of it says nothing."""
_TIERS = (0.8, 0.55, 0.4)
"""Shares of the bare link that separate the tiers A to D (the thesis's, for throughput)."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per system, a column per metric: the value, its rank and tier."""
    cells: list[dict[str, Any]] = []
    heads = []
    for head, measure, higher in PARTS:
        groups = _groups(data, context, measure)
        if groups:
            title = f"{head} ({measure.unit})"
            heads.append(title)
            cells += _column(title, measure, groups, higher=higher)
    if not cells:
        return texts.nothing("nothing was measured")
    systems = [vpn for vpn in context.vpns if any(cell["system"] == vpn for cell in cells)]
    picture = pictures.heat(cells, heads, systems, width=84)
    return alt.concat(picture, usermeta={"width": 84 * len(heads) + 60})


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    """At the first profile under the first tuning: ranks need equal conditions."""
    groups = measured.groups(data, context, measure, context.profiles[:1])
    return [group for group in groups if group.tuning == context.tunings[0]]


def _column(
    head: str, measure: Measure, groups: Sequence[Group], *, higher: bool
) -> list[dict[str, Any]]:
    means = {g.vpn: value for g in groups if (value := measured.mean(g, measure.scale)) is not None}
    others = sorted((v for vpn, v in means.items() if vpn != BARE), reverse=higher)
    cells = []
    for group in groups:
        value, status = means.get(group.vpn), STATUSES[group.trouble or "ok"]
        cell = {
            "system": group.vpn,
            "column": head,
            "why": group.reason or "",
            "edge": status.ink if group.trouble else None,
        }
        if value is None:
            cells.append(
                {
                    **cell,
                    "value": status.glyph,
                    "detail": status.words,
                    "fill": status.fill,
                    "edge": None,
                }
            )
            continue
        tiered = measure.metric not in _NO_TIER
        share = tier_share(value, means.get(BARE), higher=higher) if tiered else None
        place = (
            "bare link"
            if group.vpn == BARE
            else f"{others.index(value) + 1}. {tier(share)}".strip()
        )
        cells.append(
            {**cell, "value": number(value), "detail": place, "fill": pictures.green(share)}
        )
    return cells


def tier_share(value: float, bare: float | None, *, higher: bool) -> float | None:
    """How much of the bare link's performance is left (0..1 and above); None without one."""
    if bare is None or (higher and not bare) or (not higher and not value):
        return None
    return value / bare if higher else bare / value


def tier(share: float | None) -> str:
    """A to D by the share of the bare link."""
    if share is None:
        return ""
    return "ABCD"[sum(share < limit for limit in _TIERS)]


def caption(data: Data, context: Context) -> str:
    """What is drawn, and how the tiers are made."""
    unsure = doubt.told(
        (group for _, measure, _ in PARTS for group in _groups(data, context, measure)),
        data,
        context,
    )
    limits = ", ".join(
        f"{letter} from {number(100 * limit)} %"
        for letter, limit in zip("ABC", _TIERS, strict=True)
    )
    return (
        f"Means over the links at {context.profiles[0]} with the rank among the systems (the bare link aside) and a tier by "
        f"the share of the bare link's performance ({limits}, D below); for times and rates of trouble the share is the bare "
        "link's over the system's. Ranks closer than the spread between links are not supported: see the sanity rules. "
        f"Metrics rank the systems differently, so no sum of ranks is given. {unsure}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    groups = [group for _, measure, _ in PARTS for group in _groups(data, context, measure)]
    whole = [group for group in groups if measured.complete(group)]
    return [
        *(f"{size}; framed: fewer" for size in measured.sample_sizes(whole, context)),
        *_missing(data, context),
    ]


def _missing(data: Data, context: Context) -> list[str]:
    return [
        f"{head}: {note}"
        for head, measure, _ in PARTS
        for note in measured.notes(_groups(data, context, measure), context)
    ]
