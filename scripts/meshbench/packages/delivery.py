"""Programs on the hosts: each version in a folder named by its digest, looked at once per job."""

import asyncio
from collections.abc import Sequence

from meshbench.errors import VpnError
from meshbench.packages import store
from meshbench.packages.store import Manifest
from meshbench.packages.supply import Supply
from meshbench.testbed.host import STATE, File, Host

USED = "packages"
"""In a system's folder on a host: the digests of the packages it uses."""
_MODE = 0o755
# As Debian names them (dpkg-architecture -L), by what uname -m says.
ARCHITECTURES = {
    "x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "i686": "i386",
    "ppc64le": "ppc64el", "riscv64": "riscv64", "s390x": "s390x",
}  # fmt: skip
_SWEEP = """
for folder in "$1"/packages/*; do
    [ -d "$folder" ] || continue
    grep -qsxF "${folder##*/}" "$1"/*/packages || rm -rf -- "$folder"
done
"""


async def deliver(
    system: str, supplies: Sequence[Supply], hosts: Sequence[Host]
) -> dict[str, list[Manifest]]:
    """Put a system's programs on every host; what is there is left alone.

    Returns:
        By host, what was delivered.

    Raises:
        VpnError: with the reason why a package cannot be had.
    """
    if not supplies:
        return {host.name: [] for host in hosts}
    given = await asyncio.gather(*(_deliver(system, supplies, host) for host in hosts))
    return {host.name: manifests for host, manifests in zip(hosts, given, strict=True)}


async def _deliver(system: str, supplies: Sequence[Supply], host: Host) -> list[Manifest]:
    architecture = await architecture_of(host)
    manifests = [await store.obtain(supply, architecture) for supply in supplies]
    wanted = {
        str(supply.path(name)): size
        for supply, manifest in zip(supplies, manifests, strict=True)
        for name, size in manifest.sizes.items()
    }
    # The folder's name stands for the content, so that the size tells whether it is all there.
    said = await host.run(["stat", "-c", "%s %n", "--", *wanted], check=False)
    sizes = {path: size for size, _, path in (x.partition(" ") for x in said.stdout.splitlines())}
    if any(sizes.get(path) != str(size) for path, size in wanted.items()):
        await _upload(system, supplies, host, architecture)
    return manifests


async def architecture_of(host: Host) -> str:
    machine = (await host.run(["uname", "-m"])).stdout.strip()
    if machine not in ARCHITECTURES:
        raise VpnError(f"{host.name}: no packages are known for the architecture {machine}")
    return ARCHITECTURES[machine]


async def _upload(system: str, supplies: Sequence[Supply], host: Host, architecture: str) -> None:
    used = "".join(f"{supply.digest}\n" for supply in supplies)
    files = [File(STATE / system / USED, used.encode())]
    for supply in supplies:
        source = store.folder(supply, architecture) / "bin"
        files += [
            File(supply.path(name), (source / name).read_bytes(), _MODE) for name in supply.programs
        ]
    await host.upload(files)
    await sweep(host)


async def sweep(host: Host) -> None:
    """Take away the packages that no system on the host uses."""
    await host.run(["sh", "-c", _SWEEP, "sh", str(STATE)])
