"""Figure `spikes`: single RTTs with the daemons' log beside them, and what its caption says of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from meshbench.figures import catalogue
from meshbench.figures.charts.latency import spikes
from meshbench.figures.contract import Data
from tests.unit import synthetic

VPNS = ("internal", "tinc", "nebula", "zerotier")
CONTEXT = synthetic.context(vpns=VPNS, benchmarks=("ping",), profiles=("baseline",))


def rtts(vpn: str, every_s: float = 6.0) -> list[dict[str, Any]]:
    return [
        synthetic.sample(
            "rtt", 30.0 + len(vpn) if vpn != "zerotier" and step % round(5 * every_s) == 7 else 1 + step % 3 / 10,
            "ms", benchmark="ping", vpn=vpn, t_s=step / 5,
        )
        for step in range(300)
    ]  # fmt: skip


def logged(vpn: str, host: str, *times_s: float, **more: Any) -> list[dict[str, Any]]:
    end = {
        **synthetic.cell(benchmark="ping", vpn=vpn), "host": host, "until_s": 90.0, "clock_error_s": 0.0,
    }  # fmt: skip
    line = {"unit": f"{vpn}.service", "priority": 6, "message": "Rekeying"}
    return [{**end, "t_s": at_s, **line, **more} for at_s in times_s] or [end]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    """Spikes every 6 s from 1.4 s on, but of ZeroTier; Tinc logs at five of the ten, Nebula nothing."""
    samples = [sample for vpn in VPNS for sample in rtts(vpn)]
    events = [
        *logged("tinc", "lom", *(1.5 + 6 * n for n in range(5))), *logged("tinc", "yuki", 4.0, priority=3),
        *logged("nebula", "lom"), *logged("nebula", "yuki"),
    ]  # fmt: skip
    folder: Path = tmp_path_factory.mktemp("spikes")
    files = synthetic.write(folder, samples, [], events=events)
    return Data.read({name: files[name] for name in catalogue.get("spikes").tables})


def test_the_caption_says_what_coincided_and_what_is_not_known(data: Data) -> None:
    caption = spikes.caption(data, CONTEXT)
    assert "tinc: 5 of 10 spikes within ±0.25 s of 6 lines; by chance: " in caption
    assert "tinc on lom logged: Rekeying)" in caption
    assert f"nebula: {spikes.NOTHING}." in caption
    assert "internal: log: not recorded." in caption
    assert "zerotier" not in caption.partition("Below them")[2], "it has a period and no spike"


def test_ticks_are_the_lines_and_full_rings_the_spikes_beside_one(data: Data) -> None:
    chart = json.loads(spikes.draw(data, CONTEXT).to_json())
    rows = [row for drawn in chart["datasets"].values() for row in drawn]
    ticks = [(row["t_s"], row["host"]) for row in rows if row.get("message")]
    assert sorted(ticks) == [
        (1.5, "lom"),
        (4.0, "yuki"),
        *((1.5 + 6 * n, "lom") for n in range(1, 5)),
    ]
    rings = [row["fill"] for row in rows if "fill" in row]
    assert (len(rings), sum(fill != "white" for fill in rings)) == (30, 5)
    words = {row["text"] for row in rows if row.get("text")}
    assert {spikes.NOTHING, "log: not recorded"} <= words


def test_without_spikes_there_are_no_panels(tmp_path: Path) -> None:
    files = synthetic.write(tmp_path, rtts("zerotier"), [])
    calm = Data.read({name: files[name] for name in catalogue.get("spikes").tables})
    assert spikes.caption(calm, CONTEXT).endswith("No series has a spike.")
    none = Data.read({
        name: synthetic.write(tmp_path / "none", [], [])[name]
        for name in catalogue.get("spikes").tables
    })  # fmt: skip
    assert spikes.caption(none, CONTEXT).endswith("0 of 0 series have a period.")
