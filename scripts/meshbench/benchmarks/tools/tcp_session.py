"""iperf3 over TCP between pairs of hosts: what `tcp` and `tcp_parallel` have in common."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import Field

from meshbench.benchmarks.base import Arena, Headline, Link, Observation, Outcome, PerLink
from meshbench.benchmarks.tools import iperf3_output, tcp_metrics, tcp_values, versions
from meshbench.benchmarks.tools.iperf3 import Served, gave_up_early, judge
from meshbench.benchmarks.tools.iperf3_output import Mode, Run
from meshbench.benchmarks.tools.thesis import ThesisOptions
from meshbench.results.records import Command, LinkRecord, Status

WARM_UP_BYTES = 128 * 1024
_FLAGS: Mapping[str, Sequence[str]] = {"forward": (), "reverse": ("-R",), "bidir": ("--bidir",)}
_HEADLINES = (
    tcp_metrics.GOODPUT, tcp_metrics.SEND_RATE, tcp_metrics.RETRANSMITS,
    tcp_metrics.RETRANSMIT_RATE, tcp_metrics.GOODPUT_CV, tcp_metrics.STALLED,
)  # fmt: skip
_KIB = 1024


class TcpOptions(ThesisOptions):
    """How to measure; `thesis` is the reference runner's command, without what it does not say."""

    of_the_thesis: ClassVar[Mapping[str, Any]] = {
        "duration_s": 30, "omit_s": 0, "modes": ("bidir",), "interval_s": 1.0,
        "connect_limit_s": 0.6, "block_bytes": 128 * _KIB, "zero_copy": True, "congestion": None,
        "window_bytes": None, "warm_up": False,
    }  # fmt: skip

    duration_s: Annotated[int, Field(ge=1, le=3600)] = 30
    omit_s: Annotated[int, Field(ge=0, le=60)] = 0
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = ("forward", "reverse", "bidir")
    interval_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    connect_limit_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    block_bytes: Annotated[int, Field(ge=_KIB, le=_KIB * _KIB)] = 128 * _KIB
    """What iperf3 reads at once. It counts whole blocks only: a short run on a slow path needs
    small ones, or what arrived is reported as nothing."""
    zero_copy: bool = False
    congestion: Literal["reno", "cubic", "bbr"] | None = None
    """Of both ends' sockets; the tuning's where it is not said."""
    window_bytes: Annotated[int, Field(ge=4 * _KIB, le=512 * _KIB * _KIB)] | None = None
    """What both ends ask for as send and receive buffer; TCP sizes them itself where it is not said."""
    warm_up: bool = True


OptionsT = TypeVar("OptionsT", bound=TcpOptions)


class TcpSessions(Served, PerLink[OptionsT]):
    """One stream per direction on each link of a group, bound to the tunnel's addresses."""

    packages = ("iperf3", "iproute2")
    tools = (versions.IPERF3,)

    def headlines(self) -> Sequence[Headline]:
        headlines = [
            Headline(metric, direction, tcp_values.kind_of(mode))
            for mode in self.options.modes
            for direction in tcp_values.directions(mode)
            for metric in _HEADLINES
        ]
        both = "bidir" in self.options.modes
        return [*headlines, *([Headline(tcp_metrics.FAIRNESS, mode="bidir")] if both else [])]

    @property
    def attempts(self) -> int:
        return self.options.attempts

    async def warm_up(self, group: Sequence[Link], arena: Arena) -> None:
        if self.options.warm_up:
            # The last -i wins; with a longer one iperf3 waits for an interval's end.
            words = ["-n", str(WARM_UP_BYTES), "-i", "0.1"]
            await asyncio.gather(*(self._client(link, words, 20.0) for link in group))
        await self.servers.free(group)

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        """Mode by mode, each starting on all links together; a link's first failure ends its own."""
        outcomes = {link.pair: Outcome(Status.OK, None, [], self._limit_s(link)) for link in group}
        for mode in self.options.modes:
            going = [link for link in group if outcomes[link.pair].status is Status.OK]
            await self.servers.free(going)
            runs = await asyncio.gather(*(self._run(link, mode) for link in going))
            for link, command in zip(going, runs, strict=True):
                outcomes[link.pair] = self._judged(outcomes[link.pair], mode, command)
        return list(outcomes.values())

    async def _run(self, link: Link, mode: Mode) -> Command:
        options = self.options
        time = [
            "-t",
            str(options.duration_s),
            *(["-O", str(options.omit_s)] * bool(options.omit_s)),
        ]
        command = await self._client(link, [*time, *_FLAGS[mode]], self._limit_s(link))
        return command.in_role(mode)

    def _limit_s(self, link: Link) -> float:
        options = self.options
        return (
            options.duration_s + options.omit_s + options.connect_limit_s + 40 * link.delay_s + 10
        )

    async def _client(self, link: Link, extra: Sequence[str], limit_s: float) -> Command:
        options = self.options
        argv = [
            "iperf3", "-c", link.target_address, "-p", str(link.port), "-B", link.source_address,
            "--json", "--get-server-output", "-i", str(options.interval_s),
            "--connect-timeout", str(round(options.connect_limit_s * 1000)),
            "-l", str(options.block_bytes),
            *(["-Z"] if options.zero_copy else []),
            *(["-C", options.congestion] if options.congestion else []),
            *(["-w", str(options.window_bytes)] if options.window_bytes else []),
            *self.servers.client_arguments, *extra,
        ]  # fmt: skip
        return await link.source.run(
            argv, secrets=self.servers.client_secrets, limit_s=limit_s, check=False
        )

    def _judged(self, outcome: Outcome, mode: Mode, command: Command) -> Outcome:
        """The outcome of a link after one more run."""
        status, reason = judge(command, outcome.limit_s)
        if status is Status.OK:
            status, reason = as_asked(iperf3_output.read(command.stdout), mode, self.options)
        sentence = None if status is Status.OK else f"{mode}: {reason}"
        hasty = gave_up_early(command)
        return Outcome(status, sentence, [*outcome.commands, command], outcome.limit_s, hasty)

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        for command in link.commands:
            if link.status is Status.OK:
                yield from tcp_values.of_command(command, link.pair)
            else:
                yield from tcp_values.until_it_ended(command, link.pair)

    def duration_s(self) -> float:
        options = self.options
        return len(options.modes) * (options.duration_s + options.omit_s + 0.3)


def as_asked(run: Run, mode: Mode, options: TcpOptions) -> tuple[Status, str | None]:
    """Whether a run had the flows and the congestion control that it was asked for."""
    test, end = run.start.test_start, run.end
    flows = len(tcp_values.directions(mode)) * (test.num_streams or 1)
    sockets, same = len(end.streams), iperf3_output.mode_told(run) == mode
    if test.num_streams not in {None, 1} or (sockets and sockets != flows) or not same:
        return Status.TOOL_FAILED, (
            f"asked for one stream {mode}; iperf3 tells of {sockets} sockets, "
            f"{test.num_streams} streams per direction, mode {iperf3_output.mode_told(run)}"
        )
    used = {end.sender_tcp_congestion, end.receiver_tcp_congestion} - {None, options.congestion}
    if options.congestion and used:
        names = ", ".join(sorted(name for name in used if name))
        return Status.UNSUPPORTED, f"asked for {options.congestion}, and a kernel used {names}"
    return Status.OK, None
