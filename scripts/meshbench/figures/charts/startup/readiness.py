"""How long each VPN that was started took until every ordered pair passed traffic."""

import dataclasses
import itertools
from collections.abc import Callable, Iterable, Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row, axis_title
from meshbench.figures.drawing import doubt, estimated, strip
from meshbench.figures.drawing.groups import Group, collect, troubles
from meshbench.figures.drawing.wording import joined, number
from meshbench.results.records import BARE

_ANY = "unimpaired network"


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per system, a point per start and ordered pair."""
    drawn = strip.Strip(
        column="ready_s",
        scale=1.0,
        axis=axis_title("ready_time", "s"),
        columns=(
            strip.Column("first", 40, lambda group: number(_edge(group, min), 2)),
            strip.Column("all", 40, lambda group: number(_edge(group, max), 2)),
            strip.Column("direct", 44, lambda group: number(_edge(group, max, "direct_s"), 2)),
            strip.Column("n", 38, strip.counts),
        ),
        bound=1.0,
    )
    mine, planned = groups(data, context), _planned(data, context)
    return strip.grid([[strip.Panel(_ANY, mine)]], drawn, planned)


def groups(data: Data, context: Context) -> list[Group]:
    """One group per system: what started it does not matter, the network was unimpaired."""
    planned = _planned(data, context)
    alike = {"profile": _ANY, "tuning": planned.tunings[0], "marks": ()}
    systems = collect([{**row, **alike} for row in _rows(data)], planned)
    return estimated.over_rounds(systems, "ready_s")


def _rows(data: Data) -> list[Row]:
    return data.rows("readiness")


def _planned(data: Data, context: Context) -> Context:
    """All ordered pairs, of every system but the bare link, which nobody starts."""
    recorded = {host for row in _rows(data) for host in (row["source"], row["target"])}
    hosts = sorted(recorded | {host for link in context.links for host in link})
    return dataclasses.replace(
        context,
        vpns=tuple(vpn for vpn in context.vpns if vpn != BARE),
        tunings=context.tunings[:1] or ("stock",),
        profiles=(_ANY,),
        links=tuple(itertools.permutations(hosts, 2)),
    )


def _edge(
    group: Group, which: Callable[[Iterable[float]], float], column: str = "ready_s"
) -> float | None:
    values = [point.value for point in group.points(column)]
    return which(values) if values else None


def caption(data: Data, context: Context) -> str:
    """What is drawn, and the fastest and the slowest system to be whole."""
    whole = {
        group.vpn: slowest
        for group in groups(data, context)
        if group.trouble is None and (slowest := _edge(group, max)) is not None
    }
    ranked = sorted(whole, key=lambda vpn: (whole[vpn], vpn))
    ends = [
        f"{vpn} {number(whole[vpn], 2)} s" for vpn in dict.fromkeys([*ranked[:1], *ranked[-1:]])
    ]
    return " ".join([
        "From starting the VPN on all hosts to the first reply on each ordered pair, asked every 50 ms",
        "on an unimpaired network; pairs are tried in turn, so each includes the turns before.",
        strip.LEGEND,
        "'first' and 'all' are the first and the last pair over all starts; 'direct' is when the last",
        "path was first seen to be direct, where the VPN says so.",
        f"Until all pairs passed traffic: {joined(ends)}." if ends else "",
        doubt.told(groups(data, context), data, context),
    ]).strip()  # fmt: skip


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return troubles(groups(data, context), _planned(data, context))
