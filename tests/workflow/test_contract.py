"""A benchmark is one module: put beside the others it is measured, parsed, tabled, drawn and reported."""

import shutil
from itertools import permutations
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests import throwaway
from tests.workflow.checkout import Checkout

ALL = set(permutations(("lom", "yuki", "luna"), 2))
CAMPAIGN = """\
campaign: trial
testbed: fake
seed: 1
rounds: 2
links: all
vpns: [internal, nebula]
profiles: [baseline]
benchmarks:
  flood: {count: 3}
  comeback: {watched_s: 0.2}
  memory: {}
"""
BROKEN = '{"broken": {"nebula": "port 4242 is in use"}}'


@pytest.fixture(scope="module", params=["whole", "broken"])
def campaign(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Measured with three modules that nothing else knows; in one of the two Nebula cannot start."""
    checkout = Checkout.make(tmp_path_factory.mktemp("contract") / request.param, CAMPAIGN)
    for name in throwaway.NAMES:
        shutil.copy(throwaway.FOLDER / f"{name}.py", checkout.path / "scripts/meshbench/benchmarks")
    checkout.run(**({"MESHBENCH_FAKE": BROKEN} if request.param == "broken" else {}))
    return checkout


def rows(campaign: Checkout, table: str) -> list[dict[str, Any]]:
    path = campaign.path / "results" / "trial" / "tables" / f"{table}.parquet"
    table_rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return table_rows


@pytest.mark.parametrize("metric", ["flood_rtt", "comeback_silence"])
def test_values_of_links_are_in_the_table_of_measures(campaign: Checkout, metric: str) -> None:
    mine = [row for row in rows(campaign, "measures") if row["metric"] == metric]
    assert {(r["vpn"], r["round"]) for r in mine} == {
        (vpn, number) for vpn in ("internal", "nebula") for number in (1, 2)
    }
    broken = campaign.path.name == "broken"
    for row in mine:
        assert (row["source"], row["target"]) in ALL
        if broken and row["vpn"] == "nebula":
            assert (row["value"], row["status"]) == (None, "failed")
            assert "port 4242 is in use" in row["reason"]
        else:
            assert row["status"] == "ok"
            assert row["value"] > 0
        assert (campaign.path / "results" / "trial" / row["record"]).is_file()
    assert len(mine) == 2 * 2 * len(ALL)


def test_values_of_hosts_are_in_the_table_of_hosts(campaign: Checkout) -> None:
    mine = [row for row in rows(campaign, "hosts") if row["metric"] == "memory_available"]
    assert len(mine) == 2 * 2 * 3
    assert {row["host"] for row in mine} == {"lom", "yuki", "luna"}
    good = [row for row in mine if row["status"] == "ok"]
    assert all(row["value"] > 2**20 for row in good)
    assert len(good) == (6 if campaign.path.name == "broken" else 12)


@pytest.mark.parametrize("benchmark", ["flood", "comeback", "memory"])
def test_it_is_drawn_and_printed_and_in_the_report(campaign: Checkout, benchmark: str) -> None:
    figures = campaign.path / "figures" / "trial"
    for kind in ("svg", "png", "pdf", "html", "csv", "tex"):
        assert list(figures.glob(f"*{benchmark}*.{kind}")), (kind, sorted(figures.iterdir()))
    [picture] = figures.glob(f"*{benchmark}*.svg")
    title = {"flood": "RTT of all links at once", "comeback": "Silence after a restart",
             "memory": "Memory available"}[benchmark]  # fmt: skip
    assert title in picture.read_text(encoding="utf-8")
    assert picture.stem in (figures / "report.html").read_text(encoding="utf-8")


def test_nothing_else_of_the_checkout_was_touched(campaign: Checkout) -> None:
    def sources(folder: Path) -> set[str]:
        root = folder / "scripts"
        return {str(p.relative_to(root)) for p in root.rglob("*.py")}

    added = sources(campaign.path) - sources(Path(__file__).parents[2])
    assert added == {f"meshbench/benchmarks/{name}.py" for name in throwaway.NAMES}
