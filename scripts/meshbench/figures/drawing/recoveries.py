"""What figures about faults share: their panels, and why a system has nothing in one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import measured, texts, theme
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import log_ticks

FAULTS: Mapping[str, str] = {
    "restart": "daemon restarted",
    "kill": "daemon killed and started",
    "cut": "underlay cut and back",
    "readdress": "underlay address changed",
    "cold": "started on all hosts at once",
}
RESOLUTION_S = 0.05


@dataclass(frozen=True)
class Panel:
    """A fault under one profile, and each system with the repetitions of the pairs that were hit."""

    fault: str
    profile: str
    systems: tuple[tuple[Group, tuple[Row, ...]], ...]

    @property
    def title(self) -> str:
        return f"{FAULTS.get(self.fault, self.fault)}, {self.profile}"


def measure(fault: str) -> Measure:
    """The headline of a fault."""
    return Measure("reconnect", "reconnect_median", "s", modes=(fault,))


def panels(data: Data, context: Context) -> list[Panel]:
    """Every fault that any system was to meet, under every profile."""
    hits = [row for row in data.rows("recoveries") if row["hit"]]
    entries = []
    for fault in FAULTS:
        for group in _groups(data, context, fault):
            key = (fault, group.profile)
            rows = tuple(
                row for row in hits
                if (row["fault"], row["profile"], row["vpn"], row["tuning"])
                == (*key, group.vpn, group.tuning)
            )  # fmt: skip
            entries.append((key, (group, rows)))
    keys = dict.fromkeys(key for key, _ in entries)
    return [Panel(*key, tuple(mine for other, mine in entries if other == key)) for key in keys]


def drawn(
    data: Data, context: Context, panel: Callable[[Panel, Sequence[Panel], Context], alt.LayerChart]
) -> alt.TopLevelMixin:
    """Every panel by itself, two in a row, all with the same axes."""
    all_panels = panels(data, context)
    if not all_panels:
        return texts.nothing("no fault took place")
    charts = [panel(mine, all_panels, context) for mine in all_panels]
    across = 2 if len(charts) > 1 else 1
    total = theme.PAGE if across > 1 else theme.COLUMN
    return alt.concat(*charts, columns=across, spacing=16, usermeta={"width": total})


def _groups(data: Data, context: Context, fault: str) -> list[Group]:
    of = measure(fault)
    if not any(row["mode"] == fault for row in data.rows("measures", metric=of.metric)):
        return []
    return measured.groups(data, context, of)


def time_axis(panels_: Sequence[Panel], title: str) -> alt.X:
    """Logarithmic, from the probe's resolution to the longest that was waited; the same everywhere."""
    times = [
        float(row[key])
        for panel in panels_
        for _, rows in panel.systems
        for row in rows
        for key in ("first_s", "steady_s", "direct_s", "censored_s", "handshake_s", "active_s")
        if row[key] is not None
    ]
    low, high = 0.01, 1.3 * max([1.0, *times])
    scale = alt.Scale(type="log", domain=[low, high], nice=False)
    axis = alt.Axis(title=title, values=log_ticks(low, high), labelExpr="format(datum.value, '~g')")
    return alt.X("t_s:Q", scale=scale, axis=axis)


def on_axis(time_s: float) -> float:
    """A time where the logarithmic axis has a place for it."""
    return max(time_s, 0.01)


def notes(data: Data, context: Context) -> list[str]:
    """What is missing and why, of every fault."""
    lines: list[str] = []
    for fault in FAULTS:
        for note in measured.notes(_groups(data, context, fault), context):
            line = f"{FAULTS[fault]}: {note}"
            if line not in lines:
                lines.append(line)
    return lines


def name(group: Group, context: Context) -> str:
    """A system's name as figures write it."""
    return system(group, context)
