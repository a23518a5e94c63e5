"""Proving that a VPN is ready: every ordered pair has its turn, and none holds up the others for long."""

import asyncio
import time
from collections.abc import Callable, Sequence

import pytest

from meshbench.util.errors import ToolError
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh, Readiness
from meshbench.vpns.vxlan import Vxlan
from tests.unit.making import ScriptedHost

NODES = tuple(Node(i, name, f"192.0.2.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
PAIRS = ("lom->yuki", "lom->luna", "yuki->lom", "yuki->luna", "luna->lom", "luna->yuki")
SUMMARY = "1 packets transmitted, 1 received"
Passes = Callable[[str], bool]


def ready(passes: Passes, limit_s: float) -> Readiness:
    """What is found where `passes` says of a pair, by name, whether a reply comes now."""
    driver = Vxlan("v")
    names = {driver.address(node, {}): node.name for node in NODES}

    def host(node: Node) -> ScriptedHost:
        def answer(argv: Sequence[str]) -> tuple[int, str, str]:
            code = 0 if passes(f"{node.name}->{names[argv[-1]]}") else 1
            return code, f"1 packets transmitted, {1 - code} received", ""

        return ScriptedHost(node.name, answer, node.index)

    mesh = Mesh(driver, NETWORK, tuple(host(node) for node in NODES), {}, {})
    return asyncio.run(lifecycle.ready(mesh, limit_s, time.monotonic()))


@pytest.fixture(autouse=True)
def _short_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "TURN_S", 0.2)


def test_each_pair_is_asked_once_where_all_answer_at_once() -> None:
    asked: list[str] = []

    def passes(pair: str) -> bool:
        asked.append(pair)
        return True

    readiness = ready(passes, 30)
    assert asked == list(PAIRS)
    assert tuple(readiness.times_s) == PAIRS
    assert readiness.silent == ()


def test_a_pair_that_waits_for_the_other_side_to_speak_gets_another_turn() -> None:
    """Yggdrasil's sessions can: what luna answered was lost, and it repeats nothing unasked."""
    spoken: set[str] = set()

    def passes(pair: str) -> bool:
        spoken.add(pair)
        return pair != "yuki->luna" or "luna->yuki" in spoken

    readiness = ready(passes, 30)
    assert readiness.silent == ()
    assert list(readiness.times_s)[-1] == "yuki->luna"


def test_a_pair_that_is_silent_holds_the_others_up_for_one_turn() -> None:
    asked: list[str] = []

    def passes(pair: str) -> bool:
        asked.append(pair)
        return pair != "lom->yuki"

    readiness = ready(passes, 1.5)
    assert readiness.silent == ("lom->yuki",)
    assert tuple(readiness.times_s) == PAIRS[1:]
    assert asked[-1] == "lom->yuki", "the time that was left was its own"


def test_the_silent_are_told_in_the_pairs_own_order() -> None:
    readiness = ready(lambda pair: "yuki" not in pair, 0.5)
    assert readiness.silent == tuple(pair for pair in PAIRS if "yuki" in pair)
    assert set(readiness.times_s) == {"lom->luna", "luna->lom"}


def test_every_pair_is_asked_even_when_the_time_is_over() -> None:
    assert ready(lambda _: True, -1).silent == ()


def asked(answer: Callable[[Sequence[str]], tuple[int, str, str]]) -> tuple[Readiness, list[str]]:
    """What comes of readiness where ping answers so, and whom it asked."""
    hosts = tuple(ScriptedHost(node.name, answer, node.index) for node in NODES)
    mesh = Mesh(Vxlan("v"), NETWORK, hosts, {}, {})
    readiness = asyncio.run(lifecycle.ready(mesh, 0.3, time.monotonic()))
    return readiness, [argv[-1] for host in hosts for argv in host.asked]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (127, "timeout: failed to run command 'ping': No such file or directory"),
        (126, "timeout: failed to run command 'ping': Permission denied"),
        (2, "ping: socket: Operation not permitted"),
    ],
)
def test_a_ping_that_cannot_run_is_no_silent_vpn(code: int, words: str) -> None:
    with pytest.raises(ToolError) as error:
        asked(lambda _: (code, "", f"{words}\n"))
    assert str(error.value) == f"lom: ping cannot run: {words}"


def test_a_ping_that_finds_no_interface_yet_can_run() -> None:
    def answer(argv: Sequence[str]) -> tuple[int, str, str]:
        return (2, "", "ping: unknown iface mesh0") if "-I" in argv else (0, SUMMARY, "")

    readiness, targets = asked(answer)
    assert set(readiness.silent) == set(PAIRS)
    assert "127.0.0.1" in targets
