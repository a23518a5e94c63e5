"""Where the kernel has no netem, the user is told which package of the distribution brings it."""

import asyncio
import platform
from types import SimpleNamespace
from typing import Any

import pytest

from meshbench import cli
from meshbench.impairment import kernel
from meshbench.testbed import local
from meshbench.testbed.lab import machine
from meshbench.util.errors import TestbedError

UBUNTU = {"ID": "ubuntu", "ID_LIKE": "debian", "NAME": "Ubuntu"}
MINT = {"ID": "linuxmint", "ID_LIKE": "ubuntu debian", "NAME": "Linux Mint"}
FEDORA = {"ID": "fedora", "NAME": "Fedora Linux"}
ROCKY = {"ID": "rocky", "ID_LIKE": "rhel centos fedora", "NAME": "Rocky Linux"}
DEBIAN = {"ID": "debian", "NAME": "Debian GNU/Linux"}


@pytest.mark.parametrize(
    ("os_release", "release", "said"),
    [
        (UBUNTU, "6.8.0-45-generic", "apt-get install linux-modules-extra-6.8.0-45-generic,"),
        (UBUNTU, "6.8.0-1016-aws", "apt-get install linux-modules-extra-6.8.0-1016-aws,"),
        (MINT, "6.8.0-45-generic", "apt-get install linux-modules-extra-6.8.0-45-generic,"),
        (FEDORA, "6.11.4-301.fc41.x86_64", "kernel-modules-extra-6.11.4-301.fc41.x86_64,"),
        (ROCKY, "5.14.0-427.el9.x86_64", "kernel-modules-extra-5.14.0-427.el9.x86_64,"),
        (DEBIAN, "6.12.48+deb13-amd64", "Debian's stock kernel has it"),
        (DEBIAN, "6.12.48+deb13-cloud-arm64", "apt-get install linux-image-arm64)"),
        (DEBIAN, "6.1.0-28-686-pae", "apt-get install linux-image-686-pae)"),
    ],
)
def test_the_package_is_the_running_kernels(
    os_release: dict[str, str], release: str, said: str
) -> None:
    advice = kernel.advice(os_release, release)
    assert said in advice
    assert "modprobe sch_netem" in advice


@pytest.mark.parametrize("os_release", [UBUNTU, FEDORA, DEBIAN, {"ID": "void", "NAME": "Void"}, {}])
def test_no_package_is_named_for_a_kernel_that_is_not_the_distributions(
    os_release: dict[str, str],
) -> None:
    advice = kernel.advice(os_release, "6.18.1-custom")
    assert "6.18.1-custom" in advice
    assert "CONFIG_NET_SCH_NETEM" in advice
    assert os_release.get("NAME", "the distribution") in advice
    assert "apt-get" not in advice
    assert "dnf" not in advice


def on_ubuntu(monkeypatch: pytest.MonkeyPatch, code: int, text: str) -> list[tuple[str, ...]]:
    ran: list[tuple[str, ...]] = []

    async def run(*argv: str, **_: Any) -> tuple[int, str]:
        ran.append(argv)
        return code, text

    monkeypatch.setattr(local, "run", run)
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: UBUNTU)
    monkeypatch.setattr(platform, "release", lambda: "6.8.0-45-generic")
    return ran


REFUSED = "Error: Specified qdisc kind is unknown.\n"
LACKING = (
    "this machine's kernel 6.8.0-45-generic has no sch_netem (tc: Error: Specified qdisc kind is "
    "unknown.). To get it: apt-get install linux-modules-extra-6.8.0-45-generic, then modprobe "
    "sch_netem"
)


def test_auto_says_what_it_falls_back_to_and_why(monkeypatch: pytest.MonkeyPatch) -> None:
    on_ubuntu(monkeypatch, 2, REFUSED)
    note = asyncio.run(kernel.check("auto"))
    assert note == f"engine: auto takes linkem, meshbench's own emulator: {LACKING}"


async def nothing() -> None:
    """A lab that has come up."""


@pytest.mark.parametrize(("code", "said"), [(2, LACKING), (0, "")])
def test_lab_up_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], code: int, said: str
) -> None:
    on_ubuntu(monkeypatch, code, REFUSED if code else "")
    lab = SimpleNamespace(definition=None, up=nothing, keep=lambda: None, running=list)
    monkeypatch.setattr(cli, "lab_of", lambda *_: lab)
    monkeypatch.setattr(machine, "check", lambda _: None)
    assert cli.main(["lab", "up"]) == 0
    error = capsys.readouterr().err
    assert error == (
        f"engine: auto takes linkem, meshbench's own emulator: {said}\n" if said else ""
    )


def test_netem_without_the_kernels_is_an_error_that_says_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on_ubuntu(monkeypatch, 2, REFUSED)
    with pytest.raises(TestbedError) as refused:
        asyncio.run(kernel.check("netem"))
    assert str(refused.value) == (f"engine: netem, but {LACKING}; or use engine: auto or linkem")


def test_a_machine_without_os_release_is_told_of_the_kernel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing() -> dict[str, str]:
        raise FileNotFoundError("/etc/os-release")

    on_ubuntu(monkeypatch, 2, "")
    monkeypatch.setattr(platform, "freedesktop_os_release", missing)
    note = asyncio.run(kernel.check("auto"))
    assert "(tc: ended with 2)" in note
    assert "CONFIG_NET_SCH_NETEM" in note


@pytest.mark.parametrize("engine", ["auto", "netem"])
def test_nothing_is_said_where_the_kernel_has_it(
    monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    ran = on_ubuntu(monkeypatch, 0, "")
    assert asyncio.run(kernel.check(engine)) == ""
    assert len(ran) == 1


def test_who_asks_for_linkem_is_not_told_of_netem(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = on_ubuntu(monkeypatch, 2, REFUSED)
    assert asyncio.run(kernel.check("linkem")) == ""
    assert ran == []
