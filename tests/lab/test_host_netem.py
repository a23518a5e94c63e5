"""Impairment of the user's own hosts, with the real tc in network namespaces of the test's own.

Where this kernel has no sch_netem, a shaper that lets nothing pass stands in for it: what is tried
here is whose qdiscs and filters are made, kept and taken away, and which packets are spared.
"""

import asyncio
import contextlib
import os
import shlex
import socket
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import pytest

from meshbench.config.profile import Profile
from meshbench.impairment.engine import Plan
from meshbench.impairment.host_netem import CLSACT_MADE, IFB, ROOT, SCRIPT, HostNetem, host_refuses
from meshbench.results.records import Command, now
from meshbench.testbed.host import Address, CommandError, File, Unit
from meshbench.util.errors import TestbedError

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

NOTHING_PASSES = ["tbf", "rate", "8bit", "burst", "20b", "latency", "1ms"]
HOST, PEER = ("192.0.2.1", "2001:db8::1"), ("192.0.2.2", "2001:db8::2")
SSH_PORT, OTHER_PORT = 2222, 5201
PLAN = Plan(Profile(loss_percent=100), "ingress", 1000, {"own": 1})


class NamespaceHost:
    """A host made of a network namespace and a /run of its own; systemd is only told, not there."""

    def __init__(self, pid: int) -> None:
        self.address = Address(
            "own", "own", SSH_PORT, "root", Path("k"), Path("h"), "data0", HOST[0]
        )
        self.timers: list[str] = []
        self.enter = ["nsenter", "-t", str(pid), "-n", "-m", "--"]

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
        del secrets
        if argv[0] == "systemd-run":
            self.timers.append(shlex.join(argv))
            argv = ["true"]
        words = list(argv)
        if words[:3] == ["tc", "qdisc", "add"] and "netem" in words and words[-1] != "help":
            words = [*words[: words.index("netem")], *NOTHING_PASSES]
        done = await asyncio.to_thread(
            subprocess.run, [*self.enter, *words], input=stdin, capture_output=True, check=False,
            timeout=limit_s,
        )  # fmt: skip
        command = Command(
            host="own", argv=words, started=now(), duration_s=0, returncode=done.returncode,
            stdout=done.stdout.decode(), stderr=done.stderr.decode(),
        )  # fmt: skip
        if check and done.returncode:
            raise CommandError(command)
        return command

    async def upload(self, files: Sequence[File]) -> None:
        for file in files:
            await self.run(["mkdir", "-p", str(file.path.parent)])
            await self.run(["tee", str(file.path)], stdin=file.content)

    async def start(self, unit: Unit) -> None:
        raise NotImplementedError

    async def stop(self, *names: str) -> None:
        stopped = {name.partition(".")[0] for name in names}
        self.timers = [line for line in self.timers if not any(unit in line for unit in stopped)]

    async def logs(self, unit: str, lines: int = 30) -> str:
        raise NotImplementedError

    def does(self, *lines: str) -> str:
        """Run shell lines that have to succeed; what they printed."""
        argv = [*self.enter, "sh", "-ec", "\n".join(lines)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def state(self) -> str:
        """Every qdisc, filter and device, without counters."""
        return self.does(
            "tc qdisc show", "tc filter show dev data0 ingress", "tc filter show dev data0 egress",
            "ip -br link", "ethtool -k data0 | grep receive-offload", "find /run -type f",
        )  # fmt: skip


@contextlib.contextmanager
def _namespace() -> Iterator[int]:
    """A process that holds a network namespace and an empty /run."""
    script = "mount -t sysfs none /sys && mount -t tmpfs none /run && echo ready && exec sleep 600"
    with subprocess.Popen(
        ["unshare", "--net", "--mount", "sh", "-c", script], stdout=subprocess.PIPE
    ) as holder:
        try:
            assert holder.stdout
            assert holder.stdout.readline() == b"ready\n"
            yield holder.pid
        finally:
            holder.kill()


@pytest.fixture
def peer() -> Iterator[NamespaceHost]:
    with _namespace() as pid:
        yield NamespaceHost(pid)


@pytest.fixture
def own(peer: NamespaceHost) -> Iterator[NamespaceHost]:
    """A host whose data0 leads to a peer; neighbours are fixed, as nothing may pass but TCP."""
    with _namespace() as pid:
        host = NamespaceHost(pid)
        host.does(f"ip link add data0 type veth peer name data0 netns {peer.enter[2]}")
        macs = [end.does("cat /sys/class/net/data0/address").strip() for end in (host, peer)]
        for end, mine, theirs, mac in (
            (host, HOST, PEER, macs[1]), (peer, PEER, HOST, macs[0]),
        ):  # fmt: skip
            end.does(
                "ip link set lo up", f"ip address add {mine[0]}/24 dev data0",
                f"ip address add {mine[1]}/64 dev data0 nodad", "ip link set data0 up",
                *(f"ip neighbour add {ip} lladdr {mac} dev data0" for ip in theirs),
            )  # fmt: skip
        yield host


def test_impaired_and_cleared_a_host_is_as_it_was(own: NamespaceHost) -> None:
    own.does("ethtool -K data0 gro on")
    before = own.state()

    async def work() -> None:
        engine = HostNetem([own])
        for _ in range(2):
            await engine.apply(PLAN, 600)
            during = own.state()
            assert f"qdisc tbf {ROOT} dev {IFB} root" in during
            assert "generic-receive-offload: off" in during
            assert len(own.timers) == 1
        await engine.clear()

    asyncio.run(work())
    assert own.state() == before


BPF = "tc filter add dev data0 ingress pref 7 protocol ip bpf da bytecode '1,6 0 0 4294967295'"
FOREIGN = {
    "clsact": ["tc qdisc add dev data0 clsact"],
    "a BPF program": ["tc qdisc add dev data0 clsact", BPF],
    "ingress": ["tc qdisc add dev data0 ingress"],
    "a shaper": ["tc qdisc add dev data0 root tbf rate 1gbit burst 128kb latency 20ms"],
    "classes": [
        "tc qdisc add dev data0 root handle 1: htb default 1",
        "tc class add dev data0 parent 1: classid 1:1 htb rate 1gbit",
    ],
    "both": ["tc qdisc add dev data0 root pfifo limit 77", "tc qdisc add dev data0 clsact", BPF],
    "a device of our name": [f"ip link add {IFB} type ifb"],
}


@pytest.mark.parametrize("name", FOREIGN)
@pytest.mark.parametrize("placement", ["ingress", "egress"])
def test_what_others_made_is_refused_and_left_alone(
    own: NamespaceHost, name: str, placement: str
) -> None:
    own.does(*FOREIGN[name])
    before = own.state()

    async def work() -> None:
        engine = HostNetem([own])
        plan = Plan(PLAN.profile, placement, 1000, {"own": 1})
        with pytest.raises(TestbedError, match="^own: .*which meshbench did not make"):
            await engine.apply(plan, 600)
        await engine.clear()

    asyncio.run(work())
    assert own.state() == before
    assert own.timers == []


def test_nothing_is_made_on_any_host_when_one_is_refused(
    own: NamespaceHost, peer: NamespaceHost
) -> None:
    own.does(*FOREIGN["a shaper"])
    before = [host.state() for host in (own, peer)]
    with pytest.raises(TestbedError, match="^own: data0 has tbf"):
        asyncio.run(HostNetem([peer, own]).apply(PLAN, 600))
    assert [host.state() for host in (own, peer)] == before


async def _by_engine(own: NamespaceHost) -> None:
    await HostNetem([own]).clear()


async def _by_timer(own: NamespaceHost) -> None:
    [line] = own.timers
    assert line.endswith(f"sh {SCRIPT}")
    await own.run(["sh", str(SCRIPT)])


@pytest.mark.parametrize("clear", [_by_engine, _by_timer])
def test_what_others_add_while_a_host_is_impaired_stays(
    own: NamespaceHost, clear: Callable[[NamespaceHost], Awaitable[None]]
) -> None:
    async def work() -> None:
        await HostNetem([own]).apply(PLAN, 600)
        own.does(BPF, "tc qdisc add dev data0 root pfifo limit 77")
        await clear(own)

    asyncio.run(work())
    after = own.state()
    assert "bytecode" in after
    assert "limit 77p" in after
    assert "mirred" not in after
    assert IFB not in after
    assert after.count("pref") == BPF.count("pref") + 1, "the filter and its head"
    with pytest.raises(TestbedError, match="own: data0 has pfifo .*, clsact ffff:"):
        asyncio.run(HostNetem([own]).apply(PLAN, 600))


def test_what_was_made_by_half_is_taken_away(own: NamespaceHost) -> None:
    """A command of ours fails in the middle: what came before it is known to be ours."""
    before = own.state()
    engine = HostNetem([own])

    async def work() -> None:
        own.address = Address(**{**vars(own.address), "port": 77777})
        with pytest.raises(TestbedError, match="own: tc filter add"):
            await engine.apply(PLAN, 600)
        assert "clsact" in own.state()
        await engine.clear()

    asyncio.run(work())
    assert own.state() == before


_SERVE = """
import socket, sys
listening = [socket.create_server(("::", int(p)), family=socket.AF_INET6, dualstack_ipv6=True)
             for p in sys.argv[1:]]
print("ready", flush=True)
sys.stdin.read()
"""


def _connects(client: NamespaceHost, address: str, port: int) -> bool:
    probe = f"import socket; socket.create_connection(({address!r}, {port}), 1.5)"
    argv = [*client.enter, "python3", "-c", probe]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_ssh_is_spared_over_both_families(
    own: NamespaceHost, peer: NamespaceHost, family: socket.AddressFamily
) -> None:
    """Also the port that sshd itself has behind a forwarding, which the host alone knows."""
    index = [socket.AF_INET, socket.AF_INET6].index(family)
    forwarded = 22
    asked = own.run

    async def run(argv: Sequence[str], **options: object) -> Command:
        words = ["echo", f"192.0.2.9 5 192.0.2.1 {forwarded}"] if "$SSH_C" in argv[-1] else argv
        return await asked(words, **options)  # type: ignore[arg-type]

    own.run = run  # type: ignore[method-assign]
    ports = [SSH_PORT, forwarded, OTHER_PORT]
    with subprocess.Popen(
        [*own.enter, "python3", "-c", _SERVE, *map(str, ports)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as server:  # fmt: skip
        try:
            assert server.stdout
            assert server.stdout.readline() == b"ready\n"
            assert [_connects(peer, HOST[index], port) for port in ports] == [True, True, True]
            asyncio.run(HostNetem([own]).apply(PLAN, 600))
            assert [_connects(peer, HOST[index], port) for port in ports] == [True, True, False]
        finally:
            server.kill()


@pytest.mark.parametrize("placement", ["ingress", "egress"])
def test_a_trial_says_what_a_host_lacks_and_leaves_nothing(
    own: NamespaceHost, placement: str
) -> None:
    has_netem = [*own.enter, "unshare", "-n", "tc", "qdisc", "add", "dev", "lo", "root", "netem"]
    able = subprocess.run(has_netem, capture_output=True, check=False).returncode == 0
    before = own.state()
    refusal = asyncio.run(host_refuses(own, placement))
    assert bool(refusal) is not able
    assert able or "tc qdisc add dev lo root netem limit 1000 delay 1ms loss 1%: " in refusal
    assert own.state() == before


def test_ours_are_known_by_files_that_a_boot_takes_away() -> None:
    for path in (SCRIPT, CLSACT_MADE):
        assert path.is_relative_to(PurePosixPath("/run"))
