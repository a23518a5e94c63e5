"""Every cell of the campaign: whether it was measured, how long it took, and why not."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from meshbench.figures.charts.campaign import test_duration
from meshbench.figures.contract import SELF_TOLD, Context, Data, Row, frame
from meshbench.figures.drawing import axes, channels, theme
from meshbench.figures.drawing.groups import named
from meshbench.figures.drawing.theme import STATUSES, StatusLook, ordered, profile_order
from meshbench.figures.drawing.wording import DASH, clock, counted, duration, shortened, spans
from meshbench.util.errors import NO_BINARY

_CALIBRATION = "calibration"
_TILE = 18
_GLYPH_WIDTH = 7
"""Least width of a tile in px that still holds a glyph."""


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel of tiles per benchmark, rounds side by side in each tile; then where time went."""
    tiles = _tiles(data.rows("cells"), context)
    benchmarks = ordered(context.benchmarks, {tile["benchmark"] for tile in tiles})
    systems = list(dict.fromkeys(tile["system"] for tile in tiles))
    profiles = profile_order(context.profiles, {tile["profile"] for tile in tiles})
    looks = _looks(tiles)
    charts: list[alt.Chart | alt.LayerChart] = [
        _panel([t for t in tiles if t["benchmark"] == name], name, systems, profiles, looks, index)
        for index, name in enumerate(benchmarks)
    ]
    charts.append(_times(_spent(data, context), systems))
    return alt.concat(*charts, columns=1, spacing=12)


def _tiles(cells: Sequence[Row], context: Context) -> list[dict[str, Any]]:
    """One tile per planned or measured cell."""
    by_key = {_key(row): row for row in cells}
    planned = [
        (vpn, tuning, profile, benchmark, round_)
        for vpn in ordered(context.vpns, {row["vpn"] for row in cells})
        for tuning in ordered(context.tunings, {row["tuning"] for row in cells})
        for profile in profile_order(context.profiles, {row["profile"] for row in cells})
        for benchmark in ordered(context.benchmarks, {row["benchmark"] for row in cells})
        for round_ in context.rounds_of(vpn, tuning, benchmark, profile)
    ]
    keys = [*planned, *sorted(set(by_key) - set(planned))]
    return [_tile(key, by_key.get(key), context) for key in keys]


def _key(row: Row) -> tuple[str, str, str, str, int]:
    return row["vpn"], row["tuning"], row["profile"], row["benchmark"], row["round"]


def _tile(key: tuple[str, str, str, str, int], row: Row | None, context: Context) -> dict[str, Any]:
    vpn, tuning, profile, benchmark, round_ = key
    status = row["status"] if row else "not_run"
    took = row["duration_s"] if row else None
    return {
        "system": named(vpn, tuning, context),
        "profile": profile,
        "benchmark": benchmark,
        "round": round_,
        "status": STATUSES[status].words,
        "kind": status,
        "glyph": STATUSES[status].glyph,
        "label": _label(row, STATUSES[status].glyph),
        "duration": STATUSES["ok"].words if took is None else clock(took),
        "seconds": took,
        "reasons": (row["reasons"] if row else None) or "",
        "links": f"{row['n_ok']}/{row['n_links']}" if row else "",
    }


def _label(row: Row | None, glyph: str) -> str:
    never_there = row and str(row["reasons"] or "").startswith(NO_BINARY)
    return f"{glyph} {NO_BINARY}" if never_there else glyph


def _panel(
    tiles: Sequence[dict[str, Any]],
    benchmark: str,
    systems: Sequence[str],
    profiles: Sequence[str],
    looks: Sequence[StatusLook],
    index: int,
) -> alt.LayerChart:
    rounds = sorted({tile["round"] for tile in tiles})
    width = max(280, int(len(profiles) * max(1, len(rounds)) * 4.5))
    x = alt.X(
        "profile:N",
        scale=alt.Scale(domain=list(profiles), paddingInner=0.06, paddingOuter=0.02),
        axis=channels.heads(
            profiles, width / max(1, len(profiles)), orient="top", ticks=False, domain=False
        ),
    )
    y = alt.Y(
        "system:N",
        scale=alt.Scale(domain=list(systems), paddingInner=0.1),
        axis=alt.Axis(title=None, ticks=False, domain=False),
    )
    offset = alt.XOffset("round:O", scale=alt.Scale(domain=rounds, paddingInner=0.08))
    base = alt.Chart(frame(tiles)).encode(x=x, y=y, xOffset=offset)
    layers: list[alt.Chart] = [
        base.mark_rect(stroke="white", strokeWidth=0.5).encode(
            fill=_status_fill(looks, legend=index == 0),
            tooltip=[
                "system:N",
                "profile:N",
                "round:O",
                "status:N",
                "links:N",
                "duration:N",
                "reasons:N",
            ],
        )
    ]
    tile_width = width / max(1, len(profiles) * len(rounds))
    if tile_width >= _GLYPH_WIDTH:
        text = "glyph:N" if tile_width < _DURATION_WIDTH else "text:N"
        words = "label" if tile_width >= _LABEL_WIDTH else "glyph"
        layers.append(
            base.transform_calculate(
                text=f"datum.kind === 'ok' ? datum.duration : datum.{words}"
            ).mark_text(fontSize=theme.SMALL, baseline="middle", dy=1).encode(text=text)
        )  # fmt: skip
    spent = sum(tile["seconds"] or 0 for tile in tiles)
    measured = sum(tile["kind"] != "not_run" for tile in tiles)
    side = f"; rounds {rounds[0]} to {rounds[-1]} side by side" if len(rounds) > 1 else ""
    took = f" in {duration(spent)}" if spent else ""
    title = f"{benchmark}: {measured} of {counted(len(tiles), 'cell')}{took}{side}"
    return alt.LayerChart(
        layer=layers,
        width=width,
        height=_TILE * max(1, len(systems)),
        title=alt.TitleParams(title, fontSize=theme.TEXT),
    )


_DURATION_WIDTH = 32
_LABEL_WIDTH = 64


def _looks(tiles: Sequence[dict[str, Any]]) -> list[StatusLook]:
    """Those of the legend: what is unavailable only where something is."""
    there = {tile["kind"] for tile in tiles}
    return [look for kind, look in STATUSES.items() if kind != "unavailable" or kind in there]


def _status_fill(looks: Sequence[StatusLook], *, legend: bool) -> alt.Fill:
    scale = alt.Scale(domain=[look.words for look in looks], range=[look.fill for look in looks])
    shown = alt.Legend(
        title=None, orient="top", columns=3, symbolType="square", symbolStrokeColor="#888888",
        labelExpr=_legend_words(),
    ) if legend else None  # fmt: skip
    return alt.Fill("status:N", scale=scale, legend=shown)


def _legend_words() -> str:
    words = ", ".join(f"'{look.words}': '{look.glyph} {look.words}'" for look in STATUSES.values())
    return f"trim(({{{words}}})[datum.label])"


def _timed(data: Data) -> list[Row]:
    """The links of which both times are known."""
    columns = ("own_s", "own_measuring_s")
    links = (row for row in data.rows("links") if row["benchmark"] not in SELF_TOLD)
    rows = (*links, *_calibrations(data))
    return [row for row in rows if None not in [row[name] for name in columns]]


def _calibrations(data: Data) -> list[Row]:
    """Their times as those of links are: all links of one are probed at the same time."""
    return [
        {
            **row,
            "benchmark": _CALIBRATION,
            "own_s": row["duration_s"],
            "own_measuring_s": row["measuring_s"],
        }
        for row in data.rows("calibrations")
    ]


@dataclass(frozen=True)
class _Spent:
    """Minutes by system and part, and the parts' colours in their order."""

    colours: Mapping[str, str]
    minutes: Mapping[str, Mapping[str, float]]

    @property
    def total(self) -> float:
        return sum(sum(parts.values()) for parts in self.minutes.values())

    def of(self, part: str) -> float:
        return sum(parts[part] for parts in self.minutes.values())


_COLOURS = {"measuring": "#7a9cc6", "overhead": "#c9c9c9"}


def _spent(data: Data, context: Context) -> _Spent:
    """What the time went into, as finely as all systems' records say it."""
    rows = data.rows("overhead")
    own = [test_duration.own_parts(row) for row in rows]
    minutes: dict[str, dict[str, float]] = {}
    if not rows or None in own:
        for row in _timed(data):
            measuring, rest = row["own_measuring_s"], row["own_s"] - row["own_measuring_s"]
            _add(minutes, _owner(row, context), {"measuring": measuring, "overhead": rest})
        return _Spent(_COLOURS, minutes)
    nothing = dict.fromkeys(test_duration.OWN_PARTS, 0.0)
    for row, parts in zip(rows, own, strict=True):
        _add(minutes, _owner(row, context), parts or nothing)
    for row in _calibrations(data):
        if None not in (row["own_s"], row["own_measuring_s"]):
            tools, rest = row["own_measuring_s"], row["own_s"] - row["own_measuring_s"]
            seconds = {**nothing, "measuring tools": tools, "rest of the tests": rest}
            _add(minutes, _CALIBRATION, seconds)
    return _Spent(test_duration.OWN_PARTS, minutes)


def _add(minutes: dict[str, dict[str, float]], name: str, seconds: Mapping[str, float]) -> None:
    mine = minutes.setdefault(name, dict.fromkeys(seconds, 0.0))
    for part, value in seconds.items():
        mine[part] += value / 60


def _bars(spent: _Spent, name: str) -> list[dict[str, Any]]:
    """One bar per part, each beginning where the one before it ends."""
    parts = spent.minutes.get(name) or dict.fromkeys(spent.colours, 0.0)
    total, at, bars = sum(parts.values()), 0.0, []
    label = duration(60 * total) if total else DASH
    for part in spent.colours:
        end = at + parts[part]
        share = parts[part] / total if total else 0
        bars.append(
            {"system": name, "what": part, "from": at, "to": end, "total": total,
             "label": label, "share": share}
        )  # fmt: skip
        at = end
    return bars


def _times(spent: _Spent, systems: Sequence[str]) -> alt.LayerChart:
    """Bars of minutes per system, by what they went into."""
    names = [*systems, *([_CALIBRATION] if _CALIBRATION in spent.minutes else [])]
    rows = [bar for name in names for bar in _bars(spent, name)]
    y = alt.Y(
        "system:N",
        scale=alt.Scale(domain=names),
        axis=alt.Axis(title=None, ticks=False, domain=False),
    )
    most = max((row["total"] for row in rows), default=0)
    x = alt.X(
        "from:Q",
        scale=alt.Scale(domain=[0, most or 1], nice=False),
        axis=alt.Axis(
            title="Time (min)",
            labels=most > 0,
            ticks=most > 0,
            grid=most > 0,
            **axes.ticks([most]),
        ),
    )
    colour = alt.Color(
        "what:N",
        scale=alt.Scale(domain=list(spent.colours), range=list(spent.colours.values())),
        legend=alt.Legend(title=None, orient="bottom", offset=4, columns=3),
    )
    bars = (
        alt.Chart(frame(rows))
        .mark_bar(height=11)
        .encode(
            x=x, x2="to:Q", y=y, color=colour, tooltip=["system:N", "what:N", "share:Q", "label:N"]
        )
    )
    last = list(spent.colours)[-1]
    text = (
        alt.Chart(frame([row for row in rows if row["what"] == last]))
        .mark_text(align="left", fontSize=theme.SMALL)
        .encode(x=alt.value(286), y=y, text="label:N")
    )
    return alt.LayerChart(
        layer=[bars, text],
        width=280,
        height=15 * max(1, len(names)),
        title=alt.TitleParams("Where the time went", fontSize=theme.TEXT),
    )


def _owner(row: Row, context: Context) -> str:
    if row.get("benchmark") == _CALIBRATION:
        return _CALIBRATION
    return named(row["vpn"], row["tuning"], context)


def caption(data: Data, context: Context) -> str:
    """How many cells there are of each status, and how much of the time was measuring."""
    tiles = _tiles(data.rows("cells"), context)
    counts = Counter(tile["kind"] for tile in tiles)
    parts = [
        f"{counts[status]} {look.words}" for status, look in STATUSES.items() if counts[status]
    ]
    time = _told(_spent(data, context))
    return (
        f"Each tile is one cell (system, profile, benchmark, round; rounds side by side, "
        f"{counted(context.rounds, 'round')}). Of {counted(len(tiles), 'cell')}: {', '.join(parts)}. "
        f"A cell is as bad as its worst link.{time}"
    )


def _told(spent: _Spent) -> str:
    """How much of the time was measuring, and the other parts from the largest on."""
    if not spent.total:
        return ""
    first, *others = spent.colours
    measuring = spent.of(first)
    rest = sorted(others, key=spent.of, reverse=True)
    parts = ", ".join(f"{part} {duration(60 * spent.of(part))}" for part in rest if spent.of(part))
    return (
        f" {duration(60 * measuring)} of {duration(60 * spent.total)} "
        f"({round(100 * measuring / spent.total)} %) were spent inside the measuring tools"
        f"{f'; {parts}' if parts and len(others) > 1 else ''}."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """Why cells are not ok, the like together, and what a reader must know."""
    where: dict[tuple[str, str, str, str], dict[str, list[int]]] = {}
    for row in data.rows("cells"):
        if row["status"] != "ok":
            who = named(row["vpn"], row["tuning"], context)
            key = (who, row["benchmark"], row["status"], row["reasons"] or "no reason given")
            where.setdefault(key, {}).setdefault(row["profile"], []).append(row["round"])
    lines = [
        f"{STATUSES[status].glyph} {who}, {benchmark} ({_places(places)}): "
        f"{STATUSES[status].words}: {shortened(reasons, 160)}"
        for (who, benchmark, status, reasons), places in where.items()
    ]
    marks: dict[str, int] = Counter(mark for row in data.rows("cells") for mark in row["marks"])
    return [*lines, *(f"† {mark} ({counted(n, 'cell')})" for mark, n in sorted(marks.items()))]


def _places(rounds: Mapping[str, Sequence[int]]) -> str:
    return "; ".join(f"{profile} {spans(numbers)}" for profile, numbers in rounds.items())
