"""What the figures over `measures` share: groups of one metric, means as in the thesis, pieces of charts."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import altair as alt

from meshbench.figures.contract import Context, Data, Row, axis_title, find_metric
from meshbench.figures.drawing import doubt, estimated, strip, texts, theme
from meshbench.figures.drawing.groups import Group, collect, marked, system, troubles
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.tabular import Column, Entry, Missing
from meshbench.figures.drawing.theme import STATUSES
from meshbench.figures.drawing.wording import joined, number, percent
from meshbench.results.records import BARE

Part = TypeVar("Part", bound=tuple[Any, ...])
NOT_REPORTED = "the tool did not report it"
SPREAD = "Spread is the largest link less the smallest one."
MEAN = "The mean is over the links (of means over the rounds); n counts values of those planned."


def values(data: Data, measure: Measure) -> list[Row]:
    """The rows of one metric, and for each link that has none a row without a value that says why.

    A link that failed has rows of its benchmark's headlines only. Where the campaign has the metric
    at all, a link that ended well without it is one whose tool did not report it.
    """
    own = of_one_mode(
        data.rows(
            "measures",
            benchmark=measure.benchmark, metric=measure.metric, direction=measure.direction,
        )
    )  # fmt: skip
    if measure.modes:
        mode = next(
            (mode for mode in measure.modes if any(row["mode"] == mode for row in own)), None
        )
        own = [row for row in own if row["mode"] == mode]
    there = {_link(row) for row in own}
    absent: dict[tuple[object, ...], Row] = {}
    for row in data.rows("measures", benchmark=measure.benchmark):
        link = _link(row)
        if link not in there and (row["status"] != "ok" or (own and link not in absent)):
            absent[link] = row
    return [*own, *(_without(row, measure) for row in absent.values())]


def of_one_mode(rows: Sequence[Row]) -> list[Row]:
    """Those of both directions at the same time, as in the thesis, or those of the way that has no
    name, where a benchmark has other modes too: a mean over modes would be of none of them.
    """
    modes = {row["mode"] for row in rows}
    main = next((mode for mode in ("bidir", None) if mode in modes), "")
    return [row for row in rows if main == "" or row["mode"] == main]


def _link(row: Row) -> tuple[object, ...]:
    return tuple(row[key] for key in ("vpn", "tuning", "profile", "round", "source", "target"))


def _without(row: Row, measure: Measure) -> Row:
    ok = {"status": "tool_failed", "reason": NOT_REPORTED} if row["status"] == "ok" else {}
    return {
        **row, **ok, "metric": measure.metric, "direction": measure.direction, "value": None,
    }  # fmt: skip


def groups(
    data: Data, context: Context, measure: Measure, profiles: Sequence[str] | None = None
) -> list[Group]:
    """The groups of one metric, of every profile for which there is any record, or of those given.

    Without any record of a benchmark that was planned, every profile is one that lacks it.
    """
    plain_groups = collected(values(data, measure), context, measure, profiles)
    if "estimates" not in data.tables:  # of a figure that shows no centre
        return plain_groups
    return estimated.known(plain_groups, data, measure.benchmark, {"value": measure.metric})


def unsure(
    measures: Iterable[Measure],
    data: Data,
    context: Context,
    profiles: Sequence[str] | None = None,
) -> str:
    """What a caption says of these measures' rounds, and of what cannot be told (`doubt.told`)."""
    shown = [group for measure in measures for group in groups(data, context, measure, profiles)]
    return doubt.told(shown, data, context)


def collected(
    rows: Sequence[Row],
    context: Context,
    measure: Measure,
    profiles: Sequence[str] | None = None,
) -> list[Group]:
    """The same of rows that were made from those of the metric, without what the analysis knows of it."""
    all_profiles = {row["profile"] for row in rows}
    if not all_profiles and measure.benchmark in context.benchmarks:
        all_profiles = set(context.profiles)
    wanted = all_profiles if profiles is None else all_profiles & set(profiles)
    return [group for group in collect(rows, context) if group.profile in wanted]


def planned(parts: Iterable[Part], data: Data, context: Context) -> list[Part]:
    """Of parts of a figure, each with a measure at its end, those the campaign has, or was to have."""
    return [
        part
        for part in parts
        if part[-1].benchmark in context.benchmarks
        or data.rows("measures", benchmark=part[-1].benchmark)
    ]


def mean(group: Group, scale: float = 1.0, column: str = "value") -> float | None:
    """The mean over the links of the means over the rounds; None without a value."""
    links = by_link(group, scale, column)
    return statistics.fmean(links.values()) if links else None


def by_link(group: Group, scale: float = 1.0, column: str = "value") -> dict[str, float]:
    """Each link's mean over the rounds, by ``source→target``."""
    per_link: dict[str, list[float]] = {}
    for point in group.points(column, scale):
        per_link.setdefault(point.link, []).append(point.value)
    return {link: statistics.fmean(values) for link, values in sorted(per_link.items())}


def spread(group: Group | None, scale: float = 1.0, column: str = "value") -> float | None:
    """The largest link less the smallest one; None with fewer than two."""
    links = list(by_link(group, scale, column).values()) if group else []
    return max(links) - min(links) if len(links) > 1 else None


def spread_column(column: Column) -> Column:
    """The column beside one of means, for the spread between its links."""
    return Column(f"{column.key}_spread", "spread", column.unit, digits=2)


def total(group: Group, scale: float = 1.0) -> float | None:
    """The sum over the links, which exists only if every planned link has a value."""
    links = by_link(group, scale)
    return sum(links.values()) if complete(group) and links else None


def complete(group: Group) -> bool:
    """Whether every planned value is there."""
    return group.trouble is None


def survivors(group: Group, scale: float = 1.0) -> float | None:
    """The sum over the links that have a value, however many; the thesis's reading."""
    links = by_link(group, scale)
    return sum(links.values()) if links else None


def centre(group: Group, column: str, scale: float = 1.0) -> Entry:
    """The median of a group for a printed table; a bound is no number."""
    if group.known[column].estimate.bound:
        return Missing(group.told(column, scale), "time-outs leave no more known of it")
    return entry(group, group.centre(column, scale))


def entry(group: Group, value: float | None) -> Entry:
    """A value for a printed table, or in words why there is none."""
    if value is not None:
        return value
    if group.n_ok:
        return Missing(f"{group.n_ok} of {group.planned} only", group.reason or "")
    return Missing(
        STATUSES[group.trouble].words if group.trouble else "no value", group.reason or ""
    )


def same(groups: Iterable[Group], other: Group, **changes: str) -> Group | None:
    """The group of another list of the same system, tuning and profile, with these changes."""
    wanted = {"vpn": other.vpn, "tuning": other.tuning, "profile": other.profile, **changes}
    return next(
        (g for g in groups if all(getattr(g, key) == value for key, value in wanted.items())), None
    )


def other_modes(first: Group, other: Group) -> Missing | None:
    """Why two groups' values do not compare: TCP in one direction is not TCP in both at once."""
    here, there = ({str(row["mode"]) for row in group.rows} for group in (first, other))
    if here == there or not (here and there):
        return None
    return Missing("other mode", f"{joined(sorted(here))} against {joined(sorted(there))}")


def axis(measure: Measure) -> str:
    """An axis title from the registry, with the unit in which the measure is told."""
    return axis_title(measure.metric, measure.unit if measure.unit != "count" else "1")


def draw(
    panels: Sequence[Sequence[tuple[str, Measure, Sequence[Group]]]],
    context: Context,
    extra: Callable[[Measure], Sequence[strip.Column]] = lambda _measure: (),
    *,
    log: bool = False,
) -> alt.ConcatChart:
    """Rows of panels, each of one measure with an axis of its own.

    Args:
        panels: title, measure and groups of each.
        context: what was planned.
        extra: columns of text after the mean.
        log: whether the axes are logarithmic.
    """
    across = max((len(row) for row in panels), default=1)
    charts = [
        strip.grid(
            [[strip.Panel(title, mine)]],
            _strip(measure, extra, log=log),
            context,
            titled=row is panels[-1] or len(panels[-1]) <= index or panels[-1][index][1] != measure,
        ).concat[0]
        for row in panels
        for index, (title, measure, mine) in enumerate(row)
    ]
    width = theme.PAGE if across > 1 else theme.COLUMN
    return alt.concat(*charts, columns=across, spacing=14, usermeta={"width": width})


def _strip(
    measure: Measure, extra: Callable[[Measure], Sequence[strip.Column]], *, log: bool
) -> strip.Strip:
    columns = (mean_column(measure), *extra(measure), strip.Column("n", 38, strip.counts))
    return strip.Strip(
        column="value",
        scale=measure.scale,
        axis=axis(measure),
        columns=columns,
        log=log,
        bound=measure.bound,
        mean=lambda group: mean(group, measure.scale),
    )


def mean_column(measure: Measure, digits: int = 3, width: int = 44) -> strip.Column:
    """The mean as text beside a panel."""
    return strip.Column("mean", width, lambda group: number(mean(group, measure.scale), digits))


def notes(groups: Sequence[Group], context: Context) -> list[str]:
    """What is missing and why, and what a reader must know."""
    return [*troubles(groups, context), *marked(groups, context)]


def with_absent(
    picture: alt.LayerChart, groups: Iterable[Group], context: Context, width: int
) -> alt.LayerChart | alt.ConcatChart:
    """A picture with the systems below it that lack what a place in it needs, and why."""
    lacking = {system(group, context): strip.trouble(group) for group in groups if not group.n_ok}
    if not lacking:
        return picture
    lines = [f"{who}: {trouble}" for who, trouble in lacking.items()]
    return alt.concat(picture, texts.listing(lines, width), columns=1, spacing=6)


def sample_sizes(groups: Sequence[Group], context: Context, words: str = "per mean") -> list[str]:
    """How many values the means rest on, for pictures that have no room for it."""
    by_system: dict[str, dict[str, int]] = {}
    for group in (group for group in groups if group.n_ok):
        by_system.setdefault(system(group, context), {})[group.profile] = group.n_ok
    sizes: dict[int, list[str]] = {}
    for name, by_profile in by_system.items():
        for size in dict.fromkeys(by_profile.values()):
            where = [profile for profile, n in by_profile.items() if n == size]
            suffix = "" if len(where) == len(by_profile) else f" at {joined(where)}"
            sizes.setdefault(size, []).append(name + suffix)
    if not sizes:
        return []
    usual = max(sizes, key=lambda size: len(sizes[size]))
    others = [f"{n} for {', '.join(where)}" for n, where in sorted(sizes.items()) if n != usual]
    return [f"n = {usual} {words}" + (f"; {'; '.join(others)}" if others else "")]


def extremes(groups: Sequence[Group], measure: Measure, profile: str | None = None) -> str:
    """The bare link, and the best and worst system against it, with both operands of each ratio.

    Of the first tuning there is: systems under different kernel settings do not compare.
    """
    mine = [group for group in groups if profile in {None, group.profile}]
    mine = [group for group in mine if group.tuning == mine[0].tuning]
    means = {
        group.vpn: value for group in mine if (value := mean(group, measure.scale)) is not None
    }
    bare = means.pop(BARE, None)
    if not means:
        return ""
    higher = find_metric(measure.metric).better != "lower"
    ranked = sorted(means, key=lambda vpn: (-means[vpn] if higher else means[vpn], vpn))
    parts = [] if bare is None else [f"the bare link has {number(bare)} {measure.unit}"]
    for vpn in dict.fromkeys([ranked[0], ranked[-1]]):
        part = f"{vpn} {number(means[vpn])} {measure.unit}"
        if bare:
            part += f" ({number(means[vpn] / bare, 3)} = {number(means[vpn])} / {number(bare)})"
        parts.append(part)
    where = f"At {profile}, " if profile else ""
    sentence = f"{where}{', '.join(parts)}."
    return sentence[0].upper() + sentence[1:]


def told_extremes(groups: Sequence[Group], measure: Measure) -> str:
    """The same for each profile."""
    profiles = dict.fromkeys(group.profile for group in groups)
    sentences = (extremes(groups, measure, profile) for profile in profiles)
    return " ".join(sentence for sentence in sentences if sentence)


def look(vpn: str) -> dict[str, str]:
    """Colour and shape as columns of a chart's row."""
    style = theme.look(vpn)
    return {"colour": style.colour, "shape": style.shape}


def share(part: float | None, whole: float | None) -> str:
    """A share with both operands: ``63 % = 2.6 / 4.1``."""
    if part is None or not whole:
        return percent(None)
    return f"{percent(part / whole)} = {number(part)} / {number(whole)}"
