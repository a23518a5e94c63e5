"""Every benchmark with each of its tools broken: the tool is to blame, and said to be, in bounded time."""

import asyncio
import contextlib
import shlex
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

from meshbench import benchmarks
from meshbench.benchmarks import rist
from meshbench.benchmarks.nix_cache import NixCache
from meshbench.benchmarks.tools import binary_cache, iperf3
from meshbench.benchmarks.tools.versions import Tool, version
from meshbench.results.records import Command, Record, Status
from meshbench.runner import measure
from meshbench.testbed.host import File
from meshbench.testbed.lab.lab import Lab
from tests.lab import support
from tests.lab.support import said

FOLDER = PurePosixPath("/run/meshbench-broken")
PAIR = ("lom", "yuki")


@dataclass(frozen=True)
class Fault:
    """What a tool does instead of its work, and what may come of it."""

    does: str
    ends: frozenset[Status]


FAULTS = {
    "exits 1": Fault("exit 1", frozenset({Status.TOOL_FAILED})),
    "prints garbage": Fault(r"printf '{\377 [not json'", frozenset({Status.TOOL_FAILED})),
    # It cannot be told from a tool that waits for a silent peer.
    "hangs": Fault("exec sleep 600", frozenset({Status.TOOL_FAILED, Status.TIMEOUT})),
    "is too old": Fault("exit 1", frozenset({Status.TOOL_FAILED})),
}
SOONER: Mapping[str, Sequence[tuple[object, str, object]]] = {
    "iperf3": [(iperf3, "LISTEN_LIMIT_S", 2.0)],
    "nginx": [(binary_cache, "_LISTEN_LIMIT_S", 2.0)],
    "hyperfine": [(NixCache, "longest_s", lambda _: 4.0)],
    "ffmpeg": [(rist, "LISTEN_LIMIT_S", 1.0), (rist, "_feed_limit_s", lambda _: 3.0)],
    "ristsender": [(rist, "SESSION_LIMIT_S", 2.0)],
    "ristreceiver": [(rist, "LISTEN_LIMIT_S", 1.0), (rist, "SESSION_LIMIT_S", 2.0)],
}
"""By tool, the limits that end its benchmarks' patience with one that hangs, made short."""


def meets(name: str, tool: Tool, how: str) -> bool:
    """Whether a benchmark meets a fault of its tool. One user of each tool meets all of them."""
    users = [
        benchmark for benchmark in benchmarks.names() if tool in benchmarks.load(benchmark).tools
    ]
    main = next((user for user in users if user in support.INSTRUMENTS), users[0])
    if support.FULL or name == main or how == "prints garbage":
        return True
    return how == "exits 1" and name not in support.LENGTHY


CASES = [
    pytest.param(name, tool, how, id=f"{name}-{tool.name}-{how}")
    for name in benchmarks.names()
    for tool in benchmarks.load(name).tools
    for how in FAULTS
    if meets(name, tool, how)
]


def answering(tool: Tool, answer: Command, how: str) -> str:
    """A script that says its version as the tool does, an old one if asked to, and then fails."""
    text = answer.stdout + answer.stderr
    number = version(tool, answer)
    shown = text.replace(number, "".join("0" if c.isdigit() else c for c in number))
    words = shlex.join(tool.question[1:])
    return (
        f"#!/bin/sh\nif [ \"$*\" = {shlex.quote(words)} ]; then printf '%s' "
        f"{shlex.quote(shown if how == 'is too old' else text)}; exit 0; fi\n{FAULTS[how].does}\n"
    )


@contextlib.asynccontextmanager
async def broken(lab: Lab, tool: Tool, how: str) -> AsyncIterator[None]:
    """A tool that does not do its work on any host, over the one that does."""
    async with support.connected(lab) as hosts:
        place = await said(hosts[0], "sh", "-c", 'command -v "$1"', "sh", tool.question[0])
        script = answering(tool, await hosts[0].run(tool.question, check=False), how)
        file = File(FOLDER / tool.name, script.encode(), 0o755)
        try:
            for host in hosts:
                await host.upload([file])
                await host.run(["mount", "--bind", str(file.path), place])
            yield
        finally:
            for host in hosts:
                await host.run(["umount", place], check=False)
                await host.run(["rm", "-rf", str(FOLDER)])


@pytest.mark.parametrize(("name", "tool", "how"), CASES)
def test_a_broken_tool(
    lab: Lab, store: Path, name: str, tool: Tool, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for holder, limit, value in SOONER.get(tool.name, ()) if how == "hangs" else ():
        monkeypatch.setattr(holder, limit, value)
    job = support.job("internal", name, at=support.where(links=(PAIR,)))
    assert lab.running()

    async def work() -> Record:
        async with broken(lab, tool, how):
            return await measure.measure(job, store)

    record = asyncio.run(work())
    [link] = record.links
    assert link.status in FAULTS[how].ends, link.reason
    assert link.reason
    if how == "is too old":
        assert "or newer" in link.reason
    limit_s = link.limit_s or 0
    assert all(command.duration_s < limit_s + 10 for command in link.commands)
    # What was kept of it stops nobody who reads the record.
    with contextlib.suppress(ValueError):
        list(benchmarks.load(name)(job.options).parse(record))
