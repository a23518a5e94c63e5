"""Hosts over SSH: what is run is what was asked for, secrets stay secret, one user at a time."""

import asyncio
import logging
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from meshbench.config.models import Tuning
from meshbench.config.testbeds import SshHost as HostEntry
from meshbench.config.testbeds import SshTestbed
from meshbench.faults.reboot import reboot
from meshbench.impairment.host_netem import host_refuses
from meshbench.results.records import Status
from meshbench.runner import measure
from meshbench.testbed import tuning
from meshbench.testbed.host import SLICE, CommandError, File, Unit
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lease import lease
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError
from meshbench.vpns.common import lifecycle
from tests.lab import support
from tests.lab.support import ends, eventually, on_hosts, said

AWKWARD = [
    "two words", "it's", 'a "quoted" word', "a;b", "$(touch /tmp/expanded)", "`id`", "$HOME", "*",
    "line\nbreak", "tab\there", "back\\slash", "", "-n", "--", "&& false", "ünï→", "~", "#", "!x", "%s",
]  # fmt: skip


def test_arguments_arrive_verbatim(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        done = await hosts[0].run(["printf", r"<%s>\0", *AWKWARD])
        assert done.stdout == "".join(f"<{word}>\0" for word in AWKWARD)
        assert done.argv == ["printf", r"<%s>\0", *AWKWARD]
        assert await ends(hosts[0], "test", "-e", "/tmp/expanded") == 1

    on_hosts(lab, ask)


def test_standard_input_and_both_outputs(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        script = b"cat; echo bad >&2; exit 3\n"
        text = "one\n\ntwo 'three' $x\n"
        done = await hosts[0].run(["sh", "-c", script.decode()], stdin=text.encode(), check=False)
        assert (done.stdout, done.stderr, done.returncode) == (text, "bad\n", 3)
        assert (await hosts[0].run(["cat"])).stdout == ""
        assert (await hosts[0].run(["sh", "-s", "x"], stdin=b'echo "$1"')).stdout == "x\n"

    on_hosts(lab, ask)


def test_an_error_names_host_and_command(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        command = ["sh", "-c", "echo no such luck >&2; exit 5"]
        with pytest.raises(CommandError, match="^yuki: sh -c .* ended with 5: no such luck$"):
            await hosts[1].run(command)
        with pytest.raises(CommandError, match="^yuki: sleep 60 ran into its time limit"):
            await hosts[1].run(["sleep", "60"], limit_s=0.2)
        with pytest.raises(CommandError, match="^yuki: no-such-program ended with 127: "):
            await hosts[1].run(["no-such-program"])

    on_hosts(lab, ask)


@pytest.mark.parametrize("manner", ["willing", "unwilling", "with a child"])
def test_a_time_limit_ends_the_program_on_the_host(lab: Lab, manner: str) -> None:
    commands = {
        "willing": ["sleep", "4711"],
        "unwilling": ["sh", "-c", "trap '' TERM; while :; do sleep 4711; done"],
        "with a child": ["sh", "-c", "sleep 4711 & wait"],
    }

    async def ask(hosts: list[SshHost]) -> None:
        done = await hosts[0].run(commands[manner], limit_s=0.5, check=False)
        assert done.returncode is None

        async def gone() -> bool:
            listed = await said(hosts[0], "ps", "-eo", "args=")
            return not any("4711" in line for line in listed.splitlines())

        await eventually(gone, "the program is gone")

    on_hosts(lab, ask)


def test_a_killed_program_did_not_run_into_its_limit(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        for script, code in (("kill -9 $$", -9), ("exit 124", 124), ("exit 137", 137)):
            assert await ends(hosts[0], "sh", "-c", script) == code

    on_hosts(lab, ask)


def test_a_broken_connection_is_our_trouble_and_no_time_limit(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        host, other = hosts[0], SshHost(hosts[0].address)
        script = "echo $PPID >/run/timeout; exec sleep 4713"
        running = asyncio.create_task(host.run(["sh", "-c", script], check=False))

        async def started() -> bool:
            return await ends(other, "test", "-s", "/run/timeout") == 0

        try:
            await eventually(started, "the program runs")
            # The parent of timeout(1) serves this one connection.
            timeout = await said(other, "cat", "/run/timeout")
            await other.run(["kill", "-9", await said(other, "ps", "-o", "ppid=", timeout)])
            with pytest.raises(TestbedError, match="^lom: SSH broke during sh -c"):
                await running
            assert await said(host, "hostname") == "lom", "the next command connects again"
            await other.run(["pkill", "-x", "-f", "sleep 4713"])
            await other.run(["rm", "/run/timeout"])
        finally:
            await other.close()

    on_hosts(lab, ask)


def test_secrets_are_in_no_process_list(lab: Lab, caplog: pytest.LogCaptureFixture) -> None:
    secret = 'pass\'word $(with) "signs" 8fe0c1'
    caplog.set_level(logging.DEBUG)

    async def ask(hosts: list[SshHost]) -> None:
        host = hosts[0]
        script = 'touch /run/started; sleep 2; printf "%s|%s" "$FIRST" "$SECOND"; cat'
        running = asyncio.create_task(
            host.run(["sh", "-c", script], secrets={"FIRST": secret, "SECOND": "other 77aa"})
        )

        async def started() -> bool:
            return await ends(host, "test", "-e", "/run/started") == 0

        await eventually(started, "the program runs")
        listed = ""
        while not running.done():
            listed += await said(host, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert script in listed, "the program was seen"
        assert "8fe0c1" not in listed
        assert "77aa" not in listed
        done = await running
        assert done.stdout == f"{secret}|other 77aa"
        assert "8fe0c1" not in " ".join(done.argv)

    on_hosts(lab, ask)
    assert "8fe0c1" not in caplog.text


def test_upload(lab: Lab) -> None:
    folder = PurePosixPath("/var/lib/meshbench-test/deep er/folder")

    async def ask(hosts: list[SshHost]) -> None:
        host = hosts[0]

        async def stat(file: File) -> list[str]:
            return (await said(host, "stat", "-c", "%a %U:%G %i %Y %s", str(file.path))).split()

        files = [
            File(folder / "open", b"text\n"),
            File(folder / "secret", bytes(range(256)) * 300, 0o600),
            File(folder / "it's a program", b"#!/bin/sh\n", 0o755),
        ]
        await host.upload(files)
        before = [await stat(file) for file in files]
        assert [fields[:2] for fields in before] == [[f"{f.mode:o}", "root:root"] for f in files]
        for file in files:
            assert (await said(host, "sha256sum", str(file.path))).split()[0].lstrip(
                "\\"
            ) == file.digest
        await host.upload(files)
        assert [await stat(file) for file in files] == before, "equal files are left alone"
        changed = [
            files[0],
            File(files[1].path, b"new", 0o600),
            File(files[2].path, files[2].content, 0o700),
        ]
        await host.upload(changed)
        after = [await stat(file) for file in changed]
        assert after[0] == before[0]
        assert after[1][2:] != before[1][2:]
        assert after[1][0] == "600"
        assert (after[2][0], after[2][2]) == ("700", before[2][2]), "only its mode changes"
        assert (await said(host, "ls", "-A", str(folder))).splitlines() == [
            "it's a program",
            "open",
            "secret",
        ]
        await host.upload([])
        await host.run(["rm", "-rf", "/var/lib/meshbench-test"])

    on_hosts(lab, ask)


def test_upload_that_cannot_be_written(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        with pytest.raises(TestbedError, match="^lom: cannot write /proc/nowhere/file: "):
            await hosts[0].upload([File(PurePosixPath("/proc/nowhere/file"), b"")])

    on_hosts(lab, ask)


def test_units(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        host = hosts[0]
        name = "meshbench-test"
        words = ["two words", "$(id)", "100%", "it's"]
        script = 'printf "%s|" "$@"; echo; exec sleep 4712'
        unit = Unit(name, ["sh", "-c", script, "sh", *words], {"RuntimeMaxSec": "60"})
        await host.start(unit)
        shown = await said(host, "systemctl", "show", "-P", "Slice", "-P", "ActiveState", name)
        assert set(shown.split()) == {SLICE, "active"}
        first = await said(host, "systemctl", "show", "-P", "MainPID", name)
        await host.start(unit)
        assert await said(host, "systemctl", "show", "-P", "MainPID", name) != first

        async def logged() -> bool:
            return "|".join(words) in await host.logs(name)

        await eventually(logged, "the journal has its arguments, verbatim")
        await host.stop(name, "meshbench-nobody-knows")
        assert await ends(host, "systemctl", "is-active", "--quiet", name) != 0
        assert "4712" not in await said(host, "ps", "-eo", "args=")

    on_hosts(lab, ask)


# --- the lease ---------------------------------------------------------------------------------


def test_a_second_holder_is_told_who_has_it(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        other = SshHost(hosts[0].address)
        try:
            async with lease(hosts[0], "the first one's purpose"):
                with pytest.raises(
                    TestbedError, match="in use by .*the first one's purpose"
                ) as error:
                    async with lease(other, "the second", wait_s=1):
                        pytest.fail("both hold it")
                assert f'"pid": {os.getpid()}' in str(error.value)
            async with lease(other, "the second", wait_s=5):
                pass
        finally:
            await other.close()

    on_hosts(lab, ask)


def test_a_second_holder_waits_its_turn(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        order: list[str] = []
        other = SshHost(hosts[0].address)

        async def second() -> None:
            async with lease(other, "second", wait_s=30):
                order.append("second")

        try:
            async with lease(hosts[0], "first"):
                waiting = asyncio.create_task(second())
                await asyncio.sleep(1)
                order.append("first")
            await waiting
        finally:
            await other.close()
        assert order == ["first", "second"]

    on_hosts(lab, ask)


def test_a_lost_lease_ends_the_work(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        async with lease(hosts[0], "to be lost"):
            await hosts[0].run(["sh", "-c", "echo somebody else >/run/meshbench/lease.owner"])
            (await hosts[0].connect()).abort()
            await asyncio.sleep(support.PATIENCE_S)
            pytest.fail("the work went on")

    with pytest.raises(TestbedError, match="^lom: the lease was lost on the way$"):
        on_hosts(lab, ask)


def test_a_lease_is_taken_again_where_nobody_had_it_meanwhile(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        other = SshHost(hosts[0].address)
        try:
            async with lease(hosts[0], "the first one's purpose"):
                (await hosts[0].connect()).abort()

                async def held_again() -> bool:
                    return await ends(other, "flock", "-n", "/run/meshbench/lease", "true") == 1

                await asyncio.sleep(1)
                await eventually(held_again, "the lease is held again")
                with pytest.raises(TestbedError, match="in use by .*the first one's purpose"):
                    async with lease(other, "the second", wait_s=0):
                        pytest.fail("both hold it")
        finally:
            await other.close()

    on_hosts(lab, ask)


def test_a_reboot_of_the_first_host_does_not_lose_the_lease(lab: Lab) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        other = SshHost(hosts[0].address)

        async def held() -> bool:
            return await ends(other, "flock", "-n", "/run/meshbench/lease", "true") == 1

        try:
            async with lease(hosts[0], "the first one's purpose"):
                await reboot(hosts[0])
                await eventually(held, "the lease is held again")
        finally:
            await other.close()

    on_hosts(lab, ask)


_HOLDER = """
import asyncio, sys
from tests.lab import support
from meshbench.testbed.lease import lease
async def main():
    lab = support.lab_named(support.NAME, support.TESTBED.hosts, support.TESTBED.data_rate_bps)
    async with support.connected(lab) as hosts, lease(hosts[0], "to be killed"):
        print("held", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
def holder(lab: Lab) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lease."""
    assert lab.running()
    search = os.pathsep.join([str(support.CHECKOUT / "scripts"), str(support.CHECKOUT)])
    with subprocess.Popen(
        [support.PYTHON, "-c", _HOLDER],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": search},
        cwd=support.CHECKOUT,
    ) as process:
        try:
            assert process.stdout
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


def test_the_lease_ends_with_its_holder(lab: Lab, holder: subprocess.Popen[str]) -> None:
    async def ask(hosts: list[SshHost]) -> None:
        with pytest.raises(TestbedError, match=f'"pid": {holder.pid}, "purpose": "to be killed"'):
            async with lease(hosts[0], "too early", wait_s=0):
                pytest.fail("both hold it")
        holder.kill()
        async with lease(hosts[0], "after its death", wait_s=support.PATIENCE_S):
            pass

    on_hosts(lab, ask)


# --- hosts of the user's own -------------------------------------------------------------------


def as_own_hosts(lab: Lab) -> SshTestbed:
    """A testbed of kind ssh that lists the lab's hosts."""
    addresses = lab.running()
    assert addresses is not None
    return SshTestbed(
        kind="ssh",
        hosts=tuple(
            HostEntry(
                name=address.name,
                address=address.control,
                key_file=address.key_file,
                known_hosts_file=address.known_hosts_file,
                data_interface=address.data_interface,
                data_address=address.data_address,
            )
            for address in addresses
        ),
    )


@pytest.mark.parametrize("vpn", ["internal", "wireguard"])
def test_own_hosts_are_measured(lab: Lab, store: Path, vpn: str) -> None:
    at = support.where(as_own_hosts(lab), testbed="own")
    record = support.measured(support.job(vpn, at=at), store)
    assert support.reasons(record) == {}
    assert len(record.links) == 3
    assert (record.testbed.name, record.testbed.kind) == ("own", "ssh")
    assert record.testbed.shared_cpu is False
    assert record.vpn.version


SPARED = ("which", "find", "sysctl")
"""What Debian's image has, and what nobody tells users that their hosts need."""


def _move(old: str, new: str) -> str:
    paths = [f"/usr/{folder}/{program}" for folder in ("bin", "sbin") for program in SPARED]
    return "; ".join(f"[ ! -e {path}{old} ] || mv {path}{old} {path}{new}" for path in paths)


@pytest.fixture
def minimal_hosts(lab: Lab) -> Iterator[Lab]:
    """The lab's hosts without the programs that minimal ones lack."""

    async def away(hosts: list[SshHost]) -> None:
        await asyncio.gather(*(host.run(["sh", "-c", _move("", ".away")]) for host in hosts))
        for program in SPARED:
            assert await ends(hosts[0], program) == 127

    async def back(hosts: list[SshHost]) -> None:
        await asyncio.gather(*(host.run(["sh", "-c", _move(".away", "")]) for host in hosts))

    on_hosts(lab, away)
    yield lab
    on_hosts(lab, back)


@pytest.mark.parametrize("vpn", ["wireguard", "tinc"])
def test_minimal_hosts_are_measured(minimal_hosts: Lab, store: Path, vpn: str) -> None:
    at = support.where(as_own_hosts(minimal_hosts), testbed="own")
    tuned = Tuning(sysctls={"net.ipv4.tcp_reordering": 7})
    job = support.job(vpn, at=at, round_=3).model_copy(update={"tuning": tuned})
    record = support.measured(job, store)
    assert support.reasons(record) == {}
    assert record.tuning["lom"] == {"net.ipv4.tcp_reordering": "7"}
    assert record.testbed.after["lom"]["sysctls"]["net.ipv4.tcp_reordering"] == "7"
    assert [link.status for link in record.links] == [Status.OK] * 3

    async def purge(hosts: list[SshHost]) -> None:
        await lifecycle.purge(hosts, vpn)
        await tuning.apply(Tuning(), hosts)
        assert not await said(
            hosts[0], "sh", "-c", f"ls /etc/systemd/system/meshbench-vpn-{vpn}*; true"
        )

    on_hosts(minimal_hosts, purge)


def no_netem(lab: Lab) -> bool:
    async def ask(hosts: list[SshHost]) -> bool:
        return bool(await host_refuses(hosts[0], "egress"))

    return on_hosts(lab, ask)


def test_own_hosts_without_netem_cannot_be_impaired(lab: Lab, store: Path) -> None:
    if not no_netem(lab):
        pytest.skip("this kernel has sch_netem")
    at = support.where(as_own_hosts(lab), testbed="own")
    with pytest.raises(
        TestbedError,
        match="(?sm)^lom: its kernel cannot impair .*^yuki: .*^luna: .*; only profiles",
    ):
        support.measured(support.job(at=at, profile_name="medium"), store)
    # The refusal leaves the testbed as it was, lease included.
    assert support.reasons(support.measured(support.job(at=at, round_=2), store)) == {}


def test_an_unreachable_host_is_named(lab: Lab, store: Path) -> None:
    own = as_own_hosts(lab)
    hosts = list(own.hosts)
    hosts[2] = hosts[2].model_copy(update={"port": 1})
    at = support.where(own.model_copy(update={"hosts": tuple(hosts)}), testbed="own")
    with pytest.raises(TestbedError, match="^luna: no SSH to root@"):
        support.measured(support.job(at=at), store)


def test_a_cell_waits_for_the_lease(lab: Lab, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two measurements of the same testbed follow each other."""
    spans: list[tuple[float, float]] = []
    real = measure._measure

    async def noted(*words: object) -> object:
        started = time.monotonic()
        done = await real(*words)  # type: ignore[arg-type]
        spans.append((started, time.monotonic()))
        return done

    monkeypatch.setattr(measure, "_measure", noted)

    async def both() -> None:
        jobs = [support.job(round_=number, count=5) for number in (1, 2)]
        await asyncio.gather(*(measure.measure(job, store) for job in jobs))

    assert lab.running()
    asyncio.run(both())
    (_, first_end), (second_start, _) = sorted(spans)
    assert second_start >= first_end
