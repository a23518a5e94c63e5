"""How fast the import is, beside a plain single-process script that reads the same files."""

import json
import tarfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from meshbench.importers.vpn_runner import importer
from tests.unit import published_data as data

pytestmark = pytest.mark.skipif(
    not data.ARCHIVE.exists(), reason="the published data are not in ../shared"
)
LEAST_MB_PER_S = 10
MOST_TIMES_PLAIN = 8


def plain(archive: Path) -> float:
    """What anyone would write first: read all, average the throughput; CPU seconds."""
    start = time.process_time()
    rates = []
    with tarfile.open(archive, "r|*") as files:
        for member in files:
            file = files.extractfile(member)
            document = json.loads(file.read()) if file and member.name.endswith(".json") else None
            if member.name.endswith("tcp_iperf3.json") and isinstance(document, dict):
                end = (document.get("data") or {}).get("end", {})
                rates.append(end.get("sum_sent", {}).get("bits_per_second"))
    assert rates
    return time.process_time() - start


def ours(archive: Path) -> tuple[float, float]:
    """CPU seconds from the archive to Arrow tables, and megabytes of JSON."""
    start = time.process_time()
    result = importer.import_runs([archive], "published")
    for rows in result.rows.values():
        rows.samples()
        rows.links()
    return time.process_time() - start, sum(entry.size for entry in result.entries) / 1e6


def test_import_speed(record_property: Callable[[str, object], None]) -> None:
    ours(data.ARCHIVE)
    least_plain = min(plain(data.ARCHIVE) for _ in range(3))
    runs = [ours(data.ARCHIVE) for _ in range(3)]
    seconds, megabytes = min(runs)
    record_property("mb_per_s", round(megabytes / seconds, 1))
    record_property("times_plain", round(seconds / least_plain, 2))
    print(f"{megabytes / seconds:.1f} MB/s; {seconds / least_plain:.2f} times a plain script")
    assert megabytes / seconds >= LEAST_MB_PER_S
    assert seconds <= MOST_TIMES_PLAIN * least_plain
