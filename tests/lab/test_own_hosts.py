"""Hosts of the user's own as people have them, tried against a real sshd: a sentence that names the
host and what to do, before anything is started there.
"""

import asyncio
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace as replaced
from pathlib import Path, PurePosixPath

import asyncssh
import pytest

from meshbench.config.profile import Profile
from meshbench.config.testbeds import LabTestbed
from meshbench.runner.session import check_own, session
from meshbench.testbed import preflight
from meshbench.testbed.host import Address, File
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.ssh import SshHost, close_all
from meshbench.util.errors import TestbedError
from tests.lab import support
from tests.lab.support import ends, on_hosts, said
from tests.lab.test_hosts import as_own_hosts


def checked(*addresses: Address) -> list[str]:
    """What is wrong with hosts, one line each."""

    async def inner() -> str:
        hosts = [SshHost(address) for address in addresses]
        try:
            await preflight.check(hosts)
        except TestbedError as error:
            return str(error)
        finally:
            await close_all(hosts)
        return ""

    return asyncio.run(inner()).splitlines()


PATIENT = "echo PerSourcePenalties no >/etc/ssh/sshd_config.d/patient.conf; systemctl restart ssh"
"""An sshd since OpenSSH 9.8 hangs up on those who came with a wrong key a moment ago."""


def changed(lab: Lab, *scripts: str) -> None:
    """Run shell scripts on a lab's first host."""

    async def work(hosts: list[SshHost]) -> None:
        for script in scripts:
            await hosts[0].run(["sh", "-ec", script])

    on_hosts(lab, work)


def first(lab: Lab) -> Address:
    addresses = lab.running()
    assert addresses
    return addresses[0]


@pytest.fixture(scope="module")
def asked(machine_is_ours: None) -> Iterator[Lab]:
    """A lab that these tests ask and do not change."""
    del machine_is_ours
    testbed = LabTestbed(kind="lab", hosts=("lom", "yuki"))
    with support.shared_lab("tests-asked", testbed) as lab:
        changed(lab, PATIENT)
        yield lab


@pytest.fixture
def address(asked: Lab) -> Address:
    return first(asked)


def test_good_hosts_are_accepted(asked: Lab) -> None:
    asyncio.run(check_own(as_own_hosts(asked), None))


def _host_key(address: Address) -> str:
    """What ssh-keyscan says of a host, without comments."""
    lines = support.run("ssh-keyscan", address.control).splitlines()
    return "".join(f"{line}\n" for line in lines if not line.startswith("#"))


def test_a_host_that_is_not_in_known_hosts_is_added_by_what_is_said(
    address: Address, tmp_path: Path
) -> None:
    file = tmp_path / "known hosts"
    file.write_text("", encoding="utf-8")
    stranger = replaced(address, known_hosts_file=file)
    [problem] = checked(stranger)
    assert problem.startswith(f"{address.name}: {file} has no key for {address.control}: ")
    command = problem.partition(f"{address.control}: ")[2].partition(" adds ")[0]
    subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602
    assert checked(stranger) == []


def test_a_host_whose_key_changed_is_not_trusted_until_what_is_said_is_done(
    address: Address, tmp_path: Path
) -> None:
    file = tmp_path / "known_hosts"
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    file.write_text(f"{address.control} {other}", encoding="utf-8")
    changed = replaced(address, known_hosts_file=file)
    [problem] = checked(changed)
    assert problem.startswith(f"{address.name}: the key of {address.control} is not the one in")
    words = problem.partition("anew: ")[2]
    remove, _, rest = words.partition(" takes the old key away, and ")
    for command in (remove, rest.partition(" adds ")[0]):
        subprocess.run(command, shell=True, check=True, capture_output=True)  # noqa: S602
    assert checked(changed) == []


def test_a_host_known_by_another_type_of_key_or_revoked(address: Address, tmp_path: Path) -> None:
    file = tmp_path / "known_hosts"
    listed = replaced(address, known_hosts_file=file)
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    file.write_text(f"{address.control} {other}", encoding="utf-8")
    [problem] = checked(listed)
    assert problem.startswith(f"{address.name}: the key of {address.control} is not the one in")
    file.write_text(_host_key(address).replace(address.control, f"@revoked {address.control}"))
    [problem] = checked(listed)
    assert "revoked" in problem or "has no key" in problem


def test_a_key_that_the_host_does_not_accept(address: Address, tmp_path: Path) -> None:
    file = tmp_path / "key"
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(file)
    [problem] = checked(replaced(address, key_file=file))
    assert problem.startswith(
        f"{address.name}: root@{address.control} does not accept the key {file}"
    )
    assert "authorized_keys" in problem


def test_hosts_that_do_not_answer_are_all_named(address: Address) -> None:
    refused = replaced(address, port=1)
    unknown = replaced(address, name="yuki", control="no-such-host.invalid")
    problems = checked(refused, unknown)
    assert problems[0].startswith(
        f"lom: no SSH to root@{address.control}:1: Connection refused; is"
    )
    assert problems[1].startswith("yuki: no SSH to root@no-such-host.invalid:22: ")
    assert "Errno" not in str(problems)


def test_an_sshd_that_hangs_up_after_wrong_keys_is_explained(own: Lab, tmp_path: Path) -> None:
    penalties = "PerSourcePenalties authfail:60 min:1"
    changed(own, f"echo {penalties} >/etc/ssh/sshd_config.d/patient.conf; systemctl restart ssh")
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(tmp_path / "key")
    wrong = replaced(first(own), key_file=tmp_path / "key")
    # sshd counts an attempt a moment after it has turned it down.
    answers = [checked(wrong)[0] for _ in range(10)]
    assert "does not accept the key" in answers[0]
    assert "hangs up before SSH begins" in answers[-1]
    assert "PerSourcePenalties" in answers[-1]


def test_another_service_than_ssh_is_named(address: Address) -> None:
    async def inner() -> str:
        async def http(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        async with await asyncio.start_server(http, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            host = SshHost(replaced(address, control="127.0.0.1", port=port))
            with pytest.raises(TestbedError) as error:
                await host.connect()
            return str(error.value)

    assert re.match(
        r"lom: 127\.0\.0\.1:\d+ hangs up before SSH begins: is that", asyncio.run(inner())
    )


def test_wrong_interfaces_and_addresses_are_named(address: Address) -> None:
    [interface] = checked(replaced(address, data_interface="eno1"))
    assert interface.startswith("lom: there is no data_interface eno1; it has: lo 127.0.0.1")
    assert f"data0 {address.data_address}" in interface
    [wrong] = checked(replaced(address, data_interface="ctl0"))
    assert f"data_address {address.data_address} is not on data_interface ctl0" in wrong


MakeLab = Callable[..., Lab]


@pytest.fixture
def own(make_lab: MakeLab) -> Lab:
    """A lab whose hosts a test may spoil."""
    lab = make_lab("tests-own")
    asyncio.run(lab.up())
    changed(lab, PATIENT)
    return lab


def test_what_a_login_shell_prints_is_not_taken_for_a_lease(own: Lab) -> None:
    changed(own, "echo 'echo Welcome to one' >/root/.bashrc")
    testbed = as_own_hosts(own)
    at = support.where(testbed, testbed="own")

    async def opened() -> None:
        async with session(at, Profile(), "a test"):
            pytest.fail("it was opened")

    for work in (opened, lambda: check_own(testbed, None)):
        with pytest.raises(TestbedError, match="^one: its login shell prints “Welcome to one” bef"):
            asyncio.run(work())
    # What is advised, above the line that prints.
    changed(own, "sed -i '1i case $- in *i*) ;; *) return ;; esac' /root/.bashrc")
    asyncio.run(check_own(testbed, None))


def test_a_user_who_is_not_root_is_refused(own: Lab) -> None:
    changed(
        own,
        "useradd -m -p '*' ada; mkdir -p ~ada/.ssh; cp /root/.ssh/authorized_keys ~ada/.ssh; "
        "chown -R ada: ~ada/.ssh",
    )
    [problem] = checked(replaced(first(own), user="ada"))
    assert problem.startswith("one: user ada is not root there")


@pytest.mark.parametrize("shell", ["/usr/sbin/nologin", "/bin/false"])
def test_a_shell_that_runs_nothing_is_named(own: Lab, shell: str) -> None:
    changed(own, f"usermod -s {shell} root")
    [problem] = checked(first(own))
    assert problem.startswith("one: its login shell does not run what it is given; it says: ")


def test_an_sshd_without_sftp_and_a_host_without_programs(own: Lab) -> None:
    changed(
        own,
        "sed -i /^Subsystem/d /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*; systemctl restart ssh",
    )
    [problem] = checked(first(own))
    assert problem.startswith("one: its sshd has no SFTP (")
    changed(own, "rm -f $(command -v tc)")
    [problem] = checked(first(own))
    assert problem == "one: not installed there: tc (Debian: apt-get install iproute2)"


def test_an_upload_without_sftp_says_what_is_missing(own: Lab) -> None:
    changed(
        own,
        "sed -i /^Subsystem/d /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*; systemctl restart ssh",
    )

    async def work(hosts: list[SshHost]) -> None:
        with pytest.raises(TestbedError, match="^one: cannot write /run/x: "):
            await hosts[0].upload([File(PurePosixPath("/run/x"), b"")])

    on_hosts(own, work)


def test_foreign_qdiscs_end_a_run_before_its_first_job(own: Lab) -> None:
    """Only where a profile of the campaign impairs; this kernel may have no netem, then that is said."""
    changed(own, "tc qdisc add dev data0 clsact")
    testbed = as_own_hosts(own)
    asyncio.run(check_own(testbed, None))
    words = "which meshbench did not make|its kernel cannot impair"
    with pytest.raises(TestbedError, match=f"^one: .*({words})"):
        asyncio.run(check_own(testbed, "ingress"))

    async def work(hosts: list[SshHost]) -> None:
        assert "clsact" in await said(hosts[0], "tc", "qdisc", "show", "dev", "data0")
        assert await ends(hosts[1], "test", "-e", "/run/meshbench/impairment") == 1

    on_hosts(own, work)
