"""Figures on runs that were not measured alike, or in which several things went wrong at once."""

# ruff: noqa: RUF001  (the figures have dashes and multiplication signs)

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.figures import catalogue
from meshbench.figures.charts.campaign import test_duration
from meshbench.figures.charts.latency import latency_throughput
from meshbench.figures.charts.startup import reboot_split
from meshbench.figures.charts.thesis import kernel_tuning_comparison
from meshbench.figures.charts.udp import udp_impairment_heatmap
from meshbench.figures.contract import Context
from meshbench.figures.drawing import estimated, labels, measured, pictures, strip, theme, wording
from meshbench.figures.drawing.groups import Group, became, collect, look
from meshbench.figures.drawing.measure import Measure
from tests.unit import published_data as data
from tests.unit import synthetic
from tests.unit.test_published_figures import Load, aggregated, context

test_duration.__test__ = False  # type: ignore[attr-defined]


def rows(*statuses: str, value: float = 5e6, **changes: Any) -> list[dict[str, Any]]:
    """A row per status, over three links and as many rounds as that takes."""
    samples = []
    for index, status in enumerate(statuses):
        source, target = synthetic.LINKS[index % 3]
        samples.append({
            **synthetic.cell(benchmark="udp", source=source, target=target, round=1 + index // 3),
            "mode": None, "direction": "forward", "metric": "udp_goodput", "unit": "bit/s",
            "value": value if status == "ok" else None, "status": status,
            "reason": None if status == "ok" else f"why {status}", "marks": [], **changes,
        })  # fmt: skip
    return samples


def group(*statuses: str) -> Group:
    [collected] = collect(
        rows(*statuses), synthetic.context(vpns=("internal",), profiles=("baseline",))
    )
    return collected


def test_the_commonest_failure_is_drawn_and_others_counted() -> None:
    six = group(*["tool_failed"] * 5, "timeout")
    assert (six.trouble, six.reason) == ("tool_failed", "why tool_failed")
    assert became(six) == "! 5, T 1"
    cell = udp_impairment_heatmap._cell(six, None, synthetic.context())
    assert (cell["value"], cell["fill"]) == ("! 5, T 1", theme.STATUSES["tool_failed"].fill)
    assert strip.why(six, 400) == "! 5, T 1: why tool_failed"


@pytest.mark.parametrize(
    ("statuses", "trouble", "told"),
    [
        (["timeout", "tool_failed"], "timeout", "T 1, ! 1"),
        (["failed"], "failed", "× failed"),
        (["ok"] * 3, "not_run", "– not run"),
        (["ok"] * 6, None, ""),
    ],
)
def test_what_was_not_run_says_least(statuses: list[str], trouble: str | None, told: str) -> None:
    assert group(*statuses).trouble == trouble
    if trouble:
        assert became(group(*statuses)) == told


def test_the_tick_beside_a_mean_is_that_mean() -> None:
    values = [1e6, 2e6, 9e6, 1e6, 2e6, 9e6]
    samples = [row | {"value": value} for row, value in zip(rows(*["ok"] * 6), values, strict=True)]
    collected = collect(samples, synthetic.context(vpns=("internal",), profiles=("baseline",)))
    [group] = estimated.over_rounds(collected, "value")
    measure = Measure("udp", "udp_goodput", "Mbit/s")
    drawn = measured.draw([[("x", measure, [group])]], synthetic.context()).to_dict(validate=False)
    ticks = [
        row
        for rows in drawn["datasets"].values()
        for row in rows
        if row.get("what") in {"mean", "median"}
    ]
    assert [(tick["what"], tick["value"]) for tick in ticks] == [("mean", 4.0)]
    assert group.centre("value", 1e-6) == 2.0


def several(folder: Path, change: Any) -> tuple[Load, Context]:
    """Two rounds of the invented run, the second changed."""
    for number, name in enumerate(("18.12.2025", "20.12.2025")):
        data.again(data.run(folder / "runs" / name), longer_s=number)
    change(folder / "runs" / "20.12.2025")
    load = aggregated(folder / "runs", folder / "results")
    plain = context("internal", "demo", profiles=("baseline", "low"))
    return load, plain.told(folder / "results" / "published" / "facts.json")


def test_a_reboot_s_bars_are_of_one_method_each(tmp_path: Path) -> None:
    def through(run: Path) -> None:
        for number, host in enumerate(data.HOSTS):
            here = run / "Demo" / "baseline" / f"{number}_{host}"
            waits, took = dict.fromkeys(data.HOSTS, 20.0), dict.fromkeys(data.HOSTS, 21.0)
            document = data.connections(host, "vpn", waits, took)
            data.write(here / "reboot_connection_timings.json", document)

    load, campaign = several(tmp_path, through)
    by_vpn = {split.vpn: split for split in reboot_split.splits(load("reboot_split"), campaign)}
    assert set(by_vpn) == {"internal", "demo, round 1", "demo, round 2"}
    assert (by_vpn["demo, round 1"].time, by_vpn["demo, round 1"].added) == (9.5, 2.5)
    assert (by_vpn["demo, round 2"].time, by_vpn["demo, round 2"].added) == (21.0, None)
    assert (by_vpn["internal"].time, by_vpn["internal"].n) == (9.5, 12)


def test_the_time_of_the_suite_is_over_all_rounds_and_unknown_is_not_nothing(
    tmp_path: Path,
) -> None:
    def change(run: Path) -> None:
        path = run / "Internal" / "baseline" / "timing_breakdown.json"
        document = json.loads(path.read_text())
        document["phases"][0]["duration_seconds"] += 100
        data.write(path, document)
        for other in run.parent.rglob("Demo/baseline/timing_breakdown.json"):
            other.unlink()
        lacking = run / "Demo" / "baseline" / "0_lom" / "ping.json"
        document = json.loads(lacking.read_text())
        del document["meta"]["duration_seconds"]
        data.write(lacking, document)

    load, campaign = several(tmp_path, change)
    by_vpn = {spent.vpn: spent for spent in test_duration.spent(load("test_duration"), campaign)}
    assert by_vpn["internal"].parts["installation"] == 200
    assert by_vpn["internal"].unknown == []
    assert by_vpn["demo"].parts["installation"] is None
    assert by_vpn["demo"].unknown == ["installation", "stabilisation", "1 test without a duration"]
    spec = str(test_duration.draw(load("test_duration"), campaign).to_dict(validate=False))
    assert spec.count("≥ ") == 1
    [note] = test_duration.notes(load("test_duration"), campaign)
    assert note == "demo: unknown: installation, stabilisation and 1 test without a duration"
    assert note in catalogue.load("test_overview").notes(load("test_overview"), campaign)


def overlaps(points: Sequence[tuple[float, float, str]], side: float) -> int:
    places = labels.places(points, side)
    boxes = [
        (left, middle - 6, left + labels.width_px(text), middle + 6)
        for (left, middle), (_, _, text) in zip(places, points, strict=True)
    ]
    return sum(labels.overlap(a, b) for a, b in itertools.combinations(boxes, 2))


def test_no_label_lies_on_another_one() -> None:
    stock = [
        (0, 205, "internal"), (0, 210, "wireguard"), (30, 240, "zerotier"), (2, 120, "headscale"),
        (25, 30, "yggdrasil"), (12, 215, "nebula"), (9, 195, "easytier"), (18, 208, "vpncloud"),
        (140, 290, "hyprspace"), (8, 216, "tinc"), (38, 60, "mycelium"),
    ]  # fmt: skip
    points = [
        (x + dx, y - dx, f"{name} ({tuning})")
        for dx, tuning in ((0, "stock"), (2, "tailscale-style"))
        for x, y, name in stock
    ]
    assert overlaps(points, 290) == 0
    assert overlaps([(5, 5, "a name")] * 12, 290) == 0


def test_a_cell_is_as_wide_as_its_text() -> None:
    row = {"system": "a", "column": "b", "value": "1", "detail": "x", "fill": "#fff", "edge": None}
    narrow = pictures.heat([{**row, "why": ""}], ["b"], ["a"])
    wide = pictures.heat([{**row, "why": "", "detail": "0.399 of 0.000069 and more"}], ["b"], ["a"])
    assert narrow.width == pictures.CELL
    assert wide.width > theme.SMALL * 0.45 * len("0.399 of 0.000069 and more")


def test_stock_and_tuned_have_symbols_of_their_own(tmp_path: Path) -> None:
    for number, name in enumerate(("18.12.2025", "26.02.2026-Optimized")):
        data.again(data.run(tmp_path / "runs" / name), longer_s=number)
    load = aggregated(tmp_path / "runs", tmp_path / "results")
    plain = context("internal", "demo", profiles=("baseline", "low"))
    campaign = plain.told(tmp_path / "results" / "published" / "facts.json")
    pairs = latency_throughput._pairs(load("latency_throughput"), campaign)
    looks = {(g.vpn, g.tuning): look(g, campaign) for g, _ in pairs}
    assert len(looks) == 4
    for vpn in ("internal", "demo"):
        stock, tuned = (looks[vpn, tuning] for tuning in campaign.tunings)
        assert stock == theme.look(vpn)
        assert stock.shape != tuned.shape
        assert stock.colour != tuned.colour
    spec = str(
        latency_throughput.draw(load("latency_throughput"), campaign).to_dict(validate=False)
    )
    assert str([shape.shape for shape in looks.values()])[1:-1] in spec


def test_a_tuning_that_never_did_a_test_is_not_run(tmp_path: Path) -> None:
    data.run(tmp_path / "runs" / "18.12.2025")
    tuned = data.again(data.run(tmp_path / "runs" / "26.02.2026-optimized"), longer_s=1)
    for path in tuned.rglob("nix_cache.json"):
        path.unlink()
    load = aggregated(tmp_path / "runs", tmp_path / "results")
    plain = context("internal", "demo", profiles=("baseline", "low"))
    campaign = plain.told(tmp_path / "results" / "published" / "facts.json")
    chart = kernel_tuning_comparison.draw(load("kernel_tuning_comparison"), campaign)
    assert str(chart.to_dict(validate=False)).count("– not run") == 2


@given(
    st.lists(
        st.sampled_from(["took", "12", "1 228", "0.5", "ms,", "(863", "3.14 Mbit/s", "x" * 30]),
        max_size=40,
    ),
    st.integers(8, 120),
)
def test_a_text_is_cut_between_words_and_not_within_a_number(words: list[str], width: int) -> None:
    text = " ".join(["so", *words])
    short = wording.shortened(text, width)
    assert len(short) <= width
    if short == text:
        return
    kept = short.removesuffix("…")
    assert text.startswith(kept)
    rest = text[len(kept) :]
    assert not (re.search(r"\d$", kept) and re.match(r"[\d.,]", rest))
    assert not re.search(r"(^|\s)\d[\d.]*$", kept) or " " not in text[:width]
