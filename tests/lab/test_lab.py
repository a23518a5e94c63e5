"""The lab's hosts are what they claim to be, labs do not meet, and nothing of them is left."""

import asyncio
import contextlib
import ipaddress
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from meshbench import benchmarks
from meshbench.config.testbeds import Image
from meshbench.runner import needs
from meshbench.testbed import local
from meshbench.testbed.host import Address, Host
from meshbench.testbed.lab import cgroups, image
from meshbench.testbed.lab import lab as lab_module
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lab.layout import Layout
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError
from tests.lab import support
from tests.lab.support import ends, eventually, leftovers, on_hosts, pings, said

MakeLab = Callable[..., Lab]


async def machine_ids(hosts: list[SshHost]) -> list[str]:
    """Made at random with each host, so equal ones are the same hosts."""
    return [await said(host, "cat", "/etc/machine-id") for host in hosts]


def test_up_again_does_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    before = lab.running()
    ids = on_hosts(lab, machine_ids)

    async def forbidden(*argv: Any, **_: Any) -> Any:
        pytest.fail(f"a second up ran {argv}")

    with monkeypatch.context() as patch:
        patch.setattr(lab_module, "spawn", forbidden)
        patch.setattr(local, "run", forbidden)
        assert asyncio.run(lab.up()) == before
    assert on_hosts(lab, machine_ids) == ids
    assert len(set(ids)) == len(ids) == 3


def test_hosts_run_systemd_and_sshd(lab: Lab) -> None:
    async def look(hosts: list[SshHost]) -> None:
        for host in hosts:

            async def settled(host: Host = host) -> bool:
                state = await host.run(["systemctl", "is-system-running"], check=False)
                return state.stdout.strip() not in {"initializing", "starting"}

            await eventually(settled, f"{host.name} has started")
            assert await said(host, "cat", "/proc/1/comm") == "systemd"
            assert await said(host, "systemctl", "is-system-running") == "running"
            assert await said(host, "systemctl", "--failed", "--no-legend") == ""
            assert await said(host, "systemctl", "is-active", "ssh.service") == "active"
            assert await said(host, "hostname") == host.name

    on_hosts(lab, look)


def test_control_and_data_networks_are_separate(lab: Lab) -> None:
    async def look(hosts: list[SshHost]) -> None:
        for host in hosts:
            subnet = ipaddress.ip_interface(f"{host.address.control}/24").network
            assert await pings(host, str(subnet[1])), "the controller answers"
            assert await said(host, "ip", "route", "show", "default") == ""
        for source, target in support.pairs(hosts):
            assert await pings(source, target.address.data_address, "-I", "data0")
        # All at once: each waits for its own time limit.
        answers = await asyncio.gather(*(
            pings(source, target.address.control) for source, target in support.pairs(hosts)
        ))  # fmt: skip
        assert not any(answers), "hosts reach each other past the data network"

    on_hosts(lab, look)


def test_data_network_is_out_of_the_outer_machines_sight(lab: Lab) -> None:
    addresses = [
        a["local"]
        for link in json.loads(support.run("ip", "-j", "address"))
        for a in link["addr_info"]
    ]
    assert not {host.data_address for host in lab.layout.hosts} & set(addresses)
    wire = json.loads(support.run("ip", "-n", lab.layout.wire, "-j", "address"))
    assert [a for link in wire for a in link["addr_info"] if link["ifname"] != "lo"] == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("another key", r"^lom: the key of {address} is not the one in .*/known_hosts: "),
        ("no entry", r"^lom: .*/known_hosts has no key for {address}: ssh-keyscan {address} >> "),
    ],
)
def test_host_keys_are_strict(lab: Lab, tmp_path: Path, entry: str, said: str) -> None:
    addresses = lab.running()
    assert addresses is not None
    file = tmp_path / "known_hosts"
    key = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    file.write_text(f"{addresses[0].control} {key}" if entry == "another key" else "")
    host = SshHost(replace(addresses[0], known_hosts_file=file))
    with pytest.raises(TestbedError, match=said.format(address=addresses[0].control)):
        asyncio.run(host.connect())


def test_two_labs_do_not_meet(lab: Lab, make_lab: MakeLab) -> None:
    other = make_lab("tests-second")
    second = asyncio.run(other.up())
    first = lab.running()
    assert first is not None

    def networks(addresses: list[Address]) -> set[Any]:
        return {ipaddress.ip_interface(f"{address.control}/24").network for address in addresses}

    assert len(networks(first)) == len(networks(second)) == 1
    assert networks(first).isdisjoint(networks(second))

    async def look(hosts: list[SshHost]) -> None:
        source, target = hosts
        # Both labs use the same data addresses; this one has no third host.
        assert first
        assert await pings(source, target.address.data_address)
        assert not await pings(source, first[2].data_address)
        assert not await pings(source, first[0].control)
        # With its own second host gone, the first lab's one does not answer in its place.
        await target.run(["ip", "link", "set", "data0", "down"])
        assert not await pings(source, first[1].data_address)

    on_hosts(other, look)
    stranger = SshHost(replace(second[0], key_file=first[0].key_file))
    with pytest.raises(TestbedError, match="^one: root@.* does not accept the key "):
        asyncio.run(stranger.connect())
    ids = on_hosts(lab, machine_ids)
    asyncio.run(other.down())
    assert leftovers(other.layout.id) == []
    assert on_hosts(lab, machine_ids) == ids


# --- sudden deaths -----------------------------------------------------------------------------


def supervisors(group: str) -> set[int]:
    """The shell and the nspawn of one host: its processes outside the container's namespace."""
    pids = set()
    for pid in cgroups.processes(group):
        with contextlib.suppress(FileNotFoundError):
            outside = Path(f"/proc/{pid}/ns/pid").readlink() == Path("/proc/self/ns/pid").readlink()
            if outside and Path(f"/proc/{pid}/comm").read_text().strip() in {
                "sh",
                "systemd-nspawn",
            }:
                pids.add(pid)
    return pids


@pytest.mark.parametrize("victims", ["supervisors", "everything"])
def test_a_killed_host_is_repaired(make_lab: MakeLab, victims: str) -> None:
    mine = make_lab("tests-killed")
    asyncio.run(mine.up())
    before = on_hosts(mine, machine_ids)
    group = mine.layout.hosts[1].unique
    pids = supervisors(group) if victims == "supervisors" else cgroups.processes(group)
    assert len(pids) >= 2
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, 9)

    async def noticed() -> bool:
        return mine.running() is None

    asyncio.run(eventually(noticed, "the lab is seen not to be up"))
    asyncio.run(mine.up())

    async def look(hosts: list[SshHost]) -> None:
        assert not set(before) & set(await machine_ids(hosts))
        assert await pings(hosts[0], hosts[1].address.data_address)

    on_hosts(mine, look)
    asyncio.run(mine.down())
    assert leftovers(mine.layout.id) == []


def test_down_cleans_up_after_a_killed_host(make_lab: MakeLab) -> None:
    mine = make_lab("tests-killed")
    asyncio.run(mine.up())
    for host in mine.layout.hosts:
        cgroups.kill(host.unique)
    asyncio.run(mine.down())
    assert leftovers(mine.layout.id) == []
    asyncio.run(mine.down())


class Stopped(BaseException):
    """Like Ctrl-C: not an Exception."""


@pytest.mark.parametrize("cause", [TestbedError, Stopped])
@pytest.mark.parametrize("started", [0, 1])
def test_a_half_made_lab_leaves_nothing(
    make_lab: MakeLab, monkeypatch: pytest.MonkeyPatch, started: int, cause: type[BaseException]
) -> None:
    mine = make_lab("tests-half")
    real, count = Lab._start, iter(range(9))

    async def stumbling(self: Lab, *words: Any) -> None:
        if next(count) == started:
            assert leftovers(mine.layout.id), "the network was made"
            raise cause("in the middle")
        await real(self, *words)

    monkeypatch.setattr(Lab, "_start", stumbling)
    with pytest.raises(cause, match="in the middle"):
        asyncio.run(mine.up())
    assert leftovers(mine.layout.id) == []
    assert mine.running() is None


_KILLED = """
import asyncio, os, sys
from meshbench.testbed.lab.lab import Lab
from tests.lab import support
real = Lab._start
async def start(self, host, *words):
    if host.index == 2:
        os.kill(os.getpid(), 9)
    await real(self, host, *words)
Lab._start = start
asyncio.run(support.lab_named("tests-half", ("one", "two"), None).up())
"""


@pytest.mark.parametrize("then", ["up", "down"])
def test_a_controller_killed_in_the_middle(make_lab: MakeLab, then: str) -> None:
    mine = make_lab("tests-half")
    search = os.pathsep.join([str(support.CHECKOUT / "scripts"), str(support.CHECKOUT)])
    killed = subprocess.run(
        [support.PYTHON, "-c", _KILLED],
        env={**os.environ, "PYTHONPATH": search},
        check=False,
        cwd=support.CHECKOUT,
    )
    assert killed.returncode == -9

    async def boots_on() -> bool:
        return bool(support.processes(mine.layout.id))

    asyncio.run(support.eventually(boots_on, "the first host boots on without its controller"))
    assert mine.running() is None
    if then == "up":
        asyncio.run(mine.up())
        assert len(on_hosts(mine, machine_ids)) == 2
    asyncio.run(mine.down())
    assert leftovers(mine.layout.id) == []


# --- what a lab is made of ---------------------------------------------------------------------


def test_image_is_named_by_its_content() -> None:
    plain = image.define(Image(), ["tinc", "nebula"])
    assert plain == image.define(Image(), ["nebula", "tinc", "nebula"])
    others = [
        image.define(Image(), ["tinc"]),
        image.define(Image(packages=("hello",)), ["tinc", "nebula"]),
        image.define(Image(suite="forky"), ["tinc", "nebula"]),
        image.define(Image(mirror="http://mirror.example/debian"), ["tinc", "nebula"]),
        image.define(Image(newer={}), ["tinc", "nebula"]),
        image.define(Image(newer={"forky": ("tinc",)}), ["tinc", "nebula"]),
    ]
    paths = {image.path(definition) for definition in (plain, *others)}
    assert len(paths) == 1 + len(others)
    assert not any(image.path(definition).exists() for definition in others), (
        "none of them was built"
    )


def test_what_the_suite_has_too_old_comes_from_a_newer_one() -> None:
    assert image.define(Image(), []).newer == {"sid": ("iperf3", "libiperf0")}
    assert image.define(Image(suite="forky"), []).newer == {}
    assert image.define(Image(newer={}), []).newer == {}


def test_the_lab_has_what_the_campaigns_benchmarks_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the job itself and of all others in the run; of no others."""
    bare = {*needs.debian_packages([])}
    assert "irtt" in bare, "the calibration's"
    with_tcp = {*needs.debian_packages(["tcp"])}
    assert with_tcp - bare <= {*benchmarks.load("tcp").packages}
    monkeypatch.setenv(needs.CAMPAIGN, "tcp ping")
    assert {*needs.debian_packages([])} >= with_tcp
    with_all = {*needs.debian_packages(benchmarks.names())}
    assert with_all >= {p for name in benchmarks.names() for p in benchmarks.load(name).packages}


def test_a_lab_that_has_more_packages_will_do(make_lab: MakeLab) -> None:
    mine = make_lab("tests-more")
    asyncio.run(mine.up())
    fewer = tuple(name for name in mine.definition.packages if name != "tcpdump")
    less = replace(mine, definition=replace(mine.definition, packages=fewer))
    assert less.running() == mine.running() is not None
    assert less.image() == mine.definition.digest
    more = replace(mine, definition=replace(mine.definition, packages=(*fewer, "tcpdump", "hello")))
    assert more.running() is None
    other = replace(mine, definition=replace(mine.definition, newer={}))
    assert other.running() is None


def test_a_changed_definition_makes_a_new_lab(make_lab: MakeLab) -> None:
    mine = make_lab("tests-changed", ("one", "two", "three"))
    asyncio.run(mine.up())
    before = set(on_hosts(mine, machine_ids))
    rated = replace(mine, rate_bps=100_000_000)
    assert rated.running() is None
    asyncio.run(rated.up())
    between = set(on_hosts(rated, machine_ids))
    assert not before & between
    fewer = replace(rated, layout=Layout("tests-changed", support.OWNER, ("one", "two")))
    assert fewer.layout.id == mine.layout.id
    asyncio.run(fewer.up())
    after = on_hosts(fewer, machine_ids)
    assert len(after) == 2
    assert not between & set(after)
    assert not [line for line in leftovers(mine.layout.id) if "three" in line]
    links = [link["ifname"] for link in json.loads(support.run("ip", "-j", "link"))]
    assert mine.layout.hosts[2].control_port not in links


def test_reboot(make_lab: MakeLab) -> None:
    mine = make_lab("tests-reboot", rate_bps=100_000_000)
    before = asyncio.run(mine.up())

    async def reboot(hosts: list[SshHost]) -> None:
        source, target = hosts
        await target.run(["touch", "/run/before", "/var/lib/kept"])
        addresses = await said(target, "ip", "-br", "address", "show", "data0")
        with contextlib.suppress(TestbedError):
            await target.run(["systemctl", "reboot"], check=False)

        async def back() -> bool:
            return await support.rebooted(target)

        await eventually(back, "the host is back")
        assert mine.running() == before
        again = SshHost(target.address)
        try:
            assert await ends(again, "test", "-e", "/var/lib/kept") == 0
            now = await said(again, "ip", "-br", "address", "show", "data0")
            assert now.split()[2:] == addresses.split()[2:]
            assert "rate 100Mbit" in await said(again, "tc", "qdisc", "show", "dev", "data0")
            assert await pings(again, source.address.data_address)
            assert await pings(source, target.address.data_address)
            assert not await pings(source, target.address.control)
        finally:
            await again.close()

    on_hosts(mine, reboot)


async def reorderings(host: Host) -> int:
    text = await said(host, "nstat", "-az", "--json", "TcpExtTCPSACKReorder", "TcpExtTCPTSReorder")
    return sum(json.loads(text)["kernel"].values())


def test_data_rate(make_lab: MakeLab) -> None:
    rate = 200_000_000
    mine = make_lab("tests-rate", rate_bps=rate)
    asyncio.run(mine.up())

    async def flow(hosts: list[SshHost]) -> tuple[float, int]:
        source, target = hosts
        await target.run(["iperf3", "-s", "-D"])
        client = ["iperf3", "-c", target.address.data_address, "-t", "3", "-O", "1", "--json"]
        run: dict[str, Any] = json.loads(await said(source, *client))
        return run["end"]["sum_received"]["bits_per_second"], await reorderings(source)

    goodput, reordered = on_hosts(mine, flow)
    # 1448 of each 1514 bytes are payload.
    assert 0.75 * rate < goodput < 0.97 * rate
    assert reordered <= 3


# --- the command line --------------------------------------------------------------------------


def test_command_line(make_lab: MakeLab) -> None:
    owner = f"{support.OWNER}: command line"
    mine = Layout("lab", owner, support.TESTBED.hosts)

    def lab_command(*words: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [support.PYTHON, "-m", "meshbench", "lab", *words],
            cwd=support.CHECKOUT,
            env={
                **os.environ,
                "MESHBENCH_LAB_OWNER": owner,
                "PYTHONPATH": str(support.CHECKOUT / "scripts"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    del make_lab
    try:
        assert lab_command("down")[0] == 0
        assert lab_command("status") == (0, f"lab {mine.id} is down\n", "")
        code, table, _ = lab_command("up")
        assert code == 0
        rows = [line.split("\t") for line in table.splitlines()]
        assert [row[0] for row in rows] == ["lom", "yuki", "luna"]
        assert [row[2] for row in rows] == ["198.19.0.1", "198.19.0.2", "198.19.0.3"]
        assert lab_command("status")[:2] == (0, table)
        assert lab_command("shell", "yuki", "cat", "/etc/hostname")[:2] == (0, "yuki\n")
        assert lab_command("shell", "yuki", "exit", "7")[0] == 7
        words = ("sh", "-c", 'printf "<%s>" "$@"', "sh", "a > /run/redirected", "$HOME", "b  c")
        assert lab_command("shell", "yuki", *words)[:2] == (0, "<a > /run/redirected><$HOME><b  c>")
        assert lab_command("shell", "yuki", "test", "-e", "/run/redirected")[0] == 1
        code, _, error = lab_command("shell", "nobody")
        assert code == 1
        assert "no host 'nobody' in the lab; it has lom, yuki, luna" in error
    finally:
        assert lab_command("down")[0] == 0
    assert lab_command("status")[:2] == (0, f"lab {mine.id} is down\n")
    assert lab_command("shell", "lom", "true")[0] == 1
    assert leftovers(mine.id) == []
