"""Whether hosts of the user's own can be measured, asked before anything is started on them."""

import asyncio
import ipaddress
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import asyncssh

from meshbench.testbed.host import Address
from meshbench.testbed.ssh import SshHost
from meshbench.util.errors import TestbedError

PACKAGES = {
    "flock": "util-linux", "unshare": "util-linux", "ip": "iproute2", "tc": "iproute2",
    "sha256sum": "coreutils", "systemctl": "systemd", "systemd-run": "systemd",
    "journalctl": "systemd",
}  # fmt: skip
_START = "@ user\n"
_SHOWN = 200


async def check(hosts: Sequence[SshHost]) -> None:
    """Raise TestbedError with everything that stands in the way on any of the hosts."""
    problems = [line for lines in await asyncio.gather(*map(_problems, hosts)) for line in lines]
    if problems:
        raise TestbedError("\n".join(problems))


async def _problems(host: SshHost) -> list[str]:
    script = (files("meshbench.testbed") / "preflight.sh").read_text(encoding="utf-8")
    try:
        answer = await host.run(["sh", "-c", script, "sh", " ".join(PACKAGES)], check=False)
        if problem := shell_problem(answer.stdout, answer.stderr):
            return [f"{host.name}: {problem}"]
        problems = state_problems(host.address, _sections(answer.stdout))
        return [f"{host.name}: {problem}" for problem in problems or await _sftp_problems(host)]
    except TestbedError as error:
        return [str(error)]


def shell_problem(stdout: str, stderr: str) -> str:
    """What is wrong with a host's login shell, by what came back for our own script."""
    before, start, _ = stdout.partition(_START)
    words = " ".join((before or stderr or "nothing").split())[:_SHOWN]
    if not start:
        return (
            f"its login shell does not run what it is given; it says: {words}. It must be a shell "
            "such as sh or bash (chsh -s /bin/sh), and timeout of coreutils must be there"
        )
    if before:
        return (
            f"its login shell prints “{words}” before the output of every program, which would be "
            "taken for that. In its start-up file (~/.bashrc, ~/.zshenv …) let only interactive "
            "shells print: case $- in *i*) ;; *) return ;; esac"
        )
    return ""


def _sections(stdout: str) -> dict[str, str]:
    parts = [part.partition("\n") for part in stdout.removeprefix("@ ").split("\n@ ")]
    return {name: body.strip() for name, _, body in parts}


def state_problems(address: Address, state: Mapping[str, str]) -> list[str]:
    """What is wrong with a host by the sections of preflight.sh."""
    if state["user"] != "0":
        return [f"user {address.user} is not root there, and meshbench needs root: user: root"]
    problems = []
    if not state["systemd"]:
        problems.append("systemd does not run there, and meshbench starts every program through it")
    if lacking := state["lacking"].split():
        packages = sorted({PACKAGES[program] for program in lacking})
        problems.append(
            f"not installed there: {', '.join(lacking)} (Debian: apt-get install "
            f"{' '.join(packages)})"
        )
    elif problem := interface_problem(address, state["interfaces"]):
        problems.append(problem)
    return problems


def interface_problem(address: Address, listed: str) -> str:
    """What is wrong with the data interface or address, by what ``ip -j address`` printed."""
    try:
        interfaces: list[dict[str, Any]] = json.loads(listed)
    except ValueError:
        return "its ip cannot print JSON: iproute2 4.14 or newer is needed"
    has = {link["ifname"]: _addresses(link) for link in interfaces}
    shown = "; ".join(" ".join([name, *map(str, held)]) for name, held in has.items())
    wanted = ipaddress.ip_address(address.data_address)
    if address.data_interface not in has:
        return f"there is no data_interface {address.data_interface}; it has: {shown}"
    if wanted not in has[address.data_interface]:
        return (
            f"data_address {wanted} is not on data_interface {address.data_interface}; "
            f"it has: {shown}"
        )
    flags = next(link for link in interfaces if link["ifname"] == address.data_interface)["flags"]
    if "UP" not in flags:
        return f"data_interface {address.data_interface} is down (ip link set … up)"
    return ""


def _addresses(link: Mapping[str, Any]) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    return [ipaddress.ip_address(entry["local"]) for entry in link["addr_info"] if "local" in entry]


async def _sftp_problems(host: SshHost) -> list[str]:
    connection = await host.connect()
    try:
        async with connection.start_sftp_client():
            return []
    except (OSError, asyncssh.Error) as error:
        return [
            f"its sshd has no SFTP ({error}): it needs a line “Subsystem sftp …” in sshd_config"
        ]
