"""The table and figure of Nix copies over time: one's own runs, cut-off copies among them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench.benchmarks.nix_cache import WARM_UP
from meshbench.figures import catalogue
from meshbench.figures.contract import Context, Data, Plan
from meshbench.tables import registry
from tests.unit import synthetic
from tests.unit.synthetic import LINKS, link, sample

CLOSURE = 1_000_000
REASON = "a copy was cut off at its limit of 20 s; copy 1 had begun 3 of its 9 paths"
VPNS = ("internal", "nebula")
FIGURE = catalogue.get("nix_progress")


def context() -> Context:
    return synthetic.context(
        vpns=VPNS, profiles=("baseline",), benchmarks=("nix_cache",), rounds=1, links=LINKS[:1]
    )


def copy(share: float, took_s: float, **at: Any) -> Iterator[dict[str, Any]]:
    """A copy that came so far, evenly."""
    for step in range(5):
        part = share * step / 4
        yield sample("bytes_done", part * CLOSURE, "byte", **at, t_s=took_s * step / 4)
        yield sample("paths_done", float(round(9 * part)), **at, t_s=took_s * step / 4)


def tables(folder: Path) -> dict[str, Path]:
    """The bare link copies in 2 and 3 s; Nebula's warm-up is cut off after a third in 20 s."""
    source, target = LINKS[0]
    at = {"benchmark": "nix_cache", "source": source, "target": target}
    bad = {"status": "timeout", "reason": REASON}
    samples = [
        sample("closure_bytes", CLOSURE, "byte", **at),
        sample("copy_time", 2.5, "s", **at),
        *copy(1.0, 4.0, **at, mode=WARM_UP, stream=0),
        *copy(1.0, 2.0, **at, stream=0),
        *copy(1.0, 3.0, **at, stream=1),
        sample("closure_bytes", CLOSURE, "byte", **at, vpn="nebula", **bad),
        sample("copy_time", None, "s", **at, vpn="nebula", **bad),
        *copy(1 / 3, 20.0, **at, vpn="nebula", mode=WARM_UP, stream=0, **bad),
    ]
    links = [link(**at), link(**at, vpn="nebula", limit_s=20.0, **bad)]
    return synthetic.write(folder, samples, links)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return tables(tmp_path_factory.mktemp("nix"))


def test_the_table_has_each_copy_and_how_far_it_came(made: dict[str, Path]) -> None:
    rows = synthetic.read(made["nix_progress"])
    ends: dict[tuple[str, bool, int], tuple[float, float, float]] = {}
    for row in rows:  # ordered by t_s
        key = row["vpn"], row["timed"], row["copy"]
        ends[key] = row["t_s"], row["done_bytes"], row["done_paths"]
        assert row["closure_bytes"] == CLOSURE
    assert ends == {
        ("internal", False, 0): (4.0, 1e6, 9), ("internal", True, 0): (2.0, 1e6, 9),
        ("internal", True, 1): (3.0, 1e6, 9),
        ("nebula", False, 0): (20.0, pytest.approx(1e6 / 3), 3),
    }  # fmt: skip
    cut = [row for row in rows if row["vpn"] == "nebula"]
    assert {(row["status"], row["reason"], row["limit_s"]) for row in cut} == {
        ("timeout", REASON, 20.0)
    }


def drawn(files: dict[str, Path]) -> str:
    loaded = catalogue.load(FIGURE.name)
    assert loaded.draw
    data = Data.read({name: files[name] for name in FIGURE.tables})
    spec = loaded.draw(data, context()).to_dict()
    return json.dumps(spec, ensure_ascii=False)


def test_timed_copies_are_drawn_and_of_the_others_those_that_were_cut_off(
    made: dict[str, Path],
) -> None:
    text = drawn(made)
    assert '"copy": "0.1"' in text
    assert '"copy": "0.2"' not in text, "a warm-up that ended well is not drawn"
    assert '"copy": "1.0"' in text
    assert "2.50 s, n 1" in text
    assert "n 0/1" in text
    assert "T 33 % came" in text


def test_an_import_has_no_such_figure() -> None:
    own = Plan(benchmarks=("nix_cache", "calibration"))
    assert FIGURE.suits(own)
    assert not FIGURE.suits(Plan(benchmarks=("nix_cache", "tcp")))


def test_the_metrics_are_the_benchmark_s_in_both_kinds_of_campaigns() -> None:
    for name, unit in (("copy_time", "s"), ("copies_started", "1"), ("paths_wanted", "1")):
        assert registry.metric(name).unit == unit
