"""The bare link under each kernel tuning in numbers, and every other system that was tuned."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import doubt, measured
from meshbench.figures.drawing.groups import Group
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table
from meshbench.results.records import BARE

_RATE = "\\mega\\bit\\per\\second"
PARTS = (
    (Column("tcp_mbit_s", "TCP", _RATE), Measure("tcp", "send_rate", "Mbit/s")),
    (
        Column("retransmit_percent", "retransmits", "\\percent"),
        Measure("tcp", "retransmit_rate", "%"),
    ),
    (
        Column("parallel_mbit_s", "parallel TCP", _RATE),
        Measure("tcp_parallel", "send_rate", "Mbit/s"),
    ),
    (Column("nix_s", "Nix", "\\second"), Measure("nix_cache", "copy_time", "s")),
)


def tabulate(data: Data, context: Context) -> Table:
    """A row per system, profile and tuning; of systems that were never tuned the bare link only."""
    columns = [Column(name, name, digits=None) for name in ("vpn", "profile", "tuning")]
    parts = measured.planned(PARTS, data, context)
    for column, _ in parts:
        columns += [
            column,
            measured.spread_column(column),
            Column(f"{column.key}_n", "$n$", digits=None),
        ]
    by_part = _tuned(data, context)
    keys = dict.fromkeys((g.vpn, g.profile, g.tuning) for groups in by_part for g in groups)
    scales = [measure.scale for _, measure in parts]
    return Table(columns, [_row(key, by_part, scales) for key in keys])


def _tuned(data: Data, context: Context) -> list[list[Group]]:
    """Of each part the bare link, and the systems that were tuned at all."""
    parts = measured.planned(PARTS, data, context)
    by_part = [measured.groups(data, context, measure) for _, measure in parts]
    all_groups = [group for groups in by_part for group in groups]
    tuned = {BARE} | {g.vpn for g in all_groups if g.rows and g.tuning != context.tunings[0]}
    return [[group for group in groups if group.vpn in tuned] for groups in by_part]


def _row(
    key: tuple[str, str, str], by_part: Sequence[Sequence[Group]], scales: Sequence[float]
) -> list[Entry]:
    row: list[Entry] = list(key)
    for groups, scale in zip(by_part, scales, strict=True):
        group = next((g for g in groups if (g.vpn, g.profile, g.tuning) == key), None)
        if group is None:
            row += [None, None, "0"]
        else:
            row += [
                measured.entry(group, measured.mean(group, scale)),
                measured.spread(group, scale),
                f"{group.n_ok}/{group.planned}",
            ]
    return row


def caption(data: Data, context: Context) -> str:
    """What the numbers are."""
    shown = [group for groups in _tuned(data, context) for group in groups]
    return (
        "The bare link and every other tuned system under each kernel tuning: single-stream TCP send "
        "rate and retransmit rate, send rate per link over all links at once, and Nix download time; "
        f"means over the links that have a value. {measured.SPREAD} "
        + doubt.told(shown, data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    if len(context.tunings) == 1:
        return ["no tuned run among the data: there is nothing to compare with"]
    return [
        f"{column.head}: {note}"
        for column, measure in PARTS
        for note in measured.notes(
            [g for g in measured.groups(data, context, measure) if g.vpn == BARE], context
        )
    ]
