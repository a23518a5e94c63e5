"""Measuring a cell on the fake testbed: what becomes a record, what a failure, what an error."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from meshbench import benchmarks
from meshbench.benchmarks.base import Arena, Link, Outcome
from meshbench.benchmarks.ping import Ping
from meshbench.benchmarks.tcp import Tcp
from meshbench.config.models import Tuning
from meshbench.config.packages import Local
from meshbench.config.plan import Calibrated
from meshbench.config.profile import Profile
from meshbench.config.testbeds import FakeTestbed
from meshbench.figures import catalogue
from meshbench.figures.contract import Data
from meshbench.impairment.fake import FakeEngine
from meshbench.results import records
from meshbench.results.records import PathState, Record, Status
from meshbench.runner import deploy, measure, reconcile, tuned
from meshbench.runner.jobs import DeployJob, MeasureJob
from meshbench.runner.session import Session, session
from meshbench.tables import parse
from meshbench.testbed import state, tuning
from meshbench.testbed.fake import FakeHost, FakeWorld
from meshbench.testbed.host import STATE
from meshbench.util.errors import TestbedError, VpnError
from meshbench.vpns.common import lifecycle
from meshbench.workflow.settings import Setup
from tests.unit import making, synthetic
from tests.unit.making import cell


def job(broken: dict[str, str] | None = None, **words: Any) -> MeasureJob:
    trial = dataclasses.replace(
        making.campaign(
            benchmarks={"ping": {"count": 3}, "tcp": {"modes": ["bidir"], "attempts": 2}}
        ),
        testbed=FakeTestbed(kind="fake", broken=broken or {}),
        systems={name: making.system(name) for name in ("internal", "wireguard", "nebula")},
        profiles={"baseline": Profile(), "low": Profile(delay_ms=2, jitter_ms=2)},
    )
    return Setup(trial).measure(cell(**words))


def run(store: Path, **words: Any) -> Record:
    return asyncio.run(measure.measure(job(**words), store))


@pytest.mark.parametrize("vpn", ["internal", "wireguard", "nebula"])
@pytest.mark.parametrize("benchmark", ["ping", "tcp"])
def test_a_record_has_all_links_and_says_that_the_testbed_is_fake(
    tmp_path: Path, vpn: str, benchmark: str
) -> None:
    record = run(tmp_path, vpn=vpn, benchmark=benchmark)
    pairs = [(link.source, link.target) for link in record.links]
    assert pairs == [("lom", "yuki"), ("yuki", "luna"), ("luna", "lom")]
    assert {link.status for link in record.links} == {Status.OK}
    assert (record.testbed.kind, record.testbed.name) == ("fake", "fake")
    assert record.versions["benchmark_method"] == benchmarks.load(benchmark).version
    assert record.impairment.before["lom"]["parameters"]["delay_ms"] == 2
    bare = {link.target_address for link in record.links} == {f"192.0.2.{n}" for n in (1, 2, 3)}
    assert bare == (vpn == "internal")


def test_a_record_says_where_its_time_went(tmp_path: Path) -> None:
    record = run(tmp_path)
    assert record.spent is not None
    parts = record.spent.model_dump(exclude={"workflow_s"})
    assert {part for part, seconds in parts.items() if seconds > 0} == parts.keys()
    assert record.spent.workflow_s is None


def test_time_up_to_a_failure_counts_where_it_failed(tmp_path: Path) -> None:
    spent = run(tmp_path, broken={"nebula": "port 4242 is in use"}).spent
    assert spent is not None
    assert spent.vpn_s > 0 == spent.measuring_s


def test_the_network_stays_impaired_for_as_long_as_all_links_may_take() -> None:
    class Slow(Ping):
        def longest_s(self) -> float:
            return 5000.0

        def groups(self, links: Sequence[Any]) -> Sequence[Sequence[Any]]:
            return [[link] for link in links]

    assert measure._lifetime_s(job(), Slow()) >= 3 * 5000.0
    assert measure._lifetime_s(job(), Ping()) == measure.LIFETIME_MARGIN_S * 2


def test_the_settings_travel_as_text_and_come_back() -> None:
    default_job = job()
    assert MeasureJob.of(default_job.text()) == default_job
    assert job(vpn="wireguard").text() != default_job.text() == job().text()


def test_a_vpn_that_does_not_start_is_a_result_with_its_reason(tmp_path: Path) -> None:
    record = run(tmp_path, broken={"nebula": "port 4242 is in use"})
    assert {link.status for link in record.links} == {Status.FAILED}
    assert len(record.links) == 3
    assert record.vpn.status is Status.FAILED
    assert all("port 4242 is in use" in str(link.reason) for link in record.links)
    assert not any(link.commands for link in record.links)


def test_the_others_go_on(tmp_path: Path) -> None:
    record = run(tmp_path, vpn="wireguard", broken={"nebula": "port 4242 is in use"})
    assert {link.status for link in record.links} == {Status.OK}


def test_a_missing_program_is_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lacking(*_: Any) -> None:
        raise VpnError("yuki: nebula is not installed")

    monkeypatch.setattr("meshbench.vpns.common.lifecycle.assemble", lacking)
    assert run(tmp_path).links[0].reason == "yuki: nebula is not installed"


def test_trouble_of_ours_is_no_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise TestbedError("lom: no SSH")

    monkeypatch.setattr(FakeHost, "upload", broken)
    with pytest.raises(TestbedError, match="lom: no SSH"):
        run(tmp_path)


def test_a_setting_that_a_kernel_cannot_have_is_unsupported_with_its_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "yuki: net.ipv4.tcp_congestion_control is reno, not cubic"

    async def refused(*_: Any, **__: Any) -> tuning.Applied:
        raise tuning.UnsupportedError(why)

    monkeypatch.setattr("meshbench.testbed.tuning.apply", refused)
    record = run(tmp_path)
    assert {(link.status, link.reason) for link in record.links} == {(Status.UNSUPPORTED, why)}
    assert (record.vpn.status, record.vpn.reason, record.tuning) == (Status.UNSUPPORTED, why, {})


def test_what_is_up_under_other_settings_is_stopped() -> None:
    """Its own sockets would keep the congestion control that they were made with."""
    world = FakeWorld(FakeTestbed(kind="fake"))
    bed = Session(kind="fake", hosts=tuple(world.hosts()), engine=FakeEngine())

    def still_up(**sysctls: int) -> bool:
        wanted = Tuning(sysctls={f"net.ipv4.{key}": value for key, value in sysctls.items()})

        async def kept() -> bool:
            before = await state.read(bed.hosts)
            applied = await tuning.apply(wanted, bed.hosts)
            _, after = await tuned.settle(bed, applied, before)
            return "nebula" in state.running(after)

        world.running.add("nebula")
        return asyncio.run(kept())

    assert not still_up(tcp_sack=1)
    assert still_up(tcp_sack=1)
    assert not still_up(tcp_sack=0)


def test_a_program_that_changes_under_a_run_is_no_result(tmp_path: Path) -> None:
    (tmp_path / "nebula").write_text("another")
    (tmp_path / "nebula-cert").write_text("another")
    system = making.system("nebula", Local(path=str(tmp_path)))
    planned = job().model_copy(update={"system": system, "packages": ("digest of before",)})
    with pytest.raises(TestbedError, match="^the programs of nebula changed after this run had"):
        asyncio.run(measure.measure(planned, tmp_path))
    deployed = DeployJob(
        campaign="trial",
        site=planned.where,
        name="nebula",
        system=system,
        method=1,
        packages=planned.packages,
    )
    with pytest.raises(TestbedError, match="^the programs of nebula changed after this run had"):
        asyncio.run(deploy.deploy(deployed, tmp_path))


def test_an_emulator_that_does_something_else_is_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read(_: FakeEngine) -> dict[str, Any]:
        return {}

    monkeypatch.setattr(FakeEngine, "read", read)
    with pytest.raises(TestbedError, match="impairment of lom is not what was asked for"):
        run(tmp_path)
    assert {link.status for link in run(tmp_path, profile="baseline").links} == {Status.OK}


def test_every_vpn_of_a_round_meets_the_same_weather() -> None:
    def seeds(**words: Any) -> Any:
        bed: Any = type("Bed", (), {"hosts": making.ScriptedHost(), "rate_bps": None})
        bed.hosts = [making.ScriptedHost("lom"), making.ScriptedHost("yuki")]
        return measure._plan(job(**words), bed).seeds

    same = seeds()
    assert same["lom"] != same["yuki"]
    assert seeds(vpn="wireguard") == seeds(benchmark="tcp") == same
    assert seeds(round=2) != same != seeds(profile="baseline")


def outcomes(*statuses: Status) -> Callable[..., Any]:
    waiting = list(statuses)

    async def answer(_: Any, group: Sequence[Link], arena: Arena) -> list[Outcome]:
        arena.keep(making.command("beside"))
        mine = [waiting.pop(0) for _ in group]
        return [Outcome(status, f"{status}", [making.command(str(status))], 9.0) for status in mine]

    return answer


@pytest.mark.parametrize(
    ("statuses", "ended", "attempts"),
    [
        ([Status.OK], Status.OK, 1),
        ([Status.TOOL_FAILED, Status.OK], Status.OK, 2),
        ([Status.TOOL_FAILED, Status.TOOL_FAILED], Status.TOOL_FAILED, 2),
        ([Status.TOOL_FAILED, Status.FAILED], Status.FAILED, 2),
        ([Status.FAILED], Status.FAILED, 1),
        ([Status.TIMEOUT], Status.TIMEOUT, 1),
    ],
)
def test_only_the_tool_s_failures_are_tried_again(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    statuses: list[Status],
    ended: Status,
    attempts: int,
) -> None:
    monkeypatch.setattr(Tcp, "measure", outcomes(*statuses, *[Status.OK] * 2))
    first = run(tmp_path, benchmark="tcp").links[0]
    assert (first.status, first.attempts) == (ended, attempts)
    assert [tried.stdout for tried in first.failures] == ["tool_failed"] * (attempts - 1)


def test_a_ping_is_never_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ping, "measure", outcomes(*[Status.TOOL_FAILED] * 3))
    assert [link.attempts for link in run(tmp_path).links] == [1, 1, 1]


def test_a_vpn_that_failed_to_come_up_is_not_tried_again_in_its_round() -> None:
    note = {"system": "nebula", "attempt": "run/1", "reason": "lom: no"}
    by_host: dict[str, dict[str, Any]] = {"lom": {"failed_vpn": note}, "yuki": {"failed_vpn": None}}
    with pytest.raises(VpnError, match="lom: no"):
        reconcile._known_failure(by_host, "nebula", "run/1")
    reconcile._known_failure(by_host, "nebula", "run/2")
    reconcile._known_failure(by_host, "tinc", "run/1")


def test_attempts_are_told_apart_by_run_and_round(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts = set()
    for name in ("a", "b"):
        monkeypatch.setenv("MESHBENCH_RUN", name)
        attempts |= {reconcile.attempt(1), reconcile.attempt(2)}
    assert len(attempts) == 4


def test_a_calibration_is_measured_on_the_bare_link(tmp_path: Path) -> None:
    job = Setup(making.campaign()).calibrate(Calibrated("low", 2))
    record = asyncio.run(measure.measure(job, tmp_path))
    assert (record.cell.vpn, record.cell.benchmark, record.cell.round) == (
        "internal",
        "calibration",
        2,
    )
    assert {link.status for link in record.links} == {Status.OK}


def test_a_deployment_has_no_time_stamps_and_no_secrets(tmp_path: Path) -> None:
    trial = dataclasses.replace(
        making.campaign(), systems={"wireguard": making.system("wireguard")}
    )
    job = Setup(trial).deploy("wireguard")
    first, second = (asyncio.run(deploy.deploy(job, tmp_path)) for _ in range(2))
    assert first == second
    assert first.files["lom"]["/var/lib/meshbench/wireguard/wg.conf"] == "secret"
    assert first.status is Status.OK
    assert first.versions["yuki"]


def test_a_deployment_that_cannot_be_is_a_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lacking(*_: Any) -> None:
        raise VpnError("yuki: wg is not installed")

    monkeypatch.setattr("meshbench.vpns.common.lifecycle.assemble", lacking)
    job = Setup(making.campaign()).deploy("wireguard")
    done = asyncio.run(deploy.deploy(job, tmp_path))
    assert (done.status, done.reason) == (Status.FAILED, "yuki: wg is not installed")


DIRECT = PathState(kind="direct", transport="udp", endpoint="192.0.2.2:4242")
RELAY = PathState(kind="relay", transport="udp")


def test_a_relayed_or_changed_path_is_marked_in_record_tables_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [{("lom", "yuki"): DIRECT, ("yuki", "luna"): RELAY}, {("lom", "yuki"): RELAY}]
    answers.insert(0, {})  # what is asked at the start

    async def paths(_: Any) -> dict[tuple[str, str], PathState]:
        return answers.pop(0)

    monkeypatch.setattr("meshbench.vpns.common.lifecycle.paths", paths)
    record = run(tmp_path)
    expected = [
        "lom->yuki went over a relay",
        "the path of lom->yuki changed during the measurement",
        "yuki->luna went over a relay",
    ]
    assert record.marks == expected
    records.write(record, tmp_path / "1.json")
    samples, links = tmp_path / "samples.parquet", tmp_path / "links.parquet"
    parse.parse([tmp_path / "1.json"], samples, links)
    data = Data.read(synthetic.tables(tmp_path, [samples], [links]))
    [row] = data.rows("cells")
    assert (row["marks"], row["path_changed"], row["path"]) == (expected, True, "relay")
    context = synthetic.context(vpns=("nebula",), profiles=("low",), rounds=1)
    notes = catalogue.load("rtt").notes(data, context)
    assert [note for note in notes if note.startswith("†")] == [
        f"† {mark} (nebula, low)" for mark in expected
    ]


def test_the_path_mtu_is_searched_for_once_per_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searches = []

    async def search(built: Any) -> dict[str, int]:
        searches.append(built.driver.system)
        return {"lom->yuki": 1300}

    monkeypatch.setattr("meshbench.collectors.path_mtu.search", search)

    async def two_cells() -> tuple[reconcile.Up, reconcile.Up, reconcile.Up]:
        default_job = job()
        async with session(default_job.where, default_job.profile, "test") as bed:
            built = await reconcile.assemble(bed, "nebula", default_job.system, tmp_path)
            first = await reconcile.only(bed, built, await state.read(bed.hosts), "a")
            later = await state.read(bed.hosts)
            for host, digest in lifecycle.digests(built).items():
                later[host]["installed"] = [f"{STATE}/nebula/installed {digest}"]
            note = {
                "system": "nebula",
                "installed": lifecycle.digests(built),
                "path_mtu": {"lom->yuki": 1300},
            }
            later["lom"] |= {"up": note}
            second = await reconcile.only(bed, built, later, "a")
            later["lom"] |= {"up": {**note, "installed": {}}}
            return first, second, await reconcile.only(bed, built, later, "a")

    first, second, other = asyncio.run(two_cells())
    assert (first.started, second.started, other.started) == (True, False, False)
    assert first.path_mtu == second.path_mtu == other.path_mtu == {"lom->yuki": 1300}
    assert searches == ["nebula", "nebula"]


def silence(monkeypatch: pytest.MonkeyPatch, *pairs: str) -> list[str]:
    """Let pairs pass no traffic until the VPN is started anew; what was started."""
    started: list[str] = []
    alive, start = lifecycle.alive, lifecycle.start

    async def partly(built: Any, limit_s: float) -> lifecycle.Readiness:
        whole = await alive(built, limit_s)
        silent = () if started else pairs
        times = {name: s for name, s in whole.times_s.items() if name not in silent}
        return lifecycle.Readiness(times, silent)

    async def noted(built: Any) -> None:
        started.append(built.driver.system)
        await start(built)

    monkeypatch.setattr(lifecycle, "alive", partly)
    monkeypatch.setattr(lifecycle, "start", noted)
    return started


def as_up(built: Any, by_host: dict[str, Any], silent_from_start: tuple[str, ...] = ()) -> None:
    """Hosts as they are while the system is up, as an earlier cell left them."""
    for host, digest in lifecycle.digests(built).items():
        by_host[host]["installed"] = [f"{STATE}/nebula/installed {digest}"]
        by_host[host]["vpns"] = ["meshbench-vpn-nebula.service active running"]
    note = {"system": "nebula", "installed": lifecycle.digests(built)}
    by_host["lom"]["up"] = {**note, "path_mtu": {}, "silent": silent_from_start}


def next_cell(store: Path, change: Callable[[Any, dict[str, Any]], None]) -> reconcile.Up:
    """What a cell finds and makes of a VPN that an earlier one had up."""

    async def inner() -> reconcile.Up:
        default_job = job()
        async with session(default_job.where, default_job.profile, "test") as bed:
            built = await reconcile.assemble(bed, "nebula", default_job.system, store)
            by_host = await state.read(bed.hosts)
            as_up(built, by_host)
            change(built, by_host)
            return await reconcile.only(bed, built, by_host, "a")

    return asyncio.run(inner())


@pytest.mark.parametrize(("profile", "lost"), [("baseline", []), ("low", ["impairment"])])
def test_what_a_reboot_took_from_a_host_is_put_back(profile: str, lost: list[str]) -> None:
    ping_job = job(vpn="nebula", benchmark="ping", profile=profile)

    async def inner() -> tuple[Sequence[str], dict[str, Any]]:
        async with session(ping_job.where, ping_job.profile, "test") as bed:
            words = await measure.putting_back(ping_job, bed)(bed.hosts[0])
            return words, await bed.engine.read()

    words, reading = asyncio.run(inner())
    assert list(words) == lost
    assert bool(reading) is bool(lost)


@pytest.mark.parametrize(("name", "lost"), [("reorder-only", ["tuning"]), ("stock", [])])
def test_settings_that_a_reboot_took_from_a_host_are_put_back(name: str, lost: list[str]) -> None:
    """A boot under the kernel's own settings is told where those were what is measured."""
    ping_job = job(vpn="nebula", benchmark="ping", profile="baseline")
    key = "net.ipv4.tcp_reordering"
    seven = Tuning(sysctls={key: 7})
    cell = ping_job.cell.model_copy(update={"tuning": name})
    ping_job = ping_job.model_copy(update={"tuning": seven, "cell": cell})

    async def inner() -> list[list[str]]:
        async with session(ping_job.where, ping_job.profile, "test") as bed:
            put_back = measure.putting_back(ping_job, bed)
            return [list(await put_back(bed.hosts[0])) for _ in range(2)]

    assert asyncio.run(inner()) == [lost, []]


def test_a_mesh_that_fell_half_silent_is_started_anew_and_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = silence(monkeypatch, "lom->yuki", "yuki->lom")
    up = next_cell(tmp_path, lambda *_: None)
    assert started == ["nebula"]
    assert up.readiness.silent == ()
    assert up.revived is not None
    assert up.revived.silent == ("lom->yuki", "yuki->lom")
    assert up.revived.log_tail.keys() == {"lom", "yuki", "luna"}
    assert str(up.revived) == (
        "no traffic any more on lom->yuki, yuki->lom before the measurement: "
        "the VPN was started anew"
    )


def test_a_pair_that_was_silent_from_the_start_starts_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = silence(monkeypatch, "lom->yuki")
    up = next_cell(tmp_path, lambda built, by_host: as_up(built, by_host, ("lom->yuki",)))
    assert started == []
    assert (up.readiness.silent, up.revived) == (("lom->yuki",), None)


def test_a_daemon_that_ended_between_cells_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = silence(monkeypatch)
    up = next_cell(tmp_path, lambda _, by_host: by_host["yuki"].update(vpns=[]))
    assert started == ["nebula"]
    assert str(up.revived) == (
        "the daemon did not run any more on yuki before the measurement: the VPN was started anew"
    )


def test_what_a_vpn_had_lost_is_in_the_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = reconcile.Revived(silent=("lom->yuki",), log_tail={"yuki": "its last words"})
    only = reconcile.only

    async def revived(*words: Any) -> reconcile.Up:
        return dataclasses.replace(await only(*words), revived=lost)

    monkeypatch.setattr(reconcile, "only", revived)
    record = run(tmp_path)
    assert str(lost) in record.marks
    assert record.vpn.silent_before == ["lom->yuki"]
    assert record.vpn.log_tail_before == {"yuki": "its last words"}
    assert {link.status for link in record.links} == {Status.OK}


def test_a_vpn_that_cannot_be_started_anew_says_what_was_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence(monkeypatch, "lom->yuki")

    async def broken(_: Any) -> None:
        raise VpnError("lom: no port")

    monkeypatch.setattr(lifecycle, "start", broken)
    with pytest.raises(VpnError, match=r"^lom: no port \(before that: no traffic any more on lom"):
        next_cell(tmp_path, lambda *_: None)


def test_a_path_may_become_direct_after_the_first_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [{("lom", "yuki"): RELAY, ("yuki", "lom"): DIRECT}, {("lom", "yuki"): DIRECT}]

    async def paths(_: Any) -> dict[tuple[str, str], PathState]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    monkeypatch.setattr("meshbench.vpns.common.lifecycle.paths", paths)
    record = run(tmp_path)
    assert record.vpn.direct_s.keys() == {"lom->yuki", "yuki->lom"}
    assert record.vpn.direct_s["yuki->lom"] <= record.vpn.direct_s["lom->yuki"]
    assert record.links[0].direct_s == record.vpn.direct_s["lom->yuki"]


def test_a_hub_s_relayed_paths_are_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    async def paths(_: Any) -> dict[tuple[str, str], PathState]:
        asked.append(1)
        return {("lom", "yuki"): RELAY}

    monkeypatch.setattr("meshbench.vpns.common.lifecycle.paths", paths)
    monkeypatch.setattr("meshbench.vpns.nebula.Nebula.hub", True)
    assert run(tmp_path).vpn.direct_s == {}
    assert len(asked) == 3, "once at the start, before and after the measurement"


def test_who_brings_the_hosts_together_is_recorded(tmp_path: Path) -> None:
    assert run(tmp_path).vpn.control_server == "lighthouse on lom"
    assert run(tmp_path, vpn="wireguard").vpn.control_server is None


def test_a_daemon_that_says_too_little_has_no_paths(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def paths(*_: Any) -> dict[str, PathState]:
        raise ValueError("Expecting value: line 1 column 1 (char 0)")

    monkeypatch.setattr("meshbench.vpns.nebula.Nebula.paths", paths)
    record = run(tmp_path)
    assert {link.status for link in record.links} == {Status.OK}
    paths_after = [link.path_after for link in record.links]
    assert [path.known for path in paths_after if path] == [False] * 3
    assert "line 1 column 1" in str(paths_after[0])
    assert record.marks == [f"{a}->{b}: path unknown" for a, b in job().where.links]


def test_a_tool_that_is_too_old_is_not_held_against_the_vpn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    iperf3 = FakeHost._iperf3
    monkeypatch.setattr(
        FakeHost,
        "_iperf3",
        lambda host, argv: (0, "iperf 3.1.3\n") if "--version" in argv else iperf3(host, argv),
    )
    record = run(tmp_path, benchmark="tcp")
    assert {link.status for link in record.links} == {Status.TOOL_FAILED}
    assert len(record.links) == 3
    assert "lom: iperf3 is 3.1.3 " in str(record.links[0].reason)
    assert record.vpn.status is Status.TOOL_FAILED
    assert {link.status for link in run(tmp_path, benchmark="ping").links} == {Status.OK}

    monkeypatch.setattr(FakeHost, "_ping", lambda *_: (1, "BusyBox v1.36.1"))
    for benchmark in ("ping", "tcp"):
        record = run(tmp_path, benchmark=benchmark)
        assert "lom: ping -V says 'BusyBox v1.36.1'" in str(record.links[0].reason)


def test_a_ping_that_cannot_run_is_not_held_against_the_vpn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        FakeHost, "_ping", lambda _, argv: (0, "iputils 20240905") if "-V" in argv else (2, "no")
    )
    record = run(tmp_path, benchmark="tcp")
    assert {(link.status, link.reason) for link in record.links} == {
        (Status.TOOL_FAILED, "lom: ping cannot run: no")
    }
