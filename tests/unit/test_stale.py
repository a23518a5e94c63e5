"""What makes a record stale is named as a user knows it, with the old and the new value."""

from pathlib import Path
from typing import Any

import pytest

from meshbench.results import records
from meshbench.workflow import stale
from meshbench.workflow.settings import Setup
from tests.unit import making
from tests.unit.making import cell

BEFORE = Setup(making.campaign()).measure(cell()).model_dump(mode="json")


def changed(*place: str, to: Any) -> dict[str, Any]:
    """The settings with one value changed, set, or (None) taken away."""
    settings: dict[str, Any] = {**BEFORE}
    inner = settings
    for key in place[:-1]:
        inner[key] = dict(inner[key])
        inner = inner[key]
    inner[place[-1]] = to
    return settings


def test_equal_settings_are_not_stale() -> None:
    assert stale.changes(BEFORE, dict(BEFORE)) == ()


@pytest.mark.parametrize(
    ("place", "to", "text"),
    [
        (["options", "count"], 7, "benchmark option count 300 -> 7"),
        (["vpn_method"], 4, "driver's method 1 -> 4"),
        (["benchmark_method"], 9, f"benchmark's method {BEFORE['benchmark_method']} -> 9"),
        (["system", "options", "mtu"], 1200, "VPN option mtu unset -> 1200"),
        (["profile", "delay_ms"], 8.0, "profile's delay_ms 1.0 -> 8.0"),
        (["tuning", "sysctls", "net.ipv4.tcp_x"], "3", "tuning's net.ipv4.tcp_x unset -> 3"),
        (["where", "seed"], 3, "seed 1 -> 3"),
        (["where", "placement"], "egress", "placement ingress -> egress"),
        (["where", "hosts", "broken", "nebula"], "x", "testbed's broken.nebula unset -> x"),
        (["packages"], ["ab"], 'digests of the VPN\'s programs [] -> ["ab"]'),
        (["where", "links"], [["a", "b"]] * 9, 'links [["lom", "yuki"], ["yuki", "luna"], ["l… -> [["a", "b"], ["a", "b"], ["a", "b"], ["…'),
    ],
)  # fmt: skip
def test_a_change_is_named_with_both_values(place: list[str], to: Any, text: str) -> None:
    assert stale.changes(BEFORE, changed(*place, to=to)) == (text,)


def test_a_record_that_another_cell_has_is_no_earlier_one(tmp_path: Path) -> None:
    other = tmp_path / "other.json"
    records.write(making.record(), other)
    assert stale.reasons(tmp_path / "mine.json", "{}")
    assert stale.reasons(tmp_path / "mine.json", "{}", {other}) == ()


def test_several_changes_are_all_named() -> None:
    both = {**changed("vpn_method", to=4), "benchmark_method": 9}
    assert len(stale.changes(BEFORE, both)) == 2
