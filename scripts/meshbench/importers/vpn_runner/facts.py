"""What runs hold, and layout.json and hardware.json: not measurements, but what they were taken on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshbench.importers.vpn_runner.index import Kind, Place
from meshbench.importers.vpn_runner.outcome import EVERYWHERE, LinkOutcome
from meshbench.importers.vpn_runner.reading import UnreadableError, items, number, text
from meshbench.importers.vpn_runner.runs import Run
from meshbench.util.scrub import scrub

RING = {Kind.TCP, Kind.UDP, Kind.PARALLEL, Kind.QPERF, Kind.PING, Kind.RIST, Kind.NIX_CACHE}
"""Tests of which each host is the client of the next one."""


def runs(places: Mapping[Place, Iterable[LinkOutcome]], all_runs: Iterable[Run]) -> dict[str, Any]:
    """What each run is in the campaign, the systems and profiles of which it has a file, and its tests.

    Its `tests` are what it set out to do: every test of which it has a file, of any of its systems,
    under which profiles and over how many links. A system without one lacks it.
    """
    return {
        run.name: _run(run, [p for p in places if p.run == run.name], places) for run in all_runs
    }


def _run(
    run: Run, places: Sequence[Place], links: Mapping[Place, Iterable[LinkOutcome]]
) -> dict[str, Any]:
    pairs: dict[Kind, set[tuple[str, str]]] = {}
    profiles: dict[Kind, set[str]] = {}
    for place in places:
        mine = {(link.source, link.target) for link in links[place] if link.source != EVERYWHERE}
        if mine:
            pairs.setdefault(place.kind, set()).update(mine)
            profiles.setdefault(place.kind, set()).add(place.profile)
    ring = set().union(*(own_pairs for kind, own_pairs in pairs.items() if kind in RING))
    return {
        "tuning": run.tuning,
        "round": run.round,
        "vpns": sorted({place.vpn for place in places if place.vpn}),
        "profiles": sorted({place.profile for place in places if place.profile}),
        "tests": {
            kind.value: {
                "profiles": sorted(profiles[kind]),
                "links": len(own_pairs | ring if kind in RING else own_pairs),
            }
            for kind, own_pairs in sorted(pairs.items())
        },
    }


def layout(document: Any) -> dict[str, str]:
    """Each host's address inside the VPN. Raises UnreadableError when there is none."""
    addresses = {
        name: address
        for machine in (document if isinstance(document, list) else [])
        if (name := text(machine, "cmachine", "name")) and (address := text(machine, "vpn_ip"))
    }
    if not addresses:
        raise UnreadableError("no machine with a name and a vpn_ip")
    return addresses


def kernel_profile(document: Any) -> dict[str, Any]:
    """A kernel profile's name and the services that make it. Raises UnreadableError without a name."""
    if (name := text(document, "name")) is None:
        raise UnreadableError("a kernel profile without a name")
    return {"name": name, "services": [s for s in items(document, "services") if text(s)]}


def hardware(document: Any) -> dict[str, dict[str, Any]]:
    """CPU, memory and network cards of each host. Raises UnreadableError when there is none."""
    by_host = {
        name: {
            "cpu": {
                key: _plain(machine, "cpu", key)
                for key in ("vendor_name", "model", "cores", "siblings")
            },
            "memory_bytes": number(machine, "memory", "total_bytes"),
            "network": [
                {key: _plain(card, key) for key in ("driver", "unix_device_name")}
                for card in items(machine, "network_controllers")
            ],
        }
        for machine in items(document, "data", "machines")
        if (name := text(machine, "machine_name"))
    }
    if not by_host:
        raise UnreadableError("no machine with a name")
    return by_host


def _plain(node: Any, *path: str) -> float | str | None:
    value = number(node, *path)
    return value if value is not None else scrub(text(node, *path) or "") or None
