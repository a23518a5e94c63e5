"""What others had of the CPUs meanwhile: programs beside a lab, meshbench, a hypervisor's other guests."""

from collections.abc import Iterator

from meshbench.benchmarks.base import Observation
from meshbench.collectors.base import Collector
from meshbench.results.metrics import Metric, register
from meshbench.results.records import Record
from meshbench.testbed import state

OUTSIDE = Metric(
    "outside_cpu", "1", "CPU time of other programs", "neither",
    "While it was measured, the share of the CPU time of all CPUs of a lab's machine that went to programs which are "
    "neither the lab's nor meshbench's nor the kernel's threads; the same on each of the lab's hosts. None "
    "where hosts are machines of their own.",
    "/proc/stat less cgroup cpu.stat of the lab and /proc/PID/stat of the others",
)  # fmt: skip
OWN = Metric(
    "own_cpu", "1", "CPU time of meshbench itself", "neither",
    "While it was measured, the share of the CPU time of all CPUs of a lab's machine that went to meshbench and "
    "Snakemake; the same on each of the lab's hosts. None where hosts are machines of their own.",
    "/proc/PID/stat of the processes of meshbench",
)  # fmt: skip
STOLEN = Metric(
    "stolen_cpu", "1", "CPU time given to other guests", "neither",
    "The share of the host's CPU time, between the states read before and after the cell, that its hypervisor gave "
    "to others.",
    "/proc/stat: steal (proc_stat(5))",
)  # fmt: skip


class Neighbours(Collector):
    """From what every record holds of its machine; the marks on it are `runner.marks`'s."""

    name = "neighbours"
    metrics = (OUTSIDE, OWN, STOLEN)

    def parse(self, record: Record) -> Iterator[Observation]:
        testbed = record.testbed
        used = testbed.facts.get("cpu")
        shares = used if isinstance(used, dict) else {}
        for host in dict.fromkeys(host for link in record.links for host in link.pair):
            for metric, name in ((OUTSIDE, "outside"), (OWN, "meshbench")):
                if shares.get(name) is not None:
                    yield Observation(metric, float(shares[name]), host)
            stolen = state.stolen(testbed.before.get(host, {}), testbed.after.get(host, {}))
            if stolen is not None:
                yield Observation(STOLEN, stolen, host)


COLLECTOR = Neighbours
register(*Neighbours.metrics)
