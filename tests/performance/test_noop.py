"""How long a run of 1,008 cells takes that has nothing to do (asked for: at most 2 s)."""

import time
from pathlib import Path

from tests.workflow.checkout import Checkout

TRIALS = 5
MOST = 4.0
"""Times Snakemake's own start: 2 s where that takes half a second."""


def test_nothing_to_do(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout")
    checkout.run()
    checkout.grow(84)
    checkout.run()
    assert len(checkout.records()) == 1008

    def seconds(*words: str) -> float:
        start = time.monotonic()
        done = checkout.call("snakemake", *words)
        assert done.returncode == 0, done.stdout
        assert "[" not in done.stdout.replace("Nothing to be done", ""), done.stdout
        return time.monotonic() - start

    floor = min(seconds("--version") for _ in range(TRIALS))
    took = min(seconds("--cores", "1", "figures/all") for _ in range(TRIALS))
    print(f"\n1008 cells, nothing to do: {took:.2f} s; snakemake --version alone: {floor:.2f} s")
    assert took < MOST * floor, f"{took / floor:.1f} times Snakemake's own start"
