"""Where a cell's time went, as its record says it."""

from collections.abc import Iterator

from meshbench.benchmarks.base import Observation
from meshbench.collectors.base import Collector
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Record

_OF_THE_CELL = ("*", "*")
"""In place of a link."""
_SOURCE = "the runner's clock"


def _metric(name: str, title: str, definition: str) -> Metric:
    return Metric(name, "s", title, "lower", definition, _SOURCE)


TOOLS = Metric(
    "tools_time", "s", "In measuring tools", "neither",
    "During which at least one measuring tool of the cell ran, of failed attempts too.", _SOURCE,
)  # fmt: skip
PARTS = {
    "workflow_s": _metric(
        "workflow_time", "Between cells",
        "Before the cell, since the run's last job on the testbed had ended: Snakemake, and what "
        "it does in between.",
    ),
    "opening_s": _metric(
        "opening_time", "Opening the testbed",
        "Connecting, bringing a lab up and waiting for the lease.",
    ),
    "evidence_s": _metric(
        "evidence_time", "Evidence",
        "Asking the hosts before and after a cell for their state, settings, tools, programs and "
        "paths, and setting what differs.",
    ),
    "vpn_s": _metric(
        "vpn_time", "Bringing the VPN up",
        "Making it the only one that is up: stopping others, installing, starting, waiting for its "
        "tunnels, searching its path MTU; or seeing that it is up already.",
    ),
    "preparing_s": _metric(
        "preparing_time", "Impairing and servers",
        "Impairing the network, starting servers and collectors, and ending them.",
    ),
    "measuring_s": Metric(
        "benchmark_time", "s", "Benchmark", "neither",
        "In the benchmark, its warm-ups and repetitions included.", _SOURCE,
    ),
}  # fmt: skip
"""By the part of `records.Spent`."""


class CellTime(Collector):
    """The parts of a cell's time; none of a record that does not say them."""

    name = "cell_time"
    metrics = (TOOLS, *PARTS.values())

    def parse(self, record: Record) -> Iterator[Observation]:
        if record.spent is None:
            return
        yield Observation(TOOLS, record.measuring_s, _OF_THE_CELL)
        for part, metric in PARTS.items():
            seconds = getattr(record.spent, part)
            if seconds is not None:
                yield Observation(metric, seconds, _OF_THE_CELL)


COLLECTOR = CellTime
register(*CellTime.metrics)
