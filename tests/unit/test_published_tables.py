"""Tables A1 to A5 of an independent recomputation, to the printed digit, where they are there."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from meshbench.checks import tables
from meshbench.importers.vpn_runner import importer
from tests.unit import published_data as data

DOCUMENT = data.REAL.parent / "design" / "published-data.md"
pytestmark = pytest.mark.skipif(
    not (data.ARCHIVE.exists() and DOCUMENT.exists()),
    reason="the published data are not in ../shared",
)
PROFILES = ("baseline", "low", "medium", "high")
Values = dict[str, float]
Get = Callable[..., Values]


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("published")
    importer.save(importer.import_runs([data.ARCHIVE], "published"), folder)
    return tables.connect(tables.files(folder / "samples"), tables.files(folder / "links"))


@pytest.fixture(scope="module")
def get(connection: duckdb.DuckDBPyConnection) -> Get:
    rows = connection.sql(
        "SELECT vpn, profile, benchmark, metric, source, value FROM whole WHERE direction = 'forward'"
    ).fetchall()
    by_key: dict[tuple[str, ...], Values] = {}
    for *key, source, value in rows:
        by_key.setdefault(tuple(key), {})[source] = value
    return lambda *key: {
        host: value for host in data.HOSTS if (value := by_key.get(key, {}).get(host)) is not None
    }


def printed(title: str) -> dict[str, list[str]]:
    """A table of the document: cells by system."""
    lines = iter(DOCUMENT.read_text(encoding="utf-8").splitlines())
    next(line for line in lines if line.startswith(f"### {title}."))
    next(lines), next(lines)
    rows: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith("|"):
            break
        name, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name.lower()] = cells
    assert len(rows) == 11
    return rows


def mean(values: Values) -> float:
    return statistics.fmean(values.values())


def test_a1_single_stream_tcp(get: Get) -> None:
    for vpn, cells in printed("A1").items():
        for profile, cell in zip(PROFILES, cells, strict=True):
            rates = {
                host: rate / 1e6 for host, rate in get(vpn, profile, "tcp", "send_rate").items()
            }
            links = ", ".join(f"{rate:.1f}" for rate in rates.values())
            assert f"{mean(rates):.2f} [{links}]" == cell, (vpn, profile)


def test_a2_retransmit_rate_and_reordering(get: Get) -> None:
    for vpn, cells in printed("A2").items():
        for index, profile in enumerate(PROFILES):
            # A stream that sent nothing has no rate; the table counts it as zero.
            rates = get(vpn, profile, "tcp", "retransmit_rate")
            assert f"{100 * sum(rates.values()) / 3:.3f}" == cells[index], (vpn, profile)
            sent, mss = get(vpn, profile, "tcp", "sent"), get(vpn, profile, "tcp", "mss")
            seen = get(vpn, profile, "tcp", "reordering_seen")
            shares = "/".join(
                f"{100 * seen[host] * mss[host] / sent[host]:.1f}" if sent[host] > 1e6 else "-"
                for host in seen
            )
            assert shares == cells[4 + index], (vpn, profile)


def test_a3_windows(get: Get) -> None:
    for vpn, cells in printed("A3").items():

        def one(metric: str, scale: float = 1, vpn: str = vpn) -> float:
            return mean(get(vpn, "baseline", "tcp", metric)) * scale

        assert [
            f"{one('mss'):.0f}",
            f"{one('pmtu'):.0f}",
            f"{one('cwnd_max', 1 / 1024):.0f}",
            f"{one('snd_wnd_max', 1 / 1024):.0f}",
            f"{one('tcp_rtt_mean'):.1f}",
            f"{one('retransmits'):.0f}",
            f"{one('iperf3_cpu_client', 100):.1f}",
        ] == cells, vpn


def test_a4_parallel(get: Get) -> None:
    for vpn, cells in printed("A4").items():
        for profile, cell in zip(PROFILES, cells, strict=False):
            rates = get(vpn, profile, "tcp_parallel", "send_rate")
            total, n = sum(rates.values()) / 1e6, len(rates)
            assert f"{total:.2f} ({n}/3; {total / n:.2f})" == cell, (vpn, profile)
        rates = get(vpn, "baseline", "tcp_parallel", "send_rate")
        single = mean(get(vpn, "baseline", "tcp", "send_rate"))
        assert f"{sum(rates.values()) / single:.2f}x" == cells[4]
        assert f"{3 * mean(rates) / single:.2f}x" == cells[5]


def test_a5_parallel_retransmits(get: Get) -> None:
    for vpn, cells in printed("A5").items():
        for profile, cell in zip(PROFILES, cells, strict=True):
            total = sum(get(vpn, profile, "tcp_parallel", "retransmits").values())
            sent, mss = (get(vpn, profile, "tcp_parallel", metric) for metric in ("sent", "mss"))
            segments = sum(sent[host] / mss[host] for host in sent)
            assert f"{total:.0f} ({100 * total / segments:.3f} %)" == cell, (vpn, profile)


def test_every_outcome_is_as_counted(connection: duckdb.DuckDBPyConnection) -> None:
    """Section 1: TCP 132/132, ping 132/132, RIST 131/131, qperf 108/132, Nix 95/132, UDP 47/132, pairs 122/132."""
    rows: list[tuple[Any, ...]] = connection.sql(
        "SELECT benchmark, count(*) FILTER (status = 'ok'), count(*) FROM links GROUP BY benchmark"
    ).fetchall()
    counts = {benchmark: (ok, total) for benchmark, ok, total in rows}
    assert counts["tcp"] == (132, 132)
    assert counts["ping"] == (132, 132)
    assert counts["rist"] == (131, 131)
    assert counts["quic"] == (108, 132)
    assert counts["nix_cache"] == (95, 132)
    assert counts["udp"] == (47, 132)
    assert counts["tcp_parallel"] == (122, 132)


def test_no_file_is_set_aside() -> None:
    entries = importer.import_runs([data.ARCHIVE], "published").entries
    assert {entry.state for entry in entries} == {"imported"}
    assert len(entries) == 1007
    assert Path(entries[0].path).suffix == ".json"
