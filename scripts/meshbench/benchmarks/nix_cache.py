"""Copies of a closure from a binary cache on the peer: real `nix copy` over HTTP, timed by hyperfine."""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from meshbench.benchmarks.base import Arena, Headline, Link, Observation, Outcome, Pair, PerLink
from meshbench.benchmarks.tools import binary_cache, closures, nix_output, versions
from meshbench.benchmarks.tools.binary_cache import BinaryCaches
from meshbench.benchmarks.tools.closures import About, Closure
from meshbench.benchmarks.tools.nix_metrics import (
    BYTES_DONE,
    CLOSURE_BYTES,
    COPIES_STARTED,
    COPY_RATE,
    COPY_SYSTEM,
    COPY_TIME,
    COPY_USER,
    PATHS_DONE,
    PATHS_STARTED,
    PATHS_WANTED,
)
from meshbench.benchmarks.tools.nix_output import Progress
from meshbench.benchmarks.tools.thesis import ThesisOptions
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Command, LinkRecord, Status

WARM_UP = "warm_up"
"""The mode of a copy that is not timed."""
_COPIES, _EXPORT, _VERSIONS = "copies", "export", "versions"
_KILL_S = 5
_START_S = 2.0
"""About what a copy takes beside its bytes."""
_PLANNED_BPS = 100e6
"""The rate that a plan reckons with."""
_ASKED = "nix --version; hyperfine --version; nginx -v 2>&1 | sed 's/.*: //; s:/: :'"


class Options(ThesisOptions):
    # The size of its closure the reference does not say: at most as much as 8.5 s of 934 Mbit/s carry,
    # its mean time over the bare link.
    of_the_thesis: ClassVar[Mapping[str, Any]] = {
        "paths": 370, "total_bytes": 1_000_000_000, "warm_up_copies": 1, "copies": 2,
        "copy_limit_s": 700.0, "https": False,
    }  # fmt: skip

    closure: Annotated[str, Field(pattern=r"^/nix/store/[0-9a-z]{32}-[^/\s]+$")] | None = None
    """A store path on the hosts, copied with all that it refers to; None: one is made there."""
    paths: Annotated[int, Field(ge=2, le=10_000)] = 370
    total_bytes: Annotated[int, Field(ge=20_000, le=20_000_000_000)] = 50_000_000
    seed: Annotated[int, Field(ge=0)] = 1
    warm_up_copies: Annotated[int, Field(ge=0, le=10)] = 1
    copies: Annotated[int, Field(ge=2, le=100)] = 2
    copy_limit_s: Annotated[float, Field(ge=1, le=7200)] = 120.0
    """Of each copy, the warm-up included, and the same for every system."""
    https: bool = False
    interval_s: Annotated[float, Field(ge=0.1, le=60)] = 0.25
    """Between two looks at how far a copy is."""
    attempts: Annotated[int, Field(ge=1, le=10)] = 3


class NixCache(PerLink[Options]):
    """The links one after the other, each with a server of its own on its target."""

    name = "nix_cache"
    carries_tcp = True
    version = 1
    options_class = Options
    metrics = (
        COPY_TIME, COPY_USER, COPY_SYSTEM, COPIES_STARTED, PATHS_STARTED, PATHS_WANTED, COPY_RATE,
        BYTES_DONE, PATHS_DONE, CLOSURE_BYTES,
    )  # fmt: skip
    packages = ("hyperfine", "iproute2", "nginx", "nix-bin", "openssl")
    tools = (versions.NIX, versions.HYPERFINE, versions.NGINX)

    def headlines(self) -> Sequence[Headline]:
        return [Headline(COPY_TIME), Headline(COPY_RATE)]

    @property
    def attempts(self) -> int:
        return self.options.attempts

    @property
    def _closure(self) -> Closure:
        options = self.options
        return Closure(options.closure, options.paths, options.total_bytes, options.seed)

    @contextlib.asynccontextmanager
    async def serving(self, arena: Arena) -> AsyncIterator[None]:
        self.caches = BinaryCaches(arena.links, self._closure, https=self.options.https)
        async with self.caches.running():
            yield

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        return await asyncio.gather(*(self._copies(link) for link in group))

    async def _copies(self, link: Link) -> Outcome:
        await self.caches.watch(link, self.options.interval_s)
        limit_s = self.longest_s() + 40 * link.delay_s
        copies = await link.source.run(self.command(link), limit_s=limit_s, check=False)
        seen = await self.caches.seen(link)
        exported = await link.source.run(["cat", self._export(link)], check=False)
        tool_versions = await link.source.run(["sh", "-c", _ASKED], check=False)
        commands = [
            copies.in_role(_COPIES),
            *(
                binary_cache.aside(command, role)
                for role, command in ((_EXPORT, exported), (_VERSIONS, tool_versions))
                if command.returncode == 0
            ),
            *seen,
            self.caches.told(link),
        ]
        status, reason = await self._judged(link, copies, exported)
        # hyperfine itself was cut off where none of its copies was.
        stated_s = self.options.copy_limit_s if copies.returncode is not None else limit_s
        return Outcome(status, reason, commands, stated_s)

    async def _judged(
        self, link: Link, copies: Command, exported: Command
    ) -> tuple[Status, str | None]:
        status, reason = nix_output.judge(copies, self.options.copy_limit_s)
        if status is Status.OK:
            copied, wanted = await self.caches.copied(link), self.caches.about(link).paths
            return nix_output.judge_result(exported.stdout, copied, wanted)
        if not await self.caches.serves(link):
            return Status.TOOL_FAILED, f"nginx on the target ended: {reason}"
        return status, reason

    def _export(self, link: Link) -> str:
        return f"{binary_cache.client_folder(link)}/export.json"

    def command(self, link: Link) -> list[str]:
        """As the reference runs hyperfine, each copy with a time limit of its own."""
        options, folder = self.options, binary_cache.client_folder(link)
        environment = {"XDG_CACHE_HOME": f"{folder}/cache", **self.caches.client_environment}
        copy = [
            "timeout", "-k", str(_KILL_S), f"{options.copy_limit_s:g}",
            "nix", "--extra-experimental-features", "nix-command", "copy", "--from", "{url}",
            "--to", f"file://{folder}/target?compression=none", self.caches.about(link).top,
        ]  # fmt: skip
        return [
            "env", *(f"{key}={value}" for key, value in environment.items()),
            "hyperfine", "-w", str(options.warm_up_copies), "-r", str(options.copies),
            "--show-output", "--export-json", self._export(link),
            "--prepare", f"cd {folder}; rm -rf cache target; date +%s.%N >>{binary_cache.STARTS}",
            shlex.join(copy).replace("'{url}'", "{url}"), "-L", "url", self.caches.url(link),
        ]  # fmt: skip

    def parse_link(self, link: LinkRecord) -> Iterator[Observation]:
        copies = link.in_role(_COPIES)
        if not copies:
            return
        about = _about(link)
        if about:
            yield Observation(CLOSURE_BYTES, about.nar_bytes, link.pair)
        if link.status is Status.OK:
            yield from _times(_text(link, _EXPORT), about, link.pair)
        elif begun := nix_output.begun(copies[-1].stderr + copies[-1].stdout):
            for metric, count in (
                (COPIES_STARTED, begun.copies),
                (PATHS_WANTED, begun.wanted),
                (PATHS_STARTED, begun.paths),
            ):
                yield Observation(metric, count, link.pair)
        yield from self._progress(link, about)

    def _progress(self, link: LinkRecord, about: About | None) -> Iterator[Observation]:
        copies = nix_output.progress(
            nix_output.starts(_text(link, binary_cache.STARTS)),
            nix_output.looks(_text(link, binary_cache.LOOKS)),
            self.options.copy_limit_s,
        )
        if link.status is Status.OK and about:
            self._complete(copies, nix_output.export(_text(link, _EXPORT)).times, about)
        for number, copy in enumerate(copies):
            timed = number - self.options.warm_up_copies
            mode, stream = (None, timed) if timed >= 0 else (WARM_UP, number)
            for metric, t_s, value in _over_time(copy):
                yield Observation(
                    metric, value, link.pair, mode=mode, stream=stream, t_s=round(t_s, 3)
                )
        _, size, paths = copies[-1].points[-1] if copies else (0.0, 0, 0)
        yield Observation(BYTES_DONE, size, link.pair)
        yield Observation(PATHS_DONE, paths, link.pair)

    def _complete(self, copies: Sequence[Progress], times_s: Sequence[float], about: About) -> None:
        """End timed copies, all of which ended well, with all that they copied: at the time that
        hyperfine took, and not at the last look.
        """
        for copy, time_s in zip(copies[self.options.warm_up_copies :], times_s, strict=False):
            points = [point for point in copy.points if point[0] < time_s]
            size = max(about.nar_bytes, points[-1][1])
            copy.points = [*points, (time_s, size, about.paths)]

    def duration_s(self) -> float:
        options = self.options
        each_s = min(_START_S + 8 * options.total_bytes / _PLANNED_BPS, options.copy_limit_s)
        return (options.warm_up_copies + options.copies) * each_s

    def longest_s(self) -> float:
        options = self.options
        copies = options.warm_up_copies + options.copies
        return copies * (options.copy_limit_s + _KILL_S + _START_S) + 10


def _about(link: LinkRecord) -> About | None:
    commands = link.in_role(binary_cache.CLOSURE)
    return closures.about(commands[-1]) if commands else None


def _text(link: LinkRecord, role: str) -> str:
    return "".join(command.stdout for command in link.in_role(role))


def _times(exported: str, about: About | None, pair: Pair) -> Iterator[Observation]:
    result = nix_output.export(exported)
    yield Observation(COPY_TIME, result.mean, pair)
    for metric, value in ((COPY_USER, result.user), (COPY_SYSTEM, result.system)):
        if value is not None:
            yield Observation(metric, value, pair)
    for number, time_s in enumerate(result.times):
        yield Observation(COPY_TIME, time_s, pair, stream=number)
    if about:
        yield Observation(COPY_RATE, 8 * about.nar_bytes / result.mean, pair)


def _over_time(copy: Progress) -> Iterator[tuple[Metric, float, float]]:
    for t_s, size, paths in copy.points:
        yield BYTES_DONE, t_s, size
        yield PATHS_DONE, t_s, paths
    for t_s, rate_bps in copy.rates:
        yield COPY_RATE, t_s, rate_bps


BENCHMARK = NixCache
register(*NixCache.metrics)
