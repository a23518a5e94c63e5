"""A restart is timed as the wire has it, and nothing stays broken."""

import contextlib
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from subprocess import PIPE, Popen

from meshbench import benchmarks
from meshbench.benchmarks.tools import probe, recovery
from meshbench.faults import partition, readdress
from meshbench.runner.session import Session
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.ssh import SshHost
from meshbench.vpns.common.units import unit_name
from tests.lab import support
from tests.lab.meshes import with_bed
from tests.lab.support import on_hosts, said

AGREE_S = 0.06
LIMIT_S = 20.0
SPECIAL, WITNESS = "lom", "yuki"
# Every IP packet of every interface of the namespace, also of one that is made anew, with the kernel's stamp.
_CAPTURE = """
import socket, struct, sys
source = socket.inet_aton(sys.argv[1])
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
packets.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
print("ready", flush=True)
while True:
    data, control, _, _ = packets.recvmsg(2048, 256)
    if data[9:10] == b"\\x01" and data[12:16] == source and data[(data[0] & 15) * 4] == 0:
        seconds, nanoseconds = struct.unpack("qq", control[0][2][:16])
        print(f"{seconds}.{nanoseconds:09}", flush=True)
"""


@contextlib.contextmanager
def capturing(lab: Lab, host: str, source: str, into: Path) -> Iterator[None]:
    """Write down when echo replies from an address came to a host, seen from outside of it."""
    [where] = [layout.unique for layout in lab.layout.hosts if layout.name == host]
    argv = ["ip", "netns", "exec", where, sys.executable, "-c", _CAPTURE, source]
    with into.open("w") as sink, Popen(argv, stdout=PIPE, text=True) as capture:
        assert capture.stdout is not None
        assert capture.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            capture.terminate()
            sink.write(capture.stdout.read())


@contextlib.contextmanager
def starting_slowly(lab: Lab, unit: str) -> Iterator[None]:
    """A tinc whose peers know each other can be back before a second request is lost."""
    folder = f"/run/systemd/system/{unit}.d"
    slow = (
        f"mkdir -p {folder} && printf '[Service]\\nExecStartPre=sleep 1\\n' >{folder}/slow.conf && "
        "systemctl daemon-reload"
    )

    def everywhere(script: str) -> None:
        async def work(hosts: list[SshHost]) -> None:
            for host in hosts:
                await host.run(["sh", "-c", script])

        on_hosts(lab, work)

    everywhere(slow)
    try:
        yield
    finally:
        everywhere(f"rm -r {folder} && systemctl daemon-reload")


@support.timed
def test_a_restart_is_timed_as_a_capture_has_it(lab: Lab, store: Path, tmp_path: Path) -> None:
    """By a host that is not restarted, of the one that is; the capture knows nothing of the probe."""
    assert lab.running()
    job = support.job("tinc", "reconnect", faults=("restart",), watch_s=2.0, limit_s=LIMIT_S)
    into = tmp_path / "replies"
    slowly = starting_slowly(lab, unit_name("tinc"))
    with slowly, capturing(lab, WITNESS, "10.88.0.1", into):
        record = support.measured(job, store)
    assert record.vpn.reason is None
    benchmark = benchmarks.load("reconnect")(job.options)
    [event] = recovery.events(record.commands, {}, LIMIT_S)
    commands = [*record.commands, *(c for link in record.links for c in link.commands)]
    seen = recovery.recoveries([event], probe.traces(commands, {}))[WITNESS, SPECIAL]
    outage = seen[0].seen
    assert outage.first_after_s is not None
    assert outage.last_before_s is not None
    times = [float(line) for line in into.read_text().splitlines()]
    window = [at for at in times if event.start_s - 1 < at < event.until_s]
    before, after = max(pairwise(window), key=lambda two: two[1] - two[0])
    assert abs(outage.first_after_s - after) < AGREE_S
    assert abs(outage.last_before_s - before) < AGREE_S
    metrics = {observation.metric for observation in benchmark.parse(record)}
    assert {recovery.FIRST, recovery.DIRECT} <= metrics
    asked = [command for command in record.commands if command.role.startswith("paths/")]
    assert len(asked) > 1


def test_an_address_that_is_changed_comes_back_without_the_controller(lab: Lab) -> None:
    """The timer on the host does what the controller would have done."""

    async def work(bed: Session) -> None:
        lom, yuki, _ = bed.hosts
        own, interface = yuki.address.data_address, yuki.address.data_interface

        async def has(address: str) -> bool:
            return f" {address}/" in await said(yuki, "ip", "-o", "address", "show", interface)

        other = readdress.another(yuki, bed.hosts)
        assert other
        async with readdress.readdressed(yuki, bed.hosts, None, 60) as commands:
            assert commands[0].returncode == 0, commands[0].stderr
            assert await has(other)
            assert not await has(own)
            assert await support.pings(lom, other)
        assert await has(own)
        assert not await has(other)
        assert await support.pings(lom, own)
        assert readdress._TIMER not in await said(yuki, "systemctl", "list-timers", "--all")
        changed = await readdress._change(yuki, bed.hosts, None, 1 - readdress.LIFETIME_S)
        assert changed.returncode == 0, changed.stderr

        async def back() -> bool:
            return await has(own) and not await has(other)

        await support.eventually(back, "the host has its own address again")

    assert lab.running()
    with_bed(work)


def test_a_host_apart_is_apart_from_all(lab: Lab) -> None:
    async def work(bed: Session) -> None:
        lom, yuki, luna = bed.hosts
        async with partition.isolated(lom, [yuki, luna]):
            assert not await support.pings(lom, yuki.address.data_address)
            assert not await support.pings(luna, lom.address.data_address)
            assert await support.pings(yuki, luna.address.data_address)
        assert await support.pings(lom, yuki.address.data_address)

    assert lab.running()
    with_bed(work)
