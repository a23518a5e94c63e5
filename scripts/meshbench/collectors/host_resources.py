"""What a host spends: CPU time by thread and by core, memory, and drops, sampled twice a second."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any

from meshbench.benchmarks.base import Observation
from meshbench.collectors import resources
from meshbench.collectors.base import Collector
from meshbench.collectors.resources import metrics, usage
from meshbench.collectors.resources.samples import Series, read
from meshbench.collectors.resources.usage import Kernel, Usage
from meshbench.results.metrics import register
from meshbench.results.records import Command, Record, now
from meshbench.testbed.host import RUN, File, Host, Unit
from meshbench.util.errors import TestbedError
from meshbench.vpns.common.lifecycle import Mesh, interface_of

log = logging.getLogger(__name__)

UNIT = "meshbench-host-resources"
PROGRAM = RUN / "host-resources.sh"
OUTPUT = RUN / "host-resources.txt"
PERIOD_S = 0.5
LONGEST = "24h"
"""A program whose controller is gone ends by itself."""
MOST_COST = 0.01
"""The share of a core that the program may take without a mark."""
SHORT_S = 1.5
"""By then a second sample, due after half a second, has come on any host."""
LEAST_S = 5.0
"""In less the program's start alone is more than that."""
HELD_BACK = 0.05
"""The share of quota periods from which on a VPN was held back by its quota."""
CUT_S = 5.0
"""A program that was still sampling at the end has a sample that is not older."""


class HostResources(Collector):
    """Every host samples itself. What cannot be sampled is said by a mark and stops nothing."""

    name = "host_resources"
    metrics = metrics.ALL

    def __init__(self) -> None:
        self._troubles: dict[str, str] = {}

    async def start(self, mesh: Mesh) -> None:
        await asyncio.gather(*(self._start(mesh, host) for host in mesh.hosts))

    async def _start(self, mesh: Mesh, host: Host) -> None:
        argv = ["sh", PROGRAM, OUTPUT, PERIOD_S, interface_of(mesh, host), *mesh.units(host.name)]
        try:
            await host.upload([File(PROGRAM, _script("sampler.sh"))])
            await host.start(Unit(UNIT, [*map(str, argv)], {"RuntimeMaxSec": LONGEST}))
        except TestbedError as error:
            self._troubles[host.name] = str(error)
            log.warning("what %s spends is not sampled: %s", host.name, error)

    async def stop(self, mesh: Mesh) -> Sequence[Command]:
        return await asyncio.gather(*(self._stop(mesh, host) for host in mesh.hosts))

    async def _stop(self, mesh: Mesh, host: Host) -> Command:
        argv = ["sh", "-s", UNIT, str(OUTPUT), interface_of(mesh, host)]
        if trouble := self._troubles.get(host.name):
            return _never(host, argv, trouble)
        try:
            ended = await host.run(argv, stdin=_script("stop.sh"), limit_s=60, check=False)
        except TestbedError as error:
            return _never(host, argv, str(error))
        return ended.model_copy(update={"role": "samples", "measuring": False})

    def parse(self, record: Record) -> Iterator[Observation]:
        commands = record.collected.get(self.name, [])
        for command in commands:
            series = read(command.stdout)
            if record.testbed.shared_cpu:
                kernel = _machine_kernel(record.testbed.facts, len(commands))
            else:
                kernel = Usage(series).kernel()
            yield from usage.observations(command.host, series, kernel)

    def marks(self, commands: Sequence[Command]) -> Iterator[str]:
        for command in commands:
            yield from _marks(command.host, read(command.stdout))


def _script(name: str) -> bytes:
    return (files(resources) / name).read_bytes()


def _never(host: Host, argv: list[str], trouble: str) -> Command:
    """A command that could not be run, which says why."""
    return Command(
        host=host.name, argv=argv, started=now(), duration_s=0.0, returncode=255, stdout="",
        stderr=trouble, role="samples", measuring=False,
    )  # fmt: skip


def _machine_kernel(facts: Mapping[str, Any], hosts: int) -> Kernel:
    """A host's equal part of what the machine's kernel threads and interrupts had.

    From `testbed.lab.load`: from inside, a lab's hosts see no kernel thread.
    """
    used = facts.get("cpu")
    if not isinstance(used, dict) or not {"kernel", "window_s"} <= used.keys():
        return Kernel(None, None)
    part_s = float(used["window_s"]) * int(facts.get("cpus") or 1) / hosts
    wireguard = used.get("wireguard")
    return Kernel(used["kernel"] * part_s, None if wireguard is None else wireguard * part_s)


def _too_short(series: Series) -> bool:
    """Whether the sampling was ended in good order before a second sample was due."""
    if series.end_s is None:
        return False
    return not series.samples or series.end_s - series.samples[0].at_s < SHORT_S


def _marks(host: str, series: Series) -> Iterator[str]:
    used = Usage(series)
    if not used.steps:
        if not _too_short(series):
            yield f"what {host} spent was not sampled"
        return
    if series.end_s is None or series.end_s - series.samples[-1].at_s > CUT_S:
        yield f"the sampling of what {host} spent ended before the measurement did"
    if used.seconds > LEAST_S and (used.group_s("own") or 0.0) / used.seconds > MOST_COST:
        yield f"the sampling of what {host} spent took more than {MOST_COST:.0%} of a core"
    if (usage.throttled(series) or 0.0) > HELD_BACK:
        yield f"a CPU quota held the VPN of {host} back"


COLLECTOR = HostResources
register(*HostResources.metrics)
