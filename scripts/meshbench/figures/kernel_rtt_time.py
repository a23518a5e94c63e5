"""RTT that the sender's kernel saw during a TCP stream, over time, one line per link."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures import pictures, theme
from meshbench.figures.base import Context, Data, Row, frame
from meshbench.figures.findings import Concern
from meshbench.figures.theme import ordered
from meshbench.figures.wording import number, on_log

TITLE = "RTT under load, as TCP sees it"
TABLES = ("intervals",)
BENCHMARKS = ("tcp",)
CONCERN = Concern(("tcp",), first_profile=True)
_LINKS = ("#0072b2", "#d55e00", "#117733", "#aa4499", "#e69f00", "#56b4e9")


def rows(data: Data, context: Context) -> list[Row]:
    """RTTs of the first profile, round and mode, as far as a logarithmic axis can show them."""
    found = data.rows(
        "intervals", profile=context.profiles[0], tuning=context.tunings[0], benchmark="tcp"
    )
    known = [row for row in found if row["tcp_rtt_ms"] is not None and on_log(row["tcp_rtt_ms"])]
    mode, first = (min((row[key] for row in known), default=None) for key in ("mode", "round"))
    return [row for row in known if (row["mode"], row["round"]) == (mode, first)]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A small panel per system on one logarithmic axis."""
    found = rows(data, context)
    if not found:
        return pictures.nothing("no interval values were kept")
    links = sorted({_link(row) for row in found})
    scale = pictures.Scale.of([row["tcp_rtt_ms"] for row in found], log=True, room=1.1)
    vpns = [
        vpn
        for vpn in ordered(context.vpns, {r["vpn"] for r in found})
        if any(r["vpn"] == vpn for r in found)
    ]
    across = 3
    charts = [
        _panel(
            vpn,
            [row for row in found if row["vpn"] == vpn],
            links,
            scale,
            first=index % across == 0,
        )
        for index, vpn in enumerate(vpns)
    ]
    return alt.concat(*charts, columns=across, spacing=10, usermeta={"width": 700})


def _link(row: Row) -> str:
    return f"{row['source']}→{row['target']}"


def _panel(
    vpn: str, mine: Sequence[Row], links: Sequence[str], scale: pictures.Scale, *, first: bool
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
        alt.Chart(
            frame(plain), width=185, height=88, title=alt.TitleParams(vpn, fontSize=theme.TEXT)
        )
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
    found = rows(data, context)
    told = ""
    if found:
        most = max(found, key=lambda row: row["tcp_rtt_ms"])
        told = f" The largest is {number(most['tcp_rtt_ms'])} ms ({most['vpn']}, {_link(most)}, {number(most['t_s'], 2)} s after the start)."
    return (
        f"Smoothed RTT of the sender's kernel at the end of each interval of a single-stream TCP test at {context.profiles[0]}, "
        f"in milliseconds; one line per link.{told}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """Which systems have none."""
    there = {row["vpn"] for row in rows(data, context)}
    return [f"{vpn}: no interval values" for vpn in context.vpns if vpn not in there]
