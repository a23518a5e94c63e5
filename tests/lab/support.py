"""What the tests of the lab share: labs of their own, jobs to measure, and a search for leftovers."""

import asyncio
import contextlib
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from pathlib import Path
from typing import Any, TypeVar

import pytest

from meshbench import benchmarks, vpns
from meshbench.benchmarks import load
from meshbench.config.jobs import Where
from meshbench.config.load import load_named
from meshbench.config.models import System, SystemFile, Tuning
from meshbench.config.profile import Profile
from meshbench.config.testbeds import LabTestbed, SshTestbed, host_names
from meshbench.packages import store
from meshbench.results.records import Cell, LinkRecord, Record
from meshbench.runner import marks, measure
from meshbench.runner.jobs import MeasureJob
from meshbench.runner.needs import debian_packages
from meshbench.runner.session import Session, session
from meshbench.testbed.host import Host
from meshbench.testbed.lab import cgroups, image, networkd
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lab.layout import LABS, Layout
from meshbench.testbed.ssh import SshHost, close_all
from meshbench.util.errors import TestbedError, VpnError
from meshbench.vpns.common.supplies import supplies
from tests.unit import making

CHECKOUT = Path(__file__).parents[2]
OWNER = f"{CHECKOUT}: tests/lab"
"""No developer's lab has this owner, so the tests' labs never meet one."""
NAME = "tests"
TESTBED = LabTestbed(kind="lab")
PYTHON = sys.executable
EMULATED = "MESHBENCH_EMULATED" in os.environ
"""The CPU is emulated (tests/vm): packets wait for it about as long as a profile delays them."""
PATIENCE_S, CONNECT_S = (300.0, 10.0) if EMULATED else (60.0, 1.0)
"""For what a host does, and for one try to reach it: an emulated CPU takes a second for a login."""
T = TypeVar("T")
PROFILES = ("low", "medium", "high")


def run(*argv: str, **options: Any) -> str:
    """A program on the outer machine that has to succeed; what it printed."""
    done: subprocess.CompletedProcess[str] = subprocess.run(
        argv, capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stdout}{done.stderr}"
    return str(done.stdout)


def profile(name: str) -> Profile:
    """A profile as the repository ships it."""
    shipped: Profile = load_named(CHECKOUT / "config/profiles", name, Profile, ("test", None))
    return shipped


def definition() -> image.Definition:
    """The image that the default testbed boots."""
    return image.define(TESTBED.image, debian_packages(benchmarks.names()))


def lab_named(name: str, hosts: tuple[str, ...], rate_bps: int | None) -> Lab:
    return Lab(Layout(name, OWNER, hosts), definition(), rate_bps)


@contextlib.contextmanager
def shared_lab(name: str, testbed: LabTestbed) -> Iterator[Lab]:
    """A lab that several tests share, with the proof that nothing of it is left."""
    rate = testbed.data_rate_bps
    assert isinstance(rate, int)
    lab = lab_named(name, testbed.hosts, rate)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MESHBENCH_LAB_OWNER", OWNER)
        asyncio.run(lab.down())  # what a killed session may have left
        try:
            asyncio.run(lab.up())
            yield lab
        finally:
            asyncio.run(lab.down())
    assert leftovers(lab.layout.id) == []


@contextlib.asynccontextmanager
async def connected(lab: Lab) -> AsyncIterator[list[SshHost]]:
    """The hosts of a running lab, without its lease."""
    addresses = lab.running()
    assert addresses is not None, f"lab {lab.layout.id} is not up"
    hosts = [SshHost(address) for address in addresses]
    try:
        yield hosts
    finally:
        await close_all(hosts)


def on_hosts(lab: Lab, work: Callable[[list[SshHost]], Awaitable[T]]) -> T:
    """Run a coroutine function on a lab's hosts."""

    async def inner() -> T:
        async with connected(lab) as hosts:
            return await work(hosts)

    return asyncio.run(inner())


async def said(host: Host, *argv: str) -> str:
    """What a program that has to succeed says."""
    return (await host.run(list(argv))).stdout.strip()


async def ends(host: Host, *argv: str) -> int | None:
    """How a program ends."""
    return (await host.run(list(argv), check=False)).returncode


async def pings(host: Host, address: str, *more: str) -> bool:
    """Whether an address answers one of three echo requests."""
    return await ends(host, "ping", "-n", "-q", "-c3", "-i0.2", "-W1", *more, address) == 0


async def rebooted(host: SshHost) -> bool:
    """Whether a host answers and has lost /run/before."""
    again = SshHost(host.address)
    try:
        await again.connect(limit_s=CONNECT_S)
        return await ends(again, "test", "!", "-e", "/run/before") == 0
    except TestbedError:
        return False
    finally:
        await again.close()


async def eventually(
    holds: Callable[[], Awaitable[bool]], sentence: str, patience_s: float = PATIENCE_S
) -> None:
    """Wait until something holds; the patience only ends a test that has failed."""
    clock = asyncio.get_running_loop().time
    end = clock() + patience_s
    while not await holds():
        assert clock() < end, f"not within {patience_s:.0f} s: {sentence}"
        await asyncio.sleep(0.05)


# --- how much of the matrix ---------------------------------------------------------------------

FULL = "MESHBENCH_FULL" in os.environ
"""Whether every VPN goes through every trouble, which takes hours: `make conformance`."""
COVERING = ("wireguard", "nebula", "tinc")
"""Otherwise these do: one with keys only, one with a special host and certificates, one that meshes."""
INSTRUMENTS = ("ping", "tcp")
"""Otherwise only these benchmarks meet what takes long; all of them meet the rest."""
LENGTHY = ("latency_under_load", "reboot", "reconnect")
"""Otherwise these, which go through phases or faults, meet one trouble of each kind."""


def in_trouble() -> list[str]:
    """The VPNs that the tests of failures and trouble go over."""
    return [name for name in vpns.names() if FULL or name in COVERING]


# --- time --------------------------------------------------------------------------------------

timed = pytest.mark.flaky(reruns=2, reruns_delay=20)
"""Measures delays: another guest of the same machine can hold this one up for longer than those."""

# --- cells -------------------------------------------------------------------------------------


def where(hosts: LabTestbed | SshTestbed = TESTBED, **changes: Any) -> Where:
    """The tests' lab, all links of the ring."""
    names = host_names(hosts)
    values = {
        "campaign": "tests",
        "testbed": NAME,
        "hosts": hosts,
        "links": tuple(zip(names, (*names[1:], names[0]), strict=True)),
        "placement": "ingress",
        "engine": "auto",
        "seed": 20261123,
    }
    return Where(**{**values, **changes})


def system(name: str) -> System:
    """A system as its file in config/vpns says it."""
    file: SystemFile = load_named(CHECKOUT / "config/vpns", name, SystemFile, ("test", None))
    return making.system(file.driver, file.package, **file.options)


SHORT = {
    "attempts": 1,
    "count": 20,
    "interval_s": 0.1,
    "duration_s": 1,
    "connect_limit_s": 3.0,
    "modes": ("bidir",),
    "paths": 40,
    "total_bytes": 4_000_000,
    "copy_limit_s": 6.0,
    "rates": ("10M",),
    "search": None,
    "faults": ("restart", "cut", "cold"),
    "repetitions": 1,
    "hosts": ("yuki",),
    "cut_s": 0.5,
    "watch_s": 0.5,
    "limit_s": 30.0,
    "phases": ("idle", "both"),
    "phase_s": 0.5,
    "settle_s": 0,
    "reply_limit_s": 1.0,
    # A second on a machine that does other things too may not fill iperf3's usual block.
    "block_bytes": 8192,
}
"""What makes a benchmark quick, by the option's name, for those that have the option."""


def short_options(name: str, **changes: Any) -> dict[str, Any]:
    fields = load(name).options_class.model_fields
    chosen = {key: value for key, value in {**SHORT, **changes}.items() if key in fields}
    options: dict[str, Any] = benchmarks.make(name, chosen).options.model_dump(mode="json")
    return options


_CANNOT_BUILD = re.compile(r"is not installed|no network: |requires go ", re.IGNORECASE)


def has_programs(name: str) -> None:
    """Skip a test of a benchmark whose programs cannot be made on this machine."""
    try:
        for supply in benchmarks.make(name, {}).supplies:
            asyncio.run(store.obtain(supply, store.own_architecture()))
    except VpnError as error:
        if _CANNOT_BUILD.search(str(error)):
            pytest.skip(f"{name}: no binary: {error}")
        raise


def job(
    vpn: str = "internal",
    benchmark: str = "ping",
    *,
    profile_name: str = "baseline",
    round_: int = 1,
    at: Where | None = None,
    system: System | None = None,
    **options: Any,
) -> MeasureJob:
    """A cell of the tests' campaign, quick to measure."""
    chosen = short_options(benchmark, **options)
    cell = Cell(
        vpn=vpn, tuning="stock", profile=profile_name, benchmark=benchmark, round=round_
    )  # fmt: skip
    system = system or making.system(vpn)
    return MeasureJob(
        where=at or where(),
        cell=cell,
        system=system,
        profile=profile(profile_name),
        tuning=Tuning(),
        kind=benchmark,
        options=chosen,
        vpn_method=vpns.load(system.driver).version,
        benchmark_method=load(benchmark).version,
        packages=tuple(supply.digest for supply in supplies(vpn, system)),
        programs=tuple(s.digest for s in benchmarks.make(benchmark, chosen).supplies),
    )


def measured(job: MeasureJob, store: Path) -> Record:
    return asyncio.run(measure.measure(job, store))


def links_of(record: Record) -> dict[str, LinkRecord]:
    return {f"{link.source}->{link.target}": link for link in record.links}


def reasons(record: Record) -> dict[str, str | None]:
    """The links that are not ok, and why."""
    return {name: link.reason for name, link in links_of(record).items() if link.status != "ok"}


def marks_of(record: Record) -> list[str]:
    """A record's marks but for those of a machine that others use meanwhile."""
    testbed = record.testbed
    of_machine = marks.of_machine(testbed.before, testbed.after, testbed.facts.get("cpu", {}))
    return [mark for mark in record.marks if mark not in of_machine]


@contextlib.asynccontextmanager
async def bed(at: Where | None = None) -> AsyncIterator[Session]:
    """The tests' lab with its lease and engine, as a job of the workflow opens it."""
    async with session(at or where(), Profile(), "tests/lab") as opened:
        yield opened


def pairs(hosts: Sequence[Host]) -> list[tuple[Host, Host]]:
    return list(itertools.permutations(hosts, 2))


# --- what is left ------------------------------------------------------------------------------


def leftovers(lab_id: str) -> list[str]:
    """Everything on this machine that bears a lab's id, but for its empty lock file."""
    traces = [f"mount {line.split()[1]}" for line in _lines("/proc/self/mounts") if lab_id in line]
    links = json.loads(run("ip", "-j", "link"))
    traces += [f"interface {name}" for link in links if lab_id in (name := link["ifname"])]
    traces += [f"namespace {p.name}" for p in Path("/run/netns").glob(f"*{lab_id}*")]
    traces += [f"control group {name}" for name in cgroups.named(lab_id)]
    traces += [f"folder {p}" for p in LABS.glob(f"{lab_id}*") if p.is_dir()]
    traces += [f"file {p}" for p in networkd.FOLDER.glob(f"*{lab_id}*")]
    traces += [f"folder {p}" for p in Path("/run/systemd/nspawn").glob(f"*/{lab_id}*")]
    return [*traces, *processes(lab_id)]


def processes(lab_id: str) -> list[str]:
    """Processes whose command line or control group names the lab."""
    traces = []
    for folder in Path("/proc").glob("[0-9]*"):
        if int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            command = (
                (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
            groups = (folder / "cgroup").read_text()
            if command and (lab_id in command or re.search(rf"/{lab_id}-", groups)):
                traces.append(f"process {folder.name}: {command.strip()[:200]}")
    return traces


def _lines(path: str) -> list[str]:
    return Path(path).read_text(encoding="utf-8").splitlines()


def unlike(before: Iterable[str], after: Iterable[str]) -> list[str]:
    return sorted(set(after) - set(before))


def flat(values: Mapping[str, Mapping[str, str]]) -> list[tuple[str, str, str]]:
    return [(host, key, value) for host, by_key in values.items() for key, value in by_key.items()]
