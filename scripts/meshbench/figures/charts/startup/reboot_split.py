"""The time until peers answered after a reboot: waiting for their hosts, and what the VPN added."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured, pictures, strip, texts, theme
from meshbench.figures.drawing.groups import Group, Point, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import number, spans

TIME = Measure("reboot", "connect_time", "s")
ADDED = Measure("reboot", "vpn_added", "s")
_WIDTH = theme.COLUMN - 100
HOSTS, VPN, UNKNOWN = "waiting for the peers' hosts", "added by the VPN", "cannot be told apart"
_PARTS = {HOSTS: "#bdbdbd", VPN: "#d55e00", UNKNOWN: "#e8d9a0"}


@dataclass(frozen=True)
class Split:
    """Means over a system's links in seconds, of rounds measured by one method.

    Attributes:
        vpn: the system; with the rounds where it has others of the other method.
        added: the VPN's share; None where it cannot be told.
        n: values that the time is the mean of.
    """

    vpn: str
    time: float
    added: float | None
    n: int


def splits(data: Data, context: Context) -> list[Split]:
    """Every system that has a time at the first profile, once for each method it was measured by."""
    added = measured.groups(data, context, ADDED, context.profiles[:1])
    return [
        part
        for group in _times(data, context)
        for part in _parts(group, measured.same(added, group), context)
    ]


def _times(data: Data, context: Context) -> list[Group]:
    return measured.groups(data, context, TIME, context.profiles[:1])


def _parts(group: Group, added: Group | None, context: Context) -> list[Split]:
    """One part of the rounds in which the VPN's share is known for every link, one of the others."""
    times = group.points("value")
    known_shares = added.points("value") if added else []
    shares = {(point.round, point.link): point.value for point in known_shares}
    rounds = sorted({point.round for point in times})
    complete = [r for r in rounds if all((r, p.link) in shares for p in times if p.round == r)]
    methods = [part for part in (complete, [r for r in rounds if r not in complete]) if part]
    parts = []
    for chosen in methods:
        mine = [point for point in times if point.round in chosen]
        values = [shares[point.round, point.link] for point in mine] if chosen == complete else []
        name = system(group, context) + (f", {spans(chosen)}" if len(methods) > 1 else "")
        parts.append(Split(name, _mean(mine), _mean(mine, values) if values else None, len(mine)))
    return parts


def _mean(points: Sequence[Point], values: Sequence[float] = ()) -> float:
    """The mean over the links of the means over the rounds."""
    links: dict[str, list[float]] = {}
    for point, value in zip(points, values or [p.value for p in points], strict=True):
        links.setdefault(point.link, []).append(value)
    return statistics.fmean(statistics.fmean(times) for times in links.values())


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A stacked bar per system."""
    bars, groups = splits(data, context), _times(data, context)
    if not groups:
        return texts.nothing("no system was rebooted")
    rows = []
    for bar in bars:
        if bar.added is None:
            rows.append({"system": bar.vpn, "part": UNKNOWN, "start": 0.0, "end": bar.time})
            continue
        wait = bar.time - bar.added
        rows.append({"system": bar.vpn, "part": HOSTS, "start": 0.0, "end": wait})
        rows.append({"system": bar.vpn, "part": VPN, "start": wait, "end": bar.time})
    ends = {bar.vpn: {"at": bar.time, "text": _told(bar)} for bar in bars}
    absent = {system(g, context): {"at": 0.0, "text": strip.why(g, _WIDTH)} for g in groups}
    names = list(absent)
    labels = [{"system": name, **ends.get(name, absent[name])} for name in names]
    return pictures.stacked(rows, names, _PARTS, "s", ends=labels, width=_WIDTH)


def _told(bar: Split) -> str:
    share = f", VPN {number(bar.added, 2)}" if bar.added is not None else ""
    return f"{number(bar.time)}{share} (n {bar.n})"


def caption(data: Data, context: Context) -> str:
    """What is drawn."""
    bars = splits(data, context)
    split = [bar for bar in bars if bar.added is not None]
    unsure = doubt.told(_times(data, context), data, context)
    if data.rows("measures", benchmark=TIME.benchmark, metric="reboot_first_packet"):
        return (
            f"Time from the start of a host's boot until a peer answered through the VPN, at {context.profiles[0]}: until "
            "the pair answered beside the VPN, and what the VPN added; medians over the reboots of either host, one at a "
            f"time, mean over the ordered pairs. Figure reboot_stages has each stage. {unsure}"
        )
    return (
        f"Time from the start of the check on a host until a peer answered through the VPN, at {context.profiles[0]}, "
        "after all hosts were rebooted at once; mean over the ordered pairs. The VPN is asked only when all peers' "
        "hosts have answered without it, so that its share is the difference. "
        f"It is known for {len(split)} of {len(bars)} bars: for the others the first phase already went through the VPN. "
        f"Rounds measured by different methods have bars of their own. {unsure}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(_times(data, context), context)
