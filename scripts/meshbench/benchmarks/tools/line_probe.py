"""Too much for a bottleneck, for a moment: what it carries, and how long its full queue holds a packet."""

import asyncio
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median

from meshbench.benchmarks.base import Direction, Link, Pair
from meshbench.benchmarks.tools import iperf3, iperf3_output, versions
from meshbench.benchmarks.tools.iperf3 import Iperf3Servers
from meshbench.benchmarks.tools.iperf3_output import Stream
from meshbench.results.records import Command, LinkRecord, Status

FLOW: dict[Direction, str] = {"forward": "line", "reverse": "line-reverse"}
ECHO: dict[Direction, str] = {"forward": "line-ping", "reverse": "line-reverse-ping"}
"""First words of the roles of the flow's command and of the pings beside it."""
DURATION_S, FILLING_S = 3, 1
OVERLOAD = 1.25
PAYLOAD_BYTES = 1400
FRAME_BYTES = PAYLOAD_BYTES + 8 + 20 + 14
"""With UDP, IPv4 and Ethernet: what an emulator counts."""
_FILLING_ECHOES = 20
_WHOLE_S = 0.9
_REPLY = re.compile(r"time=([\d.]+) ms")


def role(first_word: str, pair: Pair) -> str:
    """One of its own for each link: flows through bottlenecks are not to start together."""
    return f"{first_word} {'->'.join(pair)}"


@dataclass(frozen=True)
class Flow:
    """Through the bottleneck of one direction of a link."""

    link: Link
    direction: Direction
    rate_bps: int


def on_own_port(link: Link) -> Link:
    """The link with a port beside that of the probes' server."""
    return replace(link, port=link.port + 1)


def batches(links: Sequence[Link]) -> list[list[Flow]]:
    """Every flow in one of them; no host has two at once, or the pings' way back were full as well."""
    ways: tuple[Direction, ...] = ("forward", "reverse")
    flows = [
        Flow(link, way, rate)
        for way in ways
        for link in links
        if (rate := link.rate_bps if way == "forward" else link.back_rate_bps)
    ]
    batched: list[list[Flow]] = []
    for flow in flows:
        for batch in batched:
            if not any(set(flow.link.pair) & set(other.link.pair) for other in batch):
                batch.append(flow)
                break
        else:
            batched.append([flow])
    return batched


async def check(links: Sequence[Link]) -> None:
    """Raise ToolError where iperf3 is missing or too old."""
    hosts = {host.name: host for link in links for host in (link.source, link.target)}
    await versions.check((versions.IPERF3,), list(hosts.values()))


def limit_of(link: Link) -> float:
    return FILLING_S + DURATION_S + 20 + 40 * link.delay_s


async def saturate(flow: Flow, servers: Iperf3Servers) -> list[Command]:
    """The flow's command and that of the pings beside it."""
    link = on_own_port(flow.link)
    limit_s = limit_of(link)
    words = [
        "-u", "-J", "--get-server-output", "-b", str(round(OVERLOAD * flow.rate_bps)),
        "-l", str(PAYLOAD_BYTES), "-t", str(DURATION_S), "-O", str(FILLING_S),
        *(["-R"] if flow.direction == "reverse" else []),
    ]  # fmt: skip
    echo = [
        "ping", "-n", "-i", "0.05", "-w", str(FILLING_S + DURATION_S),
        "-I", link.interface, link.target_address,
    ]  # fmt: skip
    done, echoed = await asyncio.gather(
        servers.client(link, words, limit_s),
        link.source.run(echo, limit_s=limit_s, check=False),
    )
    return [
        done.in_role(role(FLOW[flow.direction], link.pair)),
        echoed.in_role(role(ECHO[flow.direction], link.pair)),
    ]


def judge(commands: Sequence[Command], limit_s: float) -> str | None:
    """What is wrong with flows, if anything: our own tool's trouble, for there is no VPN here."""
    for command in commands:
        if command.role.partition(" ")[0] in FLOW.values():
            status, reason = iperf3.judge(command, limit_s)
            if status is not Status.OK:
                return f"iperf3 through the bottleneck: {reason}"
    return None


def rate_bps(link: LinkRecord, direction: Direction) -> float | None:
    """Of frames, as the receiver counted them: the median of whole seconds with a full queue."""
    for command in link.in_role(role(FLOW[direction], link.pair))[-1:]:
        try:
            run = iperf3_output.read(command.stdout)
        except ValueError:
            return None
        side = run if direction == "reverse" else run.server_output_json
        streams = (stream for interval in side.intervals for stream in interval.streams)
        rates = [stream.bits_per_second for stream in streams if _counts(stream)]
        return median(rates) * FRAME_BYTES / PAYLOAD_BYTES if rates else None
    return None


def _counts(stream: Stream) -> bool:
    whole = stream.seconds is None or stream.seconds > _WHOLE_S
    return whole and not stream.omitted and stream.sender is not True


def wait_ms(link: LinkRecord, direction: Direction, idle_role: str) -> float | None:
    """By how much the median round trip is longer with the queue full than with nothing in it."""
    idle = [time for command in link.in_role(idle_role) for time in _times(command)]
    loaded = [
        time
        for command in link.in_role(role(ECHO[direction], link.pair))[-1:]
        for time in list(_times(command))[_FILLING_ECHOES:]
    ]
    return median(loaded) - median(idle) if idle and loaded else None


def _times(command: Command) -> Iterator[float]:
    return (float(ms) for ms in _REPLY.findall(command.stdout))
