"""How long the published data take from nothing on two cores, and again with nothing to do.

Asked for: at most 60 s and 2 s, on a quiet machine.
"""

import time
from pathlib import Path

import pytest

from tests.unit import published_data as data
from tests.workflow.checkout import Checkout

pytestmark = pytest.mark.skipif(
    not (data.ARCHIVE.exists() and data.CLAIMS.exists()),
    reason="the published data are not in ../shared",
)
TRIALS = 6


def test_published_data(tmp_path: Path) -> None:
    checkout = Checkout.make(tmp_path / "checkout")
    (tmp_path / "shared").symlink_to(data.REAL.parent)
    words = ("--cores", "2", "figures/all", "--configfile", "config/published.yaml")

    def seconds(*, quiet: bool) -> float:
        start = time.monotonic()
        done = checkout.call("snakemake", *words)
        assert done.returncode == 0, done.stdout
        assert ("Nothing to be done" in done.stdout) == quiet, done.stdout
        return time.monotonic() - start

    first = seconds(quiet=False)
    again = min(seconds(quiet=True) for _ in range(TRIALS))
    files = [path for path in (checkout.path / "figures" / "published").iterdir() if path.is_file()]
    print(f"\n{len(files)} files from nothing: {first:.1f} s; nothing to do: {again:.2f} s")
