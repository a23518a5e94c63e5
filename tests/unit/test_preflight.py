"""What hosts of the user's own lack is said before anything is started on them."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshbench.testbed import preflight
from meshbench.testbed.host import Address

ADDRESS = Address("lom", "lom", 22, "ada", Path("k"), Path("h"), "eth1", "2001:db8::1")


def link(name: str, *addresses: str, flags: tuple[str, ...] = ("UP",)) -> dict[str, Any]:
    return {"ifname": name, "flags": flags, "addr_info": [{"local": a} for a in addresses]}


INTERFACES = [
    link("lo", "127.0.0.1"),
    link("eth0", "192.0.2.1"),
    link("eth1", "192.0.2.9", "2001:db8::1"),
    link("eth2", flags=()),
]
GOOD = {"user": "0", "systemd": "running", "lacking": "", "interfaces": json.dumps(INTERFACES)}


def problems(**changes: str) -> list[str]:
    return preflight.state_problems(ADDRESS, GOOD | changes)


def test_a_good_host_is_accepted() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"user": "1000"}, "user ada is not root there"),
        ({"systemd": ""}, "systemd does not run there"),
        ({"lacking": "tc\nip"}, "not installed there: tc, ip (Debian: apt-get install iproute2)"),
        ({"interfaces": ""}, "its ip cannot print JSON"),
        ({"interfaces": "BusyBox"}, "its ip cannot print JSON"),
        ({"interfaces": json.dumps(INTERFACES[:2])},
         "there is no data_interface eth1; it has: lo 127.0.0.1; eth0 192.0.2.1"),
        ({"interfaces": json.dumps([INTERFACES[0], link("eth1", "192.0.2.9")])},
         "data_address 2001:db8::1 is not on data_interface eth1; it has: lo 127.0.0.1; eth1 192"),
        ({"interfaces": json.dumps([link("eth1", "2001:db8::1", flags=("BROADCAST",))])},
         "data_interface eth1 is down"),
    ],
)  # fmt: skip
def test_what_a_host_lacks_is_named(changes: dict[str, str], words: str) -> None:
    [problem] = problems(**changes)
    assert problem.startswith(words)


def test_everything_that_a_host_lacks_is_named_at_once() -> None:
    assert len(problems(systemd="", lacking="flock")) == 2


@pytest.mark.parametrize(
    ("stdout", "stderr", "words"),
    [
        ("@ user\n0\n", "", ""),
        ("@ user\n0\n", "bash: warning: setlocale: LC_ALL: cannot change locale", ""),
        ("Welcome\nto ada\n@ user\n0\n", "", "prints “Welcome to ada” before the output of every"),
        ("", "This account is currently not available.", "it says: This account is currently not"),
        ("", "", "it says: nothing"),
        ("x" * 9999, "", "it says: " + "x" * 200 + "."),
    ],
)
def test_a_login_shell_must_run_what_it_is_given_and_say_nothing_else(
    stdout: str, stderr: str, words: str
) -> None:
    problem = preflight.shell_problem(stdout, stderr)
    assert words in problem
    assert bool(problem) is bool(words)
