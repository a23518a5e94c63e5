"""A VPN's service as a systemd unit file (systemd.service(5), systemd.syntax(7))."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from meshbench.testbed.host import LOCALE, SLICE, File
from meshbench.testbed.unit_files import UNIT_FOLDER as UNIT_FOLDER  # noqa: PLC0414
from meshbench.testbed.unit_files import command_line as command_line  # noqa: PLC0414
from meshbench.testbed.unit_files import escaped

_PREFIX = "meshbench-vpn-"
AT_BOOT = "meshbench-at-boot.conf"
"""The drop-in of a unit that is to be started at boot (`at_boot`)."""
# $1: the units' folder; then names or patterns of units.
_FORGET_AT_BOOT = r"""
cd -- "$1" || exit
shift
for unit in $*; do
    rm -f -- "multi-user.target.wants/$unit" "$unit.d/$0"
    [ ! -d "$unit.d" ] || rmdir -- "$unit.d" 2>/dev/null
done
true
"""


@dataclass(frozen=True)
class Service:
    """A service: programs as argument lists, quoted when the file is written."""

    start: Sequence[str]
    after_start: Sequence[Sequence[str]] = ()
    stop: Sequence[str] | None = None
    kind: str = "simple"
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_file: PurePosixPath | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    listens: int | None = None
    """A companion's port: what is started after it waits until something listens there."""


def unit_name(system: str, companion: str | None = None) -> str:
    """A system's main unit, or one beside it; a system's name has no colon."""
    return f"{_PREFIX}{system}{f':{companion}' if companion else ''}.service"


def companion_units(system: str) -> str:
    """A pattern of systemctl's for the units beside a system's main one."""
    return unit_name(system, "*")


def forget_at_boot(system: str) -> list[str]:
    """The command after which nothing of a system is started at boot; systemd has to be told.

    Idempotent.
    """
    units = [unit_name(system), companion_units(system)]
    return ["sh", "-c", _FORGET_AT_BOOT, AT_BOOT, str(UNIT_FOLDER), *units]


def system_of(unit: str) -> str:
    """The system whose main unit or companion this is: `unit_name` undone."""
    return unit.removeprefix(_PREFIX).removesuffix(".service").partition(":")[0]


def unit_file(system: str, service: Service, companion: str | None = None) -> File:
    """The unit file. A daemon that dies stays dead, so that its death is seen."""
    lines = [
        "[Unit]",
        f"Description=meshbench: {system}{f', {companion}' if companion else ''}",
        "[Service]",
        f"Slice={SLICE}",
        f"Type={service.kind}",
        "RuntimeDirectory=meshbench",
        "RuntimeDirectoryPreserve=yes",
        # What it logs is read, and must not be in the host's language.
        *(f'Environment="{key}={value}"' for key, value in LOCALE.items()),
        "TimeoutStartSec=30",
        "TimeoutStopSec=10",
        f"ExecStart={command_line(service.start)}",
        *(f"ExecStartPost={command_line(argv)}" for argv in service.after_start),
        *([f"ExecStop={command_line(service.stop)}"] if service.stop else []),
        *(["RemainAfterExit=yes"] if service.kind == "oneshot" else []),
        *(f'Environment="{escaped(f"{k}={v}")}"' for k, v in service.environment.items()),
        *([f"EnvironmentFile={service.environment_file}"] if service.environment_file else []),
        *(f"{key}={value}" for key, value in service.properties.items()),
    ]
    return File(UNIT_FOLDER / unit_name(system, companion), "\n".join([*lines, ""]).encode())
