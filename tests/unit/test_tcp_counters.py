"""What the hosts' TCP counted beside a benchmark of TCP."""

import asyncio
from pathlib import Path

import pytest

from meshbench.collectors import tcp_counters
from meshbench.collectors.tcp_counters import AFTER, BEFORE, TcpCounters
from meshbench.results.records import Command, Record
from meshbench.vpns.base import Network
from meshbench.vpns.common.lifecycle import Mesh
from tests.unit import making

SNMP = """\
Ip: Forwarding DefaultTTL
Ip: 1 64
Tcp: RtoAlgorithm MaxConn OutSegs RetransSegs
Tcp: 1 -1 {sent} {again}
"""
NETSTAT = """\
TcpExt: SyncookiesSent TCPSACKReorder TCPTSReorder TCPDSACKRecv TCPDSACKOfoRecv TCPLossProbes
TcpExt: 0 {sack} {ts} {dsack} {ofo} 7
IpExt: InNoRoutes
IpExt: 0
"""


def said(text: str, role: str, host: str = "lom") -> Command:
    return making.command(text, host=host, role=role)


def files(sent: int, again: int, sack: int, ts: int, dsack: int, ofo: int) -> str:
    netstat = NETSTAT.format(sack=sack, ts=ts, dsack=dsack, ofo=ofo)
    return SNMP.format(sent=sent, again=again) + netstat


def record(*commands: Command, kind: str = "tcp") -> Record:
    cell_record = making.record(making.link(), kind=kind)
    return cell_record.model_copy(update={"collected": {TcpCounters.name: list(commands)}})


def values(*commands: Command, kind: str = "tcp") -> dict[tuple[str, str], float | None]:
    return {
        (str(o.subject), o.metric.name.removeprefix("host_tcp_")): o.value
        for o in TcpCounters().parse(record(*commands, kind=kind))
    }


BOTH = (said(files(1000, 10, 5, 1, 2, 0), BEFORE), said(files(5000, 110, 6, 3, 20, 2), AFTER))


def test_counters_are_told_by_how_much_they_rose() -> None:
    by_metric = values(*BOTH)
    assert by_metric == {
        ("lom", "sent"): 4000, ("lom", "retransmitted"): 100, ("lom", "reordering"): 3,
        ("lom", "dsacks"): 20, ("lom", "loss_probes"): 0, ("lom", "spurious"): 0.2,
    }  # fmt: skip


def test_what_a_kernel_does_not_count_has_no_value() -> None:
    assert "timeouts" not in {name for _, name in values(*BOTH)}
    commands = said(SNMP.format(sent=1, again=0), BEFORE), said(SNMP.format(sent=9, again=3), AFTER)
    assert values(*commands) == {("lom", "sent"): 8, ("lom", "retransmitted"): 3}


def test_nothing_sent_again_has_no_share_that_was_for_nothing() -> None:
    same = files(1000, 10, 5, 1, 2, 0)
    assert ("lom", "spurious") not in values(said(same, BEFORE), said(same, AFTER))


def test_other_benchmarks_say_nothing_of_tcp() -> None:
    assert values(*BOTH, kind="ping") == values(*BOTH, kind="no_such") == {}


@pytest.mark.parametrize(
    "after", ["", "Tcp: OutSegs\n", "Tcp: OutSegs\nTcp: x\n", "Tcp: 1\nTcp: 2 3\n", "\n\0\n",
              files(3, 0, 0, 0, 0, 0)]
)  # fmt: skip
def test_garbage_and_a_host_that_was_started_anew_have_no_values(after: str) -> None:
    assert values(BOTH[0], said(after, AFTER)) == values(said(after, AFTER)) == {}


def test_every_host_is_asked_before_and_after() -> None:
    hosts = tuple(making.ScriptedHost(name) for name in ("lom", "yuki"))
    mesh = Mesh(making.driver("internal"), Network(()), hosts, {}, {})

    async def both() -> list[Command]:
        collector = TcpCounters()
        await collector.start(mesh)
        return list(await collector.stop(mesh))

    commands = asyncio.run(both())
    assert [(c.host, c.role, c.measuring) for c in commands] == [
        (host, role, False) for role in (BEFORE, AFTER) for host in ("lom", "yuki")
    ]


def test_this_very_kernel_has_most_of_them() -> None:
    text = "".join(Path(file).read_text() for file in tcp_counters._FILES)
    counters = tcp_counters.counters(text)
    assert {"Tcp.OutSegs", "TcpExt.TCPDSACKRecv", "TcpExt.TCPLossProbes"} <= counters.keys()
    assert counters.keys() <= tcp_counters._KNOWN
