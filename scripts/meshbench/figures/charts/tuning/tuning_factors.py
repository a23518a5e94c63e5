"""The effect of each setting on each system, and on its ratio to the bare link under every tuning."""

from collections.abc import Iterable, Iterator, Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import analysed, forest, texts
from meshbench.figures.drawing.analysed import Shown
from meshbench.figures.drawing.theme import STATUSES, ordered
from meshbench.figures.drawing.wording import joined, number, shortened
from meshbench.results.records import BARE

_METHOD = (
    "Each setting's main effect: how many times as much with it as with the first tuning's value, over all "
    "tunings of the campaign, fitted within each round (the same weather for all its cells); mean over rounds "
    "and Student's 95 % interval. Ratios to the bare link: median over rounds, 95 % interval by order "
    "statistics. ~: the interval includes no effect; intervals are not adjusted for their number."
)
_LONGEST = 46
_PLACES = ("net.ipv4.", "net.core.", "ethtool.data.", "ethtool.tunnel.")


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """Per metric and profile: each system's ratio to the bare link, then the settings' own effects."""
    panels = [
        panel
        for series, profile, rows in analysed.panels(data, context)
        for panel in _panels(data, context, (series, profile), _systems(rows, context))
    ]
    return forest.draw(panels) if panels else texts.nothing("no metric has a value")


def _systems(rows: Iterable[Row], context: Context) -> list[str]:
    there = {row["vpn"] for row in rows}
    return [vpn for vpn in ordered(context.vpns, there) if vpn in there]


def _panels(
    data: Data, context: Context, shown: tuple[Shown, str], systems: Sequence[str]
) -> Iterator[forest.Panel]:
    series, profile = shown
    factors = series.read(data, "factors", profile=profile)
    for vpn in (name for name in systems if name != BARE):
        title = f"{vpn} over the bare link, {series.title}, {profile}"
        lines = [_tuning(data, series, profile, vpn, tuning) for tuning in context.tunings]
        yield from _panel(title, "times the bare link", lines)
        title, axis = f"what each setting does to that ({vpn})", "times the ratio with the setting"
        yield from _panel(
            title, axis, [_factor(row, data, series) for row in _of(factors, vpn, BARE)]
        )
    for vpn in systems:
        title, axis = f"{vpn}: {series.title}, {profile}", "times as much with the setting"
        yield from _panel(
            title, axis, [_factor(row, data, series) for row in _of(factors, vpn, None)]
        )


def _of(rows: Iterable[Row], vpn: str, reference: str | None) -> list[Row]:
    return [row for row in rows if (row["vpn"], row["reference"]) == (vpn, reference)]


def _panel(title: str, axis: str, lines: Sequence[forest.Line]) -> Iterator[forest.Panel]:
    if lines:
        yield forest.Panel(title, axis, lines, log=True, rule=1.0, ends=(1.0,))


def _factor(row: Row, data: Data, series: Shown) -> forest.Line:
    effect, low, high = row["effect"], row["low"], row["high"]
    if effect is None:
        text = _trouble(data, series, row) or f"n=0: {row['why']}"
    else:
        text = f"{_told(effect, low, high)}, n={row['n_rounds']}"
    return forest.Line(row["vpn"], effect, low, high, text, row["why"] or "", label(row))


def _trouble(data: Data, series: Shown, factor: Row) -> str:
    """What went wrong most often where a system has no value under any tuning; else empty."""
    rows = series.read(data, "estimates", profile=factor["profile"], vpn=factor["vpn"])
    if any(row["value"] is not None for row in rows):
        return ""
    return next((analysed.trouble(row) for row in rows), "")


def label(row: Row) -> str:
    """A factor in a few words: what changes, and to what."""
    names = [_short(name) for name in row["factor"].split(", ")]
    levels = dict.fromkeys(row["level"].split(", "))
    words = ", ".join(dict.fromkeys(names))
    if len(levels) > 1 or " " in row["level"].replace(", ", ""):
        return words
    base = f"{row['base']} → " if len(names) == 1 and " " not in row["base"] else ""
    return f"{words} {base}{next(iter(levels))}"


def _short(name: str) -> str:
    for place in _PLACES:
        name = name.removeprefix(place)
    return name.removeprefix("tcp_")


def _tuning(data: Data, series: Shown, profile: str, vpn: str, tuning: str) -> forest.Line:
    row = _ratio(data, series, profile, vpn, tuning)
    if row is None or row["ratio"] is None:
        why = _missing(data, series, profile, vpn, tuning)
        return forest.Line(vpn, None, None, None, why, "", tuning)
    low, high = row["ratio_low"], row["ratio_high"]
    text = f"{_told(row['ratio'], low, high)}, n={row['n_rounds']}"
    return forest.Line(vpn, row["ratio"], low, high, text, row["why"], tuning)


def _ratio(data: Data, series: Shown, profile: str, vpn: str, tuning: str) -> Row | None:
    mine = series.read(
        data, "effects", profile=profile, vpn=vpn, tuning=tuning, reference=BARE,
        reference_tuning=tuning,
    )  # fmt: skip
    return mine[0] if mine else None


def _missing(data: Data, series: Shown, profile: str, vpn: str, tuning: str) -> str:
    """Why there is no ratio: what the system, or else the bare link, lacks."""
    for name in (vpn, BARE):
        mine = series.read(data, "estimates", profile=profile, vpn=name, tuning=tuning)
        if not mine or mine[0]["value"] is None:
            why = analysed.trouble(mine[0]) if mine else STATUSES["not_run"].words
            return shortened(why if name == vpn else f"{name}: {why}", _LONGEST)
    return "n=0: no round has a ratio"


def _told(value: float, low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return number(value)
    sign = "~ " if low <= 1 <= high else ""
    return f"{sign}{number(value)} [{number(low)}, {number(high)}]"


def caption(data: Data, context: Context) -> str:
    """What is drawn, what acts, and under which tunings a system beats the bare link."""
    sentences = [
        sentence
        for series, profile, rows in analysed.panels(data, context)
        for sentence in _said(data, context, (series, profile), _systems(rows, context))
    ]
    return " ".join([_METHOD, analysed.rounds(data, context), *sentences])


def _said(
    data: Data, context: Context, shown: tuple[Shown, str], systems: Sequence[str]
) -> Iterator[str]:
    series, profile = shown
    factors = series.read(data, "factors", profile=profile)
    acting = [
        row for row in factors if row["reference"] is None and _apart(row["low"], row["high"])
    ]
    if acting:
        words = (f"{label(row)} times {number(row['effect'])} ({row['vpn']})" for row in acting)
        yield f"{series.title} at {profile}: {'; '.join(words)}."
    for vpn in (name for name in systems if name != BARE):
        rows = (_ratio(data, series, profile, vpn, tuning) for tuning in context.tunings)
        yield from _beats(vpn, profile, [row for row in rows if row and row["ratio"]])


def _beats(vpn: str, profile: str, rows: Iterable[Row]) -> Iterator[str]:
    sides: dict[str, list[str]] = {}
    for row in rows:
        low, high = row["ratio_low"], row["ratio_high"]
        side = "above" if (low or 0) > 1 else "below" if high is not None and high < 1 else "open"
        sides.setdefault(side, []).append(row["tuning"])
    words = [
        f"{verdict} under {joined(sides[side])}"
        for side, verdict in (
            ("above", "has more than the bare link"),
            ("below", "has less than the bare link"),
            ("open", "cannot be told from the bare link"),
        )
        if side in sides
    ]
    if words:
        yield f"At {profile} {vpn} {', '.join(words)}."


def _apart(low: float | None, high: float | None) -> bool:
    return low is not None and high is not None and not low <= 1 <= high


def notes(data: Data, context: Context) -> Sequence[str]:
    """What has no effect, and why."""
    without: dict[str, list[str]] = {}
    for series, profile, _ in analysed.panels(data, context):
        for row in series.read(data, "factors", profile=profile, reference=None):
            if row["effect"] is None:
                place = f"{row['vpn']} ({series.benchmark} at {profile})"
                without.setdefault(f"{label(row)}: {row['why']}", []).append(place)
    return [
        *analysed.missing(data, context),
        *(f"{why}: {joined(dict.fromkeys(places))}" for why, places in without.items()),
    ]
