"""All links at once: one group, six flows, and how far apart they started."""

import asyncio
from collections.abc import Callable, Sequence

from meshbench.benchmarks.base import Link
from meshbench.benchmarks.tcp_parallel import Options, TcpParallel
from meshbench.benchmarks.tools import tcp_metrics as m
from meshbench.results.records import GroupRecord, Status
from meshbench.runner import groups
from meshbench.runner.groups import Measured
from tests.unit import making

NAMES = ("lom", "yuki", "luna")
LISTENS = "LISTEN 0 4096 *:5201 *:*\n"
BIDIR = making.text("iperf3-bidir.json")
UNREACHABLE = '{"error": "unable to connect to server: No route to host", "end": {}}'

Answers = Callable[[str], str]
"""What iperf3 prints on a host."""


def ring(answers: Answers) -> list[Link]:
    def host(name: str, index: int) -> making.ScriptedHost:
        def answer(argv: Sequence[str]) -> str:
            return answers(name) if argv[0] == "iperf3" else LISTENS if argv[0] == "ss" else ""

        return making.ScriptedHost(name, answer, index)

    hosts = [host(name, index) for index, name in enumerate(NAMES, 1)]
    return [
        Link(a, b, a.address.data_address, b.address.data_address, "data0", port=5201 + 10 * place)
        for place, (a, b) in enumerate(zip(hosts, [*hosts[1:], hosts[0]], strict=True))
    ]


def measured(answers: Answers) -> Measured:
    benchmark, arena = TcpParallel(Options(warm_up=False, attempts=1)), making.arena(*ring(answers))

    async def inner() -> Measured:
        async with benchmark.serving(arena):
            return await groups.measure(benchmark, arena, set())

    return asyncio.run(inner())


def test_all_links_are_one_group_of_six_flows() -> None:
    done = measured(lambda _: BIDIR)
    [group] = done.groups
    assert group.links == ["lom->yuki", "yuki->luna", "luna->lom"]
    assert [link.status for link in done.links] == [Status.OK] * 3
    record = making.record(*done.links)
    observations = list(TcpParallel().parse(record))
    flows = {(v.subject, v.direction, v.mode) for v in observations if v.metric is m.GOODPUT}
    assert len(flows) == 6
    assert {mode for *_, mode in flows} == {"bidir"}
    assert [v.value for v in observations if v.metric is m.STREAMS] == [1] * 3


def test_a_pair_that_fails_leaves_the_others_valid() -> None:
    done = measured(lambda name: UNREACHABLE if name == "yuki" else BIDIR)
    assert [link.status for link in done.links] == [Status.OK, Status.FAILED, Status.OK]
    observations = list(TcpParallel().parse(making.record(*done.links)))
    whole = {v.subject for v in observations if v.metric is m.GOODPUT and v.t_s is None}
    assert whole == {("lom", "yuki"), ("luna", "lom")}


def test_how_far_apart_the_sessions_started_is_a_value_of_each() -> None:
    links = measured(lambda _: BIDIR).links
    names = ["->".join(link.pair) for link in links]
    record = making.record(*links)
    record.groups = [GroupRecord(links=names, start_spread_s=0.012)]
    observations = [v for v in TcpParallel().parse(record) if v.metric is m.START_SPREAD]
    assert [(v.subject, v.value) for v in observations] == [(link.pair, 0.012) for link in links]
    alone = record.model_copy(update={"links": links[:1]})
    [value] = [v for v in TcpParallel().parse(alone) if v.metric is m.START_SPREAD]
    assert value.value == 0.012, "reading links one by one makes no other start of it"
