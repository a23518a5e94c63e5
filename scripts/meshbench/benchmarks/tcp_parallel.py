"""TCP goodput of all links at the same time by iperf3, one stream per direction on each."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field

from meshbench.benchmarks.base import L, Observation
from meshbench.benchmarks.tools import tcp_metrics
from meshbench.benchmarks.tools.iperf3_output import Mode
from meshbench.benchmarks.tools.tcp_session import TcpOptions, TcpSessions
from meshbench.results.records import Record


class Options(TcpOptions):
    of_the_thesis: ClassVar[Mapping[str, Any]] = {**TcpOptions.of_the_thesis, "duration_s": 60}

    modes: Annotated[tuple[Mode, ...], Field(min_length=1)] = ("bidir",)


class TcpParallel(TcpSessions[Options]):
    """All links in one group; on a ring of three `bidir` is six flows at the same time."""

    name = "tcp_parallel"
    carries_tcp = True
    version = 1
    options_class = Options
    metrics = (*tcp_metrics.OF_A_RUN, tcp_metrics.START_SPREAD)

    def groups(self, links: Sequence[L]) -> Sequence[Sequence[L]]:
        return [links]

    def parse(self, record: Record) -> Iterator[Observation]:
        yield from super().parse(record)
        for group in record.groups:
            together = [link for link in record.links if "->".join(link.pair) in group.links]
            for link in together if group.start_spread_s is not None else ():
                yield Observation(tcp_metrics.START_SPREAD, group.start_spread_s, link.pair)


BENCHMARK = TcpParallel
