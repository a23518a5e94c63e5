"""Spikes of the RTT that come regularly: the period of each series that has one, and how sure that is."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import measured, pictures, theme
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.theme import ordered, profile_order
from meshbench.figures.drawing.wording import number

_ROW, _WIDTH = 18, 250


def _rows(data: Data, context: Context) -> list[Row]:
    """Of the first tuning."""
    return [row for row in data.rows("spikes") if row["tuning"] == context.tunings[0]]


def _found(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["found"]]


def _pings(data: Data, context: Context) -> list[Group]:
    """Which links' pings have no RTT, and why."""
    groups = measured.groups(data, context, Measure("ping", "rtt_avg", "ms"))
    return [group for group in groups if group.tuning == context.tunings[0]]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """The periods, and below them the systems of which no ping has an RTT."""
    picture = _periods(_rows(data, context), context)
    return measured.with_absent(picture, _pings(data, context), context, _WIDTH + 80)


def _periods(rows: Sequence[Row], context: Context) -> alt.LayerChart:
    """A row per system and profile that has one: a point per series at its period."""
    if not (found := _found(rows)):
        analysed = [row for row in rows if row["period_s"] is not None]
        told = f"none found: no period in any of {len(analysed)} series of single RTTs"
        return pictures.nothing(told if analysed else "no series of single RTTs was long enough")
    points = [
        {
            "name": _name(row), "period_s": row["period_s"], "colour": theme.look(row["vpn"]).colour,
            "shape": theme.look(row["vpn"]).shape, "link": f"{row['source']}→{row['target']}",
            "n": row["n"],
        }
        for row in found
    ]  # fmt: skip
    names = _names(found, context)
    scale = pictures.Scale.of([point["period_s"] for point in points], log=True, room=1.2)
    y = alt.Y("name:N", sort=names, scale=alt.Scale(domain=names), axis=alt.Axis(title=None))
    base = alt.Chart(frame(points)).encode(y=y)
    texts = alt.Chart(frame([{"name": name, "text": _told(name, rows)} for name in names]))
    return alt.LayerChart(
        layer=[
            base.mark_point(filled=True, size=55, opacity=0.8).encode(
                x=alt.X("period_s:Q", scale=scale.scale(), axis=scale.axis("period (s)")),
                color=alt.Color("colour:N", scale=None),
                shape=alt.Shape("shape:N", scale=None),
                tooltip=["name:N", "link:N", "period_s:Q", "n:Q"],
            ),
            texts.mark_text(align="left", fontSize=theme.SMALL).encode(
                y=y,
                x=alt.XValue(_WIDTH + 8),  # type: ignore[no-untyped-call]
                text="text:N",
            ),
        ],
        width=_WIDTH,
        height=_ROW * len(names),
    )


def _name(row: Row) -> str:
    where = f", {row['mode']}" if row["mode"] else ""
    return f"{row['vpn']}, {row['profile']}{where}"


def _names(rows: Sequence[Row], context: Context) -> list[str]:
    """In drawing order."""
    vpns = ordered(context.vpns, {row["vpn"] for row in rows})
    profiles = profile_order(context.profiles, {row["profile"] for row in rows})
    keys = {
        (vpns.index(row["vpn"]), profiles.index(row["profile"]), row["mode"] or "", _name(row))
        for row in rows
    }
    return [name for *_, name in sorted(keys)]


def _told(name: str, rows: Sequence[Row]) -> str:
    mine = [row for row in rows if _name(row) == name and row["period_s"] is not None]
    return f"{len(_found(mine))} of n = {len(mine)}"


def caption(data: Data, context: Context) -> str:
    """What is drawn, and how many series have a period."""
    rows = _rows(data, context)
    analysed = [row for row in rows if row["period_s"] is not None]
    found = _found(rows)
    surest = ""
    if found:
        best = min(found, key=lambda row: row["false_alarm"])
        surest = (
            f" The surest is {number(best['period_s'])} s ({best['vpn']}, {best['profile']}, "
            f"{best['source']}→{best['target']}; {number(100 * best['power'], 2)} % of the variance)."
        )
    return (
        "Periods in single round-trip times of an idle link (ping, and idle phases): Lomb-Scargle of the RTT's "
        "logarithm, found where noise would have as much power with a probability below 0.001 (Baluev 2008). One point "
        f"per round and link; to the right how many series have one. {len(found)} of "
        f"{len(analysed)} series have a period.{surest}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """How many series could not be analysed, and why; which systems have no period."""
    rows = _rows(data, context)
    short = [row for row in rows if row["period_s"] is None]
    with_one = {row["vpn"] for row in _found(rows)}
    without = [vpn for vpn in context.vpns if vpn not in with_one]
    analysed = {
        vpn: sum(row["vpn"] == vpn and row["period_s"] is not None for row in rows)
        for vpn in without
    }
    none = [f"{vpn} (n = {n})" for vpn, n in analysed.items() if n]
    return [
        *measured.notes(_pings(data, context), context),
        *([f"no period found: {', '.join(none)}"] if none else []),
        *([f"{len(short)} series not analysed: {short[0]['reason']}"] if short else []),
    ]
