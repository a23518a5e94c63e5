"""A benchmark is one module: put beside the others it is measured, parsed, tabled, drawn and reported."""

import shutil
from collections.abc import Iterator

import pyarrow.parquet as pq
import pytest

from tests import throwaway
from tests.workflow.checkout import Checkout

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


@pytest.fixture
def with_throwaways(checkout: Checkout) -> Iterator[Checkout]:
    for name in throwaway.NAMES:
        module = throwaway.FOLDER / f"{name}.py"
        shutil.copy(module, checkout.folder / "scripts" / "meshbench" / "benchmarks")
    (checkout.folder / "config" / "config.yaml").write_text(CAMPAIGN)
    yield checkout


def test_a_benchmark_of_one_module_is_in_tables_figures_and_report(
    with_throwaways: Checkout,
) -> None:
    ran = with_throwaways.run()
    assert ran.status == 0, ran.text
    results = with_throwaways.folder / "results" / "trial" / "tables"
    measures = pq.read_table(results / "measures.parquet").to_pylist()
    links = {
        (row["metric"], row["vpn"], row["source"], row["target"])
        for row in measures
        if row["metric"] in {"flood_rtt", "comeback_silence"}
    }
    assert len(links) == 2 * 2 * 6
