"""The contract of an impairment engine: apply, read back, clear; each of them idempotent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from meshbench.config.profile import Emulator, Profile, emulators, on_link
from meshbench.util.errors import TestbedError

_PLAIN = (
    "delay_ms", "jitter_ms", "loss_percent", "loss_correlation_percent", "reorder_percent",
    "reorder_correlation_percent", "duplicate_percent",
)  # fmt: skip
_OPTIONAL = (
    "jitter_keeps_order", "loss_p_percent", "loss_r_percent", "loss_bad_percent",
    "loss_good_percent", "rate_mbit", "queue_bytes", "queue_packets",
)  # fmt: skip
"""What an emulator that says nothing of it does not do."""


@dataclass(frozen=True)
class Plan:
    """What each host's uplink is to do to packets."""

    profile: Profile
    placement: str
    limit: int
    seeds: Mapping[str, int]
    """By emulator (a host's, or that of a link with its own values): the same weather for every VPN
    of a round."""

    def emulators(self, hosts: Sequence[str]) -> list[Emulator]:
        return emulators(self.profile, self.placement, hosts)

    def of(self, emulator: str) -> Profile:
        """What an emulator is to do, by its name."""
        source, arrow, target = emulator.partition("->")
        if not arrow:
            return self.profile.at(emulator, None)
        return on_link(self.profile, self.placement, source, target)


class Engine(Protocol):
    """One way of impairing packets."""

    name: str

    async def apply(self, plan: Plan, lifetime_s: float) -> Mapping[str, list[list[str]]]:
        """Make the network do what the plan says, from a fresh seed; returns the commands by host.

        After `lifetime_s` without another call the hosts clear themselves.
        """
        ...

    async def read(self) -> dict[str, dict[str, Any]]:
        """What each emulator says of itself: parameters and counters. Empty when clear.

        The counters are ``offered`` packets, those ``lost`` on purpose, ``queue_drops`` of the
        profile's bottleneck, and ``tail_drops`` that nobody asked for.
        One that knows how late it forwards on average since `apply` says so as ``late_ms``.
        """
        ...

    async def clear(self) -> None:
        """Take all impairment away."""
        ...


def verify(plan: Plan, readings: Mapping[str, Mapping[str, Any]]) -> None:
    """Compare what was read back with the plan. Raises TestbedError naming the difference.

    Engines report their parameters under the keys of `asked`, and where the kernel decides whether
    it can be seeded the ``seed`` in force, or null.
    """
    if not plan.profile.impairs:
        if readings:
            raise TestbedError(f"impairment is still active on {', '.join(readings)}")
        return
    for host in plan.seeds:
        wanted = asked(plan.of(host), plan.limit)
        has = dict.fromkeys(_OPTIONAL, 0) | readings.get(host, {}).get("parameters", {})
        wrong = {
            key: (value, has.get(key))
            for key, value in wanted.items()
            if key not in has or abs(has[key] - value) > 1e-3 * max(1.0, abs(value))
        }
        if wrong:
            differences = ", ".join(
                f"{key} is {actual}, not {value}" for key, (value, actual) in wrong.items()
            )
            raise TestbedError(f"impairment of {host} is not what was asked for: {differences}")
        if (seed := readings[host].get("seed")) not in {None, plan.seeds[host]}:
            raise TestbedError(
                f"impairment of {host} is seeded with {seed}, not {plan.seeds[host]}"
            )


def asked(profile: Profile, limit: int) -> dict[str, float]:
    """What one emulator is to say of itself under a profile: every key, 0 for what is not asked.

    Shares in percent; `queue_bytes` or `queue_packets` hold what waits at the bottleneck.
    """
    model = profile.loss_model
    return {
        **{key: getattr(profile, key) for key in _PLAIN},
        "limit": limit,
        "jitter_keeps_order": int(profile.jitter_keeps_order),
        "loss_p_percent": model.p_percent if model else 0,
        "loss_r_percent": model.r_percent if model else 0,
        "loss_bad_percent": model.bad_loss_percent if model else 0,
        "loss_good_percent": model.good_loss_percent if model else 0,
        "rate_mbit": profile.rate_mbit or 0,
        "queue_bytes": profile.queue_bytes or 0,
        "queue_packets": profile.queue_packets or 0,
    }


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
