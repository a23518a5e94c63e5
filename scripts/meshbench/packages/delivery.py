"""Programs on the hosts: each package in a folder named by its digest, looked at once per job."""

import asyncio
from collections.abc import Mapping, Sequence

from meshbench.packages import store
from meshbench.packages.store import ARCHITECTURES, Manifest
from meshbench.packages.supply import Supply
from meshbench.testbed.host import STATE, File, Host
from meshbench.util.errors import VpnError

USED = "packages"
"""In a system's folder on a host: the digests of the packages it uses."""
_MODE = 0o755
_OF_BENCHMARK = "benchmark:"
"""Before a benchmark's name where a system's would stand; no system's name has a colon."""
_SWEEP = """
for folder in "$1"/packages/*; do
    [ -d "$folder" ] || continue
    grep -qsxF "${folder##*/}" "$1"/*/packages || rm -rf -- "$folder"
done
rmdir -- "$1"/packages 2>/dev/null || true
"""


def of_benchmark(name: str) -> str:
    """What a benchmark is called where programs are delivered to systems."""
    return f"{_OF_BENCHMARK}{name}"


def is_system(name: str) -> bool:
    """Whether a folder on a host is a system's: not a benchmark's, nor that of the programs."""
    return name != USED and not name.startswith(_OF_BENCHMARK)


async def deliver(
    system: str, supplies: Sequence[Supply], hosts: Sequence[Host]
) -> Mapping[str, tuple[Manifest, ...]]:
    """Put a system's programs on every host, by host's name what they are; what is there stays.

    Raises:
        VpnError: with the reason why a package cannot be had.
    """
    if not supplies:
        return {host.name: () for host in hosts}
    architectures = await asyncio.gather(*(_architecture(host) for host in hosts))
    manifests = {
        architecture: tuple([await store.obtain(supply, architecture) for supply in supplies])
        for architecture in dict.fromkeys(architectures)
    }
    by_host = {
        host.name: manifests[architecture]
        for host, architecture in zip(hosts, architectures, strict=True)
    }
    await asyncio.gather(*(_deliver(system, supplies, by_host[host.name], host) for host in hosts))
    return by_host


async def _architecture(host: Host) -> str:
    machine = (await host.run(["uname", "-m"])).stdout.strip()
    if machine not in ARCHITECTURES:
        raise VpnError(f"{host.name}: no packages are known for the architecture {machine}")
    return ARCHITECTURES[machine]


async def _deliver(
    system: str, supplies: Sequence[Supply], manifests: Sequence[Manifest], host: Host
) -> None:
    used = File(
        STATE / system / USED, "".join(f"{package.digest}\n" for package in supplies).encode()
    )
    wanted = {str(used.path): len(used.content)} | {
        str(supply.path(name)): size
        for supply, manifest in zip(supplies, manifests, strict=True)
        for name, size in manifest.sizes_bytes.items()
    }
    # A folder's name stands for its content, and a file is moved there whole: the size will do.
    command = await host.run(["stat", "-c", "%s %n", "--", *wanted], check=False)
    sizes = {
        path: size for size, _, path in (x.partition(" ") for x in command.stdout.splitlines())
    }
    if all(sizes.get(path) == str(size) for path, size in wanted.items()):
        return
    files = [
        File(
            supply.path(name),
            (store.folder(supply, built.architecture) / "bin" / name).read_bytes(),
            _MODE,
        )
        for supply, built in zip(supplies, manifests, strict=True)
        for name in built.programs
    ]
    await host.upload([used, *files])
    await sweep(host)


async def sweep(host: Host) -> None:
    """Take away the packages that no system on the host uses."""
    await host.run(["sh", "-c", _SWEEP, "sh", str(STATE)])
