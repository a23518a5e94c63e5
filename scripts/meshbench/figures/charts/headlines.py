"""The headline values of any benchmark: what a new one has before anybody draws it."""

import dataclasses
from collections.abc import Iterator, Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Headline, Row, axis_title, find_metric
from meshbench.figures.drawing import doubt, estimated, measured, strip, texts, theme
from meshbench.figures.drawing.groups import Group, collect, marked, system, troubles
from meshbench.figures.drawing.measure import told
from meshbench.figures.drawing.tabular import Column, Entry, Table

Section = tuple[str, Sequence[Group]]
"""A metric's name, and its groups by profile, mode, direction and system."""


def draw(benchmark: str, data: Data, context: Context) -> alt.TopLevelMixin:
    """A block per metric: profiles below each other, modes side by side, each with its own axis."""
    blocks = [
        _block(metric, groups, context) for metric, groups in _sections(benchmark, data, context)
    ]
    if not blocks:
        return texts.nothing(f"{benchmark} has no value that would be drawn")
    width = max(block.usermeta["width"] for block in blocks)
    for block in blocks:
        block.usermeta = alt.Undefined
    return alt.concat(*blocks, columns=1, spacing=22, usermeta={"width": width})


def _block(metric: str, groups: Sequence[Group], context: Context) -> alt.ConcatChart:
    registered = find_metric(metric)
    name, unit = told(registered.unit)
    drawn = strip.Strip(
        column="value",
        scale=unit.scale,
        axis=axis_title(metric, name),
        columns=(
            strip.Column("median", 52, lambda group: group.told("value", unit.scale)),
            strip.Column("n", 38, strip.counts),
        ),
    )
    block = strip.grid(strip.by_profile_and_mode(groups), drawn, context)
    return block.properties(title=alt.TitleParams(registered.title, fontSize=theme.TEXT + 1))


def _sections(benchmark: str, data: Data, context: Context) -> Iterator[Section]:
    """The groups of each headline metric, or of every metric with a good and a bad end where the
    benchmark names no headlines.
    """
    wanted = [headline for headline in context.headlines if headline.benchmark == benchmark]
    for of in ("link", "host"):
        rows = _rows(benchmark, data, of)
        metrics = [headline.metric for headline in wanted if headline.of == of]
        if not wanted:
            metrics = sorted({row["metric"] for row in rows if _judged(row["metric"])})
        there = context if of == "link" else _by_host(context)
        for metric in dict.fromkeys(metrics):
            mine = [row for row in rows if row["metric"] == metric and _shown(row, wanted)]
            groups = collect(mine, there, modes=True)
            yield metric, estimated.known(groups, data, benchmark, {"value": metric}, of)


def _rows(benchmark: str, data: Data, of: str) -> list[Row]:
    if of == "link":
        return data.rows("measures", benchmark=benchmark)
    rows = data.rows("hosts", benchmark=benchmark)
    return [{**row, "source": row["host"], "target": row["host"]} for row in rows]


def _by_host(context: Context) -> Context:
    hosts = sorted({host for link in context.links for host in link})
    return dataclasses.replace(context, links=tuple((host, host) for host in hosts))


def _judged(metric: str) -> bool:
    return find_metric(metric).better != "neither"


def _shown(row: Row, wanted: Sequence[Headline]) -> bool:
    """Whether a row's mode and direction are those of a headline."""
    variants = {(h.mode, h.direction) for h in wanted if h.metric == row["metric"]}
    return not wanted or (row["mode"], row["direction"]) in variants


def tabulate(benchmark: str, data: Data, context: Context) -> Table:
    """A row per system, profile and headline: the median, the ends of all values, and n."""
    texts = ("vpn", "profile", "metric", "mode", "direction", "unit")
    columns = [
        *(Column(name, "VPN" if name == "vpn" else name, digits=None) for name in texts),
        Column("median", "median"),
        Column("smallest", "smallest"),
        Column("largest", "largest"),
        Column("n", "$n$", digits=None),
    ]
    rows = [
        _row(metric, group, context)
        for metric, groups in _sections(benchmark, data, context)
        for group in groups
    ]
    return Table(columns, rows)


def _row(metric: str, group: Group, context: Context) -> list[Entry]:
    registered = find_metric(metric)
    name, unit = told(registered.unit)
    values = [point.value for point in group.points("value", unit.scale)]
    words = (group.profile, registered.title, group.mode, group.direction, name)
    return [
        system(group, context),
        *(word or "" for word in words),
        measured.centre(group, "value", unit.scale),
        min(values, default=None),
        max(values, default=None),
        f"{group.n_ok}/{group.planned}",
    ]


def caption(benchmark: str, data: Data, context: Context) -> str:
    """What each metric is, and what stands for several values."""
    sections = list(_sections(benchmark, data, context))
    metrics = [find_metric(metric) for metric, _ in sections]
    defined = " ".join(f"{metric.title}: {metric.definition}" for metric in metrics)
    return (
        f"Headline values of {benchmark}. {defined} Medians over the rounds of the medians over the "
        f"links, or hosts; n counts the values of those planned. In the chart: {strip.LEGEND} "
        + doubt.told((group for _, groups in sections for group in groups), data, context)
    )


def notes(benchmark: str, data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    sections = list(_sections(benchmark, data, context))
    missing: dict[str, list[str]] = {}
    for metric, groups in sections:
        for note in troubles(groups, context):
            missing.setdefault(note, []).append(find_metric(metric).title)
    all_groups = [group for _, groups in sections for group in groups]
    return [
        *(
            note if len(titles) == len(sections) else f"{', '.join(titles)}: {note}"
            for note, titles in missing.items()
        ),
        *marked(all_groups, context),
    ]
