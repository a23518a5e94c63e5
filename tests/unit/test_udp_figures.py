"""Figures of udp's own campaigns: loss by place, the search beside overload, sizes."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from meshbench.figures import catalogue
from meshbench.figures.charts.udp import udp_loss_places, udp_sizes
from meshbench.figures.contract import ANALYSED, Context, Data
from meshbench.figures.drawing import measured, render
from meshbench.figures.drawing.measure import OVERLOAD_MODES, Measure
from meshbench.tables import registry
from tests.unit import synthetic

VPNS = ("internal", "nebula", "tinc")
SENT = 1000.0
REASON = "the hosts' counters of lost packets are not known: 'route'"
VALUES: Mapping[str, Mapping[str, float]] = {
    "internal": {"udp_sent": SENT, "udp_dropped_qdisc": 500, "udp_lost_elsewhere": 0},
    "nebula": {
        "udp_sent": SENT, "udp_dropped_interface_out": 300, "udp_dropped_daemon_buffer": 100,
        "udp_lost_elsewhere": 50, "udp_goodput": 400e6, "udp_payload": 1200, "interface_mtu": 1300,
        "udp_packet_rate": 41_000,
    },
}  # fmt: skip


def context(**changes: Any) -> Context:
    return synthetic.context(
        vpns=VPNS, profiles=("baseline", "low"), benchmarks=("udp",), rounds=1, **changes
    )


def _rows() -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Each link with its samples: internal and nebula measured at baseline, tinc without counters."""
    for vpn in VPNS:
        for source, target in synthetic.LINKS:
            at = {
                "vpn": vpn, "benchmark": "udp", "profile": "baseline", "source": source,
                "target": target,
            }  # fmt: skip
            rows = [
                synthetic.sample(name, value, registry.metric(name).unit, **at, mode="single")
                for name, value in VALUES.get(vpn, {"udp_sent": SENT}).items()
            ]
            if vpn == "nebula":
                rows += [
                    synthetic.sample("udp_goodput", 9e6, "bit/s", **at, mode="10M"),
                    synthetic.sample("udp_lost_elsewhere", 0.0, **at, mode="10M"),
                    synthetic.sample("udp_capacity", 380e6, "bit/s", **at, mode="search"),
                ]
            if vpn == "tinc":
                trouble = {"status": "tool_failed", "reason": REASON}
                rows.append(
                    synthetic.sample("udp_lost_elsewhere", None, **at, mode="single", **trouble)
                )
            yield synthetic.link(**at, path_mtu=1300 if vpn == "nebula" else None), rows


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    rows = list(_rows())
    samples = [sample for _, mine in rows for sample in mine]
    return synthetic.write(tmp_path_factory.mktemp("udp"), samples, [link for link, _ in rows])


@pytest.fixture
def data(files: dict[str, Path]) -> Data:
    return Data.read({name: files[name] for name in ("measures", "links", *ANALYSED)})


def test_each_place_has_its_share_of_what_was_sent(data: Data) -> None:
    by_vpn = {
        shares.group.vpn: shares
        for shares in udp_loss_places.shares(data, context()) if shares.group.profile == "baseline"
    }  # fmt: skip
    assert {k: v for k, v in by_vpn["nebula"].places.items() if v} == pytest.approx({
        "udp_dropped_interface_out": 0.3,
        "udp_dropped_daemon_buffer": 0.1,
        "udp_lost_elsewhere": 0.05,
    })  # fmt: skip
    assert by_vpn["nebula"].lost == pytest.approx(0.45)
    assert by_vpn["internal"].lost == pytest.approx(0.5)
    assert (by_vpn["nebula"].n, by_vpn["tinc"].n, by_vpn["tinc"].places) == (3, 0, {})


def test_bars_stand_at_each_other_s_ends_and_what_is_missing_is_told(data: Data) -> None:
    loaded = catalogue.load("udp_loss_places")
    spec = render.compose(loaded, data, context()).spec
    rows = [row for rows_ in spec["datasets"].values() for row in rows_]
    bars = [row for row in rows if row.get("part") and row["system"] == "nebula"]
    assert [(bar["start"], bar["end"]) for bar in bars] == [
        (0, 30), (30, 40), (40, 45),
    ]  # fmt: skip
    texts = {row["system"]: row["text"] for row in rows if "text" in row and "system" in row}
    assert texts["nebula"] == "45 %, n 3/3"
    assert texts["tinc"].startswith("! tool failed: the hosts' counters")
    notes = loaded.notes(data, context())
    assert any(REASON[:40] in note and "tinc" in note for note in notes)
    assert (
        "The most at each: sender's interfaces 30 % (nebula at baseline); sender's queues 50 % (internal at baseline)"
        in loaded.caption(data, context())
    )


def test_values_at_fixed_rates_are_in_no_figure_of_overload(data: Data) -> None:
    measure = Measure("udp", "udp_goodput", "Mbit/s", modes=OVERLOAD_MODES)
    [nebula] = [
        group for group in measured.groups(data, context(), measure, ["baseline"])
        if group.vpn == "nebula"
    ]  # fmt: skip
    assert (measured.mean(nebula, 1e-6), nebula.n_ok, nebula.planned) == (400, 3, 3)
    heat = render.compose(catalogue.load("udp_impairment_heatmap"), data, context()).spec
    cells = [row for rows in heat["datasets"].values() for row in rows]
    assert {row["value"] for row in cells if row.get("system") == "nebula"} == {"400"}


def test_the_search_stands_beside_the_overload(data: Data) -> None:
    loaded = catalogue.load("udp_search")
    text = json.dumps(render.compose(loaded, data, context()).spec, ensure_ascii=False)
    assert "baseline, search" in text
    assert "baseline, overload" in text
    assert "search: " in loaded.caption(data, context())


def test_sizes_have_a_column_each(data: Data) -> None:
    table = udp_sizes.tabulate(data, context())
    rows = {
        row[0]: dict(zip([c.key for c in table.columns], row, strict=True)) for row in table.rows
    }
    nebula = rows["nebula"]
    assert nebula["udp_payload_bytes"] == 1200
    assert nebula["interface_mtu_bytes"] == nebula["path_mtu_bytes"] == 1300
    assert (nebula["mss_bytes"], nebula["packet_rate_1_s"], nebula["n"]) == (None, 41_000, "3/3")
