"""Ending a system's daemons on one host, in good order or not, and having them run again."""

from meshbench.benchmarks.base import CANNOT
from meshbench.results.records import Command
from meshbench.testbed.host import Host
from meshbench.vpns.common.lifecycle import Mesh

LIMIT_S = 60.0
# A unit that is started often is refused by systemd unless its count begins anew.
_RESTART = f"""
[ $# != 0 ] || {{ echo "no daemon runs there that could be restarted"; exit {CANNOT}; }}
systemctl reset-failed -- "$@" 2>/dev/null
date +%s.%N
systemctl restart -- "$@" || exit
date +%s.%N
"""
_KILL = f"""
pids=$(for unit; do systemctl show -P MainPID -- "$unit"; done | grep -v '^0$')
[ -n "$pids" ] || {{ echo "no process runs there that could be killed"; exit {CANNOT}; }}
how=$(systemctl show -P Restart -- "$1")
date +%s.%N
systemctl kill --signal=KILL -- "$@"
if [ "$how" = no ]; then
    systemctl reset-failed -- "$@" 2>/dev/null
    systemctl restart -- "$@" || exit
    echo "started again by meshbench: the unit has no Restart="
else
    while systemctl show -P MainPID -- "$@" | grep -qxF "$pids" || ! systemctl is-active -q -- "$@"; do
        sleep 0.02
    done
    echo "started again by the unit's Restart=$how"
fi
date +%s.%N
"""


async def restart(mesh: Mesh, host: Host) -> Command:
    """Restart the system's units there; ends when systemd says that they run.

    It prints when it began and when it ended, or ends with `CANNOT` where nothing runs.
    """
    return await _run(mesh, host, _RESTART)


async def kill(mesh: Mesh, host: Host) -> Command:
    """End the processes of the system's units there with SIGKILL; ends when the units run again.

    They are started by meshbench, unless the first unit has a `Restart=`: what it prints says which,
    and when it began and ended. It ends with `CANNOT` where no process is the system's.
    """
    return await _run(mesh, host, _KILL)


async def _run(mesh: Mesh, host: Host, script: str) -> Command:
    argv = ["sh", "-c", script, "sh", *mesh.units(host.name)]
    return await host.run(argv, limit_s=LIMIT_S, check=False)
