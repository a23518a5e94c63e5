"""RTT that the sender's kernel saw during a TCP stream, over time, one line per link."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import measured, scales, strip, texts, theme
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import number, on_log

_STREAM = Measure("tcp", "send_rate", "Mbit/s")
_WIDTH, _HEIGHT = 185, 88
_LINKS = ("#0072b2", "#d55e00", "#117733", "#aa4499", "#e69f00", "#56b4e9")


def rows(data: Data, context: Context) -> list[Row]:
    """RTTs of the first profile, round and mode, as far as a logarithmic axis can show them."""
    intervals = data.rows(
        "intervals", profile=context.profiles[0], tuning=context.tunings[0], benchmark="tcp"
    )
    usable = [
        row for row in intervals if row["tcp_rtt_ms"] is not None and on_log(row["tcp_rtt_ms"])
    ]
    mode, first = (min((row[key] for row in usable), default=None) for key in ("mode", "round"))
    return [row for row in usable if (row["mode"], row["round"]) == (mode, first)]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A small panel per system on one logarithmic axis."""
    intervals, absent = rows(data, context), _absent(data, context)
    if not intervals and not absent:
        return texts.nothing("no interval values were kept")
    links = sorted({_link(row) for row in intervals})
    scale = scales.Scale.of([row["tcp_rtt_ms"] for row in intervals], log=True, room=1.1)
    by_vpn = {
        vpn: [row for row in intervals if row["vpn"] == vpn]
        for vpn in ordered(context.vpns, {row["vpn"] for row in intervals})
    }
    vpns = [vpn for vpn, mine in by_vpn.items() if mine or vpn in absent]
    across = 3
    charts = [
        _panel(vpn, by_vpn[vpn], links, scale, first=index % across == 0)
        if by_vpn[vpn]
        else texts.paragraph(absent[vpn], _WIDTH, _HEIGHT).properties(title=_title(vpn))
        for index, vpn in enumerate(vpns)
    ]
    return alt.concat(*charts, columns=across, spacing=10, usermeta={"width": 700})


def _absent(data: Data, context: Context) -> dict[str, str]:
    """Why systems that were planned have no values, as far as anything says so."""
    there = {row["vpn"] for row in rows(data, context)}
    groups = measured.groups(data, context, _STREAM, context.profiles[:1])
    return {
        group.vpn: strip.trouble(group)
        for group in groups
        if group.tuning == context.tunings[0] and group.vpn not in there and group.trouble
    }


def _title(vpn: str) -> alt.TitleParams:
    return alt.TitleParams(vpn, fontSize=theme.TEXT)


def _link(row: Row) -> str:
    return f"{row['source']}→{row['target']}"


def _panel(
    vpn: str, mine: Sequence[Row], links: Sequence[str], scale: scales.Scale, *, first: bool
) -> alt.Chart:
    plain = [{"t_s": row["t_s"], "rtt": row["tcp_rtt_ms"], "link": _link(row)} for row in mine]
    axis = (
        scale.axis("RTT (ms)")
        if first
        else alt.Axis(title=None, labels=False, ticks=False, values=scale.axis("").values)
    )
    colour = alt.Color(
        "link:N",
        scale=alt.Scale(domain=list(links), range=list(_LINKS[: len(links)])),
        legend=alt.Legend(title=None, orient="bottom"),
    )
    chart: alt.Chart = (
        alt.Chart(frame(plain), width=_WIDTH, height=_HEIGHT, title=_title(vpn))
        .mark_line(strokeWidth=1.3)
        .encode(
            x=alt.X("t_s:Q", axis=alt.Axis(title="s", tickCount=4)),
            y=alt.Y("rtt:Q", scale=scale.scale(), axis=axis),
            color=colour,
        )
    )
    return chart


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the largest value."""
    intervals = rows(data, context)
    sentence = ""
    if intervals:
        most = max(intervals, key=lambda row: row["tcp_rtt_ms"])
        sentence = f" The largest is {number(most['tcp_rtt_ms'])} ms ({most['vpn']}, {_link(most)}, {number(most['t_s'], 2)} s after the start)."
    return (
        f"Smoothed RTT of the sender's kernel at the end of each interval of a single-stream TCP test at {context.profiles[0]}, "
        f"in milliseconds; one line per link.{sentence}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """Which systems have none, and why."""
    there, absent = {row["vpn"] for row in rows(data, context)}, _absent(data, context)
    return [
        f"{vpn}: {absent.get(vpn, 'no interval values')}"
        for vpn in context.vpns
        if vpn not in there
    ]
