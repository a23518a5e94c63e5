"""What each thread of a VPN had of the CPU over time while TCP ran: is one core its limit?"""

from collections.abc import Iterator, Mapping, Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, axis_title, frame
from meshbench.figures.drawing import measured, scales, strip, texts, theme
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.theme import ordered
from meshbench.figures.drawing.wording import percent, shortened

RATE = Measure("tcp", "goodput", "Mbit/s")
_ACROSS, _WIDTH, _HEIGHT, _TITLE = 2, 300, 120, 56
RANKS = {1: "busiest thread", 2: "second", 3: "third", 0: "all others together"}
"""By stream of the table."""
_COLOURS = ("#d55e00", "#0072b2", "#e69f00", "#888888")
_NO_THREAD = "no thread of its own, or not sampled"


def _mine(data: Data, table: str, context: Context) -> list[Row]:
    return data.rows(
        table,
        benchmark=RATE.benchmark, profile=context.profiles[0], tuning=context.tunings[0],
    )  # fmt: skip


def chosen(data: Data, context: Context) -> dict[str, Row]:
    """By system, the host and round whose thread had the largest share under load."""
    rows = _mine(data, "host_resources", context)
    sampled = [row for row in rows if row["busiest_thread"] is not None]
    return {
        row["vpn"]: row for row in sorted(sampled, key=lambda row: float(row["busiest_thread"]))
    }


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per system, on the host whose thread was busiest; 100 % is a whole core."""
    hosts, absent = chosen(data, context), _absent(data, context)
    series = [row for row in _mine(data, "threads", context) if row["share"] is not None]
    shares = [row["share"] * 100 for row in series]
    scale = scales.Scale.of([100.0, *shares], log=False, room=1.05)
    with_threads = [v for v in ordered(context.vpns, hosts) if any(_of(series, hosts, v))]
    charts: list[alt.Chart | alt.LayerChart | alt.ConcatChart] = [
        _panel(
            list(_of(series, hosts, vpn)), hosts[vpn], absent.get(vpn, ""), scale,
            first=number % _ACROSS == 0,
        )
        for number, vpn in enumerate(with_threads)
    ]  # fmt: skip
    lines = [
        f"{vpn}: {absent.get(vpn) or _NO_THREAD}"
        for vpn in ordered(context.vpns, hosts)
        if vpn not in with_threads
    ]
    panels = [alt.concat(*charts, columns=_ACROSS, spacing=10)] if charts else []
    below = [texts.listing(lines, _ACROSS * _WIDTH)] if lines else []
    return alt.concat(*panels, *below, columns=1, spacing=10, usermeta={"width": theme.PAGE})


def _of(series: Sequence[Row], hosts: Mapping[str, Row], vpn: str) -> Iterator[Row]:
    return (row for row in series if vpn in hosts and _same(row, hosts[vpn]))


def _same(row: Row, host: Row) -> bool:
    return all(row[key] == host[key] for key in ("vpn", "placement", "round", "host"))


def _absent(data: Data, context: Context) -> dict[str, str]:
    """Systems that lack a value of any link, and why."""
    groups = measured.groups(data, context, RATE, context.profiles[:1])
    mine = [group for group in groups if group.tuning == context.tunings[0] and group.trouble]
    return {group.vpn: strip.trouble(group) for group in mine}


def _title(name: str, below: str) -> alt.TitleParams:
    subtitle = shortened(below, _TITLE) if below else alt.Undefined
    return alt.TitleParams(name, fontSize=theme.TEXT, subtitle=subtitle)


def _panel(
    mine: Sequence[Row], host: Row, trouble: str, scale: scales.Scale, *, first: bool
) -> alt.Chart:
    plain = [
        {
            "t_s": row["t_s"],
            "value": row["share"] * 100,
            "rank": RANKS.get(row["stream"], RANKS[0]),
            "thread": row["thread"],
        }
        for row in mine
    ]
    title = axis_title("thread_cpu", "%") if first else None
    names = list(RANKS.values())
    chart: alt.Chart = (
        alt.Chart(
            frame(plain), width=_WIDTH, height=_HEIGHT,
            title=_title(f"{host['vpn']} on {host['host']}", trouble or told(host)),
        )
        .mark_line(strokeWidth=1.3)
        .encode(
            x=alt.X("t_s:Q", axis=alt.Axis(title="s", tickCount=6)),
            y=alt.Y("value:Q", scale=scale.scale(), axis=alt.Axis(title=title, tickCount=4)),
            color=alt.Color(
                "rank:N",
                scale=alt.Scale(domain=names, range=list(_COLOURS)),
                legend=alt.Legend(title=None, orient="bottom"),
            ),
            tooltip=["thread:N", "t_s:Q", "value:Q"],
        )
    )  # fmt: skip
    return chart


def told(host: Row) -> str:
    """The share of the busiest thread under load, and how long it wanted a core."""
    wanted = host["busiest_thread_demand"]
    more = "" if wanted is None else f", wanted one {percent(wanted)} of the time"
    return f"busiest: {percent(host['busiest_thread'])} of a core{more}"


def caption(data: Data, context: Context) -> str:
    """What is drawn, and what every system's busiest thread came to."""
    shares = "; ".join(f"{vpn} {told(host)}" for vpn, host in chosen(data, context).items())
    return (
        f"Share of a core that the threads of each VPN had while TCP ran over all links in turn, at "
        f"{context.profiles[0]}, sampled twice a second on the host and in the round whose thread was busiest "
        "under load. Near 100 % a core of its own is a thread's limit; one that wanted a core nearly all the time "
        "and had less was held back by others or by a quota. A Go program's work moves between its threads."
        + (f" Under load: {shares}." if shares else "")
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    groups = measured.groups(data, context, RATE, context.profiles[:1])
    return measured.notes([g for g in groups if g.tuning == context.tunings[0]], context)
