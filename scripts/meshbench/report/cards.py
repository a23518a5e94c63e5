"""One card per VPN: what a reader should know before believing its numbers."""

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from meshbench import vpns
from meshbench.report.markdown import cell
from meshbench.results.records import Record
from meshbench.vpns.base import Card, Driver

HEAD = """# The VPNs

What each system is on a testbed of meshbench. Made from the drivers by `make docs`: edit them, not
this page. `python -m meshbench cards` prints it with the versions that a campaign measured.
"""
_ROWS = (
    ("Data path", "data_path"),
    ("Threads", "threads"),
    ("Offloads", "offloads"),
    ("Encryption", "encryption"),
    ("Transport", "transport"),
    ("Ports", "ports"),
    ("MTU", "mtu"),
    ("Special host", "special_host"),
)


def missing() -> dict[str, list[str]]:
    """By driver, what its card lacks; every field of it when there is no card."""
    fields = [field.name for field in dataclasses.fields(Card) if field.name != "remarks"]
    by_driver = {}
    for name in vpns.names():
        card = getattr(vpns.load(name), "card", None)
        if lacking := [field for field in fields if not getattr(card, field, "").strip()]:
            by_driver[name] = lacking
    return by_driver


def page(versions: Mapping[str, Sequence[str]] | None = None) -> str:
    """All cards in Markdown.

    Args:
        versions: by driver, those that were measured; no row of them when None.
    """
    drivers = [vpns.load(name) for name in vpns.names()]
    cards = [_card(driver, versions) for driver in sorted(drivers, key=lambda d: d.card.title)]
    return "\n".join([HEAD, *cards])


def measured(records: Iterable[Record]) -> dict[str, list[str]]:
    """By driver, the versions that records name, e.g. ``1.9.3 (nebula)``."""
    by_driver: dict[str, set[str]] = {}
    for record in records:
        if record.vpn.version:
            version = f"{record.vpn.version} ({record.cell.vpn})"
            by_driver.setdefault(record.vpn.driver, set()).add(version)
    return {driver: sorted(versions) for driver, versions in by_driver.items()}


def _card(driver: type[Driver], versions: Mapping[str, Sequence[str]] | None) -> str:
    card = driver.card
    rows = [(title, getattr(card, field)) for title, field in _ROWS]
    rows.append(("Options and their defaults", ", ".join(_defaults(driver)) or "none"))
    if versions is not None:
        rows.append(("Versions measured", ", ".join(versions.get(driver.name, ())) or "none"))
    return "\n".join([
        f"## {card.title}", "", f"Driver `{driver.name}`.", "", "| | |", "|---|---|",
        *(f"| {title} | {cell(text)} |" for title, text in rows), "",
        *_list(_remarks(driver)),
    ])  # fmt: skip


def _remarks(driver: type[Driver]) -> list[str]:
    remarks = list(driver.card.remarks)
    if driver.hub:
        remarks.append(
            "Traffic between two other hosts goes over the first one: it counts as relayed."
        )
    if driver.admits_anyone:
        remarks.append(f"No unknown host is refused: {driver.admits_anyone}.")
    remarks += [f"Sends packets to {network}: {why}." for network, why in driver.strays.items()]
    return remarks


def _list(lines: Iterable[str]) -> list[str]:
    items = [f"- {line}" for line in lines]
    return [*items, ""] if items else []


def _defaults(driver: type[Driver]) -> list[str]:
    fields = driver.options_class.model_fields
    return [f"`{name}: {_word(field.default)}`" for name, field in fields.items()]


def _word(value: Any) -> str:
    """A default as YAML has it."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)
