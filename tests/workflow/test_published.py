"""Somebody else's runs through the workflow: an archive, then more runs, one of them tuned and damaged."""

import csv
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit import published_data as data
from tests.workflow.checkout import Checkout

FIGURES = "figures=[tcp_impairment, success_rate]"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: an archive, a folder, and a tuned folder with a file that ends too early."""
    folder = tmp_path_factory.mktemp("runs")
    first = data.run(folder / "18.12.2025")
    shutil.make_archive(str(first), "gztar", folder, first.name)
    data.again(data.run(folder / "20.12.2025"), longer_s=1)
    tuned = data.again(data.run(folder / "26.02.2026-optimized"), longer_s=2)
    shutil.rmtree(tuned / "Demo")
    broken = tuned / "Internal" / "baseline" / "0_lom" / "tcp_iperf3.json"
    broken.write_bytes(broken.read_bytes()[:300])
    return folder


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    return Checkout.make(tmp_path_factory.mktemp("published") / "checkout")


def words(*sources: Path) -> tuple[str, ...]:
    published = f"published=[{','.join(map(str, sources))}]"
    return ("--configfile", "config/published.yaml", "--config", "claims=none", FIGURES, published)


def rows(checkout: Checkout) -> Iterator[dict[str, str]]:
    table = checkout.path / "figures" / "published" / "tcp_impairment.csv"
    with table.open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def test_an_archive_then_more_runs(checkout: Checkout, runs: Path) -> None:
    archive = runs / "18.12.2025.tar.gz"
    ran = checkout.run(*words(archive))
    assert "import" in ran.kinds
    assert [(row["vpn"], row["baseline_n"]) for row in rows(checkout)] == [
        ("internal", "3/3"), ("demo", "3/3"),
    ]  # fmt: skip
    assert not checkout.run(*words(archive)).jobs

    several = words(archive, runs / "20.12.2025", runs / "26.02.2026-optimized")
    ran = checkout.run(*several)
    assert [(row["vpn"], row["baseline_n"]) for row in rows(checkout)] == [
        ("internal (stock)", "6/6"), ("internal (tailscale-style)", "2/3"), ("demo (stock)", "6/6"),
    ]  # fmt: skip
    broken = "26.02.2026-optimized:Internal/baseline/0_lom/tcp_iperf3.json: set aside: not JSON"
    assert broken in ran.text
    assert not checkout.run(*several).jobs


def test_a_file_deep_in_a_folder_is_imported_again(
    checkout: Checkout, runs: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(runs / "20.12.2025", tmp_path / "20.12.2025")
    checkout.run(*words(folder))
    assert not checkout.run(*words(folder)).jobs
    (folder / "Demo" / "baseline" / "1_yuki" / "tcp_iperf3.json").unlink()
    assert "import" in checkout.run(*words(folder)).kinds
    assert [row["baseline_n"] for row in rows(checkout)] == ["3/3", "2/3"]


def test_a_source_that_is_not_there_is_named(checkout: Checkout, tmp_path: Path) -> None:
    ran = checkout.tries(*words(tmp_path / "none.tar.xz"))
    assert ran.status != 0
    assert f"there is no {tmp_path / 'none.tar.xz'}" in ran.text
