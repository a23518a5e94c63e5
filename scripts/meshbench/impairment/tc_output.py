"""What tc says of the queueing disciplines of `qdiscs`: parameters in force and counters (pure)."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from meshbench.impairment import physics
from meshbench.impairment.qdiscs import MOST_BRANCHES, SHAPER

_CHANCE = 5.0
"""Standard deviations of a random loss that are still taken for chance."""


def readings(text: str, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """What ``tc -j -s qdisc show dev …`` says of each netem, by emulator, in the order of `tree`.

    `seed` is null where the kernel (before Linux 6.7) or tc (before iproute2 6.6) cannot seed it.
    """
    qdiscs = json.loads(text or "[]")
    netems = sorted(
        (qdisc for qdisc in qdiscs if qdisc["kind"] == "netem"), key=lambda qdisc: qdisc["handle"]
    )
    # One more or less than planned is nobody's: verification misses it, or finds it active.
    named = [*names, *(f"{names[-1]}, {number}" for number in range(2, len(netems) + 1))]
    return {name: _reading(netem, qdiscs) for name, netem in zip(named, netems, strict=False)}


def reading(text: str) -> dict[str, Any]:
    """The same of a device's only netem; empty where there is none."""
    return readings(text, ["it"]).get("it", {})


def _reading(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    full = tail_drops(netem, qdiscs)
    dropped = _dropped(netem, qdiscs)
    below = _child(netem, qdiscs).get("drops", 0)
    return {
        "parameters": parameters(netem, qdiscs),
        "seed": netem["options"].get("seed"),
        "offered": netem.get("packets", 0) + dropped,
        "lost": dropped - full,
        "queue_drops": below if _has_bottleneck(netem, qdiscs) else 0,
        "tail_drops": full,
        "qdiscs": qdiscs,
    }


def parameters(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """What a netem and the bottleneck below it read back, under the keys of `engine.asked`.

    ``tc -j qdisc show`` has seconds, shares, and bytes per second.
    """
    options = netem["options"]
    delay, loss = options.get("delay", {}), options.get("loss-random", {})
    reorder, duplicate = options.get("reorder", {}), options.get("duplicate", {})
    model = options.get("loss-gemodel", {})
    shaper = _child(netem, qdiscs) if _has_bottleneck(netem, qdiscs) else {}
    queue = _child(shaper, qdiscs)
    held = queue.get("options", {}).get("limit", 0)
    return {
        "delay_ms": 1000 * delay.get("delay", 0),
        "jitter_ms": 1000 * delay.get("jitter", 0),
        "loss_percent": 100 * loss.get("loss", 0),
        "loss_correlation_percent": 100 * loss.get("correlation", 0),
        "reorder_percent": 100 * reorder.get("reorder", 0),
        "reorder_correlation_percent": 100 * reorder.get("correlation", 0),
        "duplicate_percent": 100 * duplicate.get("duplicate", 0),
        "limit": options["limit"],
        "jitter_keeps_order": int("rate" in options),
        "loss_p_percent": 100 * model.get("p", 0),
        "loss_r_percent": 100 * model.get("r", 0),
        "loss_bad_percent": 100 * model.get("1-h", 0),
        "loss_good_percent": 100 * model.get("1-k", 0),
        "rate_mbit": shaper.get("options", {}).get("rate", 0) * 8 / 1e6,
        "queue_bytes": held if queue.get("kind") == "bfifo" else 0,
        "queue_packets": held if queue.get("kind") == "pfifo" else 0,
    }


def _child(above: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    parent = f"{above.get('handle', '')}1"
    return next((qdisc for qdisc in qdiscs if qdisc.get("parent") == parent), {})


def _has_bottleneck(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what is below is a profile's, not the lab's own line."""
    handle = _child(netem, qdiscs).get("handle", "0:")
    return SHAPER <= int(handle.rstrip(":"), 16) < SHAPER + MOST_BRANCHES


def tail_drops(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> int:
    """Packets for which netem had no room: at least so many.

    netem has one counter for its losses on purpose, a full queue and what the shaper below it
    drops (sch_netem.c); what is more than the shaper's own drops and chance was a full queue.
    """
    own = _dropped(netem, qdiscs)
    share, spread = _loss(netem["options"])
    offered: int = netem.get("packets", 0) + own
    variance = offered * share * (1 - share) * spread
    return max(0, math.floor(own - offered * share - _CHANCE * math.sqrt(variance)))


def _loss(options: Mapping[str, Any]) -> tuple[float, float]:
    """The share that is lost on purpose, and its variance over that of independent losses."""
    if model := options.get("loss-gemodel"):
        return physics.bursts(model["p"], model["r"], model["1-h"], model["1-k"])
    loss = options.get("loss-random", {})
    return loss.get("loss", 0.0), physics.correlated(loss.get("correlation", 0.0))


def _dropped(netem: Mapping[str, Any], qdiscs: Sequence[Mapping[str, Any]]) -> int:
    """What netem itself dropped, on purpose or for want of room, without the shaper's own drops."""
    own: int = netem.get("drops", 0) - _child(netem, qdiscs).get("drops", 0)
    return own
