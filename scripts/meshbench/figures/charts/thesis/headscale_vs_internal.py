"""Headscale beside the bare link across profiles, in every test in which it is said to win."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import doubt, measured, pictures, texts, theme
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import OVERLOAD_MODES, Measure
from meshbench.figures.drawing.theme import STATUSES
from meshbench.figures.drawing.wording import number
from meshbench.results.records import BARE

PAIR = (BARE, "headscale")
SERIES = {vpn: theme.look(vpn) for vpn in PAIR}
PARTS = (
    ("TCP, one link at a time (Mbit/s)", Measure("tcp", "send_rate", "Mbit/s")),
    (
        "TCP, all links at once, per link (Mbit/s)",
        Measure("tcp_parallel", "send_rate", "Mbit/s"),
    ),
    ("UDP (Mbit/s)", Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES)),
    ("Nix download (s)", Measure("nix_cache", "copy_time", "s")),
)


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per test, logarithmic; each value with how many links it rests on."""
    charts = []
    for title, measure in measured.planned(PARTS, data, context):
        rows = _rows(_groups(data, context, measure), measure)
        picture = (
            pictures.lines(rows, SERIES, context.profiles, measure.unit)
            if rows
            else texts.nothing("not measured", 230)
        )
        charts.append(picture.properties(title=alt.TitleParams(title, fontSize=theme.TEXT)))
    return alt.concat(*charts, columns=2, spacing=16, usermeta={"width": 620})


def _groups(data: Data, context: Context, measure: Measure) -> list[Group]:
    groups = measured.groups(data, context, measure)
    return [group for group in groups if group.vpn in PAIR and group.tuning == context.tunings[0]]


def _rows(groups: Sequence[Group], measure: Measure) -> list[Row]:
    all_means = {(g.vpn, g.profile): measured.mean(g, measure.scale) for g in groups}
    means = {key: mean for key, mean in all_means.items() if mean is not None}
    rows: list[Row] = []
    for group in groups:
        value = means.get((group.vpn, group.profile))
        other = means.get((PAIR[group.vpn == PAIR[0]], group.profile), 0.0)
        partial = "" if measured.complete(group) else f" ({group.n_ok}/{group.planned})"
        rows.append(
            {
                "series": group.vpn,
                "profile": group.profile,
                "value": value,
                "text": "" if value is None else number(value) + partial,
                "above": value is not None and value >= other,
                "missing": STATUSES[group.trouble].glyph if value is None and group.trouble else "",
            }
        )
    return rows


def caption(data: Data, context: Context) -> str:
    """What is drawn, and each ratio with its operands and n."""
    ratios: list[str] = []
    shown: list[Group] = []
    for title, measure in PARTS:
        groups = {(g.vpn, g.profile): g for g in _groups(data, context, measure)}
        shown += groups.values()
        for profile in context.profiles:
            pair = [groups.get((vpn, profile)) for vpn in PAIR]
            means = [measured.mean(g, measure.scale) if g else None for g in pair]
            if pair[0] and pair[1] and means[0] and means[1]:
                n = f"n {pair[1].n_ok} and {pair[0].n_ok} of {pair[0].planned}"
                ratios.append(
                    f"{title}, {profile}: {number(means[1] / means[0])} = {number(means[1])} / {number(means[0])} ({n})"
                )
    return (
        "Headscale (triangles) and the bare link (circles) across profiles, means over the links that have a value; "
        f"n in brackets where some have none, at the foot why no link has one ({_glyphs()}). Headscale over the bare link: {'; '.join(ratios) or 'not measured'}. "
        + doubt.told(shown, data, context)
    )


def _glyphs() -> str:
    return ", ".join(f"{look.glyph} {look.words}" for look in STATUSES.values() if look.glyph)


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return [
        f"{title}: {note}"
        for title, measure in PARTS
        for note in measured.notes(_groups(data, context, measure), context)
    ]
