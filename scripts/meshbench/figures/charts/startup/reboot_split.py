"""The time until peers answered after a reboot: waiting for their hosts, and what the VPN added."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured, pictures, strip, theme
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import number

TIME = Measure("reboot", "connect_time", "s")
ADDED = Measure("reboot", "vpn_added", "s")
_WIDTH = theme.COLUMN - 100
HOSTS, VPN, UNKNOWN = "waiting for the peers' hosts", "added by the VPN", "cannot be told apart"
_PARTS = {HOSTS: "#bdbdbd", VPN: "#d55e00", UNKNOWN: "#e8d9a0"}


@dataclass(frozen=True)
class Split:
    """Means over a system's links in seconds; `added` is None where it cannot be told."""

    vpn: str
    time: float
    added: float | None
    n: int


def splits(data: Data, context: Context) -> list[Split]:
    """Every system that has a time at the first profile."""
    added = measured.groups(data, context, ADDED, context.profiles[:1])
    return [
        Split(system(group, context), time, _added(added, group), group.n_ok)
        for group in _times(data, context)
        if (time := measured.mean(group)) is not None
    ]


def _times(data: Data, context: Context) -> list[Group]:
    return measured.groups(data, context, TIME, context.profiles[:1])


def _added(groups: Sequence[Group], time: Group) -> float | None:
    other = measured.same(groups, time)
    values = measured.by_link(other) if other else {}
    # Known for some links only, it would be the mean of other links than the time's.
    return statistics.fmean(values.values()) if len(values) == len(measured.by_link(time)) else None


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A stacked bar per system."""
    found, groups = splits(data, context), _times(data, context)
    if not groups:
        return pictures.nothing("no system was rebooted")
    rows = []
    for one in found:
        if one.added is None:
            rows.append({"system": one.vpn, "part": UNKNOWN, "start": 0.0, "end": one.time})
            continue
        wait = one.time - one.added
        rows.append({"system": one.vpn, "part": HOSTS, "start": 0.0, "end": wait})
        rows.append({"system": one.vpn, "part": VPN, "start": wait, "end": one.time})
    ends = {one.vpn: {"at": one.time, "text": _told(one)} for one in found}
    absent = {system(g, context): {"at": 0.0, "text": strip.why(g, _WIDTH)} for g in groups}
    names = list(absent)
    told = [{"system": name, **ends.get(name, absent[name])} for name in names]
    return pictures.stacked(rows, names, _PARTS, "s", ends=told, width=_WIDTH)


def _told(one: Split) -> str:
    share = f", VPN {number(one.added, 2)}" if one.added is not None else ""
    return f"{number(one.time)}{share} (n {one.n})"


def caption(data: Data, context: Context) -> str:
    """What is drawn."""
    found = splits(data, context)
    known = [one.vpn for one in found if one.added is not None]
    return (
        f"Time from the start of the check on a host until a peer answered through the VPN, at {context.profiles[0]}, "
        "after all hosts were rebooted at once; mean over the ordered pairs. The VPN is asked only when all peers' "
        "hosts have answered without it, so that its share is the difference. "
        f"It is known for {len(known)} of {len(found)} systems: for the others the first phase already went through the VPN."
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(_times(data, context), context)
