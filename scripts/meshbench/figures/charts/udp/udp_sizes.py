"""Sizes that are easily confused: a datagram's payload, the tunnel's MTU, the path's MTU, TCP's MSS."""

from collections.abc import Sequence

from meshbench.figures.contract import Context, Data, Row
from meshbench.figures.drawing import measured
from meshbench.figures.drawing.groups import Group, system
from meshbench.figures.drawing.measure import OVERLOAD_MODES, Measure
from meshbench.figures.drawing.tabular import Column, Entry, Table
from meshbench.figures.drawing.wording import number

PAYLOAD = Measure("udp", "udp_payload", "byte", modes=OVERLOAD_MODES)
_COLUMNS = (
    Column("vpn", "VPN", digits=None),
    Column("profile", "profile", digits=None),
    Column("udp_payload_bytes", "UDP payload", "\\byte", 5),
    Column("interface_mtu_bytes", "interface MTU", "\\byte", 5),
    Column("path_mtu_bytes", "path MTU", "\\byte", 5),
    Column("mss_bytes", "TCP MSS", "\\byte", 5),
    Column("packet_rate_1_s", "datagrams/s", "", 4),
    Column("n", "$n$", digits=None),
)


def tabulate(data: Data, context: Context) -> Table:
    """A row per system and profile; a size that differs between links is given as a range."""
    rates = measured.groups(
        data, context, Measure("udp", "udp_packet_rate", "count", modes=OVERLOAD_MODES)
    )
    return Table(
        _COLUMNS,
        [
            _row(group, measured.same(rates, group), data, context)
            for group in measured.groups(data, context, PAYLOAD)
        ],
    )


def _row(group: Group, rate: Group | None, data: Data, context: Context) -> list[Entry]:
    where = {"vpn": group.vpn, "tuning": group.tuning, "profile": group.profile}
    links = data.rows("links", **where)
    values = data.rows("measures", **where)
    mss = [row["value"] for row in values if row["metric"] == "mss" and row["value"]]
    interface = [
        row["value"] for row in values if row["metric"] == "interface_mtu" and row["value"]
    ]
    return [
        system(group, context),
        group.profile,
        _sizes([point.value for point in group.points("value")]) or measured.entry(group, None),
        _sizes(interface or _known(links, "tunnel_mtu")),
        _sizes(_known(links, "path_mtu")),
        _sizes(mss),
        measured.mean(rate) if rate else None,
        f"{group.n_ok}/{group.planned}",
    ]


def _known(links: Sequence[Row], column: str) -> list[float]:
    return [float(row[column]) for row in links if row[column] is not None]


def _sizes(sizes: Sequence[float]) -> Entry:
    """One size, or the smallest and the largest of several."""
    if not sizes:
        return None
    least, most = min(sizes), max(sizes)
    return least if least == most else f"{number(least, 5)} to {number(most, 5)}"


def caption(data: Data, context: Context) -> str:
    """What the columns are."""
    rate = Measure("udp", "udp_packet_rate", "count", modes=OVERLOAD_MODES)
    return (
        "Sizes: the payload of one UDP datagram, the MTU of the interface by which it leaves (of the tunnel), the "
        "largest packet that got through the tunnel whole, and the payload of one TCP segment; and the datagrams "
        "received per second of a sender without a rate limit, mean over the links. "
        + measured.unsure((rate,), data, context)
    )


def notes(data: Data, context: Context) -> Sequence[str]:
    """What is missing and why."""
    return measured.notes(measured.groups(data, context, PAYLOAD), context)
