"""What a host's samples come to (pure)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple, TypeVar

from meshbench.benchmarks.base import Observation
from meshbench.collectors.resources import metrics
from meshbench.collectors.resources.samples import Sample, Series, Thread
from meshbench.results.metrics import Metric

GIGABYTE = 1e9
LEAST_BYTES = 10e6
"""Below it a cost per gigabyte would be that of keeping the tunnel up."""
LOADED = 0.5
"""Of the busiest sample's rate, from which on a sample counts as one under load."""
SHOWN_THREADS = 3
OTHERS = 0
"""The stream of all threads beyond those."""
OTHERS_NAME = "others"

Name = tuple[int, str]
"""A thread's id and name."""
K = TypeVar("K")


@dataclass(frozen=True)
class Step:
    """A sample and the time since the one before."""

    sample: Sample
    s: float

    @property
    def bytes_per_s(self) -> float:
        return (self.sample.received_bytes + self.sample.sent_bytes) / self.s


class Kernel(NamedTuple):
    """CPU seconds of the kernel for packets, and of WireGuard's workers among them; None if not known."""

    cpu_s: float | None
    wireguard_s: float | None


class Usage:
    """The sums and shares of one host's series."""

    def __init__(self, series: Series) -> None:
        self.series = series
        both = pairwise(series.samples)
        self.steps = [
            Step(later, later.at_s - earlier.at_s)
            for earlier, later in both
            if later.at_s > earlier.at_s
        ]

    @cached_property
    def seconds(self) -> float:
        return sum(step.s for step in self.steps)

    @cached_property
    def loaded(self) -> Sequence[Step]:
        """Those with at least `LOADED` of the busiest one's rate; all where nothing moved."""
        most = max((step.bytes_per_s for step in self.steps), default=0.0)
        return [step for step in self.steps if step.bytes_per_s >= LOADED * most]

    @cached_property
    def loaded_s(self) -> float:
        return sum(step.s for step in self.loaded)

    @cached_property
    def tunnel_bytes(self) -> int:
        return sum(step.sample.received_bytes + step.sample.sent_bytes for step in self.steps)

    def group_s(self, name: str, steps: Sequence[Step] | None = None) -> float | None:
        """CPU seconds of a group; None where it was in no sample."""
        chosen = self.steps if steps is None else steps
        times = [s.sample.groups[name].cpu_s for s in chosen if name in s.sample.groups]
        return sum(times) if times else None

    def cpu_s(self, thread: Thread) -> float:
        """On a core, by the coarser clock where the kernel has no finer one."""
        return thread.run_s if self._fine else thread.ticks / self.series.clock_hz

    @cached_property
    def _fine(self) -> bool:
        return any(t.run_s for step in self.steps for t in step.sample.threads.values())

    def threads_s(self, steps: Sequence[Step]) -> dict[Name, float]:
        """CPU seconds by thread."""
        return _added(
            (name, self.cpu_s(thread))
            for step in steps
            for name, thread in step.sample.threads.items()
        )

    @cached_property
    def ranked(self) -> Sequence[Name]:
        """The threads with most CPU time in the run, at most `SHOWN_THREADS`."""
        times = self.threads_s(self.steps)
        return sorted(times, key=lambda name: -times[name])[:SHOWN_THREADS]

    def demand_s(self) -> dict[Name, float] | None:
        """Seconds under load in which each thread ran or waited; None where that is not counted."""
        if not self._fine:
            return None
        return _added(
            (name, thread.run_s + thread.wait_s)
            for step in self.loaded
            for name, thread in step.sample.threads.items()
        )

    def kernel(self) -> Kernel:
        """Of interrupts and of the kernel threads that the host sees."""
        threads_s = self.kernel_threads_s()
        return Kernel(self.interrupts_s() + sum(threads_s.values()), threads_s.get("wg-crypt"))

    def interrupts_s(self) -> float:
        ticks = sum(core.interrupts for step in self.steps for core in step.sample.cores.values())
        return ticks / self.series.clock_hz

    def kernel_threads_s(self) -> dict[str, float]:
        """CPU seconds by kind of kernel thread; empty where none was seen to do anything."""
        ticks_of: Counter[str] = Counter()
        for step in self.steps:
            ticks_of.update(step.sample.kernel_ticks)
        return {name: ticks / self.series.clock_hz for name, ticks in ticks_of.items()}

    def energy_j(self) -> float | None:
        """Of all packages; their counters begin anew when they are full."""
        used: list[float] = []
        for earlier, later in pairwise(self.series.samples):
            for package, (now_uj, range_uj) in later.energy.items():
                if package in earlier.energy:
                    grown = now_uj - earlier.energy[package][0]
                    used.append((grown + range_uj if grown < 0 else grown) / 1e6)
        return sum(used) if used else None


def observations(host: str, series: Series, kernel: Kernel) -> Iterator[Observation]:
    """All values of a host.

    Args:
        host: its name.
        series: what was sampled there.
        kernel: what its kernel spent.
    """
    usage = Usage(series)
    if not usage.steps:
        return
    values = {**_cpu(usage, kernel), **_loaded(usage), **_dropped(usage), **_machine(usage)}
    for metric, value in values.items():
        if value is not None:
            yield Observation(metric, value, host)
    yield from _threads(host, usage)
    yield from _cores(host, usage)


def _cpu(usage: Usage, kernel: Kernel) -> dict[Metric, float | None]:
    vpn_s, own_s, kernel_s = usage.group_s("vpn"), usage.group_s("own"), kernel.cpu_s
    services_s = usage.group_s("services") or 0.0
    tools_s = services_s - (vpn_s or 0.0) - (own_s or 0.0) + (usage.group_s("sessions") or 0.0)
    moved = usage.tunnel_bytes / GIGABYTE if usage.tunnel_bytes >= LEAST_BYTES else None
    return {
        metrics.VPN_CPU: vpn_s,
        metrics.VPN_CPU_PER_GIGABYTE: vpn_s / moved if moved and vpn_s is not None else None,
        metrics.KERNEL_CPU: kernel_s,
        metrics.KERNEL_CPU_PER_GIGABYTE: kernel_s / moved
        if moved and kernel_s is not None
        else None,
        metrics.WIREGUARD_CPU: kernel.wireguard_s,
        metrics.TOOL_CPU: max(0.0, tools_s),
        metrics.TUNNEL_BYTES: float(usage.tunnel_bytes),
        metrics.SAMPLING_COST: own_s / usage.seconds if own_s is not None else None,
        metrics.MEMORY_PEAK: usage.series.memory_bytes,
    }


def _loaded(usage: Usage) -> dict[Metric, float | None]:
    vpn_s = usage.group_s("vpn", usage.loaded)
    if vpn_s is None:
        return {}
    threads = [t for step in usage.loaded for t in step.sample.threads.values()]
    demand = usage.demand_s()
    return {
        metrics.VPN_CORES: vpn_s / usage.loaded_s,
        metrics.BUSIEST_THREAD: _largest(usage.threads_s(usage.loaded)) / usage.loaded_s,
        metrics.BUSIEST_THREAD_DEMAND: (
            None if demand is None else min(1.0, _largest(demand) / usage.loaded_s)
        ),
        metrics.CONTEXT_SWITCHES: sum(t.switches for t in threads) / usage.loaded_s,
        metrics.THROTTLED: throttled(usage.series),
    }


def _added(parts: Iterable[tuple[K, float]]) -> dict[K, float]:
    """The sum of each key's parts."""
    sums: dict[K, float] = defaultdict(float)
    for key, part in parts:
        sums[key] += part
    return dict(sums)


def _largest(times: Mapping[Name, float]) -> float:
    return max(times.values(), default=0.0)


def throttled(series: Series) -> float | None:
    """The share of quota periods in which the VPN was held back; None where there were none."""
    groups = [sample.groups["vpn"] for sample in series.samples if "vpn" in sample.groups]
    periods = sum(group.periods for group in groups)
    return sum(group.throttled for group in groups) / periods if periods else None


def _dropped(usage: Usage) -> dict[Metric, float | None]:
    samples, mine = [step.sample for step in usage.steps], {*usage.series.sockets, "0"}
    return {
        metrics.VPN_BUFFER_DROPS: sum(
            drops for s in samples for inode, drops in s.socket_drops.items() if inode in mine
        ),
        metrics.UDP_BUFFER_DROPS: sum(sample.udp_drops for sample in samples),
        metrics.TUNNEL_DROPS: sum(sample.tunnel_drops for sample in samples),
        metrics.QUEUE_DROPS: usage.series.queue_drops,
        metrics.INTERFACE_DROPS: sum(sample.other_drops for sample in samples),
    }


def _machine(usage: Usage) -> dict[Metric, float | None]:
    cores = [core for step in usage.loaded for core in step.sample.cores.values()]
    total = sum(core.user + core.system + core.interrupts + core.idle for core in cores)
    if not total:
        return {metrics.ENERGY: usage.energy_j()}
    return {
        metrics.SYSTEM_SHARE: sum(core.system for core in cores) / total,
        metrics.SOFTIRQ_SHARE: sum(core.interrupts for core in cores) / total,
        metrics.BUSIEST_CORE: _busiest_core(usage.loaded),
        metrics.ENERGY: usage.energy_j(),
    }


def _busiest_core(steps: Sequence[Step]) -> float:
    used: Counter[int] = Counter()
    all_: Counter[int] = Counter()
    for step in steps:
        for number, core in step.sample.cores.items():
            busy = core.user + core.system + core.interrupts
            used[number] += busy
            all_[number] += busy + core.idle
    return max((used[number] / all_[number] for number in all_ if all_[number]), default=0.0)


def _threads(host: str, usage: Usage) -> Iterator[Observation]:
    streams = {name: stream for stream, name in enumerate(usage.ranked, start=1)}
    titles = {OTHERS: OTHERS_NAME, **{stream: name for (_, name), stream in streams.items()}}

    def shares(steps: Sequence[Step], at_s: float | None) -> Iterator[Observation]:
        over_s = sum(step.s for step in steps)
        parts = ((streams.get(name, OTHERS), s) for name, s in usage.threads_s(steps).items())
        times = {**dict.fromkeys(streams.values(), 0.0), **_added(parts)}
        for stream, cpu_s in sorted(times.items()):
            yield Observation(
                metrics.THREAD_CPU, round(cpu_s / over_s, 4), host,
                mode=titles[stream], stream=stream, t_s=at_s,
            )  # fmt: skip

    begin_s = usage.series.samples[0].at_s
    for step in usage.steps:
        yield from shares([step], round(step.sample.at_s - begin_s, 2))
    yield from shares(usage.steps, None)


def _cores(host: str, usage: Usage) -> Iterator[Observation]:
    threads = (thread for step in usage.steps for thread in step.sample.threads.values())
    times = _added((thread.core, usage.cpu_s(thread)) for thread in threads)
    for number, cpu_s in sorted(times.items()):
        yield Observation(metrics.VPN_CORE_CPU, cpu_s / usage.seconds, host, stream=number)
