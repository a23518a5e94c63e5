"""The bare link around every round, in real runs on the fake testbed."""

from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from tests.workflow.checkout import Checkout, Ran

CAMPAIGN = """\
campaign: trial
testbed: fake
seed: 1
rounds: 2
bracket: true
vpns: [internal, nebula]
profiles: [baseline, low]
figures: [drift]
benchmarks:
  ping: {count: 5}
  tcp: {duration_s: 1, modes: [bidir]}
  tcp@long: {duration_s: 2, modes: [bidir]}
"""
ADAPTIVE = """\
campaign: trial
testbed: fake
seed: 1
rounds: {least: 3, most: 7, until: 5%}
bracket: true
vpns: [wireguard]
profiles: [low]
figures: []
benchmarks:
  ping: {count: 5}
"""
ON_TESTBED = ("calibrate ", "bracket ", "measure ")


def on_testbed(ran: Ran) -> list[str]:
    """What was done there, in its order."""
    return [job for job in ran.jobs if job.startswith(ON_TESTBED)]


def steps(ran: Ran) -> list[tuple[str, int]]:
    """The same in words of one round each, with how often they came in turn."""
    kinds = []
    for job in on_testbed(ran):
        round_ = job.partition("round ")[2].partition(",")[0]
        words = job.split()
        kinds.append(f"{words[1] if words[0] == 'bracket' else words[0]} {round_}")
    return [(kind, len(list(some))) for kind, some in groupby(kinds)]


def brackets(checkout: Checkout) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(
        checkout.path / "results/trial/tables/brackets.parquet"
    ).to_pylist()
    return rows


def test_every_round_is_between_two_measurements_of_the_bare_link(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout", CAMPAIGN)
    ran = checkout.run()
    # The deployments come first.
    assert steps(ran) == [
        step
        for n in (1, 2)
        for step in ((f"calibrate {n}", 2), (f"before {n}", 4), (f"measure {n}", 12), (f"after {n}", 4))
    ]  # fmt: skip
    assert "before round 2, low tcp" in ran.of("bracket")
    assert not any("tcp@long" in job for job in ran.of("bracket"))
    rows = brackets(checkout)
    assert {(row["round"], row["profile"], row["benchmark"]) for row in rows} == {
        (n, profile, benchmark)
        for n in (1, 2) for profile in ("baseline", "low") for benchmark in ("ping", "tcp")
    }  # fmt: skip
    assert {(row["n_between"], row["n_cells"]) for row in rows} == {(6, 6)}
    assert {row["moved"] for row in rows if row["bound"]} == {False}
    assert (checkout.path / "figures/trial/drift.svg").is_file()
    assert checkout.would().kinds == set()

    plan = " ".join(checkout.python("-m", "meshbench", "plan").split())
    assert "0 of 24 cells and 0 calibrations and 0 of the bare link around rounds" in plan


def test_switching_it_on_or_off_measures_no_cell_again(checkout: Checkout) -> None:
    old = checkout.records()
    checkout.append("config/config.yaml", "bracket: true\n")
    ran = checkout.run()
    assert len(on_testbed(ran)) == len(ran.of("bracket")) == 2 * 2 * 2
    assert checkout.records() == old
    # They came after the cells, so that they say nothing of them.
    rows = brackets(checkout)
    assert {(row["n_between"], row["n_cells"]) for row in rows} == {(0, 6)}

    checkout.edit("config/config.yaml", "bracket: true\n", "")
    ran = checkout.run()
    assert on_testbed(ran) == []
    assert brackets(checkout) == []


def test_rounds_until_it_is_known_are_between_them_too(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout", ADAPTIVE)
    ran = checkout.run()
    assert steps(ran) == [
        (f"{kind} {n}", 1) for n in range(1, 7)
        for kind in ("calibrate", "before", "measure", "after")
    ]  # fmt: skip
