"""Which versions of the measuring tools will do, and what is said where they will not."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from meshbench.benchmarks.tools import versions
from meshbench.benchmarks.tools.versions import IPERF3, IRTT, PING, Tool
from meshbench.util.errors import ToolError
from tests.unit import making

BUSYBOX = "ping: unrecognized option: V\nBusyBox v1.36.1 () multi-call binary.\n"


def check(tool: Tool, *answers: Any) -> dict[str, dict[str, str]]:
    def host(name: str, reply: Any) -> making.ScriptedHost:
        return making.ScriptedHost(name, lambda _: reply)

    hosts = [host(*pair) for pair in zip(("lom", "yuki", "luna"), answers, strict=False)]
    return asyncio.run(versions.check([tool], hosts))


@pytest.mark.parametrize(
    ("tool", "said", "version"),
    [
        (IPERF3, "iperf 3.9 (cJSON 1.7.13)\nLinux x\n", "3.9"),
        (IPERF3, "iperf 3.10.1 (cJSON 1.7.13)\n", "3.10.1"),
        (IPERF3, "iperf 3.18 (cJSON 1.7.15)\n", "3.18"),
        (PING, "ping from iputils s20190709\n", "20190709"),
        (PING, "ping from iputils 20240905\nlibcap: yes\n", "20240905"),
        (IRTT, "irtt version: 0.9.1\nbuild version: git\n", "0.9.1"),
    ],
)
def test_versions_that_will_do(tool: Tool, said: str, version: str) -> None:
    assert check(tool, said, said) == {
        "lom": {tool.name: version}, "yuki": {tool.name: version}
    }  # fmt: skip


@pytest.mark.parametrize(
    ("tool", "said", "reason"),
    [
        (IPERF3, "iperf 3.7 (cJSON 1.5.2)\n", "yuki: iperf3 is 3.7 (older ones are untried: --bidir came with 3.7 and was wrong at first); install iperf3 3.9 or newer"),
        (PING, "ping utility, iputils-s20180629\n", "yuki: ping is 20180629 (older ones cut the seconds of -W to whole ones); install iputils-ping 20190324 or newer"),
        (PING, (1, "", BUSYBOX), "yuki: ping -V says 'ping: unrecognized option: V BusyBox v1.36.1 () multi-call binary.', which is not a version of ping that is known; install iputils-ping 20190324 or newer"),
        (IPERF3, "", "yuki: iperf3 --version says nothing, which is not a version of iperf3 that is known; install iperf3 3.9 or newer"),
        (IPERF3, (127, "", "timeout: failed to run command 'iperf3': No such file or directory\n"), "yuki: iperf3 cannot run (timeout: failed to run command 'iperf3': No such file or directory); install iperf3"),
        (IPERF3, (126, "", ""), "yuki: iperf3 cannot run (); install iperf3"),
    ],
)  # fmt: skip
def test_a_tool_that_will_not_do_is_named_with_its_host_and_what_to_install(
    tool: Tool, said: Any, reason: str
) -> None:
    good = {"iperf3": "iperf 3.12\n", "ping": "ping from iputils 20221126\n"}[tool.name]
    with pytest.raises(ToolError) as error:
        check(tool, good, said)
    assert str(error.value) == reason


def test_iperf3_before_3_17_and_from_it_on_cannot_log_in_to_each_other() -> None:
    assert check(IPERF3, "iperf 3.16\n", "iperf 3.9\n")
    assert check(IPERF3, "iperf 3.17.1\n", "iperf 3.21\n")
    with pytest.raises(ToolError) as error:
        check(IPERF3, "iperf 3.12\n", "iperf 3.18\n")
    assert str(error.value) == (
        "iperf3 before 3.17 and from it on do not work with each other: lom has 3.12, yuki has "
        "3.18; install one version on all hosts"
    )


def test_every_host_s_trouble_is_told() -> None:
    with pytest.raises(ToolError, match=r"^lom: .*; luna: iperf3 is 3\.1"):
        check(IPERF3, (127, "", "not found"), "iperf 3.12", "iperf 3.1.3")


def test_every_tool_is_asked_on_every_host() -> None:
    def answer(argv: Sequence[str]) -> str:
        return {"irtt": "irtt version: 0.9.1", "ping": "ping from iputils 20221126"}[argv[0]]

    hosts = [making.ScriptedHost(name, answer) for name in ("lom", "yuki")]
    by_host = asyncio.run(versions.check([IRTT, PING], hosts))
    assert by_host == {name: {"irtt": "0.9.1", "ping": "20221126"} for name in ("lom", "yuki")}
    assert asyncio.run(versions.check([], hosts)) == {"lom": {}, "yuki": {}}
