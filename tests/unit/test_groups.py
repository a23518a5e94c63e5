"""Links are measured group by group: together, again as a whole, and never what is silent."""

import asyncio
from collections.abc import Sequence
from typing import Any

from meshbench.benchmarks.base import Arena, L, Link, Outcome
from meshbench.benchmarks.ping import Ping
from meshbench.benchmarks.tcp import Tcp
from meshbench.benchmarks.tools.tcp_session import TcpOptions
from meshbench.results.records import GroupRecord, Status
from meshbench.runner import groups, marks
from meshbench.runner.groups import Measured
from tests.unit import making

HOSTS = [making.ScriptedHost(name, index=n) for n, name in enumerate(("lom", "yuki", "luna"), 1)]
RING = [
    Link(a, b, a.address.data_address, b.address.data_address, "data0", port=5201 + 10 * number)
    for number, (a, b) in enumerate(zip(HOSTS, [*HOSTS[1:], HOSTS[0]], strict=True))
]


class Scripted(Tcp):
    """All links in one group; each attempt ends as the script says, link by link."""

    def __init__(self, *attempts: Sequence[Status], hasty: bool = False) -> None:
        super().__init__(TcpOptions(attempts=len(attempts)))
        self.hasty = hasty
        self.script = list(attempts)
        self.warmed: list[list[str]] = []

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    async def warm_up(self, group: Sequence[Link], arena: Arena) -> None:
        self.warmed.append([link.source.name for link in group])

    async def measure(self, group: Sequence[Link], arena: Arena) -> Sequence[Outcome]:
        number = len(self.warmed)
        arena.keep(making.command(f"kept {number}"))
        return [
            Outcome(
                status, str(status), [making.command(str(number), start_s=0.01 * place)], 9.0,
                hasty=self.hasty and status is Status.FAILED,
            )
            for place, status in enumerate(self.script.pop(0))
        ]  # fmt: skip


def measured(benchmark: Any, silent: Sequence[tuple[str, str]] = ()) -> Measured:
    return asyncio.run(groups.measure(benchmark, making.arena(*RING), set(silent)))


def test_a_tool_that_failed_on_one_link_has_the_whole_group_measured_again() -> None:
    ok, tool = Status.OK, Status.TOOL_FAILED
    benchmark = Scripted([ok, tool, ok], [ok, ok, ok])
    done = measured(benchmark)
    assert benchmark.warmed == [["lom", "yuki", "luna"]] * 2
    assert [link.status for link in done.links] == [ok] * 3
    assert [[c.stdout for c in link.commands] for link in done.links] == [["2"]] * 3
    assert [[c.stdout for c in link.failures] for link in done.links] == [["1"]] * 3
    assert [command.stdout for command in done.kept] == ["kept 2"]
    assert [command.stdout for command in done.failures] == ["kept 1"]
    [group] = done.groups
    assert (group.attempts, group.start_spread_s) == (2, 0.02)


def test_one_link_s_failure_leaves_the_others_as_they_are() -> None:
    statuses = [Status.OK, Status.FAILED, Status.TIMEOUT]
    done = measured(Scripted(statuses))
    assert [link.status for link in done.links] == statuses
    assert [link.attempts for link in done.links] == [1] * 3


def test_a_tool_that_did_not_wait_is_tried_again_and_its_last_word_is_the_vpn_s() -> None:
    ok, failed = Status.OK, Status.FAILED
    done = measured(Scripted([ok, failed, ok], [ok] * 3, hasty=True))
    assert [(link.status, link.attempts) for link in done.links] == [(ok, 2)] * 3
    done = measured(Scripted([ok, failed, ok], [ok, failed, ok], hasty=True))
    assert [link.status for link in done.links] == [ok, failed, ok]
    assert {link.attempts for link in done.links} == {2}


def test_what_is_silent_is_not_measured_and_says_so() -> None:
    done = measured(Scripted([Status.OK, Status.OK]), [("yuki", "luna")])
    assert [link.status for link in done.links] == [Status.OK, Status.FAILED, Status.OK]
    assert (done.links[1].reason, done.links[1].commands) == (groups.SILENT, [])
    assert [group.links for group in done.groups] == [["lom->yuki", "luna->lom"]]


def test_where_all_is_silent_nothing_is_measured() -> None:
    done = measured(Ping(), [link.pair for link in RING])
    assert {link.status for link in done.links} == {Status.FAILED}
    assert [command for host in HOSTS for command in host.asked] == []


def test_links_that_started_apart_mark_the_cell() -> None:
    def group(spread_s: float | None) -> GroupRecord:
        return GroupRecord(links=["lom->yuki", "yuki->luna"], start_spread_s=spread_s)

    near = [group(None), group(groups.START_SPREAD_S)]
    assert list(marks.apart(near)) == []
    assert list(marks.apart([*near, group(0.08)])) == [
        "links measured together started 80 ms apart, more than 50 ms"
    ]
