"""The table and figure of a reboot's stages: one's own runs, with what was not stable in time."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench.figures import catalogue
from meshbench.figures.contract import Context, Data, Plan
from tests.unit import synthetic
from tests.unit.synthetic import LINKS, link, sample

FIGURE = catalogue.get("reboot_stages")
VPNS = ("internal", "nebula", "tinc", "vxlan")
SOURCE, TARGET = LINKS[0]
REASON = f"{TARGET}'s reboot 2: not stable within 5 s after that: no reply at all"
AT = {"benchmark": "reboot", "source": SOURCE, "target": TARGET}


def context() -> Context:
    return synthetic.context(
        vpns=VPNS, profiles=("baseline",), benchmarks=("reboot",), rounds=1, links=LINKS[:1]
    )


def boot(vpn: str, number: int, unit_s: float | None) -> Iterator[dict[str, Any]]:
    """A host that is gone after 1 s and boots from 1.5 s on."""
    at = {**AT, "vpn": vpn, "source": "*", "target": "*", "host": TARGET, "stream": number}
    times = {"reboot_gone": 1.0, "reboot_started": 1.5, "reboot_unit": unit_s}
    for metric, value in times.items():
        if value is not None:
            yield sample(metric, value, "s", **at)


def pair(
    vpn: str, number: int, first_s: float | None, end: str = "target"
) -> Iterator[dict[str, Any]]:
    """A pair that is reachable beside the VPN 2 s after the boot began."""
    at = {**AT, "vpn": vpn, "mode": end, "stream": number}
    yield sample("host_wait", 2.0, "s", **at)
    if first_s is None:
        late = {"status": "timeout", "reason": REASON}
        yield sample("reboot_stable", None, "s", **at, **late)
    else:
        yield sample("reboot_first_packet", first_s, "s", **at)
        yield sample("reboot_stable", first_s + 0.5, "s", **at)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Nebula's second reboot is not stable in time; tinc cannot be had, and vxlan was not measured."""
    none = {"status": "unavailable", "reason": "no binary"}
    samples = [
        *boot("internal", 1, None), *pair("internal", 1, 3.49),
        sample("reboot_stable", 3.99, "s", **AT),
        *boot("nebula", 1, 3.6), *pair("nebula", 1, 4.5),
        *boot("nebula", 2, 3.6), *pair("nebula", 2, None),
        sample("reboot_stable", None, "s", **AT, vpn="nebula", status="timeout", reason=REASON),
        sample("reboot_stable", None, "s", **AT, vpn="tinc", **none),
    ]  # fmt: skip
    links = [
        link(**AT), link(**AT, vpn="nebula", status="timeout", reason=REASON),
        link(**AT, vpn="tinc", **none),
    ]  # fmt: skip
    return synthetic.write(tmp_path_factory.mktemp("reboot"), samples, links)


def test_the_table_has_each_reboot_of_each_pair(made: dict[str, Path]) -> None:
    rows = {(row["vpn"], row["reboot"]): row for row in synthetic.read(made["reboot_stages"])}
    assert rows.keys() == {("internal", 1), ("nebula", 1), ("nebula", 2)}
    first = rows["nebula", 1]
    assert (first["source"], first["target"], first["host"]) == (SOURCE, TARGET, TARGET)
    assert [
        first[key]
        for key in ("gone_s", "started_s", "underlay_s", "unit_s", "first_s", "stable_s", "status")
    ] == [1.0, 1.5, 3.5, 3.6, 4.5, 5.0, "ok"]
    late = rows["nebula", 2]
    assert (late["first_s"], late["stable_s"], late["status"]) == (None, None, "timeout")
    assert late["reason"] == REASON
    assert rows["internal", 1]["unit_s"] is None


def spec(files: dict[str, Path]) -> str:
    loaded = catalogue.load(FIGURE.name)
    assert loaded.draw
    data = Data.read({name: files[name] for name in FIGURE.tables})
    return json.dumps(loaded.draw(data, context()).to_dict(), ensure_ascii=False)


def test_stages_are_drawn_around_the_time_at_which_the_host_is_reachable(
    made: dict[str, Path],
) -> None:
    text = spec(made)
    assert '"part": "booting", "start": -2.0, "end": 0.0' in text
    assert '"part": "VPN until the first packet", "start": 0.0, "end": 1.0' in text
    assert '"text": "1.0 s, n 1, T 1"' in text
    # Within the probe's interval before its own way beside the VPN: with it.
    assert '"text": "< 0.05 s, n 1"' in text
    assert "no binary" in text
    assert "not run" in text


def test_what_was_not_stable_in_time_is_told(made: dict[str, Path]) -> None:
    loaded = catalogue.load(FIGURE.name)
    data = Data.read({name: made[name] for name in FIGURE.tables})
    assert any(REASON in note for note in loaded.notes(data, context()))
    assert "internal < 0.05 s (n 1) and nebula 1" in loaded.caption(data, context())


def test_an_import_has_no_stages() -> None:
    assert FIGURE.suits(Plan(benchmarks=("reboot", "calibration")))
    assert not FIGURE.suits(Plan(benchmarks=("reboot", "ping")))
