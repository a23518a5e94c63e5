"""The search for the path MTU: exact, patient with one lost request, silent about what is not there."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from meshbench.collectors import path_mtu
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common.lifecycle import Mesh
from meshbench.vpns.vxlan import Vxlan
from meshbench.vpns.yggdrasil import Yggdrasil
from tests.unit.making import ScriptedHost

NODES = tuple(Node(i, name, f"192.0.2.{i}") for i, name in enumerate(("lom", "yuki"), 1))


def found(
    passes: Callable[[int], bool],
    tunnel_mtu: str = "1450",
    driver: Any = Vxlan,
    material: dict[str, dict[str, str]] | None = None,
    rtt_ms: float = 1.0,
) -> tuple[dict[str, int], list[ScriptedHost]]:
    def answer(argv: Sequence[str]) -> tuple[int, str, str]:
        if argv[0] == "cat":
            return (0, f"{tunnel_mtu}\n", "") if tunnel_mtu else (1, "", "No such file")
        if argv[0] == "ping":
            headers = 48 if ":" in argv[-1] else 28
            assert argv[argv.index("-M") + 1] == "do"
            if passes(int(argv[argv.index("-s") + 1]) + headers):
                return 0, f"rtt min/avg/max/mdev = {rtt_ms}/{rtt_ms}/{rtt_ms}/0.000 ms\n", ""
            return 1, "1 packets transmitted, 0 received, 100% packet loss, time 0ms\n", ""
        return 0, "", ""

    hosts = [ScriptedHost(node.name, answer, node.index) for node in NODES]
    mesh = Mesh(driver("v"), Network(NODES), tuple(hosts), material or {}, {})
    return asyncio.run(path_mtu.search(mesh)), hosts


@pytest.mark.parametrize("largest", [68, 69, 576, 1279, 1280, 1409, 1449, 1450])
def test_the_largest_packet_is_found_to_the_byte(largest: int) -> None:
    sizes, _ = found(lambda size: size <= largest)
    assert sizes == {"lom->yuki": largest, "yuki->lom": largest}


@pytest.mark.parametrize("largest", [1280, 1431, 65535])
def test_also_over_ipv6(largest: int) -> None:
    keys = {"lom": {"address": "200::1"}, "yuki": {"address": "200::2"}}
    sizes, _ = found(lambda size: size <= largest, "65535", Yggdrasil, keys)
    assert sizes == {"lom->yuki": largest, "yuki->lom": largest}


def test_one_lost_request_makes_no_size_too_large() -> None:
    asked: dict[int, int] = {}

    def passes(size: int) -> bool:
        asked[size] = asked.get(size, 0) + 1
        return size <= 1400 and asked[size] % 2 == 0

    assert set(found(passes)[0].values()) == {1400}


def test_a_pair_that_answers_nothing_is_left_out() -> None:
    assert found(lambda _: False)[0] == {}


def test_without_an_interface_nothing_is_asked() -> None:
    sizes, hosts = found(lambda _: True, tunnel_mtu="")
    assert sizes == {}
    assert not [argv for host in hosts for argv in host.asked if argv[0] == "ping"]


def test_what_the_kernel_learned_is_forgotten() -> None:
    _, hosts = found(lambda size: size <= 1400)
    for host in hosts:
        assert host.asked[-2] == ["ip", "-4", "route", "flush", "cache"]
        assert host.asked[-1] == ["ip", "-6", "route", "flush", "cache"]


@pytest.mark.parametrize(("rtt_ms", "limit_s"), [(0.4, 0.15), (30.0, 0.3), (250.0, 1.0)])
def test_how_long_is_waited_follows_from_the_pair_s_rtt(rtt_ms: float, limit_s: float) -> None:
    _, hosts = found(lambda size: size <= 1400, rtt_ms=rtt_ms)
    pings = [argv for argv in hosts[0].asked if argv[0] == "ping"]
    limits = [float(argv[argv.index("-W") + 1]) for argv in pings]
    assert limits[:2] == [path_mtu.FIRST_LIMIT_S] * 2
    assert limits[2:] == [limit_s] * len(limits[2:])
