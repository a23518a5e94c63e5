"""Where the datagrams of an unlimited sender were lost, by system and profile."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.benchmarks.tools import udp_metrics
from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import measured, pictures, texts, theme
from meshbench.figures.drawing.groups import Group, became, system
from meshbench.figures.drawing.measure import OVERLOAD_MODES, Measure
from meshbench.figures.drawing.wording import joined, percent, shortened

KNOWN = Measure("udp", udp_metrics.ELSEWHERE.name, "count", modes=OVERLOAD_MODES)
_SENT = udp_metrics.SENT.name
_COLOURS = (
    "#88ccee", "#56b4e9", "#0072b2", "#332288", "#f0c14b", "#d55e00", "#882255", "#cc6677", "#999999",
)  # fmt: skip
"""Blues before the datagrams leave the sender, warm colours where they arrive."""
PLACES: Mapping[str, tuple[str, str]] = {
    metric.name: (metric.title.removeprefix(udp_metrics.LOST_AT), colour)
    for metric, colour in zip(
        (*udp_metrics.PLACES.values(), udp_metrics.ELSEWHERE), _COLOURS, strict=True
    )
}
"""By metric, in the order in which datagrams pass the places: its title and colour."""
_WIDTH = 270
_WHOLE, _MUCH = (0, 20, 40, 60, 80, 100), 0.4
"""The ticks of an axis on which there is more loss than this share: none beyond all of it."""
_SHOWN = 5e-4
"""A smaller share of what was sent has no width."""


@dataclass(frozen=True)
class Shares:
    """Of a group: by place, the share of the datagrams sent that was lost there, mean over the links."""

    group: Group
    places: Mapping[str, float]
    n: int

    @property
    def lost(self) -> float:
        return sum(self.places.values())


def shares(data: Data, context: Context) -> list[Shares]:
    """Every group that was planned or measured, in drawing order."""
    groups = measured.groups(data, context, KNOWN)
    by_run: dict[tuple[object, ...], dict[str, float]] = {}
    for row in data.rows("measures", benchmark="udp", direction="forward"):
        if row["value"] is not None:
            by_run.setdefault(_run(row), {})[row["metric"]] = row["value"]
    return [_shares(group, by_run) for group in groups]


def _run(row: Row) -> tuple[object, ...]:
    keys = ("vpn", "tuning", "profile", "round", "source", "target", "mode")
    return tuple(row[key] for key in keys)


def _shares(group: Group, by_run: Mapping[tuple[object, ...], Mapping[str, float]]) -> Shares:
    runs = [by_run.get(_run(row), {}) for row in group.rows if row["value"] is not None]
    counted = [run for run in runs if run.get(_SENT)]
    places = {
        name: statistics.fmean(run.get(name, 0.0) / run[_SENT] for run in counted)
        for name in (PLACES if counted else ())
    }
    return Shares(group, places, len(counted))


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, a stacked bar per system, in percent of the datagrams sent."""
    losses = shares(data, context)
    if not losses:
        return texts.nothing("udp has no value that would be drawn")
    colours = _colours(losses)
    most = max(loss.lost for loss in losses)
    panels = [
        _panel(
            profile,
            [loss for loss in losses if loss.group.profile == profile],
            colours,
            context,
            most,
        )
        for profile in dict.fromkeys(loss.group.profile for loss in losses)
    ]
    return alt.concat(*panels, columns=1, spacing=14, usermeta={"width": theme.COLUMN})


def _colours(losses: Sequence[Shares]) -> dict[str, str]:
    """Of the places at which anything was lost; of all where nothing was."""
    used = {name for loss in losses for name, share in loss.places.items() if share >= _SHOWN}
    return {title: colour for name, (title, colour) in PLACES.items() if name in used or not used}


def _panel(
    profile: str,
    losses: Sequence[Shares],
    colours: Mapping[str, str],
    context: Context,
    most: float,
) -> alt.LayerChart:
    """The bars of one profile, on an axis that holds the most that was lost under any of them."""
    bars, ends = [], []
    for loss in losses:
        name, start = system(loss.group, context), 0.0
        for place, share in loss.places.items():
            if share >= _SHOWN:
                end = start + 100 * share
                part = PLACES[place][0]
                bars.append({"system": name, "part": part, "start": start, "end": end})
                start = end
        ends.append({"system": name, "at": start, "text": _told(loss)})
    systems = [system(loss.group, context) for loss in losses]
    edge = {"start": 100 * most, "end": 100 * most, "part": next(iter(colours))}
    chart = pictures.stacked(
        [*bars, {"system": systems[0], **edge}], systems, colours,
        "datagrams lost, % of those sent", width=_WIDTH, ends=ends, room=1.6,
        ticks=_WHOLE if most > _MUCH else None,
    )  # fmt: skip
    return chart.properties(title=alt.TitleParams(profile))


def _told(loss: Shares) -> str:
    of = f"n {loss.n}/{loss.group.planned}"
    if loss.n:
        return f"{percent(loss.lost)}, {of}"
    why = shortened(loss.group.reason or "", 40)
    return f"{became(loss.group)}{f': {why}' if why else ''}, {of}"


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the most of each place."""
    losses = [loss for loss in shares(data, context) if loss.n]
    most = []
    for name, (title, _) in PLACES.items():
        worst = max(losses, key=lambda loss: loss.places[name], default=None)
        if worst is not None and worst.places[name] >= _SHOWN:
            where = f"{system(worst.group, context)} at {worst.group.profile}"
            most.append(f"{title} {percent(worst.places[name])} ({where})")
    sentence = f"The most at each: {'; '.join(most)}" if most else "Nothing was lost anywhere"
    return (
        "Where the datagrams of a sender without a rate limit were lost, in percent of those sent, forward "
        "direction, mean over links and rounds; from both hosts' kernel counters before and after each run. "
        "'on the way' is what no counter of the two hosts has: an emulator or switch between them, or the VPN's "
        f"daemons. {sentence}."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and where nothing was lost."""
    losses = shares(data, context)
    used = {name for loss in losses for name, share in loss.places.items() if share >= _SHOWN}
    none = [title for name, (title, _) in PLACES.items() if used and name not in used]
    quiet = [f"nothing was lost at: {joined(none)}"] if none else []
    return [*measured.notes([loss.group for loss in losses], context), *quiet]
