"""Segment sizes, windows, RTT and retransmits of single-stream TCP at the first profile, in numbers."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data
from meshbench.figures.drawing import measured
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measure import Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table

PARTS = (
    (Column("mss_bytes", "MSS", "\\byte", 5), Measure("tcp", "mss", "byte")),
    (Column("mtu_bytes", "MTU", "\\byte", 5), Measure("tcp", "pmtu", "byte")),
    (
        Column("cwnd_kib", "max. cwnd", "\\kibi\\byte", 4),
        Measure("tcp", "cwnd_max", "KiB"),
    ),
    (
        Column("snd_wnd_kib", "max. window", "\\kibi\\byte", 4),
        Measure("tcp", "snd_wnd_max", "KiB"),
    ),
    (Column("tcp_rtt_ms", "RTT", "\\milli\\second"), Measure("tcp", "tcp_rtt_mean", "ms")),
    (Column("retransmits", "retransmits", "", 5), Measure("tcp", "retransmits", "count")),
    (
        Column("iperf3_cpu_percent", "iperf3 CPU", "\\percent"),
        Measure("tcp", "iperf3_cpu_client", "%"),
    ),
)


def tabulate(data: Data, context: Context) -> Table:
    """A row per system: means over the links and the spread between them."""
    by_part = [
        measured.groups(data, context, measure, context.profiles[:1]) for _, measure in PARTS
    ]
    columns = [Column("vpn", "VPN", digits=None)]
    for column, _ in PARTS:
        columns += [column, measured.spread_column(column)]
    rows: list[list[Entry]] = [
        [
            system(group, context),
            *(
                entry
                for groups, (_, measure) in zip(by_part, PARTS, strict=True)
                for entry in _entries(groups, group, measure)
            ),
            f"{group.n_ok}/{group.planned}",
        ]
        for group in by_part[0]
    ]
    return Table([*columns, Column("n", "$n$", digits=None)], rows)


def _entries(groups: Sequence[Group], group: Group, measure: Measure) -> tuple[Entry, Entry]:
    other = measured.same(groups, group)
    mean = measured.entry(other, measured.mean(other, measure.scale)) if other else None
    return mean, measured.spread(other, measure.scale)


def caption(data: Data, context: Context) -> str:
    """What the columns are."""
    unsure = measured.unsure((measure for _, measure in PARTS), data, context, context.profiles[:1])
    return (
        f"Single-stream TCP at {context.profiles[0]}, forward direction, means over the links: segment "
        "size, interface MTU, largest windows (KiB of 1024 bytes), RTT as the sender's kernel saw it, "
        "retransmitted segments, and the CPU of the iperf3 process in percent of one core, which says "
        f"nothing about the VPN's daemon. {measured.SPREAD} {unsure}"
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(
        measured.groups(data, context, PARTS[0][1], context.profiles[:1]), context
    )
