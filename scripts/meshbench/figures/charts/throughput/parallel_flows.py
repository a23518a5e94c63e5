"""Scaling of simultaneous TCP by both ways of counting its flows, beside what counting alone allows."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import altair as alt

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import doubt, estimated, measured, strip
from meshbench.figures.drawing.groups import Group, collect, system
from meshbench.figures.drawing.measure import UNITS
from meshbench.figures.drawing.tabular import Column, Entry, Table
from meshbench.figures.drawing.wording import number
from meshbench.results.records import BARE

MBIT = UNITS["Mbit/s"]
COUNTED = {"forward": "forward flows", "all": "all flows"}
"""What of the table is shown, and its words."""
_COLUMNS = ("factor", "sum_bps", "single_bps", "allowed", "fairness", "start_spread_s")
"""What is told of the rounds: sums over all flows, which are no metric of a link."""
_ALONE = "no value over one link at a time in the same round and mode"


def draw(data: Data, context: Context) -> alt.TopLevelMixin:
    """A row per profile, a panel per way of counting, whose title says what counting allows."""
    by_counting = groups(data, context)
    panels = [
        [
            strip.Panel(f"{profile}, {COUNTED[counted]}{_allowed(mine)}", mine)
            for counted, counted_groups in by_counting.items()
            if (mine := [group for group in counted_groups if group.profile == profile])
        ]
        for profile in dict.fromkeys(g.profile for mine in by_counting.values() for g in mine)
    ]
    drawn = strip.Strip(
        column="factor",
        scale=1,
        axis="sum over one flow alone (ratio)",
        columns=(
            strip.Column("median", 44, lambda group: group.told("factor")),
            strip.Column("sum", 48, lambda group: group.told("sum_bps", MBIT.scale, 4)),
            strip.Column("n", 38, strip.counts),
        ),
        bound=1,
    )
    return strip.grid(panels, drawn, context)


def groups(data: Data, context: Context) -> dict[str, list[Group]]:
    """By way of counting, the groups of every profile for which there is any record: a row per round."""
    rows = measured.of_one_mode(data.rows("parallel", benchmark="tcp_parallel"))
    return {
        counted: estimated.over_rounds(
            (
                group
                for group in collect(
                    [_row(row) for row in rows if row["counted"] == counted], _by_round(context)
                )
                if group.profile in {row["profile"] for row in rows}
            ),
            *_COLUMNS,
            marked=estimated.marked_count(data),
        )
        for counted in COUNTED
        if any(row["counted"] == counted for row in rows)
    }


def _row(row: Row) -> Row:
    """A row of the sum, which has no link; without a factor it says why."""
    alone = {"status": "unavailable", "reason": _ALONE}
    lacks = row["status"] == "ok" and row["factor"] is None
    return {**row, "source": "sum", "target": "sum", **(alone if lacks else {})}


def _by_round(context: Context) -> Context:
    """What was planned of sums: one in a round, over however many links."""
    tests = tuple((*test[:4], 1) for test in context.tests)
    return dataclasses.replace(context, links=(("sum", "sum"),), tests=tests)


def _allowed(mine: Sequence[Group]) -> str:
    values = sorted({point.value for group in mine for point in group.points("allowed")})
    return f": counting allows {' to '.join(map(number, values))}" if values else ""


def tabulate(data: Data, context: Context) -> Table:
    """A row per system, profile and way of counting: medians over the rounds, and n."""
    mbit = MBIT.latex
    columns = [
        Column("vpn", "VPN", digits=None),
        Column("profile", "profile", digits=None),
        Column("counted", "counted", digits=None),
        Column("sum_mbit_s", "sum", mbit, digits=4),
        Column("one_flow_mbit_s", "one flow", mbit, digits=4),
        Column("factor", "factor"),
        Column("allowed", "allowed"),
        Column("fairness", "fairness"),
        Column("start_spread_ms", "start spread", "\\milli\\second", digits=2),
        Column("n", "$n$", digits=None),
    ]
    by_counting = groups(data, context)
    rows = [
        _printed(counted, group, context)
        for pair in zip(*(by_counting[counted] for counted in by_counting), strict=True)
        for counted, group in zip(by_counting, pair, strict=True)
    ]
    return Table(columns, rows)


def _printed(counted: str, group: Group, context: Context) -> list[Entry]:
    return [
        system(group, context),
        group.profile,
        counted,
        measured.centre(group, "sum_bps", MBIT.scale),
        group.centre("single_bps", MBIT.scale),
        group.centre("factor"),
        group.centre("allowed"),
        group.centre("fairness"),
        group.centre("start_spread_s", 1000),
        f"{group.n_ok}/{group.planned}",
    ]


def caption(data: Data, context: Context) -> str:
    """What is summed and divided, what counting allows and why, and the bare link with both operands."""
    by_counting = groups(data, context)
    unsure = doubt.told((group for mine in by_counting.values() for group in mine), data, context)
    sentences = [_DEFINED, _flows(data), _RULE, *_bare(by_counting), strip.LEGEND_OF_SUMS, unsure]
    return " ".join(sentence for sentence in sentences if sentence)


_DEFINED = (
    "Goodput of TCP over all links at the same time, summed over the forward flows, as the thesis counts, and "
    "over all flows, against the mean goodput of one such flow over "
    "one link at a time in the same round."
)
_RULE = (
    "A sum is given only where every flow has a value. Counting allows what comes out where one flow alone "
    "fills what its hosts can send and receive, and simultaneous ones share the busier end of their link "
    "equally: on a ring of three links in both directions 1.5 for the forward flows, which are half of "
    "them, and 3 for all."
)


def _flows(data: Data) -> str:
    rows = data.rows("parallel", benchmark="tcp_parallel")
    most = max((int(row["n_planned"]) for row in measured.of_one_mode(rows)), default=0)
    return f"{most} flows at the same time." if most else ""


def _bare(by_counting: Mapping[str, Sequence[Group]]) -> Iterator[str]:
    for counted, mine in by_counting.items():
        bare = next((group for group in mine if group.vpn == BARE), None)
        if bare and bare.centre("factor") is not None:
            total, alone = bare.centre("sum_bps", MBIT.scale), bare.centre("single_bps", MBIT.scale)
            yield (
                f"At {bare.profile} the bare link's {counted} flows come to "
                f"{number(bare.centre('factor'))} = {number(total, 4)} / {number(alone)}."
            )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why, and what a reader must know."""
    by_counting = groups(data, context)
    return measured.notes(next(iter(by_counting.values()), []), context)
