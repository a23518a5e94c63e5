"""What each pair got over time while all links were loaded at once, a panel per system."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import measured, scales, strip, texts, theme
from meshbench.figures.drawing.measure import UNITS, Measure
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import number, shortened

MBIT = UNITS["Mbit/s"].scale
_RATE = Measure("tcp_parallel", "goodput", "Mbit/s")
_ACROSS, _WIDTH, _HEIGHT, _WORDS = 2, 300, 100, 32
_TITLE = 52
"""Characters that fit above a panel; the whole reason stands in the notes."""
_LINKS = ("#0072b2", "#d55e00", "#117733", "#aa4499", "#e69f00", "#56b4e9")
_DASHES = {"forward": [1, 0], "reverse": [4, 3]}
_LEGEND = alt.Legend(title=None, orient="bottom")


def rows(data: Data, context: Context) -> list[Row]:
    """The seconds of the first profile, tuning, round and mode; also those of runs that were cut short."""
    seconds = measured.of_one_mode(
        data.rows(
            "seconds",
            profile=context.profiles[0], tuning=context.tunings[0], benchmark=_RATE.benchmark,
        )
    )  # fmt: skip
    usable = [row for row in seconds if row["rate_bps"] is not None]
    first = min((row["round"] for row in usable), default=None)
    return [row for row in usable if row["round"] == first]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """All panels on one axis; the links' colours are the same in each, directions differ by dashes."""
    seconds, absent = rows(data, context), _absent(data, context)
    if not seconds and not absent:
        return texts.nothing("no interval values were kept")
    links = sorted({_link(row) for row in seconds})
    scale = scales.Scale.of([row["rate_bps"] * MBIT for row in seconds], log=False, room=1.05)
    vpns = ordered(context.vpns, {row["vpn"] for row in seconds})
    charts: list[alt.Chart | alt.LayerChart] = []
    for vpn in vpns:
        mine = [row for row in seconds if row["vpn"] == vpn]
        if mine or vpn in absent:
            first = len(charts) % _ACROSS == 0
            charts.append(
                _panel(vpn, mine, absent.get(vpn, ""), links, scale, first=first)
                if mine
                else texts.paragraph(absent[vpn], _WIDTH, _WORDS).properties(title=_title(vpn, ""))
            )
    return alt.concat(*charts, columns=_ACROSS, spacing=10, usermeta={"width": theme.PAGE})


def _absent(data: Data, context: Context) -> dict[str, str]:
    """Systems that lack a value of any link, and why."""
    groups = measured.groups(data, context, _RATE, context.profiles[:1])
    mine = [group for group in groups if group.tuning == context.tunings[0] and group.trouble]
    return {group.vpn: strip.trouble(group) for group in mine}


def _title(vpn: str, trouble: str) -> alt.TitleParams:
    subtitle = shortened(trouble, _TITLE) if trouble else alt.Undefined
    return alt.TitleParams(vpn, fontSize=theme.TEXT, subtitle=subtitle)


def _link(row: Row) -> str:
    return f"{row['source']}→{row['target']}"


def _panel(
    vpn: str,
    mine: Sequence[Row],
    trouble: str,
    links: Sequence[str],
    scale: scales.Scale,
    *,
    first: bool,
) -> alt.Chart:
    plain = [
        {
            "t_s": row["t_s"],
            "value": row["rate_bps"] * MBIT,
            "link": _link(row),
            "direction": row["direction"],
        }
        for row in mine
    ]
    axis = (
        scale.axis("Mbit/s")
        if first
        else alt.Axis(title=None, labels=False, ticks=False, values=scale.axis("").values)
    )
    chart: alt.Chart = (
        alt.Chart(frame(plain), width=_WIDTH, height=_HEIGHT, title=_title(vpn, trouble))
        .mark_line(strokeWidth=1.3)
        .encode(
            x=alt.X("t_s:Q", axis=alt.Axis(title="s", tickCount=6)),
            y=alt.Y("value:Q", scale=scale.scale(), axis=axis),
            color=alt.Color(
                "link:N",
                scale=alt.Scale(domain=list(links), range=list(_LINKS[: len(links)])),
                legend=_LEGEND,
            ),
            strokeDash=alt.StrokeDash(
                "direction:N",
                scale=alt.Scale(domain=list(_DASHES), range=list(_DASHES.values())),
                legend=_LEGEND,
            ),
        )
    )
    return chart


def caption(data: Data, context: Context) -> str:
    """What is drawn, where a direction was counted at the other end, and the largest and smallest mean."""
    seconds = rows(data, context)
    sent = sorted({row["direction"] for row in seconds if row["counted_at"] == "sender"})
    sentence = (
        f" What {' and '.join(sent)} flows show is what was sent: their receivers' seconds were not kept."
        if sent
        else ""
    )
    return (
        f"TCP goodput of each pair by interval while all links were loaded at the same time, at "
        f"{context.profiles[0]}, in the first round.{sentence}{_extremes(seconds)}"
    )


def _extremes(seconds: Sequence[Row]) -> str:
    flows: dict[tuple[str, str, str], list[float]] = {}
    for row in seconds:
        flows.setdefault((row["vpn"], _link(row), row["direction"]), []).append(
            row["rate_bps"] * MBIT
        )
    means = {flow: sum(rates) / len(rates) for flow, rates in flows.items()}
    if not means:
        return ""
    most, least = max(means, key=lambda flow: means[flow]), min(means, key=lambda flow: means[flow])
    return " The mean of a flow goes from {} ({}) to {} Mbit/s ({}).".format(
        number(means[least]), " ".join(least), number(means[most]), " ".join(most)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    groups = measured.groups(data, context, _RATE, context.profiles[:1])
    return measured.notes([g for g in groups if g.tuning == context.tunings[0]], context)
