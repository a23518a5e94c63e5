"""A host's true state from what state.sh prints, and kernel settings put there and back."""

import asyncio
import contextlib
import json
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from meshbench.config.models import Tuning
from meshbench.testbed import deadman, state, sysctls, tuning
from meshbench.testbed.host import CommandError
from tests.unit import making

TEXT = """
@ kernel
Linux 6.1 x86_64

@ governor

@ vpns
meshbench-vpn-nebula.service active running
meshbench-vpn-tinc.service failed failed
meshbench-vpn-wireguard.service activating start-pre

@ installed
/var/lib/meshbench/nebula/installed 0123abc
/var/lib/meshbench/nebula-2/installed ffff

@ links
[{"ifname": "data0", "mtu": 1500}]

@ offloads
rx-checksumming: on
generic-receive-offload: off [fixed]

@ sysctls
net.ipv4.tcp_rmem = 4096\t131072\t6291456
net.ipv4.tcp_reordering = 3

@ failed_vpn

"""
REORDER = Tuning(sysctls={"net.ipv4.tcp_reordering": 10, "net.ipv4.tcp_rmem": "4096 1  2"})


def test_a_fault_that_a_killed_controller_left_is_seen() -> None:
    hosts = {"lom": state.parse(TEXT), "yuki": state.parse(f"{TEXT}\n@ broken\n\n@ load\n")}
    assert not state.broken(hosts)
    assert state.broken({**hosts, "luna": state.parse("\n@ broken\naddress\n\n@ load\n")})


def test_the_sections_are_read() -> None:
    sections = state.parse(TEXT)
    assert list(sections) == [
        "kernel", "governor", "vpns", "installed", "links", "offloads", "sysctls", "failed_vpn"
    ]  # fmt: skip
    assert sections["kernel"] == "Linux 6.1 x86_64"
    assert sections["governor"] == ""
    assert sections["links"][0]["mtu"] == 1500
    assert sections["offloads"]["generic-receive-offload"] == "off [fixed]"
    assert sections["sysctls"]["net.ipv4.tcp_rmem"] == "4096\t131072\t6291456"
    assert sections["failed_vpn"] is None


@pytest.mark.parametrize("words", ["", "Option -j is unknown", "[{", "1: lo: <LOOPBACK>"])
def test_words_in_place_of_json_are_nothing(words: str) -> None:
    assert state.parse(f"\n@ links\n{words}\n\n@ kernel\nx\n") == {"links": None, "kernel": "x"}


def test_which_vpn_runs_where() -> None:
    other = state.parse("\n@ vpns\nmeshbench-vpn-nebula.service active running\n")
    running = state.running({"lom": state.parse(TEXT), "yuki": other})
    assert running == {"nebula": {"lom", "yuki"}, "wireguard": {"lom"}}


def test_what_is_installed_where() -> None:
    hosts = {"lom": state.parse(TEXT), "yuki": state.parse("\n@ installed\n")}
    assert state.markers(hosts, "nebula") == {"lom": "0123abc"}
    assert state.markers(hosts, "nebula-2") == {"lom": "ffff"}
    assert state.markers(hosts, "tinc") == {}


def test_reading_asks_each_host_once() -> None:
    hosts = [making.ScriptedHost(name, lambda _: TEXT) for name in ("lom", "yuki")]
    by_host = asyncio.run(state.read(hosts))
    assert by_host["yuki"] == state.parse(TEXT)
    assert [host.asked for host in hosts] == [[["sh", "-s", "data0"]]] * 2


def test_the_script_reads_this_very_machine() -> None:
    script = files("meshbench.testbed") / "state.sh"
    done = subprocess.run(
        ["sh", "-s", "lo"], input=script.read_bytes(), capture_output=True, check=True
    )
    sections = state.parse(done.stdout.decode())
    assert sections["kernel"].startswith(os.uname().sysname)
    assert float(sections["uptime_s"]) > 0
    assert sections["vpns"] == []
    words = Path("/proc/sys/net/ipv4/tcp_rmem").read_text().split()
    assert sections["sysctls"]["net.ipv4.tcp_rmem"].split() == words
    assert "net.core.rmem_max" in sections["sysctls"]


class Kernel:
    """A host's kernel settings, and the file that keeps what they were."""

    def __init__(self, **values: str) -> None:
        self.values = {f"net.ipv4.{key}": value for key, value in values.items()}
        self.refuses: set[str] = set()
        self.armed: list[dict[str, str]] = []
        self.host = making.ScriptedHost("yuki", self.answer)

    def answer(self, argv: Sequence[str]) -> Any:
        if argv[0] == "cat":
            kept = self.host.files.get(argv[1])
            return kept.content.decode() if kept else (1, "", "No such file")
        if argv[0] == "grep":
            keys = {file: file.removeprefix("/proc/sys/").replace("/", ".") for file in argv[4:]}
            has = {file: self.values[key] for file, key in keys.items() if key in self.values}
            return 2, "".join(f"{file}:{value}\n" for file, value in has.items()), ""
        if argv[2] == deadman.ARM:
            self.armed.append(dict(self.values))
            return ""
        refused = ""
        for setting in argv[4:]:
            key, _, value = setting.replace("/", ".").partition("=")
            if key in self.refuses:
                refused += f"{key}: write error: Invalid argument\n"
            else:
                self.values[key] = value.replace(" ", "\t")
        return (1, "", refused) if refused else ""

    def apply(self, wanted: Tuning) -> tuning.Applied:
        return asyncio.run(tuning.apply(wanted, [self.host]))


def test_a_tuning_is_set_read_back_and_undone() -> None:
    kernel = Kernel(tcp_reordering="3", tcp_rmem="4096\t131072\t6291456")
    stock = dict(kernel.values)
    values = {"net.ipv4.tcp_reordering": "10", "net.ipv4.tcp_rmem": "4096 1 2"}
    assert kernel.apply(REORDER) == tuning.Applied({"yuki": values}, changed=True)
    assert kernel.apply(REORDER) == tuning.Applied({"yuki": values}, changed=False)
    assert kernel.apply(Tuning()) == tuning.Applied({"yuki": {}}, changed=True)
    assert kernel.values == stock


def test_what_puts_the_values_back_is_there_before_any_is_changed() -> None:
    kernel = Kernel(tcp_reordering="3", tcp_rmem="4096\t131072\t6291456")
    stock = dict(kernel.values)
    kernel.apply(REORDER)
    assert (kernel.armed, kernel.host.stopped) == ([stock], [])
    kernel.apply(Tuning())
    assert len(kernel.armed) == 1
    assert kernel.host.stopped == ["meshbench-settings.timer", "meshbench-settings.service"]


def test_where_a_tuning_is_what_the_kernel_has_nothing_has_to_be_put_back() -> None:
    kernel = Kernel(tcp_reordering="10", tcp_rmem="4096\t1\t2")
    kernel.apply(REORDER)
    assert kernel.armed == []


def test_one_tuning_replaces_another() -> None:
    kernel = Kernel(tcp_reordering="3", tcp_recovery="1", tcp_rmem="1\t2\t3")
    kernel.apply(REORDER)
    kernel.apply(Tuning(sysctls={"net.ipv4.tcp_recovery": 0}))
    assert kernel.values == {
        "net.ipv4.tcp_reordering": "3", "net.ipv4.tcp_recovery": "0", "net.ipv4.tcp_rmem": "1\t2\t3"
    }  # fmt: skip
    [kept] = kernel.host.files.values()
    assert json.loads(kept.content)["net.ipv4.tcp_recovery"] == "1"


def test_a_kernel_is_not_touched_where_nothing_is_asked_of_it() -> None:
    kernel = Kernel(tcp_reordering="3")
    assert kernel.apply(Tuning()) == tuning.Applied({"yuki": {}}, changed=False)
    assert [argv[0] for argv in kernel.host.asked] == ["cat"]


def test_a_value_that_is_there_already_is_not_written() -> None:
    kernel = Kernel(tcp_reordering="10", tcp_rmem="4096\t1\t2")
    assert kernel.apply(REORDER).changed is False
    assert "sh" not in [argv[0] for argv in kernel.host.asked]


def test_a_kernel_that_does_not_take_a_value_is_named_and_left_as_it_was() -> None:
    kernel = Kernel(tcp_reordering="3", tcp_rmem="1\t2\t3")
    stock = dict(kernel.values)
    kernel.refuses = {"net.ipv4.tcp_reordering"}
    pattern = (
        r"^yuki: net\.ipv4\.tcp_reordering is 3, not 10 "
        r"\(net.* write error: Invalid argument\)$"
    )
    with pytest.raises(tuning.UnsupportedError, match=pattern):
        kernel.apply(REORDER)
    assert kernel.values == stock


def test_a_kernel_that_has_no_such_setting_is_named() -> None:
    kernel = Kernel(tcp_reordering="3")
    with pytest.raises(
        tuning.UnsupportedError, match=r"^yuki: this kernel has no net.ipv4.tcp_rmem$"
    ):
        kernel.apply(REORDER)
    assert kernel.values == {"net.ipv4.tcp_reordering": "3"}


def test_only_a_congestion_control_has_to_be_permitted() -> None:
    asked: list[str] = []

    @contextlib.asynccontextmanager
    async def permit(name: str) -> AsyncIterator[None]:
        asked.append(f"{name} {kernel.values['net.ipv4.tcp_congestion_control']}")
        yield
        asked.append(kernel.values["net.ipv4.tcp_congestion_control"])

    kernel = Kernel(tcp_congestion_control="bbr", tcp_reordering="3", tcp_rmem="1")
    cubic = Tuning(sysctls={tuning.CONGESTION: "cubic"})
    for wanted in (REORDER, cubic):
        asyncio.run(tuning.apply(wanted, [kernel.host], permit))
    assert asked == ["cubic bbr", "cubic"]


def test_settings_are_those_of_the_kernel() -> None:
    """On this very machine; and what is not there or cannot be written is named."""

    def answer(argv: Sequence[str]) -> Any:
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    host = making.ScriptedHost(answer=answer)
    values = asyncio.run(sysctls.read(host, ["net.ipv4.tcp_rmem", "net.ipv4.no_such", "net.ipv4"]))
    words = Path("/proc/sys/net/ipv4/tcp_rmem").read_text().split()
    assert values == {"net.ipv4.tcp_rmem": " ".join(words)}
    done = asyncio.run(sysctls.write(host, {"net.ipv4.no_such": "1", "net.core.no_such": "1"}))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["net.ipv4.no_such", "net.core.no_such"]
    assert asyncio.run(sysctls.write(host, {})).returncode == 0
    lacking = making.ScriptedHost("yuki", lambda _: (127, "", "grep: not found"))
    with pytest.raises(CommandError, match="^yuki: grep .* ended with 127: grep: not found"):
        asyncio.run(sysctls.read(lacking, ["net.ipv4.tcp_rmem"]))
