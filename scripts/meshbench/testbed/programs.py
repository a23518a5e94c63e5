"""Which programs a host has, asked of its shell alone: minimal hosts have no which(1)."""

from collections.abc import Sequence

from meshbench.testbed.host import Host

# Some shells' command -v also finds by its path what cannot be executed.
_ABSENT = """
for program; do
    path=$(command -v "$program") && [ -f "$path" ] && [ -x "$path" ] || printf '%s\\n' "$program"
done
"""


async def absent(host: Host, programs: Sequence[str]) -> list[str]:
    """Those of the programs, by name or path, that the host cannot run."""
    if not programs:
        return []
    command = await host.run(["sh", "-c", _ABSENT, "sh", *programs])
    lines = set(command.stdout.splitlines())
    return [program for program in programs if program in lines]
