"""What runs hold, and layout.json and hardware.json: not measurements, but what they were taken on."""

from collections.abc import Mapping, Sequence
from typing import Any

from meshbench.importers.vpn_runner.index import Place, Run
from meshbench.importers.vpn_runner.reading import UnreadableError, items, number, text
from meshbench.importers.vpn_runner.scrub import scrub


def runs(places: Sequence[Place], found: Mapping[str, Run]) -> dict[str, Any]:
    """What each run is in the campaign, and the systems and profiles of which it has a file."""
    return {
        name: {
            "tuning": run.tuning,
            "round": run.round,
            "vpns": sorted({one.vpn for one in places if one.run == name and one.vpn}),
            "profiles": sorted({one.profile for one in places if one.run == name and one.profile}),
        }
        for name, run in found.items()
    }


def layout(document: Any) -> dict[str, str]:
    """Each host's address inside the VPN. Raises UnreadableError when there is none."""
    found = {
        name: address
        for machine in (document if isinstance(document, list) else [])
        if (name := text(machine, "cmachine", "name")) and (address := text(machine, "vpn_ip"))
    }
    if not found:
        raise UnreadableError("no machine with a name and a vpn_ip")
    return found


def hardware(document: Any) -> dict[str, dict[str, Any]]:
    """CPU, memory and network cards of each host. Raises UnreadableError when there is none."""
    found = {
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
    if not found:
        raise UnreadableError("no machine with a name")
    return found


def _plain(node: Any, *path: str) -> float | str | None:
    found = number(node, *path)
    return found if found is not None else scrub(text(node, *path) or "") or None
