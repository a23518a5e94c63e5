"""Spikes of the RTT: the periods of series that have one, and the log of the daemons beside the RTTs."""

from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, frame
from meshbench.figures.drawing import channels, measured, scales, texts, theme
from meshbench.figures.drawing.groups import Group, place
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.theme import ordered, profile_order
from meshbench.figures.drawing.wording import counted, joined, number, on_log, shortened

_ROW, _WIDTH = 18, 250
_PANEL, _RTTS, _HOST = 290, 70, 12
"""Of a series: width, height of its RTTs, height of a host's ticks; in px."""
_GAP = 14
_URGENT = 4
"""Lines of this priority of syslog(3), or a more urgent one, are red: warnings."""
_KEY = (
    "round", "vpn", "tuning", "profile", "placement", "benchmark", "source", "target", "mode",
)  # fmt: skip
_TOLD = 60
"""Characters of a log line in the caption."""
NOTHING = "the daemon logged nothing in this time"


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
    """The periods, the systems of which no ping has an RTT, and a series of each that has spikes."""
    rows = _rows(data, context)
    picture = measured.with_absent(
        _periods(rows, context), _pings(data, context), context, _WIDTH + 80
    )
    if not (shown := _shown(rows, context)):
        return picture
    # In a grid below the periods they would be nested deeper than an SVG may be that becomes a PDF.
    panels = [_panel(row, data) for row in shown]
    return alt.vconcat(picture, *panels, spacing=_GAP)


def _shown(rows: Sequence[Row], context: Context) -> list[Row]:
    """The series that are drawn, in the order of their systems."""
    shown = [row for row in rows if row["shown"]]
    order = ordered(context.vpns, {row["vpn"] for row in shown})
    return sorted(shown, key=lambda row: order.index(row["vpn"]))


def _of(row: Row, data: Data, table: str) -> list[Row]:
    """What another table has of a series."""
    mine = data.rows(table, vpn=row["vpn"])
    return [other for other in mine if _key(other) == _key(row)]


def _key(row: Row) -> tuple[object, ...]:
    return tuple(row[name] for name in _KEY)


def _panel(row: Row, data: Data) -> alt.VConcatChart:
    """Single RTTs with a ring around each spike, full where a line was near; ticks of the log below."""
    rtts, times = (
        [point for point in _of(row, data, table) if on_log(point["rtt_ms"] or 0.0)]
        for table in ("spike_rtts", "spike_times")
    )
    head = alt.TitleParams(
        f"{_name(row)}, {place(row)}, round {row['round']}", fontSize=theme.TEXT,
        subtitle=_coincided(row), subtitleFontSize=theme.SMALL,
    )  # fmt: skip
    ends = [point["t_s"] for point in rtts] or [0.0]
    across = alt.Scale(domain=[min(0.0, *ends), max(ends)], nice=False)
    chart: alt.VConcatChart = alt.vconcat(
        _series(rtts, times, theme.look(row["vpn"]).colour, across),
        _ticks(row, _of(row, data, "log_events"), across),
        spacing=3, title=head,
    )  # fmt: skip
    return chart


def _series(
    rtts: Sequence[Row], times: Sequence[Row], colour: str, across: alt.Scale
) -> alt.LayerChart:
    scale = scales.Scale.of([row["rtt_ms"] for row in rtts], log=True, room=1.2)
    x = alt.X("t_s:Q", scale=across, axis=alt.Axis(title=None, labels=False, ticks=False))
    y = alt.Y("rtt_ms:Q", scale=scale.scale(), axis=scale.axis("RTT (ms)"))
    plain = [{"t_s": row["t_s"], "rtt_ms": row["rtt_ms"]} for row in rtts]
    rings = [
        {
            "t_s": row["t_s"], "rtt_ms": row["rtt_ms"], "fill": theme.RED if row["near"] else "white",
            "line": row["message"] or "",
        }
        for row in times
    ]  # fmt: skip
    layers = [alt.Chart(frame(plain)).mark_circle(size=7, color=colour).encode(x=x, y=y)]
    if rings:
        layers.append(
            alt.Chart(frame(rings))
            .mark_point(size=34, stroke=theme.RED, strokeWidth=1.2, fillOpacity=0.8)
            .encode(
                x=x,
                y=y,
                fill=alt.Fill("fill:N", scale=None),
                tooltip=channels.tooltip("t_s:Q", "rtt_ms:Q", "line:N"),
            )
        )
    return alt.LayerChart(layer=layers, width=_PANEL, height=_RTTS)


def _ticks(row: Row, lines: Sequence[Row], across: alt.Scale) -> alt.LayerChart:
    """A tick per line of the log and host, or in words why there are none."""
    hosts = list(dict.fromkeys((row["source"], row["target"])))
    ticks = [
        {
            "t_s": line["t_s"], "host": line["host"], "unit": line["unit"], "message": line["message"],
            "colour": theme.RED if line["priority"] <= _URGENT else theme.INK, "text": "",
        }
        for line in lines
    ]  # fmt: skip
    nothing = {"host": hosts[0], "unit": "", "message": "", "colour": theme.GREY}
    if not ticks:
        ticks = [{"t_s": across.domain[0], "text": _silence(row), **nothing}]
    base = alt.Chart(frame(ticks)).encode(
        x=alt.X("t_s:Q", scale=across, axis=alt.Axis(title="s", tickCount=6)),
        y=alt.Y(
            "host:N",
            scale=alt.Scale(domain=hosts),
            axis=alt.Axis(title="log of", ticks=False, domain=False),
        ),
    )
    drawn = base.transform_filter("datum.text === ''").mark_tick(
        thickness=1.2, height=_HOST - 3, clip=True
    )
    text = base.mark_text(align="left", dx=4, fontSize=theme.SMALL, color=theme.GREY)
    tooltip = channels.tooltip("t_s:Q", "host:N", "unit:N", "message:N")
    return alt.LayerChart(
        layer=[
            drawn.encode(color=alt.Color("colour:N", scale=None), tooltip=tooltip),
            text.encode(text="text:N"),
        ],
        width=_PANEL,
        height=_HOST * len(hosts),
    )


def _silence(row: Row) -> str:
    """Why a series has no line of the log beside it."""
    return NOTHING if row["n_near"] is not None else f"log: {row['log_reason']}"


def _coincided(row: Row) -> str:
    """What of a series' spikes coincided with the log, in a few words; the log itself says why none."""
    spikes = counted(row["n_spikes"], "spike")
    if row["n_near"] is None or not row["n_lines"]:
        return spikes
    if row["chance"] is None:
        return f"{spikes}, none of them where the log is known"
    return (
        f"{row['n_near']} of {counted(row['n_logged'], 'spike')} within {_window(row)} of "
        f"{counted(row['n_lines'], 'line')}; by chance: {number(row['chance'], 2)}"
    )


def _window(row: Row) -> str:
    return f"±{row['window_s']:g} s"


def _periods(rows: Sequence[Row], context: Context) -> alt.LayerChart:
    """A row per system and profile that has one: a point per series at its period."""
    if not (periodic := _found(rows)):
        analysed = [row for row in rows if row["period_s"] is not None]
        sentence = f"none found: no period in any of {len(analysed)} series of single RTTs"
        return texts.nothing(sentence if analysed else "no series of single RTTs was long enough")
    points = [
        {
            "name": _name(row), "period_s": row["period_s"], "colour": theme.look(row["vpn"]).colour,
            "shape": theme.look(row["vpn"]).shape, "link": f"{row['source']}→{row['target']}",
            "n": row["n"],
        }
        for row in periodic
    ]  # fmt: skip
    names = _names(periodic, context)
    scale = scales.Scale.of([point["period_s"] for point in points], log=True, room=1.2)
    y = alt.Y("name:N", sort=names, scale=alt.Scale(domain=names), axis=alt.Axis(title=None))
    base = alt.Chart(frame(points)).encode(y=y)
    beside = alt.Chart(frame([{"name": name, "text": _told(name, rows)} for name in names]))
    return alt.LayerChart(
        layer=[
            base.mark_point(filled=True, size=55, opacity=0.8).encode(
                x=alt.X("period_s:Q", scale=scale.scale(), axis=scale.axis("period (s)")),
                color=alt.Color("colour:N", scale=None),
                shape=alt.Shape("shape:N", scale=None),
                tooltip=["name:N", "link:N", "period_s:Q", "n:Q"],
            ),
            beside.mark_text(align="left", fontSize=theme.SMALL).encode(
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
    periodic = _found(rows)
    surest = ""
    if periodic:
        best = min(periodic, key=lambda row: row["false_alarm"])
        surest = (
            f" The surest is {number(best['period_s'])} s ({best['vpn']}, {best['profile']}, "
            f"{best['source']}→{best['target']}; {number(100 * best['power'], 2)} % of the variance)."
        )
    shown = _shown(rows, context)
    return (
        "Periods in single round-trip times of an idle link (ping, and idle phases): Lomb-Scargle of the RTT's "
        "logarithm, found where noise would have as much power with a probability below 0.001 (Baluev 2008). One point "
        f"per round and link; to the right how many series have one. {len(periodic)} of "
        f"{len(analysed)} series have a period.{surest}{_beside(shown, data) if rows else ''}"
    )


def _beside(shown: Sequence[Row], data: Data) -> str:
    """What the panels are, and what coincided in them."""
    if not shown:
        return " No series has a spike."
    sentences = " ".join(
        sentence
        for sentence in (*(_told_line(row, data) for row in shown), *_silent(shown))
        if sentence
    )
    return (
        " Below them the single RTTs of one series of each system that has spikes (the surest period, else the most "
        "spikes): rings are RTTs far above the median (modified z-score of the logarithm above 3.5, at least 1.5 times "
        f"it), full where the system's units on either host logged a line within {_window(shown[0])}; ticks are all "
        "lines, warnings in red. The chance is that of as many, were spikes anywhere in that time (event coincidence "
        f"analysis, Donges et al. 2016), not adjusted for the number of series. {sentences}"
    )


def _told_line(row: Row, data: Data) -> str:
    """Of a series with lines in its time."""
    if not row["n_lines"]:
        return ""
    times = _of(row, data, "spike_times")
    near = [spike for spike in times if spike["near"] and spike["rtt_ms"] is not None]
    largest = max(near, key=lambda spike: float(spike["rtt_ms"]), default=None)
    example = ""
    if largest:
        unit = str(largest["unit"]).removesuffix(".service")
        example = (
            f" (beside the largest, {number(largest['rtt_ms'])} ms, {unit} on {largest['host']} "
            f"logged: {shortened(largest['message'], _TOLD)})"
        )
    return f"{row['vpn']}: {_coincided(row)}{example}."


def _silent(shown: Sequence[Row]) -> list[str]:
    """Of series without any line, by why."""
    silent: dict[str, list[str]] = {}
    for row in shown:
        if not row["n_lines"]:
            silent.setdefault(_silence(row), []).append(row["vpn"])
    return [f"{joined(vpns)}: {why}." for why, vpns in silent.items()]


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
