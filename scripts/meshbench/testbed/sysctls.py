"""Kernel settings of a host, read and written below /proc/sys: minimal hosts have no sysctl(8)."""

from collections.abc import Mapping, Sequence

from meshbench.results.records import Command
from meshbench.testbed.host import CommandError, Host

ROOT = "/proc/sys/"
_ANSWERED = {0, 1, 2}
"""How grep(1) ends: with lines, without, or with some files missing."""
WRITE = """
dotted() ( IFS=/; set -f; set -- $1; IFS=.; printf '%s' "$*"; )
status=0
for setting; do
    key=${setting%%=*}
    said=$({ printf '%s\\n' "${setting#*=}" >"/proc/sys/$key"; } 2>&1) && continue
    printf '%s: %s\\n' "$(dotted "$key")" "$said" >&2
    status=1
done
exit $status
"""


async def read(host: Host, keys: Sequence[str]) -> dict[str, str]:
    """The values of those keys that the host's kernel has, their words apart by one space."""
    files = [ROOT + _place(key) for key in keys]
    # The kernel gives such a file to one read(2) only, and a shell reads byte by byte.
    command = await host.run(["grep", "-sH", "", "--", *files], check=False)
    if command.returncode not in _ANSWERED:
        raise CommandError(command)
    values = dict(line.partition(":")[::2] for line in command.stdout.splitlines())
    pairs = zip(keys, files, strict=True)
    return {key: " ".join(values[file].split()) for key, file in pairs if file in values}


async def write(host: Host, values: Mapping[str, str]) -> Command:
    """Write values; what the kernel does not take is named on the command's standard error."""
    return await host.run(writing(values), check=False)


def writing(values: Mapping[str, str]) -> list[str]:
    """The command that writes values."""
    return ["sh", "-c", WRITE, "sh", *(f"{_place(key)}={value}" for key, value in values.items())]


def _place(key: str) -> str:
    """Where a key's file is below /proc/sys, e.g. net/ipv4/tcp_rmem (sysctl(8))."""
    return key.replace(".", "/")
