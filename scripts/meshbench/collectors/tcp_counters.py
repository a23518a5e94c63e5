"""What each host's TCP counted while a benchmark of TCP ran: reordering, recovery, spurious repeats."""

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshbench import benchmarks
from meshbench.benchmarks.base import Observation
from meshbench.collectors.base import Collector
from meshbench.results.metrics import Better, Metric, register
from meshbench.results.records import Command, Record
from meshbench.testbed.host import Host
from meshbench.vpns.common.lifecycle import Mesh

_FILES = ("/proc/net/snmp", "/proc/net/netstat")
_SCOPE = (
    "Of all the host's TCP: the streams, a tunnel's own where it is TCP, the controller's little."
)
BEFORE, AFTER = "before", "after"


@dataclass(frozen=True)
class Counted:
    """A metric and the kernel's counters whose sum it is: those of them that the kernel has."""

    metric: Metric
    counters: tuple[str, ...]


def _counted(name: str, title: str, better: Better, definition: str, *counters: str) -> Counted:
    source = f"{', '.join(_FILES)}: {' + '.join(counters)} (Linux, net/ipv4/proc.c)"
    metric = Metric(f"host_tcp_{name}", "1", title, better, f"{definition} {_SCOPE}", source)
    return Counted(metric, counters)


SENT = _counted("sent", "TCP segments sent", "neither", "Without those sent again.", "Tcp.OutSegs")
RETRANSMITTED = _counted(
    "retransmitted", "TCP segments sent again", "lower", "For whatever reason.", "Tcp.RetransSegs"
)
DSACKS = _counted(
    "dsacks", "Duplicates reported to the sender", "lower",
    "DSACKs that the sender got: segments it had sent again that were there already (RFC 2883).",
    "TcpExt.TCPDSACKRecv", "TcpExt.TCPDSACKOfoRecv",
)  # fmt: skip
COUNTED = (
    SENT,
    RETRANSMITTED,
    _counted(
        "reordering", "Reordering seen by TCP", "lower",
        "Times that the sender learned of more reordering than it had known.",
        "TcpExt.TCPSACKReorder", "TcpExt.TCPTSReorder", "TcpExt.TCPRenoReorder",
    ),
    _counted(
        "recoveries", "Fast recoveries", "lower",
        "Times that the sender took something for lost, by RACK (RFC 8985) or by counting duplicate "
        "acknowledgements, whichever the settings say.",
        "TcpExt.TCPSackRecovery", "TcpExt.TCPRenoRecovery",
    ),
    _counted(
        "lost_again", "Repeats taken for lost", "lower",
        "Segments sent again that were taken for lost once more: by RACK, or by acknowledgements of "
        "later ones.",
        "TcpExt.TCPLostRetransmit",
    ),
    _counted(
        "loss_probes", "Tail loss probes", "neither", "Probes sent (RFC 8985).",
        "TcpExt.TCPLossProbes",
    ),
    _counted(
        "loss_probe_recoveries", "Losses mended by a probe", "neither",
        "Tail loss probes that repaired a loss.", "TcpExt.TCPLossProbeRecovery",
    ),
    DSACKS,
    _counted(
        "undone", "Recoveries undone", "lower",
        "Reductions of the window that were taken back because nothing had been lost.",
        "TcpExt.TCPFullUndo", "TcpExt.TCPPartialUndo", "TcpExt.TCPDSACKUndo", "TcpExt.TCPLossUndo",
    ),
    _counted("timeouts", "Retransmission time-outs", "lower", "RTOs.", "TcpExt.TCPTimeouts"),
    _counted(
        "spurious_timeouts", "Spurious time-outs", "lower",
        "RTOs that F-RTO (RFC 5682) found to be for nothing.", "TcpExt.TCPSpuriousRTOs",
    ),
    _counted(
        "slow_start_retransmits", "Repeats in slow start", "lower",
        "Segments sent again after a time-out.", "TcpExt.TCPSlowStartRetrans",
    ),
)  # fmt: skip
SPURIOUS = Metric(
    "host_tcp_spurious", "1", "Spurious retransmissions", "lower",
    f"Share of the segments sent again that were there already; none where nothing was. {_SCOPE}",
    f"RFC 3708: {' + '.join(DSACKS.counters)} over {RETRANSMITTED.counters[0]}",
)  # fmt: skip


class TcpCounters(Collector):
    """Of every host, before and after; told of benchmarks that measure TCP."""

    name = "tcp_counters"
    metrics = (*(counted.metric for counted in COUNTED), SPURIOUS)

    def __init__(self) -> None:
        self._before: list[Command] = []

    async def start(self, mesh: Mesh) -> None:
        self._before = await _read(mesh.hosts, BEFORE)

    async def stop(self, mesh: Mesh) -> Sequence[Command]:
        return [*self._before, *await _read(mesh.hosts, AFTER)]

    def parse(self, record: Record) -> Iterator[Observation]:
        if not benchmarks.carries_tcp(record.kind):
            return
        commands = record.collected.get(self.name, [])
        for host in dict.fromkeys(command.host for command in commands):
            spent = _spent([command for command in commands if command.host == host])
            for counted in COUNTED:
                values = [spent[name] for name in counted.counters if name in spent]
                if values:
                    yield Observation(counted.metric, sum(values), host)
            again, twice = (
                sum(spent.get(name, 0) for name in counted.counters)
                for counted in (RETRANSMITTED, DSACKS)
            )
            if again and any(name in spent for name in DSACKS.counters):
                yield Observation(SPURIOUS, twice / again, host)


async def _read(hosts: Sequence[Host], role: str) -> list[Command]:
    done = await asyncio.gather(*(host.run(["cat", *_FILES], check=False) for host in hosts))
    return [command.model_copy(update={"role": role, "measuring": False}) for command in done]


def _spent(commands: Sequence[Command]) -> Mapping[str, int]:
    """By how much each counter rose; empty where the host was started anew in between."""
    texts = {command.role: command.stdout for command in commands}
    before, after = (counters(texts.get(role, "")) for role in (BEFORE, AFTER))
    spent = {name: after[name] - before[name] for name in before.keys() & after.keys()}
    return spent if all(value >= 0 for value in spent.values()) else {}


def counters(text: str) -> dict[str, int]:
    """The counters of TCP in ``/proc/net/snmp`` and ``netstat``, as ``Tcp.OutSegs``; others left out.

    Lines come in pairs: names, then values. What cannot be read is left out.
    """
    by_name: dict[str, int] = {}
    lines = [line.split() for line in text.splitlines()]
    for names, values in itertools.pairwise(lines):
        if names[:1] != values[:1] or len(names) != len(values) or names[0] not in _GROUPS:
            continue
        group = names[0].removesuffix(":")
        pairs = zip(names[1:], values[1:], strict=True)
        by_name |= {f"{group}.{name}": int(value) for name, value in pairs if value.isdigit()}
    return {name: value for name, value in by_name.items() if name in _KNOWN}


_GROUPS = ("Tcp:", "TcpExt:")
_KNOWN = {name for counted in COUNTED for name in counted.counters}
COLLECTOR = TcpCounters
register(*TcpCounters.metrics)
