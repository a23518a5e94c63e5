"""UDP by iperf3: without a limit as in the thesis, at fixed rates, and the highest rate with little loss."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from meshbench.benchmarks.base import (
    Arena,
    Direction,
    Headline,
    Link,
    Observation,
    Outcome,
    PerLink,
)
from meshbench.benchmarks.tools import (
    datagram_drops,
    rate_search,
    udp_metrics,
    udp_values,
    versions,
)
from meshbench.benchmarks.tools.iperf3 import Served, after_data, gave_up_early, judge
from meshbench.benchmarks.tools.iperf3_output import Mode
from meshbench.benchmarks.tools.rate_search import Bounds, Step
from meshbench.benchmarks.tools.thesis import ThesisOptions
from meshbench.benchmarks.tools.udp_metrics import GOODPUT, JITTER, LOSS, PACKET_RATE, RATE_TARGET
from meshbench.config.strict import Strict
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Status

CAPACITY = Metric(
    "udp_capacity", "bit/s", "UDP capacity", "higher",
    "Goodput at the highest offered rate whose loss was at most the search's limit.",
    "iperf3 in bounded steps, after RFC 9097",
)  # fmt: skip
REPEATED = Metric(
    "udp_repeated", "1", "Repeated UDP runs", "lower",
    "Runs that iperf3 itself failed (most often at their set-up) and that were repeated.",
    "the record: commands in a role that begins with 'failed'",
)  # fmt: skip


OVERLOAD = "overload"
SEARCH = "search"
_MODES: Mapping[str, Sequence[str]] = {"forward": (), "reverse": ("-R",), "bidir": ("--bidir",)}
_DIRECTIONS: Mapping[str, Sequence[Direction]] = {
    "forward": ("forward",), "reverse": ("reverse",), "bidir": ("forward", "reverse"),
}  # fmt: skip
_HEADLINES = {True: (GOODPUT, LOSS, PACKET_RATE), False: (GOODPUT, LOSS, JITTER)}
"""Without a rate limit, and with one: jitter tells nothing of a path that is full, nor the packet
rate of one that is not."""
_SET_UP_WAIT_S = 30.0
"""How long iperf3 waits for the one datagram that answers its own, before it says that it failed."""
SET_UPS_S = 60.0
_SET_UP_FAILED = "unable to read from stream socket"
_THESIS_LIMIT_S = 120.0
_WARM_UP = ("-u", "-b", "1M", "-l", "1000", "-n", "10000", "-i", "0.1", "--json")
_SETTING_UP_S = 0.2
"""About how long a run takes besides its sending, counters included: 0.11 s in the lab."""
Rate = Annotated[str, StringConstraints(pattern=r"^[1-9]\d{0,3}(\.\d{1,3})?[KMG]$")]


class Search(Strict):
    """The highest rate with at most `loss_percent` of loss, from `start`, within `least` and `most`."""

    loss_percent: Annotated[float, Field(ge=0, le=50)] = 5.0
    steps: Annotated[int, Field(ge=2, le=30)] = 8
    duration_s: Annotated[int, Field(ge=1, le=600)] = 2
    start: Rate = "10M"
    least: Rate = "1M"
    most: Rate = "1G"

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        rates = [rate_search.bps(rate) for rate in (self.least, self.start, self.most)]
        if sorted(rates) != rates:
            raise PydanticCustomError(
                "rates", "least, start and most must be in this order: {least}, {start}, {most}",
                self.model_dump(include={"least", "start", "most"}),
            )  # fmt: skip
        return self

    @property
    def bounds(self) -> Bounds:
        start, least, most = (rate_search.bps(r) for r in (self.start, self.least, self.most))
        return Bounds(start, least, most, self.loss_percent / 100, self.steps)


class Options(ThesisOptions):
    """What is measured; `thesis` is the reference's own command: unlimited, both directions at once."""

    of_the_thesis: ClassVar[Mapping[str, Any]] = {
        "overload": True, "rates": (), "search": None, "duration_s": 30, "modes": ("bidir",),
        "payload_bytes": None, "interval_s": 1.0, "connect_limit_s": 0.6, "warm_up": False,
    }  # fmt: skip

    overload: bool = True
    rates: tuple[Rate, ...] = ("1M", "10M", "100M")
    search: Search | None = Search()
    duration_s: Annotated[int, Field(ge=1, le=3600)] = 10
    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = ("forward", "reverse")
    payload_bytes: Annotated[int, Field(ge=16, le=65_507)] | None = 1200
    """The same for every system: 1,200 bytes and all headers fit into a tunnel MTU of 1,280. Null
    leaves it to iperf3, which takes it from the MSS of its control connection."""
    interval_s: Annotated[float, Field(ge=0.1, le=60)] = 1.0
    connect_limit_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 4
    """Of each run, while iperf3 itself fails. With more than 1, set-ups that fail do not count for
    `SET_UPS_S`: iperf3 sets a UDP stream up with two datagrams, repeats neither (esnet/iperf issues
    351 and 862), and with --bidir takes data that overtakes the answer for a wrong answer."""
    warm_up: bool = True

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not (self.overload or self.rates or self.search):
            raise PydanticCustomError(
                "nothing", "overload, rates and search are all off, so that nothing is measured"
            )
        return self


@dataclass(frozen=True)
class Trial:
    """One run of iperf3: what it is for (``overload``, ``10M``, ``search-2``), and how."""

    what: str
    mode: Mode
    rate: str
    duration_s: int

    @property
    def role(self) -> str:
        return f"{self.what} {self.mode}"


class Udp(Served, PerLink[Options]):
    """The links one after the other; on each the fixed rates, the search and the overload, in turn.

    The overload comes last: it leaves full queues behind.
    """

    name = "udp"
    version = 1
    options_class = Options
    metrics = (*udp_metrics.OF_A_RUN, CAPACITY, REPEATED)
    packages = ("iperf3", "iproute2")
    tools = (versions.IPERF3,)

    def headlines(self) -> Sequence[Headline]:
        return [
            *(
                Headline(metric, direction, mode_word(trial.what, trial.mode))
                for trial in (*self._fixed(), *self._overload())
                for direction in _DIRECTIONS[trial.mode]
                for metric in _HEADLINES[trial.what == OVERLOAD]
            ),
            *(Headline(CAPACITY, direction, SEARCH) for direction in self._searched()),
        ]

    def _fixed(self) -> list[Trial]:
        options = self.options
        return [
            Trial(rate, mode, rate, options.duration_s)
            for rate in options.rates
            for mode in options.modes
        ]

    def _overload(self) -> list[Trial]:
        options = self.options
        modes = options.modes if options.overload else ()
        return [Trial(OVERLOAD, mode, "0", options.duration_s) for mode in modes]

    def _searched(self) -> list[Direction]:
        """The directions that are searched, always one at a time."""
        if self.options.search is None:
            return []
        wanted = {direction for mode in self.options.modes for direction in _DIRECTIONS[mode]}
        return [direction for direction in _DIRECTIONS["bidir"] if direction in wanted]

    async def warm_up(self, group: Sequence[Link], arena: Arena) -> None:
        if self.options.warm_up:
            for link in group:
                words = ["-B", link.source_address, *self._connecting(), *_WARM_UP]
                await self.servers.client(link, words, 20.0)

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return [await self._measure(link) for link in group]

    async def _measure(self, link: Link) -> Outcome:
        """Run after run; the first that fails ends the link's own, with what was done by then."""
        commands: list[Command] = []
        limit_s = self._limit_s(link, max(t.duration_s for t in self._longest()))
        outcome = Outcome(Status.OK, None, commands, limit_s)
        for trial in self._fixed():
            outcome = await self._run(link, trial, outcome)
        for direction in self._searched():
            outcome = await self._search(link, direction, outcome)
        for trial in self._overload():
            outcome = await self._run(link, trial, outcome)
        return outcome

    def _longest(self) -> list[Trial]:
        search = self.options.search
        steps = [Trial(SEARCH, d, "", search.duration_s) for d in self._searched() if search]
        return [*self._fixed(), *self._overload(), *steps]

    async def _search(self, link: Link, direction: Direction, outcome: Outcome) -> Outcome:
        search = self.options.search or Search()
        steps: list[Step] = []
        while outcome.status is Status.OK:
            if (rate := rate_search.next_rate(steps, search.bounds)) is None:
                break
            trial = Trial(f"{SEARCH}-{len(steps) + 1}", direction, str(rate), search.duration_s)
            outcome = await self._run(link, trial, outcome)
            if (loss := udp_values.loss_of(outcome.commands[-1])) is None:
                return _unsaid(outcome) if outcome.status is Status.OK else outcome
            steps.append(Step(rate, loss))
            if outcome.status is Status.FAILED:
                # iperf3 did its part: that nothing came through at a rate is a result of the search.
                outcome = replace(outcome, status=Status.OK, reason=None)
        return outcome

    async def _run(self, link: Link, trial: Trial, outcome: Outcome) -> Outcome:
        """The outcome of a link after one more run, which is repeated while iperf3 itself fails."""
        if outcome.status is not Status.OK:
            return outcome
        commands = list(outcome.commands)
        failures, until_s = 0, time.monotonic() + SET_UPS_S
        while True:
            await self.servers.free([link])
            before = await self._count(link, f"before {trial.role}")
            command = (await self._client(link, trial)).in_role(trial.role)
            after = await self._count(link, f"after {trial.role}")
            status, reason = judged(command, self._limit_s(link, trial.duration_s))
            failures += not (_SET_UP_FAILED in (reason or "") and time.monotonic() < until_s)
            last = self.options.attempts in {1, failures}
            if last or not (status is Status.TOOL_FAILED or gave_up_early(command)):
                break
            commands.append(command.in_role(f"failed {trial.role}"))
        sentence = None if status is Status.OK else f"{trial.role}: {reason}"
        return Outcome(status, sentence, [*commands, *before, *after, command], outcome.limit_s)

    async def _count(self, link: Link, role: str) -> list[Command]:
        ends = ((link.source, link.target_address), (link.target, link.source_address))
        return await datagram_drops.count(ends, role)

    async def _client(self, link: Link, trial: Trial) -> Command:
        options = self.options
        size = [] if options.payload_bytes is None else ["-l", str(options.payload_bytes)]
        # What the thesis's command does not say is left out of it, but for address, port and user.
        more = ["-Z"] if options.thesis else ["-B", link.source_address, "--get-server-output"]
        words = [
            "-u", "--udp-counters-64bit", "-b", trial.rate, *size, "-t", str(trial.duration_s),
            *_MODES[trial.mode], "-i", str(options.interval_s), *self._connecting(), "--json", *more,
        ]  # fmt: skip
        return await self.servers.client(link, words, self._limit_s(link, trial.duration_s))

    def _connecting(self) -> list[str]:
        return ["--connect-timeout", str(round(self.options.connect_limit_s * 1000))]

    def _limit_s(self, link: Link, duration_s: float) -> float:
        if self.options.thesis:
            return _THESIS_LIMIT_S + 40 * link.delay_s
        waits_s = self.options.connect_limit_s + _SET_UP_WAIT_S + 40 * link.delay_s
        return duration_s + waits_s + 10

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        repeated = sum(command.role.startswith("failed ") for command in link.commands)
        if link.commands:
            yield Observation(REPEATED, repeated, link.pair)
        for command in link.commands:
            purpose, mode = _trial(command)
            if not purpose or purpose.startswith(SEARCH):
                continue
            word = mode_word(purpose, mode)
            try:
                run = udp_values.read(command)
                # The run that failed is the last one.
                settled = command is not link.commands[-1]
                for value in (
                    *udp_values.parse_run(run, link.pair, mode, word),
                    *udp_values.drops(link, command, run, mode, word),
                ):
                    yield replace(value, settled=settled)
            except ValueError:
                # That a run failed stands in the link's status.
                if link.status is Status.OK:
                    raise
        for direction in self._searched():
            yield from self._found(link, direction)

    def _found(self, link: LinkRecord, direction: Direction) -> Iterator[Observation]:
        """The steps of a search as a series, and its result if it came to an end."""
        search = self.options.search or Search()
        commands = [command for command in link.commands if _is_step(command, direction)]
        steps = list(_steps(commands))
        for command, step in zip(commands, steps, strict=False):
            values = {RATE_TARGET: step.rate_bps, LOSS: step.loss,
                      GOODPUT: udp_values.goodput(command, direction)}  # fmt: skip
            t_s = round((command.started - commands[0].started).total_seconds(), 3)
            for metric, value in values.items():
                yield Observation(
                    metric, value, link.pair, direction, SEARCH, t_s=t_s, settled=True
                )
        if steps and rate_search.next_rate(steps, search.bounds) is None:
            index = rate_search.best(steps, search.bounds)
            capacity = None if index is None else udp_values.goodput(commands[index], direction)
            status = Status.OK if capacity is not None else Status.FAILED
            yield Observation(
                CAPACITY, capacity, link.pair, direction, SEARCH, status=status,
                reason=None if capacity is not None else _none_passed(steps, search), settled=True,
            )  # fmt: skip

    def marks(self, link: LinkRecord) -> Iterator[str]:
        trials = [
            (command, mode)
            for command in link.commands
            for purpose, mode in [_trial(command)]
            if purpose
        ]
        if any(udp_values.contradicts(command, mode) for command, mode in trials):
            yield udp_values.MARK_LOSS

    def duration_s(self) -> float:
        search = self.options.search
        steps = search.steps * (search.duration_s + _SETTING_UP_S) if search else 0
        fixed = [*self._fixed(), *self._overload()]
        return sum(t.duration_s + _SETTING_UP_S for t in fixed) + steps * len(self._searched())


def judged(command: Command, limit_s: float) -> tuple[Status, str | None]:
    """What a client's end means (pure): an error after all of the data is iperf3's own."""
    status, reason = judge(command, limit_s)
    if status is Status.FAILED and command.returncode:
        return after_data(command, status, reason)
    return status, reason


def _unsaid(outcome: Outcome) -> Outcome:
    reason = "iperf3 does not say how many datagrams were lost"
    return replace(outcome, status=Status.TOOL_FAILED, reason=reason)


def mode_word(purpose: str, mode: Mode) -> str:
    """The samples' mode: of an overload as of tcp's runs, else the rate."""
    if purpose == OVERLOAD:
        return "bidir" if mode == "bidir" else "single"
    return f"{purpose} bidir" if mode == "bidir" else purpose


def _trial(command: Command) -> tuple[str, Mode]:
    """What a command was run for and in which mode; ('', 'forward') of those that are no trial."""
    purpose, _, mode = command.role.partition(" ")
    if purpose in {"before", "after", "failed"}:
        return "", "forward"
    for candidate in ("forward", "reverse", "bidir"):
        if mode == candidate:
            return purpose, candidate
    return "", "forward"


def _is_step(command: Command, direction: Direction) -> bool:
    purpose, mode = _trial(command)
    return purpose.startswith(SEARCH) and mode == direction


def _steps(commands: Sequence[Command]) -> Iterator[Step]:
    """The steps of a search until one failed, which stands in the link's status."""
    for command in commands:
        if (loss := udp_values.loss_of(command)) is None:
            return
        yield Step(int(command.argv[command.argv.index("-b") + 1]), loss)


def _none_passed(steps: Sequence[Step], search: Search) -> str:
    least = min(steps, key=lambda step: step.loss)
    return (
        f"no rate had a loss of at most {search.loss_percent:g} %; the least was "
        f"{100 * least.loss:.3g} % at {least.rate_bps / 1e6:g} Mbit/s"
    )


BENCHMARK = Udp
register(*Udp.metrics)
