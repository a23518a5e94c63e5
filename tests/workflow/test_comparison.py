"""A campaign compared with another by the rule, and by the command, on real records."""

import csv
from pathlib import Path

from tests.workflow.checkout import Checkout

SECOND = """\
campaign: second
testbed: fake
seed: 1
rounds: 1
vpns: [internal, wireguard]
profiles: [baseline, low]
figures: [rtt]
benchmarks:
  ping: {count: 5}
  tcp: {duration_s: 2, modes: [bidir]}
compare: [trial]
"""


def test_a_campaign_is_compared_with_another(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout")
    file = checkout.path / "second.yaml"
    file.write_text(SECOND)
    words = ("snakemake", "--cores", "2", "figures/second/comparison.csv")
    early = checkout.call(*words, "--configfile", "second.yaml")
    assert early.returncode != 0
    assert "second.yaml: compare: trial has no tables" in early.stdout
    done = checkout.call("snakemake", "--cores", "2", "results/trial/tables/estimates.parquet")
    assert done.returncode == 0, done.stdout
    done = checkout.call(*words, "--configfile", "second.yaml")
    assert done.returncode == 0, done.stdout
    folder = checkout.path / "figures" / "second"
    rows = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    assert {(row["vpn"], row["benchmark"], row["paired"]) for row in rows} == {
        ("internal", "ping", "True"),
        ("wireguard", "ping", "True"),
    }
    page = (folder / "comparison.md").read_text()
    assert "options of benchmark tcp | duration_s 1 | duration_s 2 | left out" in page
    assert "system nebula | there | missing | left out" in page
    compared = checkout.call(
        "python", "-m", "meshbench", "compare", "trial:internal", "trial:nebula"
    )
    assert compared.returncode == 0, compared.stdout
    assert "round by round" in compared.stdout
    assert "six rounds needed" in compared.stdout
