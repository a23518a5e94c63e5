"""Errors of the testbed name the host and the command; secrets do not reach a command line."""

import asyncio
import logging
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import pytest

from meshbench.testbed import local
from meshbench.testbed.host import Address, CommandError, Unit
from meshbench.testbed.lab import image, machine
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError
from meshbench.vpns.common.units import Service, unit_file
from tests.unit import making

ADDRESS = Address(
    "yuki", "203.0.113.2", 2222, "ada", Path("key"), Path("hosts"), "eth1", "192.0.2.2"
)
DEFINITION = image.Definition("trixie", None, ("nebula",))


class Connection:
    """An SSH connection that answers as told."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.lines: list[str] = []
        self.inputs: list[bytes] = []

    def is_closed(self) -> bool:
        return False

    async def run(self, line: str, **more: Any) -> Any:
        self.lines.append(line)
        self.inputs.append(more["input"])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def said(code: int = 0, out: bytes = b"", error: bytes = b"") -> Any:
    return SimpleNamespace(returncode=code, stdout=out, stderr=error)


def host(answer: Any) -> tuple[SshHost, Connection]:
    ssh_host, connection = SshHost(ADDRESS), Connection(answer)
    ssh_host._connection = connection  # type: ignore[assignment]
    return ssh_host, connection


def run(ssh_host: SshHost, *argv: str, **more: Any) -> Any:
    return asyncio.run(ssh_host.run(argv, **more))


def test_a_failed_command_is_named_with_its_host_and_what_it_said() -> None:
    ssh_host, _ = host(said(2, b"out", b"no such device\n"))
    with pytest.raises(CommandError) as error:
        run(ssh_host, "ip", "link", "set", "a b")
    assert str(error.value) == "yuki: ip link set 'a b' ended with 2: no such device"


LATE = asyncssh.TimeoutError(None, "sleep", None, None, None, None, b"", b"")


@pytest.mark.parametrize("answer", [said(124), said(137), said(-9), LATE])
def test_a_command_over_its_limit_says_so(answer: Any) -> None:
    ssh_host, _ = host(answer)
    with pytest.raises(CommandError, match=r"^yuki: sleep 9 ran into its time limit: $"):
        run(ssh_host, "sleep", "9", limit_s=0)
    assert run(ssh_host, "sleep", "9", limit_s=0, check=False).returncode is None


def test_a_program_that_ends_like_a_limit_in_time_is_not_one() -> None:
    ssh_host, _ = host(said(124))
    assert run(ssh_host, "timeout", "1", "x", limit_s=60, check=False).returncode == 124


def test_a_broken_connection_is_named_with_its_host_and_command() -> None:
    ended = SimpleNamespace(returncode=None, stdout=b"", stderr=b"")
    for trouble in (OSError("reset"), asyncssh.ConnectionLost("lost"), ended):
        ssh_host, _ = host(trouble)
        with pytest.raises(TestbedError, match=r"^yuki: SSH broke during iperf3 -s(: |$)"):
            run(ssh_host, "iperf3", "-s")


NO_SSH = "yuki: no SSH to ada@203.0.113.2:2222: "


@pytest.mark.parametrize(
    ("trouble", "text"),
    [
        (OSError("refused"), f"{NO_SSH}refused; is"),
        (OSError(111, "Connect call failed ('203.0.113.2', 2222)"), f"{NO_SSH}Connection refused; "),
        (socket.gaierror(-2, "Name or service not known"), f"{NO_SSH}Name or service not known; "),
        (TimeoutError(), f"{NO_SSH}no answer within 15 s; is that where its sshd listens?"),
        (ValueError("no such curve"), f"{NO_SSH}no such curve; "),
        (asyncssh.PermissionDenied("no"), "yuki: ada@203.0.113.2 does not accept the key "),
        (asyncssh.HostKeyNotVerifiable("Host key is not trusted"),
         "yuki: {folder}/hosts has no key for [203.0.113.2]:2222: ssh-keyscan -p 2222 203.0.113.2 >"),
        (asyncssh.HostKeyNotVerifiable("Host key is revoked"), "yuki: {folder}/hosts says that the"),
        (asyncssh.ConnectionLost("lost"), "yuki: 203.0.113.2:2222 hangs up before SSH begins: is"),
    ],
)  # fmt: skip
def test_a_host_that_cannot_be_reached_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, trouble: Exception, text: str
) -> None:
    key, hosts = tmp_path / "key", tmp_path / "hosts"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(key)
    hosts.touch()

    async def connect(*_: Any, **options: Any) -> None:
        assert options["known_hosts"] == str(hosts)
        raise trouble

    async def no_key(*_: Any, **__: Any) -> None:
        return None

    monkeypatch.setattr(asyncssh, "connect", connect)
    monkeypatch.setattr(asyncssh, "get_server_host_key", no_key)
    address = replace(ADDRESS, key_file=key, known_hosts_file=hosts)
    with pytest.raises(TestbedError) as error:
        run(SshHost(address), "true")
    assert str(error.value).startswith(text.format(folder=tmp_path))


def test_arguments_are_quoted_and_limited() -> None:
    ssh_host, connection = host(said(0, b"ok\xff"))
    done = run(ssh_host, "echo", "a; rm -rf /", "$(x)", limit_s=3)
    assert connection.lines == [
        "exec env -u LANGUAGE LC_ALL=C timeout -k 2 3.000 echo 'a; rm -rf /' '$(x)' </dev/null"
    ]
    assert done.argv == ["echo", "a; rm -rf /", "$(x)"]
    assert done.stdout == "ok\N{REPLACEMENT CHARACTER}"


def test_secrets_go_through_standard_input_only() -> None:
    ssh_host, connection = host(said())
    done = run(ssh_host, "iperf3", "-c", "x", secrets={"IPERF3_PASSWORD": "s3cr3t"})
    assert "s3cr3t" not in connection.lines[0]
    assert "IPERF3_PASSWORD" in connection.lines[0]
    assert connection.inputs == [b"s3cr3t\n"]
    assert "s3cr3t" not in done.model_dump_json()


def test_a_secret_reaches_the_program_s_environment() -> None:
    ssh_host, connection = host(said())
    run(ssh_host, "printenv", "A", "B", secrets={"A": "x y$z", "B": "'\""})
    _, text = asyncio.run(local.run("sh", "-c", connection.lines[0], stdin=connection.inputs[0]))
    assert text == "x y$z\n'\"\n"


def test_a_command_is_in_the_log_before_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "meshbench")

    class Hanging(Connection):
        async def run(self, line: str, **more: Any) -> Any:
            assert caplog.messages == ["yuki: starts iperf3 -c 'a b', limit 30 s"]
            return await super().run(line, **more)

    ssh_host = SshHost(ADDRESS)
    ssh_host._connection = Hanging(said(3))  # type: ignore[assignment]
    run(ssh_host, "iperf3", "-c", "a b", secrets={"IPERF3_PASSWORD": "s3cr3t"}, check=False)
    assert caplog.messages[1].startswith("yuki: iperf3 -c 'a b' -> 3 after ")
    assert "s3cr3t" not in caplog.text


def test_a_program_of_this_machine_is_in_the_log_before_it_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG, "meshbench")
    with pytest.raises(TestbedError):
        asyncio.run(local.run("sleep", "60", limit_s=0.05))
    assert caplog.messages == ["starts sleep 60, limit 0 s"]


def test_the_fake_host_s_errors_are_like_the_real_one_s() -> None:
    scripted = making.ScriptedHost("luna", lambda _: (1, "", "bad"))
    with pytest.raises(CommandError, match=r"^luna: false ended with 1: bad$"):
        asyncio.run(scripted.run(["false"]))


def test_programs_of_this_machine_are_named_when_they_fail() -> None:
    with pytest.raises(TestbedError, match=r"^no-such-program is not installed on this machine$"):
        asyncio.run(local.run("no-such-program"))
    with pytest.raises(TestbedError, match=r"^sh -c 'echo why; exit 3' ended with 3: why$"):
        asyncio.run(local.run("sh", "-c", "echo why; exit 3"))
    with pytest.raises(TestbedError, match=r"^sleep 60: still running after 0 s$"):
        asyncio.run(local.run("sleep", "60", limit_s=0.05))


@pytest.fixture
def able(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that can hold a lab, as far as these checks can see."""
    monkeypatch.setenv("MESHBENCH_CACHE", str(tmp_path / "not" / "yet"))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("shutil.which", lambda program: f"/bin/{program}")
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10**11))
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda p: str(p) == "/dev/net/tun" or exists(p))
    return monkeypatch


@pytest.mark.usefixtures("able")
def test_a_machine_that_can_hold_a_lab_has_no_problems() -> None:
    assert machine.problems(DEFINITION) == []
    machine.check(DEFINITION)


def test_every_obstacle_is_said_with_what_to_do(able: pytest.MonkeyPatch) -> None:
    lacks = {"systemd-nspawn", "mmdebstrap", "tc", "ip"}
    able.setattr("os.geteuid", lambda: 1000)
    able.setattr("shutil.which", lambda program: None if program in lacks else program)
    able.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=200_000_000))
    able.setattr(Path, "exists", lambda p: p.parent == p)
    with pytest.raises(TestbedError) as error:
        machine.check(DEFINITION)
    head, root, programs, tun, disk = str(error.value).splitlines()
    assert head == "no lab on this machine:"
    assert "run as root, or name hosts of your own in a testbed of kind ssh" in root
    assert "not installed: mmdebstrap, systemd-nspawn, ip, tc; do: apt-get install " in programs
    assert programs.endswith("install iproute2 mmdebstrap systemd-container")
    assert "/dev/net/tun is missing: load the kernel module tun" in tun
    assert "has 0.2 GB free and the lab image needs 1.5 GB; free some, or set MESHB" in disk


def test_no_room_is_needed_for_an_image_that_is_there(
    able: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    able.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=0))
    assert len(machine.problems(DEFINITION)) == 1
    able.setenv("MESHBENCH_CACHE", str(tmp_path))
    there = image.path(DEFINITION) / "etc"
    there.mkdir(parents=True)
    (there / "debian_version").touch()
    assert machine.problems(DEFINITION) == []


def test_the_image_is_another_one_when_its_definition_changes() -> None:
    digests = {
        image.Definition(suite, mirror, packages).digest
        for suite in ("trixie", "bookworm")
        for mirror in (None, "http://deb.example")
        for packages in (("nebula",), ("nebula", "tinc"))
    }
    assert len(digests) == 8


def test_programs_do_not_speak_the_host_s_language(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the SSH server accepts or sets by itself."""
    for name, value in {"LC_ALL": "de_DE.UTF-8", "LANG": "de_DE.UTF-8", "LANGUAGE": "de"}.items():
        monkeypatch.setenv(name, value)
    for secrets in ({}, {"IPERF3_PASSWORD": "x"}):
        ssh_host, connection = host(said())
        run(ssh_host, "sh", "-c", 'echo "$LC_ALL,${LANGUAGE-unset}"', secrets=secrets)
        shell = ["sh", "-c", connection.lines[0]]
        done = subprocess.run(shell, input=connection.inputs[0], capture_output=True, check=True)
        assert done.stdout == b"C,unset\n"
    _, text = asyncio.run(local.run("sh", "-c", 'echo "$LC_ALL,${LANGUAGE-unset}"'))
    assert text == "C,unset\n"


def test_services_do_not_speak_the_host_s_language() -> None:
    ssh_host, connection = host(said())
    asyncio.run(ssh_host.start(Unit("meshbench-x", ["iperf3", "-s"])))
    assert " --setenv=LC_ALL=C " in connection.lines[-1]
    assert b'Environment="LC_ALL=C"\n' in unit_file("x", Service(["tincd"])).content


def test_a_journal_s_tail_has_no_secrets() -> None:
    ssh_host, _ = host(said(out=b"12:00 nebulad: listening\n12:01 nebulad: psk=hunter22 refused\n"))
    tail = asyncio.run(ssh_host.logs("meshbench-vpn"))
    assert "hunter22" not in tail
    assert tail.startswith("12:00 nebulad: listening\n12:01 nebulad: psk=")
