"""Rounds until intervals are narrow, in real runs on the fake testbed."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.workflow.checkout import Checkout

CAMPAIGN = """\
campaign: trial
testbed: fake
seed: 1
rounds: {least: 3, most: 7, until: 5%}
vpns: [internal, wireguard, nebula]
profiles: [low]
figures: []
benchmarks:
  ping: {count: 5}
"""
BROKEN = json.dumps({"broken": {"nebula": "port 4242 is in use"}})
TABLE = "results/trial/tables/stopping.parquet"


def rounds(jobs: set[str], vpn: str) -> list[int]:
    """In which a system was measured."""
    return sorted(int(job.split()[-1]) for job in jobs if job.startswith(f"{vpn} "))


def made(checkout: Checkout, *targets: str) -> set[str]:
    """What was measured on the way to these files."""
    done = checkout.call("snakemake", "--cores", "2", *targets, MESHBENCH_FAKE=BROKEN)
    assert done.returncode == 0, done.stdout
    messages = [line.partition("] measure ")[2] for line in done.stdout.splitlines()]
    return {line.partition(", about")[0] for line in messages if line}


def test_a_system_stops_early_or_runs_to_most_and_raising_most_measures_the_new_rounds(
    tmp_path: Path,
) -> None:
    checkout = Checkout.make(tmp_path / "checkout", CAMPAIGN)
    places = checkout.places()
    begun = [str(places[f"{vpn}/stock/low/ping/{n}"].relative_to(checkout.path))
             for vpn in ("internal", "nebula") for n in (1, 2)]  # fmt: skip
    assert len(made(checkout, *begun)) == 4

    # As after an interruption: what is there stays, the broken system's failures too.
    measured = made(checkout, TABLE)
    assert rounds(measured, "wireguard") == [1, 2, 3, 4, 5, 6]
    assert rounds(measured, "nebula") == rounds(measured, "internal") == [3, 4, 5, 6, 7]

    checkout.edit("config/config.yaml", "most: 7", "most: 8")
    measured = made(checkout, "figures/all")
    assert measured == {"internal low ping, round 8", "nebula low ping, round 8"}
    rows = {row["vpn"]: row for row in pq.read_table(checkout.path / TABLE).to_pylist()}
    assert {vpn: (row["n_rounds"], row["enough"]) for vpn, row in rows.items()} == {
        "internal": (8, False), "wireguard": (6, True), "nebula": (8, False)
    }  # fmt: skip
    assert rows["internal"]["why"] == "beside nebula"
    assert rows["nebula"]["why"].endswith("no interval")
    plan = " ".join(checkout.python("-m", "meshbench", "plan").split())
    assert "0 of 22 cells and 0 calibrations to measure" in plan
    assert "stopped after 6 rounds: wireguard stock ingress low: within ±5 %" in plan
