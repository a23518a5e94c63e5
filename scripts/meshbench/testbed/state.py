"""The hosts' true state, read in one round trip each."""

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from meshbench.testbed.host import STATE, Host

_JSON = {"links", "addresses", "qdiscs", "counters", "failed_vpn", "up"}
_PAIRS = {"offloads": ":", "sysctls": "=", "tools": "="}
_CPU_TIMES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")


async def read(hosts: Sequence[Host]) -> dict[str, dict[str, Any]]:
    """State by host name; the keys are the sections of state.sh."""
    script = (files("meshbench.testbed") / "state.sh").read_bytes()
    commands = await asyncio.gather(*(
        host.run(["sh", "-s", host.address.data_interface], stdin=script) for host in hosts
    ))  # fmt: skip
    return {host.name: parse(command.stdout) for host, command in zip(hosts, commands, strict=True)}


def parse(text: str) -> dict[str, Any]:
    """What state.sh printed, by section; JSON where the source speaks it."""
    sections = {}
    for part in text.split("\n@ ")[1:]:
        name, _, body = part.partition("\n")
        sections[name] = _section(name, body.strip())
    return sections


def _section(name: str, body: str) -> Any:
    if name in _JSON:
        # An older iproute2 prints words where a newer one prints JSON.
        with contextlib.suppress(ValueError):
            return json.loads(body)
        return None
    if name in _PAIRS:
        lines = (line.partition(_PAIRS[name]) for line in body.splitlines())
        return {key.strip(): value.strip() for key, _, value in lines}
    return body.splitlines() if name in {"vpns", "installed", "broken"} else body


def active(state: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """By host, the VPN units that are active."""
    return {
        host: {
            unit
            for unit, status, _ in (line.split() for line in sections["vpns"])
            if status in {"active", "activating", "reloading"}
        }
        for host, sections in state.items()
    }


def broken(state: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a fault is in force on any host, by whomever."""
    return any(sections.get("broken") for sections in state.values())


def running(state: Mapping[str, Mapping[str, Any]]) -> dict[str, set[str]]:
    """Which VPN systems have an active unit, the main one or one beside it, and on which hosts."""
    by_system: dict[str, set[str]] = {}
    for host, units in active(state).items():
        for unit in units:
            # Beside the unit of a system are those with a colon and a name of their own.
            name = unit.removeprefix("meshbench-vpn-").removesuffix(".service")
            by_system.setdefault(name.partition(":")[0], set()).add(host)
    return by_system


def stolen(before: Mapping[str, Any], after: Mapping[str, Any]) -> float | None:
    """The share of a host's CPU time between two states that its hypervisor gave to others (0..1).

    From the first line of /proc/stat (proc_stat(5)). None where a state does not say.
    """
    earlier, later = _ticks(before), _ticks(after)
    spent = {name: later[name] - earlier[name] for name in earlier.keys() & later.keys()}
    total = sum(spent.values())
    return spent["steal"] / total if "steal" in spent and total > 0 else None


def _ticks(sections: Mapping[str, Any]) -> dict[str, int]:
    words = str(sections.get("cpu_time") or "").split()[1:]
    return {name: int(word) for name, word in zip(_CPU_TIMES, words, strict=False)}


def markers(state: Mapping[str, Mapping[str, Any]], system: str) -> dict[str, str]:
    """By host, what the system's installation marker says."""
    path = f"{STATE / system}/installed"
    pairs = {
        host: dict(line.partition(" ")[::2] for line in sections["installed"])
        for host, sections in state.items()
    }
    return {host: by_path[path] for host, by_path in pairs.items() if path in by_path}
