"""Which versions of the measuring tools will do, asked of every host before it is measured."""

import asyncio
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from meshbench.results.records import Command
from meshbench.testbed.host import Host
from meshbench.util.errors import ToolError
from meshbench.util.foreign import quoted

_CANNOT_RUN = {126, 127}
"""How a shell, env(1) and timeout(1) end where a program is not there or cannot be executed."""


@dataclass(frozen=True)
class Tool:
    """A program on the hosts, and what is needed of it."""

    name: str
    question: tuple[str, ...]
    """The command that says the version."""
    answer: re.Pattern[str]
    """What the answer looks like; its first group is the version."""
    least: str
    because: str
    """What older ones lack or do wrong."""
    package: str
    """Debian's name for it."""
    apart: str | None = None
    """Versions before this one and from it on cannot work with each other."""


IPERF3 = Tool(
    name="iperf3",
    question=("iperf3", "--version"),
    answer=re.compile(r"^iperf (\d[\w.-]*)", re.MULTILINE),
    least="3.9",
    because="older ones are untried: --bidir came with 3.7 and was wrong at first",
    package="iperf3",
    # RELNOTES: 3.17 changed the padding of the encrypted password.
    apart="3.17",
)
PING = Tool(
    name="ping",
    question=("ping", "-V"),
    answer=re.compile(r"iputils[ -]s?(\d{8})"),
    least="20190324",
    because="older ones cut the seconds of -W to whole ones",
    package="iputils-ping",
)
IRTT = Tool(
    name="irtt",
    question=("irtt", "version"),
    answer=re.compile(r"irtt version:\s*v?(\d\S*)"),
    least="0.9.0",
    because="that is the oldest whose JSON is known",
    package="irtt",
)
FFMPEG = Tool(
    name="ffmpeg",
    question=("ffmpeg", "-version"),
    answer=re.compile(r"^ffmpeg version n?(\d[\w.]*)", re.MULTILINE),
    least="5.1",
    because="older ones are untried",
    package="ffmpeg",
)
_LIBRIST = re.compile(r"libRIST library: v?(\d[\w.]*)")
_OLD_LIBRIST = "older ones are untried; before 0.2.8 the RTT is in whole ms"
RISTSENDER = Tool(
    name="ristsender",
    question=("ristsender", "--help"),
    answer=_LIBRIST,
    least="0.2.6",
    because=_OLD_LIBRIST,
    package="rist-tools",
)
RISTRECEIVER = Tool(
    name="ristreceiver",
    question=("ristreceiver", "--help"),
    answer=_LIBRIST,
    least="0.2.6",
    because=_OLD_LIBRIST,
    package="rist-tools",
)
NIX = Tool(
    name="nix",
    question=("nix", "--version"),
    answer=re.compile(r"^nix \(.*\) (\d\S*)", re.MULTILINE),
    least="2.4",
    because="older ones have another `nix copy`",
    package="nix-bin",
)
HYPERFINE = Tool(
    name="hyperfine",
    question=("hyperfine", "--version"),
    answer=re.compile(r"^hyperfine (\d\S*)", re.MULTILINE),
    least="1.12",
    because="older ones are untried",
    package="hyperfine",
)
NGINX = Tool(
    name="nginx",
    question=("nginx", "-v"),
    answer=re.compile(r"nginx version: nginx/(\d\S*)"),
    least="1.18",
    because="older ones are untried",
    package="nginx",
)


async def check(tools: Sequence[Tool], hosts: Sequence[Host]) -> dict[str, dict[str, str]]:
    """By host and tool, the version.

    Raises:
        ToolError: naming each host whose tool is missing, too old or of another kind, and what to
            install there.
    """
    pairs = list(itertools.product(hosts, tools))
    answers = await asyncio.gather(*(host.run(tool.question, check=False) for host, tool in pairs))
    by_host: dict[str, dict[str, Command]] = {host.name: {} for host in hosts}
    for (host, tool), answer in zip(pairs, answers, strict=True):
        by_host[host.name][tool.name] = answer
    if problems := [problem for tool in tools for problem in objections(tool, by_host)]:
        raise ToolError("; ".join(problems))
    return {
        name: {tool.name: version(tool, mine[tool.name]) for tool in tools}
        for name, mine in by_host.items()
    }


def version(tool: Tool, command: Command) -> str:
    """The version in an answer; empty where there is none."""
    match = tool.answer.search(command.stdout + command.stderr)
    return match[1] if match else ""


def objections(tool: Tool, by_host: Mapping[str, Mapping[str, Command]]) -> Iterator[str]:
    """What is wrong with a tool, from what each host answered (by host and tool)."""
    versions: dict[str, str] = {}
    for host, answers in by_host.items():
        versions[host] = version(tool, answers[tool.name])
        if problem := _objection(tool, answers[tool.name], versions[host]):
            yield f"{host}: {problem}"
    if tool.apart and len({_order(v) >= _order(tool.apart) for v in versions.values() if v}) > 1:
        have = ", ".join(f"{host} has {number}" for host, number in versions.items() if number)
        yield (
            f"{tool.name} before {tool.apart} and from it on do not work with each other: {have}; "
            "install one version on all hosts"
        )


def _objection(tool: Tool, command: Command, number: str) -> str | None:
    if command.returncode in _CANNOT_RUN:
        words = (command.stderr or command.stdout).strip()[:200]
        return f"{tool.name} cannot run ({words}); install {tool.package}"
    if not number:
        answer = quoted(command.stdout.strip() or command.stderr.strip())
        return (
            f"{' '.join(tool.question)} says {answer}, which is not a version of {tool.name} that "
            f"is known; install {tool.package} {tool.least} or newer"
        )
    if _order(number) < _order(tool.least):
        return f"{tool.name} is {number} ({tool.because}); install {tool.package} {tool.least} or newer"
    return None


def _order(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d{1,9}", text))
