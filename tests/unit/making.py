"""Small true-to-shape things for the tests: a host that answers from a script, records, campaigns."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from meshbench import benchmarks, vpns
from meshbench.benchmarks.base import CANNOT, Arena, Link, Outcome, Pair
from meshbench.config.models import Campaign, CampaignFile, Instrument, System, Tuning
from meshbench.config.packages import Package
from meshbench.config.profile import Profile
from meshbench.config.testbeds import FakeTestbed
from meshbench.packages.supply import Supply
from meshbench.results.records import (
    Cell,
    Command,
    ImpairmentRecord,
    LinkRecord,
    PathState,
    Record,
    Status,
    TestbedRecord,
    VpnRecord,
)
from meshbench.testbed.host import Address, CommandError, File, Unit
from meshbench.vpns.base import Driver

DATA = Path(__file__).parent / "data"
START = datetime(2026, 1, 1, tzinfo=UTC)

Answer = Callable[[Sequence[str]], str | tuple[int, str, str]]


class ScriptedHost:
    """Answers programs from a function and remembers what it was asked and given."""

    def __init__(self, name: str = "lom", answer: Answer = lambda _: "", index: int = 1) -> None:
        data = f"192.0.2.{index}"
        self.address = Address(name, name, 22, "root", Path("k"), Path("h"), "data0", data)
        self.asked: list[list[str]] = []
        self.files: dict[str, File] = {}
        self.started: list[Unit] = []
        self.stopped: list[str] = []
        self._answer = answer

    @property
    def name(self) -> str:
        return self.address.name

    async def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        secrets: Mapping[str, str] | None = None,
        limit_s: float = 30.0,
        check: bool = True,
    ) -> Command:
        self.asked.append(list(argv))
        answer = self._answer(argv)
        code, out, error = (0, answer, "") if isinstance(answer, str) else answer
        done = command(out, code, error=error, argv=argv, host=self.name)
        if check and code != 0:
            raise CommandError(done)
        return done

    async def upload(self, files: Sequence[File]) -> None:
        self.files |= {str(file.path): file for file in files}

    async def start(self, unit: Unit) -> None:
        self.started.append(unit)

    async def stop(self, *names: str) -> None:
        self.stopped += names

    async def logs(self, unit: str, lines: int = 30) -> str:
        return "journal"


def text(name: str) -> str:
    """A tool's output as it was recorded, from data/."""
    return (DATA / name).read_text(encoding="utf-8")


def document(name: str) -> Any:
    return json.loads(text(name))


def command(
    stdout: str = "",
    code: int | None = 0,
    *,
    error: str = "",
    argv: Sequence[str] = ("tool",),
    host: str = "lom",
    start_s: float = 0.0,
    took_s: float = 1.0,
    role: str = "",
    measuring: bool = True,
) -> Command:
    return Command(
        host=host,
        argv=list(argv),
        started=START + timedelta(seconds=start_s),
        duration_s=took_s,
        returncode=code,
        stdout=stdout,
        stderr=error,
        role=role,
        measuring=measuring,
    )


def link(*commands: Command, status: Status = Status.OK, **more: Any) -> LinkRecord:
    return LinkRecord(source="lom", target="yuki", status=status, commands=list(commands), **more)


class NoFaults:
    """Breaks nothing."""

    async def restart(self, host: str) -> Command:
        return command(argv=("restart",), host=host, role="fault", measuring=False)

    async def reboot(self, host: str) -> Command:
        return command(argv=("reboot",), host=host, role="fault", measuring=False)

    async def kill(self, host: str) -> Command:
        return command(argv=("kill",), host=host, role="fault", measuring=False)

    async def cold_start(self) -> Command:
        return command(argv=("start",), host="*")

    @contextlib.asynccontextmanager
    async def isolated(self, host: str, limit_s: float) -> AsyncIterator[list[Command]]:
        del limit_s
        commands = [command(argv=("cut",), host=host)]
        yield commands
        commands.append(command(argv=("mend",), host=host))

    @contextlib.asynccontextmanager
    async def readdressed(
        self, host: str, to: str | None, limit_s: float
    ) -> AsyncIterator[list[Command]]:
        del to, limit_s
        yield [command("it has one only", CANNOT, host=host)]

    async def revive(self) -> None:
        return

    async def handshakes(self, host: str, since_s: float) -> Command | None:
        del host, since_s
        return None

    async def paths(self) -> Mapping[Pair, PathState]:
        return {}

    @property
    def hub(self) -> bool:
        return False

    @contextlib.asynccontextmanager
    async def at_boot(self) -> AsyncIterator[None]:
        yield

    async def booted(self, host: str) -> Sequence[Command]:
        del host
        return ()

    async def restore(self, host: str) -> Sequence[Command]:
        del host
        return ()

    @contextlib.asynccontextmanager
    async def cut(self, pair: Pair) -> AsyncIterator[None]:
        del pair
        yield


def arena(*links: Link) -> Arena:
    hosts = {host.name: host for link in links for host in (link.source, link.target)}
    return Arena(tuple(hosts.values()), links, NoFaults())


def measured(benchmark: str, link: Link, options: Mapping[str, Any]) -> Outcome:
    """What measuring one link with its servers in place comes to."""

    async def inner() -> Outcome:
        loaded, where = benchmarks.make(benchmark, options), arena(link)
        async with loaded.serving(where):
            [outcome] = await loaded.measure([link], where)
            return outcome

    return asyncio.run(inner())


def cell(**changes: Any) -> Cell:
    words = {
        "vpn": "nebula", "tuning": "stock", "profile": "low", "benchmark": "ping", "round": 1
    }  # fmt: skip
    return Cell(**{**words, **changes})


def record(*links: LinkRecord, took_s: float = 5.0, **changes: Any) -> Record:
    of = changes.pop("cell", cell())
    return Record(
        campaign="trial",
        cell=of,
        placement="ingress",
        started=START,
        ended=START + timedelta(seconds=took_s),
        versions={"meshbench": "0.1.0", "vpn_method": 1, "benchmark_method": 1},
        settings={
            "kind": of.benchmark,
            "options": {},
            "profile": {"delay_ms": 2, "jitter_ms": 2},
            **changes,
        },
        testbed=TestbedRecord(name="fake", kind="fake", shared_cpu=False),
        impairment=ImpairmentRecord(engine="fake", placement="ingress", profile={}, seed=1),
        vpn=VpnRecord(driver="nebula", version="1.9"),
        links=list(links),
    )


def system(driver: str, package: Package | None = None, **options: Any) -> System:
    """A system as a campaign has it when it is loaded: with every option."""
    validated = vpns.options(driver).model_validate(options)
    return System(driver=driver, options=validated, package=package)


def driver(
    name: str, options: Mapping[str, Any] | None = None, supplies: Sequence[Supply] = ()
) -> Driver:
    """A driver with options as a file says them."""
    return vpns.load(name)(name, vpns.options(name).model_validate(options or {}), supplies)


def instrument(kind: str, options: Mapping[str, Any]) -> Instrument:
    """A benchmark as a campaign has it when it is loaded: with every option."""
    return Instrument(kind=kind, options=benchmarks.options(kind).model_validate(options))


def campaign(**changes: Any) -> Campaign:
    """A campaign of fakes: three VPNs, two profiles, two benchmarks, two rounds."""
    words: dict[str, Any] = {
        "campaign": "trial", "testbed": "fake", "vpns": ("internal", "wireguard", "nebula"),
        "profiles": ("baseline", "low"), "benchmarks": {"ping": None, "tcp": {"duration_s": 1}},
    }  # fmt: skip
    file = CampaignFile.model_validate({**words, **changes})
    return Campaign(
        file=file,
        testbed=FakeTestbed(kind="fake"),
        systems={name: system("internal") for name in file.vpns},
        benchmarks={
            name: instrument(name, options or {}) for name, options in file.benchmarks.items()
        },
        profiles={name: Profile(delay_ms=index) for index, name in enumerate(file.profiles)},
        tunings={name: Tuning() for name in file.tunings},
    )
