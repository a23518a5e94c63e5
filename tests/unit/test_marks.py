"""What is wrong with a cell's circumstances is said in its record, and nothing else is."""

from typing import Any

import pytest

from meshbench.results.records import ImpairmentRecord, PathState, Status
from meshbench.runner import marks
from meshbench.testbed import state
from tests.unit.making import link

UNDERLAY = {"lom": "192.0.2.1", "yuki": "192.0.2.2", "luna": "192.0.2.3"}


def emulator(**after: Any) -> ImpairmentRecord:
    return ImpairmentRecord(
        engine="x", placement="ingress", profile={}, seed=1,
        before={"lom": {"tail_drops": 1}}, after={"lom": {"tail_drops": 1} | after},
    )  # fmt: skip


def cpu(idle: int, steal: int) -> dict[str, dict[str, str]]:
    """A host's state after 100 ticks of its own and so many others."""
    return {"lom": {"cpu_time": f"cpu  60 0 30 {idle} 0 0 10 {steal} 5 0"}}


DIRECT = PathState(kind="direct", transport="udp", endpoint="192.0.2.2:4242")
RELAY = PathState(kind="relay", transport="udp")
HUB = PathState(kind="relay", transport="udp", endpoint="192.0.2.1:1194")
OUTSIDE = PathState(kind="relay", transport="udp", endpoint="203.0.113.2:9")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (DIRECT, DIRECT, []),
        (None, None, []),
        (DIRECT, None, []),
        (PathState(endpoint="192.0.2.2"), PathState(endpoint="192.0.2.2"), []),
        (RELAY, RELAY, ["lom->yuki went over a relay"]),
        (HUB, HUB, ["lom->yuki went over a relay"]),
        (RELAY, DIRECT, ["lom->yuki went over a relay", "the path of lom->yuki changed during the measurement"]),
        (None, OUTSIDE, ["lom->yuki went over a relay", "lom->yuki went to 203.0.113.2:9, past the data network"]),
        (DIRECT, RELAY, ["lom->yuki went over a relay", "the path of lom->yuki changed during the measurement"]),
        (None, PathState(endpoint="203.0.113.2:9"), ["lom->yuki went to 203.0.113.2:9, past the data network"]),
        (None, PathState(endpoint="192.0.2.22:9"), ["lom->yuki went to 192.0.2.22:9, past the data network"]),
    ],
)  # fmt: skip
def test_what_a_reader_must_know_is_marked(
    before: PathState | None, after: PathState | None, said: list[str]
) -> None:
    path = link(path_before=before, path_after=after)
    assert marks.of([path], emulator(), {}, {}, UNDERLAY) == said


def test_a_path_that_a_benchmark_broke_may_be_another_one_afterwards() -> None:
    path = link(path_before=DIRECT, path_after=PathState(endpoint="192.0.2.2:7"))
    assert marks.of([path], emulator(), {}, {}, UNDERLAY) != []
    assert marks.of([path], emulator(), {}, {}, UNDERLAY, disturbed=True) == []


def test_an_emulator_that_dropped_or_was_late_is_marked() -> None:
    assert marks.of([], emulator(late_ms=0.5), {}, {}, UNDERLAY) == []
    assert marks.of([], emulator(tail_drops=4, late_ms=0.51), {}, {}, UNDERLAY) == [
        "the emulator of lom had no room for 3 packets",
        "the emulator of lom was more than 0.5 ms late on average",
    ]


@pytest.mark.parametrize(
    ("after", "share"),
    [
        (cpu(idle=400, steal=0), 0.0),
        (cpu(idle=350, steal=50), 0.1),
        (cpu(idle=300, steal=100), 0.2),
        ({"lom": {"cpu_time": ""}}, None),
        ({"lom": {"cpu_time": "cpu 1 2 3 4"}}, None),
        ({"lom": {}}, None),
    ],
)
def test_cpu_time_that_others_took_is_marked(after: dict[str, Any], share: float | None) -> None:
    before = {"lom": {"cpu_time": "cpu  0 0 0 0 0 0 0 0 0 0"}}
    stolen = state.stolen(before["lom"], after["lom"])
    assert stolen == (None if share is None else pytest.approx(share))
    expected = (
        ["others took more than 10% of the CPU time of lom (steal)"]
        if stolen and stolen > 0.1
        else []
    )
    assert marks.of([], emulator(), before, after, UNDERLAY) == expected
    assert marks.of_machine(before, after, {}) == expected
    assert marks.of([], emulator(), before, {}, UNDERLAY) == []


def test_a_path_that_the_daemon_did_not_tell_is_marked() -> None:
    unknown = PathState(interface="mesh0", tunnel_mtu=1280, details={"unknown": "older"})
    for before in (unknown, DIRECT, None):
        sentences = marks.of(
            [link(path_before=before, path_after=unknown)], emulator(), {}, {}, UNDERLAY
        )
        assert sentences == ["lom->yuki: path unknown"]
    failed = link(path_after=unknown, status=Status.FAILED)
    assert marks.of([failed], emulator(), {}, {}, UNDERLAY) == []


def test_a_link_that_is_ok_with_a_reason_is_marked() -> None:
    assert marks.of([link(reason="its counts differ")], emulator(), {}, {}, UNDERLAY) == [
        "lom->yuki: its counts differ"
    ]
