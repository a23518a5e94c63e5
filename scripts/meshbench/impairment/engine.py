"""The contract of an impairment engine: apply, read back, clear; each of them idempotent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from meshbench.config.models import Profile
from meshbench.util.errors import TestbedError


@dataclass(frozen=True)
class Plan:
    """What each host's uplink is to do to packets."""

    profile: Profile
    placement: str
    limit: int
    seeds: Mapping[str, int]
    """By host: the same weather for every VPN of a round."""


class Engine(Protocol):
    """One way of impairing packets."""

    name: str

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        """Make the network do what the plan says, from a fresh seed; returns the commands by host.

        After `lifetime_s` without another call the hosts clear themselves.
        """
        ...

    async def read(self) -> dict[str, dict[str, Any]]:
        """What each host's emulator says of itself: parameters and counters. Empty when clear.

        The counters are ``offered`` packets, those ``lost`` on purpose, and ``tail_drops``.
        One that knows how late it forwards on average since `apply` says so as ``late_ms``.
        """
        ...

    async def clear(self) -> None:
        """Take all impairment away."""
        ...


def verify(plan: Plan, found: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare what was read back with the plan. Raises TestbedError naming the difference.

    Engines report their parameters under the keys of a profile plus ``limit``, and where the
    kernel decides whether it can be seeded the ``seed`` in force, or null.
    """
    if not plan.profile.impairs:
        if found:
            raise TestbedError(f"impairment is still active on {', '.join(found)}")
        return
    wanted = plan.profile.model_dump() | {"limit": plan.limit}
    for host in plan.seeds:
        has = found.get(host, {}).get("parameters", {})
        wrong = {
            key: (value, has.get(key))
            for key, value in wanted.items()
            if key not in has or abs(has[key] - value) > 1e-3 * max(1.0, abs(value))
        }
        if wrong:
            said = ", ".join(f"{key} is {got}, not {value}" for key, (value, got) in wrong.items())
            raise TestbedError(f"impairment of {host} is not what was asked for: {said}")
        if (got := found[host].get("seed")) not in {None, plan.seeds[host]}:
            raise TestbedError(f"impairment of {host} is seeded with {got}, not {plan.seeds[host]}")


def tail_drops(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, int]:
    """By host, the packets the emulator dropped for want of room between two readings."""
    return {
        host: dropped
        for host, stats in after.items()
        if (dropped := stats.get("tail_drops", 0) - before.get(host, {}).get("tail_drops", 0)) > 0
    }


def losses(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[int, int] | None:
    """Packets offered to all emulators between two readings, and those lost on purpose.

    None where nothing was emulated, or where a reading does not say.
    """
    counters = [(before.get(host, {}), stats) for host, stats in after.items()]
    if not counters or any(key not in s for _, s in counters for key in ("offered", "lost")):
        return None
    offered, lost = (
        sum(stats[key] - earlier.get(key, 0) for earlier, stats in counters)
        for key in ("offered", "lost")
    )
    return offered, lost
