"""Programs on the hosts, units beside the main one, and builders and measurers taking turns."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from meshbench import vpns
from meshbench.config.packages import Debian, Local, Package
from meshbench.config.testbeds import FakeTestbed
from meshbench.packages import delivery
from meshbench.packages.supply import FOLDER, Supply
from meshbench.results.records import PathState
from meshbench.runner import reconcile
from meshbench.runner.session import Session
from meshbench.testbed import state
from meshbench.testbed.fake import FakeWorld
from meshbench.testbed.host import Host
from meshbench.util import machine_lock
from meshbench.util.errors import VpnError
from meshbench.vpns.base import Driver, Material, Network, Node
from meshbench.vpns.common import debian, lifecycle
from meshbench.vpns.common.units import AT_BOOT, Service
from tests.unit import making

NODES = (Node(1, "lom", "192.0.2.1"), Node(2, "yuki", "192.0.2.2"))
NETWORK = Network(NODES)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MESHBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MESHBENCH_BINARIES", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def supplies(tmp_path: Path) -> tuple[Supply, ...]:
    """A built Nebula."""
    for name in ("nebula", "nebula-cert"):
        (tmp_path / name).write_text(f"program {name}")
    return vpns.load("nebula")("x").sources(Local(path=str(tmp_path)))


def there(host: making.ScriptedHost) -> making.Answer:
    """A host that says truly what is on it."""

    def answer(argv: Sequence[str]) -> Any:
        match argv[0]:
            case "uname":
                return "x86_64\n"
            case "stat":
                sizes = {path: len(file.content) for path, file in host.files.items()}
                lines = [f"{sizes[path]} {path}" for path in argv[4:] if path in sizes]
                lacks = len(lines) < len(argv[4:])
                return int(lacks), "".join(f"{line}\n" for line in lines), ""
        return ""

    return answer


def hosts() -> list[making.ScriptedHost]:
    bed = [making.ScriptedHost(node.name, index=node.index) for node in NODES]
    for host in bed:
        host._answer = there(host)
    return bed


def test_programs_are_put_where_the_driver_calls_them_and_once(
    supplies: tuple[Supply, ...],
) -> None:
    bed = hosts()
    driver = vpns.load("nebula")("nebula@dev", supplies=supplies)
    manifests = asyncio.run(delivery.deliver(driver.system, supplies, bed))
    assert [manifest.origin for manifest in manifests["yuki"]] == ["system"]
    path = driver.program("nebula")
    assert path == f"/var/lib/meshbench/packages/{supplies[0].digest}/bin/nebula"
    for host in bed:
        assert host.files[path].content == b"program nebula"
        assert host.files[path].mode == 0o755
        used = host.files["/var/lib/meshbench/nebula@dev/packages"]
        assert used.content.decode() == f"{supplies[0].digest}\n"

    for host in bed:
        host.asked.clear()
    asyncio.run(delivery.deliver(driver.system, supplies, bed))
    assert [argv[0] for argv in bed[0].asked] == ["uname", "stat"]
    del bed[1].files[path]
    asyncio.run(delivery.deliver(driver.system, supplies, bed))
    assert path in bed[1].files


def test_every_program_of_a_driver_is_called_from_its_package(
    supplies: tuple[Supply, ...],
) -> None:
    plain = vpns.load("nebula")("nebula")
    packaged = vpns.load("nebula")("nebula@dev", supplies=supplies)
    assert plain.program("nebula") == "nebula"
    assert packaged.program("ssh") == "ssh"
    programs: list[str] = []

    def answer(argv: Sequence[str]) -> str:
        programs.append(argv[0])
        return "Version: 1.2"

    host = making.ScriptedHost(answer=answer)
    asyncio.run(packaged.installed_version(host))
    asyncio.run(packaged.material(NETWORK, [host]))
    service = packaged.service(NODES[0], NETWORK, {})
    assert service is not None
    programs.append(service.start[0])
    called = {word for word in programs if "nebula" in word}
    assert called == {packaged.program("nebula"), packaged.program("nebula-cert")}


def test_an_unknown_architecture_is_said_with_the_host(supplies: tuple[Supply, ...]) -> None:
    host = making.ScriptedHost("luna", answer=lambda _: "vax\n")
    with pytest.raises(VpnError, match="^luna: no packages are known for the architecture vax"):
        asyncio.run(delivery.deliver("nebula", supplies, [host]))


def test_packages_that_no_system_uses_are_swept(tmp_path: Path) -> None:
    for digest in ("used", "unused"):
        (tmp_path / "packages" / digest / "bin").mkdir(parents=True)
    for system, text in (("nebula@1.10", "other\nused\n"), ("tinc", "")):
        (tmp_path / system).mkdir()
        (tmp_path / system / "packages").write_text(text)
    script = ["sh", "-c", delivery._SWEEP, "sh", str(tmp_path)]
    subprocess.run(script, check=True)
    assert [path.name for path in (tmp_path / "packages").iterdir()] == ["used"]
    (tmp_path / "nebula@1.10" / "packages").unlink()
    subprocess.run(script, check=True)
    assert not (tmp_path / "packages").exists()
    subprocess.run(script, check=True)


# Units beside the main one


class Controlled(Driver):
    """A VPN with a control server on the first host, which admits the others."""

    name = "controlled"
    version = 1
    programs = ("daemon",)

    def service(self, node: Node, network: Network, facts: Mapping[str, str]) -> Service:
        return Service([self.program("daemon")])

    def companions(
        self, node: Node, network: Network, facts: Mapping[str, str]
    ) -> Mapping[str, Service]:
        return {"control": Service(["server"], listens=8080)} if node.index == 1 else {}

    async def settle(self, hosts: Sequence[Host], network: Network, material: Material) -> None:
        await hosts[0].run(["admit", *(node.name for node in network.nodes)])

    async def installed_version(self, host: Host) -> str:
        return "1"

    async def paths(self, host: Host, node: Node, network: Network) -> Mapping[str, PathState]:
        return {}


def controlled(*bed: Host) -> lifecycle.Mesh:
    facts = {node.name: dict[str, str]() for node in NODES}
    material = {node.name: dict[str, str]() for node in NODES}
    return lifecycle.Mesh(Controlled("vpn@2"), NETWORK, bed, material, facts)


MAIN, CONTROL = "meshbench-vpn-vpn@2.service", "meshbench-vpn-vpn@2:control.service"


def test_a_companion_has_a_unit_of_its_own_and_starts_first() -> None:
    order: list[tuple[str, str]] = []

    def host(name: str, index: int) -> making.ScriptedHost:
        def answer(argv: Sequence[str]) -> str:
            order.append((name, " ".join(argv)))
            return "LISTEN"

        return making.ScriptedHost(name, answer, index)

    first, second = host("lom", 1), host("yuki", 2)
    started = controlled(first, second)
    asyncio.run(lifecycle.install(started))
    assert f"/etc/systemd/system/{CONTROL}" in first.files
    assert f"/etc/systemd/system/{CONTROL}" not in second.files
    assert f"/etc/systemd/system/{MAIN}" in second.files
    order.clear()
    asyncio.run(lifecycle.start(started))
    assert order == [
        ("lom", f"systemctl restart {CONTROL}"),
        ("lom", "ss -Hlntu sport = :8080"),
        ("lom", f"systemctl restart {MAIN}"),
        ("yuki", f"systemctl restart {MAIN}"),
        ("lom", "admit lom yuki"),
    ]


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        (["systemctl", "restart", CONTROL], f"lom: {CONTROL} did not start: journal"),
        (["ss", "-Hlntu", "sport = :8080"], "does not listen on port 8080: journal"),
        (["admit", "lom", "yuki"], "lom: admit lom yuki ended with 1: refused"),
    ],
)
def test_a_control_server_that_fails_is_the_vpn_s_failure(
    failing: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifecycle, "COMPANION_LIMIT_S", 0.1)

    def answer(argv: Sequence[str]) -> Any:
        if list(argv) == failing:
            return (0 if argv[0] == "ss" else 1), "", "refused"
        return "LISTEN"

    bed = [making.ScriptedHost(node.name, answer, node.index) for node in NODES]
    with pytest.raises(VpnError, match=reason):
        asyncio.run(lifecycle.start(controlled(*bed)))


def test_a_companion_s_death_is_the_vpn_s() -> None:
    def answer(argv: Sequence[str]) -> Any:
        words = ["failed" if unit == CONTROL else "active" for unit in argv[2:]]
        return 3, "".join(f"{word}\n" for word in words), ""

    bed = [making.ScriptedHost(node.name, answer, node.index) for node in NODES]
    assert asyncio.run(lifecycle.dead(controlled(*bed))) == {"lom": "journal"}


UNIT_FOLDER = "/etc/systemd/system"


def test_a_companion_is_stopped_and_purged_with_its_system(tmp_path: Path) -> None:
    host = making.ScriptedHost()
    asyncio.run(lifecycle.purge([host], "vpn@2"))
    assert host.stopped == [MAIN, "meshbench-vpn-vpn@2:*.service"]
    others = {"meshbench-vpn-vpn.service", "meshbench-vpn-vpn@20.service"}
    wants = tmp_path / "multi-user.target.wants"
    wants.mkdir()
    for name in (MAIN, CONTROL, *others):
        (tmp_path / name).write_text("")
        (wants / name).symlink_to(f"../{name}")
        (tmp_path / f"{name}.d").mkdir()
        (tmp_path / f"{name}.d" / AT_BOOT).write_text("")
    (tmp_path / f"{MAIN}.d" / "own.conf").write_text("somebody else's")
    for remove in (argv for argv in host.asked if UNIT_FOLDER in argv):
        subprocess.run([word.replace(UNIT_FOLDER, str(tmp_path)) for word in remove], check=True)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == others
    assert {path.name for path in wants.iterdir()} == others
    assert {path.name for path in tmp_path.glob("*.d")} == {f"{n}.d" for n in (MAIN, *others)}
    assert [path.name for path in (tmp_path / f"{MAIN}.d").iterdir()] == ["own.conf"]


def test_a_companion_is_no_system_of_its_own() -> None:
    by_host = {
        "lom": state.parse(f"\n@ vpns\n{CONTROL} active running\n{MAIN} failed failed\n"),
        "yuki": state.parse(f"\n@ vpns\n{MAIN} active running\n"),
    }
    assert state.running(by_host) == {"vpn@2": {"lom", "yuki"}}
    assert state.active(by_host) == {"lom": {CONTROL}, "yuki": {MAIN}}


# Two systems with one driver, and Debian's packages on hosts of one's own


def test_two_versions_are_two_systems_with_units_keys_and_programs_of_their_own(
    supplies: tuple[Supply, ...], tmp_path: Path
) -> None:
    world = FakeWorld(FakeTestbed(kind="fake"))
    bed = Session(kind="fake", hosts=tuple(world.hosts()), engine=None)  # type: ignore[arg-type]
    system = making.system("nebula")
    old = asyncio.run(reconcile.assemble(bed, "nebula@1.9", system, tmp_path / "keys"))
    new = asyncio.run(reconcile.assemble(bed, "nebula@1.10", system, tmp_path / "keys", supplies))
    assert (old.unit, new.unit) == (
        "meshbench-vpn-nebula@1.9.service", "meshbench-vpn-nebula@1.10.service"
    )  # fmt: skip
    assert {path.name for path in (tmp_path / "keys").iterdir()} == {
        "nebula@1.9.json", "nebula@1.10.json"
    }  # fmt: skip
    assert old.packages["lom"] == ()
    assert new.packages["lom"][0].digest == supplies[0].digest
    unit = {file.path.name: file for file in new.files("lom")}[new.unit].content.decode()
    assert f'ExecStart="{FOLDER}/{supplies[0].digest}/bin/nebula"' in unit


@pytest.mark.parametrize(
    ("package", "names"),
    [
        (None, "nebula openssh-client"),
        (Debian(names=("nebula", "extra")), "nebula extra openssh-client"),
    ],
)
def test_missing_debian_packages_are_named_or_installed(
    package: Package | None, names: str
) -> None:
    installed: list[str] = []

    def answer(argv: Sequence[str]) -> Any:
        if argv[0] == "sh":
            return "" if installed else "nebula-cert\n"
        installed.extend(argv)
        return ""

    driver = vpns.load("nebula")("nebula")
    host = making.ScriptedHost("yuki", answer)
    wanted = driver.debian_names(package)
    with pytest.raises(
        VpnError, match=rf"^yuki: nebula-cert is not .* --no-install-recommends {names}, or"
    ):
        asyncio.run(debian.provide([host], driver, wanted, allowed=False))
    assert installed == []
    asyncio.run(debian.provide([host], driver, wanted, allowed=True))
    assert " ".join(installed) == (
        f"env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends {names}"
    )


def test_programs_of_one_s_own_need_no_apt(supplies: tuple[Supply, ...]) -> None:
    host = making.ScriptedHost(answer=lambda argv: "\n".join(argv[4:]))
    driver = vpns.load("nebula")("nebula", supplies=supplies)
    asyncio.run(debian.provide([host], driver, ("openssh-client",), allowed=True))
    assert [argv[0] for argv in host.asked] == ["sh"]


# Taking turns


HOLD = """
import asyncio, sys
from meshbench.util import machine_lock
async def hold():
    async with getattr(machine_lock, sys.argv[1])():
        print("in", flush=True)
        sys.stdin.read()
asyncio.run(hold())
"""


def holder(kind: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", HOLD, kind]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


async def enters(kind: str, limit_s: float = 0.5) -> bool:
    """Whether this process gets in at once."""
    try:
        async with asyncio.timeout(limit_s), getattr(machine_lock, kind)():
            return True
    except TimeoutError:
        return False


@pytest.mark.parametrize(
    ("inside", "asked", "entered"),
    [
        ("measuring", "measuring", True),
        ("measuring", "building", False),
        ("building", "measuring", False),
        ("building", "building", False),
    ],
)
def test_who_builds_is_alone_on_the_machine(inside: str, asked: str, entered: bool) -> None:
    other = holder(inside)
    try:
        assert asyncio.run(enters(asked)) is entered
    finally:
        other.communicate("")
    assert asyncio.run(enters(asked, 10))


def test_who_waits_to_build_goes_before_those_who_come_to_measure() -> None:
    other = holder("measuring")

    async def scene() -> None:
        builder = asyncio.create_task(enters("building", 30))
        await asyncio.sleep(0.3)
        assert not await enters("measuring")
        other.communicate("")
        assert await builder
        assert await enters("measuring", 10)

    asyncio.run(scene())


def test_who_measures_may_build_in_between() -> None:
    async def scene() -> None:
        async with machine_lock.measuring():
            async with machine_lock.building():
                words = [sys.executable, "-c", HOLD, "measuring"]
                second = await asyncio.create_subprocess_exec(
                    *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
                )
                assert second.stdout is not None
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(second.stdout.readline(), 1)
            assert await asyncio.wait_for(second.stdout.readline(), 30) == b"in\n"
            third = asyncio.create_task(asyncio.to_thread(holder, "measuring"))
            (await third).communicate("")
            await second.communicate(b"")

    asyncio.run(scene())
