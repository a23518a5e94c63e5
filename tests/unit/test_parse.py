"""From records to tidy rows: every link has a row, missing is never zero, nothing is invented."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meshbench import parse, records
from meshbench.impairment.calibration import Calibration
from meshbench.records import PathState, Record, Status
from meshbench.tables import schema
from tests.unit import making
from tests.unit.making import cell, command, link, record

Rows = list[dict[str, Any]]
PING = command(making.text("ping.txt"), took_s=1.3)
DIRECT = PathState(kind="direct", transport="udp", endpoint="192.0.2.2:4242", tunnel_mtu=1300)


def parsed(folder: Path, *found: Record) -> tuple[Rows, Rows]:
    paths = []
    for number, one in enumerate(found):
        paths.append(folder / f"{number}.json")
        records.write(one, paths[-1])
    samples, links = folder / "samples.parquet", folder / "links.parquet"
    parse.parse(paths, samples, links)
    tables = pq.read_table(samples), pq.read_table(links)
    assert tables[0].schema.equals(schema.SAMPLES)
    assert tables[1].schema.equals(schema.LINKS)
    return tables[0].to_pylist(), tables[1].to_pylist()


def test_values_carry_their_cell_and_their_metric_s_unit(tmp_path: Path) -> None:
    samples, _ = parsed(tmp_path, record(link(PING)))
    assert len(samples) == 7 + 23
    [average] = [row for row in samples if row["metric"] == "rtt_avg"]
    assert average == {
        "campaign": "trial", "round": 1, "vpn": "nebula", "tuning": "stock", "profile": "low",
        "placement": "ingress", "benchmark": "ping", "source": "lom", "target": "yuki",
        "mode": None, "direction": "forward", "stream": None, "metric": "rtt_avg", "unit": "ms",
        "t_s": None, "value": 19.179, "status": "ok", "reason": None,
    }  # fmt: skip


def test_a_failed_link_has_a_row_and_no_values(tmp_path: Path) -> None:
    failed = link(status=Status.FAILED, reason="no traffic", attempts=2)
    samples, links = parsed(tmp_path, record(link(PING), failed))
    assert [row["status"] for row in links] == ["ok", "failed"]
    assert links[1]["reason"] == "no traffic"
    assert links[1]["attempts"] == 2
    assert links[1]["measuring_s"] is None
    assert {row["status"] for row in samples} == {"ok"}


def test_the_time_in_tools_includes_that_of_attempts_that_failed(tmp_path: Path) -> None:
    later = PING.model_copy(update={"started": PING.started + timedelta(seconds=10)})
    _, links = parsed(tmp_path, record(link(later, failures=[PING], attempts=2)))
    assert links[0]["measuring_s"] == pytest.approx(2.6)


def test_what_a_failed_link_did_measure_says_that_it_failed(tmp_path: Path) -> None:
    lost = command("3 packets transmitted, 0 received, 100% packet loss, time 1ms\n")
    samples, _ = parsed(tmp_path, record(link(lost, status=Status.FAILED, reason="none")))
    assert {row["metric"]: row["value"] for row in samples} == {
        "ping_sent": 3, "ping_received": 0, "ping_loss": 1
    }  # fmt: skip
    assert {(row["status"], row["reason"]) for row in samples} == {("failed", "none")}


def test_a_good_link_without_values_is_our_mistake(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"^nebula/stock/low/ping/1\.json: lom->yuki is ok and has no"
    ):
        parsed(tmp_path, record(link(command("rubbish"))))


def test_a_file_that_is_no_record_is_named(tmp_path: Path) -> None:
    path = tmp_path / "1.json"
    path.write_text("{")
    with pytest.raises(ValueError, match=f"^{path} is not a record"):
        parse.parse([path], tmp_path / "s", tmp_path / "l")
    assert list(tmp_path.iterdir()) == [path]


def test_the_path_of_a_link_stands_in_its_row(tmp_path: Path) -> None:
    relayed = DIRECT.model_copy(update={"kind": "relay", "endpoint": "192.0.2.1:1"})
    _, links = parsed(
        tmp_path,
        record(
            link(PING, path_before=DIRECT, path_after=relayed),
            link(PING, path_before=DIRECT, path_after=DIRECT),
            link(PING, path_before=DIRECT),
            link(PING),
        ),
    )
    assert [row["path"] for row in links] == ["relay", "direct", "direct", None]
    assert [row["path_changed"] for row in links] == [True, False, None, None]
    assert links[0]["tunnel_mtu"] == 1300


def test_only_measuring_time_counts(tmp_path: Path) -> None:
    warm_up = command(took_s=9, measuring=False)
    _, [row] = parsed(tmp_path, record(link(warm_up, PING)))
    assert row["measuring_s"] == pytest.approx(1.3)


def test_a_fake_testbed_is_stamped(tmp_path: Path) -> None:
    _, [row] = parsed(tmp_path, record(link(PING)))
    assert row["testbed"] == "fake:fake"


def test_each_link_has_what_the_cell_s_emulators_counted(tmp_path: Path) -> None:
    of = record(link(PING))
    of.impairment.before = {"lom": {"offered": 5, "lost": 1}}
    of.impairment.after = {"lom": {"offered": 105, "lost": 3}}
    _, [row, bare] = parsed(tmp_path, of, record(link(PING)))
    assert (row["emulator_offered"], row["emulator_lost"]) == (100, 2)
    assert (bare["emulator_offered"], bare["emulator_lost"]) == (None, None)


def test_tcp_rows_know_mode_and_direction(tmp_path: Path) -> None:
    runs = [command(making.text(f"iperf3-{name}.json")) for name in ("forward", "bidir")]
    samples, _ = parsed(tmp_path, record(link(*runs), cell=cell(benchmark="tcp")))
    kinds = {(r["mode"], r["direction"]) for r in samples if r["metric"] == "goodput"}
    assert kinds == {("single", "forward"), ("bidir", "forward"), ("bidir", "reverse")}


def test_the_calibration_s_expectation_is_there_even_when_it_failed(tmp_path: Path) -> None:
    of = cell(vpn="internal", benchmark=Calibration.name)
    good = record(link(command(making.text("irtt.json"))), cell=of)
    bad = record(link(status=Status.TOOL_FAILED, reason="irtt"), cell=of)
    samples, links = parsed(tmp_path, good, bad)
    assert [row["status"] for row in links] == ["ok", "tool_failed"]
    for status in ("ok", "tool_failed"):
        metrics = {row["metric"] for row in samples if row["status"] == status}
        assert {"expected_delay", "nominal_loss", "tolerance_delay"} <= metrics
        assert ("owd_mean" in metrics) == (status == "ok")


def test_no_records_no_rows(tmp_path: Path) -> None:
    assert parsed(tmp_path) == ([], [])
