"""Loss of every run of echo requests, so that an outage is not taken for a loss rate."""

from collections import Counter
from collections.abc import Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import estimated, measured, strip
from meshbench.figures.drawing.groups import Group, collect, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.wording import joined, percent

MEASURE = Measure("ping", "ping_loss", "%", bound=1)
APART = Measure("ping", "ping_loss_apart", "%")
PERIOD = Measure("ping", "ping_loss_period", "count")


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A panel per profile, one point per run and link."""
    panels: dict[str, list[Group]] = {}
    for group in groups(data, context):
        panels.setdefault(group.profile, []).append(group)
    return measured.draw(
        [[(profile, MEASURE, mine)] for profile, mine in panels.items()],
        context,
        lambda _measure: (strip.Column("lost runs", 56, _lost),),
    )


def groups(data: Data, context: Context) -> list[Group]:
    """A row per run where runs are kept, and per link otherwise."""
    rows = data.rows("runs", benchmark="ping", metric="ping_loss")
    if not rows:
        return measured.groups(data, context, MEASURE)
    sizes = Counter(map(_link, rows))
    links = data.rows("measures", benchmark="ping", metric="rtt_avg")
    without = [row for row in links if row["status"] != "ok" and not sizes[_link(row)]]
    runs = collect([*rows, *without * max(sizes.values())], context)
    # Of runs, not of links as in the table of estimates.
    return estimated.over_rounds(runs, "value", marked=estimated.marked_count(data))


def _link(row: Row) -> tuple[object, ...]:
    keys = ("vpn", "tuning", "profile", "round", "source", "target")
    return tuple(row[key] for key in keys)


def _lost(group: Group) -> str:
    lost = sum(point.value == 1 for point in group.points("value"))
    return f"{lost} of {group.n_ok}" if lost else "0"


def caption(data: Data, context: Context) -> str:
    """What is drawn, and where whole runs were lost."""
    shown = groups(data, context)
    unsure = measured.unsure((MEASURE,), data, context)
    whole = [
        f"{group.vpn} at {group.profile}: {_lost(group)} runs without any reply, "
        f"{percent(measured.mean(group))} on average{_apart(group, data, context)}"
        for group in shown
        if _lost(group) != "0"
    ]
    if whole:
        sentence = f"Outages rather than loss rates: {'; '.join(whole)}."
    elif any(group.counts["failed"] for group in shown):
        sentence = "A link without any reply is failed, not a loss of 100 %."
    else:
        sentence = "No run was lost as a whole."
    return (
        f"Share of echo requests without a reply, one point per run and link. {sentence} {unsure}"
    )


def _apart(group: Group, data: Data, context: Context) -> str:
    """The loss of the runs that had replies, where it is known."""
    others = measured.same(measured.groups(data, context, APART), group)
    mean = measured.mean(others) if others else None
    return "" if mean is None else f", {percent(mean)} in the others"


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and how long replies stayed away in a row."""
    return [*measured.notes(groups(data, context), context), *_longest_period(data, context)]


def _longest_period(data: Data, context: Context) -> list[str]:
    periods = measured.groups(data, context, PERIOD)
    longest = max((p.value for group in periods for p in group.points("value")), default=0)
    where: dict[str, list[str]] = {}
    for group in periods:
        if longest and longest in {point.value for point in group.points("value")}:
            where.setdefault(group.profile, []).append(system(group, context))
    places = "; ".join(f"{profile}: {joined(systems)}" for profile, systems in where.items())
    return [f"Longest loss period: {longest:.0f} requests in turn ({places})"] if where else []
