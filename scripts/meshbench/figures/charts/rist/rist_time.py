"""Quality of the RIST stream over time, before and after recovery: a row per system, a column per profile."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import measured, strip, texts, theme
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.theme import ordered, profile_order
from meshbench.figures.drawing.wording import number

_RECOVERED = Measure("rist", "rist_quality_recovered", "%")
_BUFFER = Measure("rist", "rist_buffer", "ms")
_PARTS = {"before recovery": "quality", "after recovery": "quality_recovered"}
_DASHES = ([2, 2], [1, 0])
_HEIGHT, _LEFT, _GAP, _WIDEST = 70, 60, 12, 300
_WHOLE = 100.0


def rows(data: Data, context: Context) -> list[Row]:
    """The seconds of the first tuning, round and packet size; also those of runs that were cut short."""
    seconds = [
        row
        for row in data.rows("video", tuning=context.tunings[0], benchmark="rist", mode=None)
        if row["quality"] is not None
    ]
    first = min((row["round"] for row in seconds), default=None)
    return [row for row in seconds if row["round"] == first]


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """All panels on one axis, from the worst second of any to 100 %."""
    seconds, groups = rows(data, context), _groups(data, context)
    profiles = profile_order(context.profiles, {group.profile for group in groups})
    if not seconds and not groups:
        return texts.nothing("no second of a stream was kept")
    least = min((part["value"] for row in seconds for part in _points(row)), default=0.0)
    low = max(0.0, min(_WHOLE - 5, 5 * (least // 5)))
    width = min(_WIDEST, (theme.PAGE - _LEFT) // max(1, len(profiles)) - _GAP)
    by_place = {(group.vpn, group.profile): group for group in groups}
    vpns = ordered(context.vpns, {group.vpn for group in groups})
    panels = [
        _panel(
            [row for row in seconds if (row["vpn"], row["profile"]) == (vpn, profile)],
            f"{vpn}, {profile}",
            by_place.get((vpn, profile)),
            vpn,
            (low, width, profile == profiles[0]),
        )
        for vpn in vpns
        for profile in profiles
    ]
    used = _LEFT + len(profiles) * (width + _GAP)
    return alt.concat(
        *panels, columns=max(1, len(profiles)), spacing=_GAP, usermeta={"width": used}
    )


def _groups(data: Data, context: Context) -> list[Group]:
    groups = measured.groups(data, context, _RECOVERED)
    return [group for group in groups if group.tuning == context.tunings[0]]


def _points(row: Row) -> list[Row]:
    link = f"{row['source']}→{row['target']}"
    return [
        {
            "t_s": row["t_s"], "value": min(_WHOLE, 100 * row[column]), "part": part, "link": link,
            "line": f"{link} {part}",
        }
        for part, column in _PARTS.items()
        if row[column] is not None
    ]  # fmt: skip


def _panel(
    mine: Sequence[Row],
    title: str,
    group: Group | None,
    vpn: str,
    place: tuple[float, int, bool],
) -> alt.LayerChart:
    low, width, first = place
    links = len({(row["source"], row["target"]) for row in mine})
    trouble = strip.trouble(group) if group else "not planned"
    if not mine:
        head = alt.TitleParams(title, fontSize=theme.TEXT)
        return texts.paragraph(trouble, width, width // 7).properties(title=head)
    subtitle = f"n = {links} links" + (f"; {trouble}" if trouble else "")
    axis = alt.Axis(title="quality (%)" if first else None, labels=first, ticks=first, tickCount=4)
    head = alt.TitleParams(
        title, fontSize=theme.TEXT, subtitle=subtitle, subtitleFontSize=theme.SMALL
    )
    colour = theme.look(vpn).colour
    points = frame([point for row in mine for point in _points(row)])
    base = alt.Chart(points, width=width, height=_HEIGHT).encode(
        x=alt.X("t_s:Q", axis=alt.Axis(title="s", tickCount=5)),
        y=alt.Y("value:Q", scale=alt.Scale(domain=[low, _WHOLE], nice=False), axis=axis),
        tooltip=["link:N", "part:N", "t_s:Q", "value:Q"],
    )
    dashes = alt.StrokeDash(
        "part:N",
        scale=alt.Scale(domain=list(_PARTS), range=[list(dash) for dash in _DASHES]),
        legend=alt.Legend(title=None, orient="bottom", symbolStrokeColor="#333333"),
    )
    lines = base.mark_line(strokeWidth=1.4, color=colour).encode(detail="line:N", strokeDash=dashes)
    marks = base.mark_point(size=9, filled=True, color=colour)
    return alt.LayerChart(layer=[lines, marks], title=head)


def caption(data: Data, context: Context) -> str:
    """What is drawn, with which buffer, and the worst second after recovery."""
    seconds = rows(data, context)
    recovered = [row for row in seconds if row["quality_recovered"] is not None]
    worst = ""
    if recovered:
        least = min(recovered, key=lambda row: row["quality_recovered"])
        worst = (
            f" The worst second after recovery has {number(100 * least['quality_recovered'])} % "
            f"({least['vpn']}, {least['profile']}, {least['source']}→{least['target']}, "
            f"{number(least['t_s'], 2)} s)."
        )
    return (
        "RIST stream second by second, a line per link in the first round: dashed the share of packets not "
        "missing before recovery (late ones count as missing), solid the share handed on after it"
        f"{_buffer(data)}. Seconds whose count of losses went around librist's ring have no solid point.{worst}"
    )


def _buffer(data: Data) -> str:
    buffers = data.rows("measures", benchmark="rist", metric=_BUFFER.metric)
    sizes = sorted({row["value"] for row in buffers if row["value"] is not None})
    return f", with a buffer of {' or '.join(number(size) for size in sizes)} ms" if sizes else ""


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    return measured.notes(_groups(data, context), context)
