"""The programs that a benchmark brings along: as they were planned, and on the hosts."""

from collections.abc import Mapping, Sequence
from typing import Any

from meshbench.benchmarks.base import Benchmark
from meshbench.packages import delivery
from meshbench.packages.store import Manifest
from meshbench.testbed.host import Host
from meshbench.util.errors import NO_BINARY, TestbedError, UnavailableError, VpnError


def check(benchmark: Benchmark[Any], digests: Sequence[str]) -> None:
    """Raise TestbedError when a benchmark's programs are others than when the run began."""
    if [supply.digest for supply in benchmark.supplies] != list(digests):
        raise TestbedError(
            f"the programs of the benchmark {benchmark.name} changed after this run had begun: "
            "start the run again"
        )


async def provide(
    benchmark: Benchmark[Any], hosts: Sequence[Host]
) -> Mapping[str, tuple[Manifest, ...]]:
    """Make or fetch a benchmark's programs and put them on every host; by host what they are.

    Raises UnavailableError with the reason why a program cannot be had.
    """
    name = delivery.of_benchmark(benchmark.name)
    try:
        return await delivery.deliver(name, benchmark.supplies, hosts)
    except VpnError as error:
        raise UnavailableError(f"{NO_BINARY}: {error}") from error
