"""From records to tidy rows: every link has a row, missing is never zero, nothing is invented."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meshbench.benchmarks.calibration import Calibration
from meshbench.results import records
from meshbench.results.records import Command, LinkRecord, PathState, Record, Status
from meshbench.tables import parse, schema
from tests.unit import making
from tests.unit.making import cell, command, link, record

Rows = list[dict[str, Any]]
PING = command(making.text("ping.txt"), took_s=1.3)
DIRECT = PathState(kind="direct", transport="udp", endpoint="192.0.2.2:4242", tunnel_mtu=1300)


def other(*commands: Command, **words: Any) -> LinkRecord:
    """The link after the first one of the ring."""
    return link(*commands, **words).model_copy(update={"source": "yuki", "target": "luna"})


def parsed(folder: Path, *recorded: Record) -> tuple[Rows, Rows]:
    paths = []
    for number, cell_record in enumerate(recorded):
        paths.append(folder / f"{number}.json")
        records.write(cell_record, paths[-1])
    samples, links = folder / "samples.parquet", folder / "links.parquet"
    parse.parse(paths, samples, links)
    tables = pq.read_table(samples), pq.read_table(links)
    assert tables[0].schema.equals(schema.SAMPLES)
    assert tables[1].schema.equals(schema.LINKS)
    return tables[0].to_pylist(), tables[1].to_pylist()


def test_values_carry_their_cell_and_their_metric_s_unit(tmp_path: Path) -> None:
    samples, _ = parsed(tmp_path, record(link(PING)))
    assert len(samples) == 7 + 34
    [average] = [row for row in samples if row["metric"] == "rtt_avg"]
    assert average == {
        "campaign": "trial", "round": 1, "vpn": "nebula", "tuning": "stock", "profile": "low",
        "placement": "ingress", "benchmark": "ping", "kind": "ping", "source": "lom", "target": "yuki",
        "mode": None, "direction": "forward", "stream": None, "metric": "rtt_avg", "unit": "ms",
        "t_s": None, "value": 19.179, "status": "ok", "reason": None, "host": None,
        "record": average["record"],
    }  # fmt: skip


def test_a_failed_link_has_a_row_and_no_values(tmp_path: Path) -> None:
    failed = other(status=Status.FAILED, reason="no traffic", attempts=2)
    samples, links = parsed(tmp_path, record(link(PING), failed))
    assert [row["status"] for row in links] == ["ok", "failed"]
    assert links[1]["reason"] == "no traffic"
    assert links[1]["attempts"] == 2
    assert links[1]["measuring_s"] is None
    mine = [row for row in samples if row["source"] == "yuki"]
    assert {row["metric"] for row in mine} == {
        "rtt_avg", "rtt_min", "rtt_max", "rtt_mdev", "ping_loss"
    }  # fmt: skip
    assert {(row["value"], row["status"], row["reason"]) for row in mine} == {
        (None, "failed", "no traffic")
    }  # fmt: skip
    assert {row["status"] for row in samples if row["source"] == "lom"} == {"ok"}


def test_the_time_in_tools_includes_that_of_attempts_that_failed(tmp_path: Path) -> None:
    later = PING.model_copy(update={"started": PING.started + timedelta(seconds=10)})
    _, links = parsed(tmp_path, record(link(later, failures=[PING], attempts=2)))
    assert links[0]["measuring_s"] == pytest.approx(2.6)


def test_what_a_failed_link_did_measure_says_that_it_failed(tmp_path: Path) -> None:
    lost = command("3 packets transmitted, 0 received, 100% packet loss, time 1ms\n")
    samples, _ = parsed(tmp_path, record(link(lost, status=Status.FAILED, reason="none")))
    values = {row["metric"]: row["value"] for row in samples if row["value"] is not None}
    assert values == {
        "ping_sent": 3, "ping_received": 0, "ping_loss": 1, "ping_duplicates": 0,
        "ping_loss_period": 3, "ping_lost_runs": 1, "ping_runs": 1,
    }  # fmt: skip
    assert {(row["status"], row["reason"]) for row in samples} == {("failed", "none")}


@pytest.mark.parametrize(
    ("benchmark", "output", "reason"),
    [
        ("ping", "rubbish", "it holds no value: 'rubbish'"),
        ("tcp", "[]", "no JSON object in '[]'"),
        ("tcp", '{"end": {}}', "iperf3's output has no end.sum_sent"),
        ("calibration", "{}", "no probes in '{}'"),
        ("calibration", '{"round_trips": [{}], "stats": {"server_packets_received": 1}}', "there is no 'lost'"),
    ],
)  # fmt: skip
def test_a_link_that_cannot_be_read_is_the_tool_s_failure_and_stops_no_other(
    tmp_path: Path, benchmark: str, output: str, reason: str
) -> None:
    odd = record(link(command(output, role="irtt")), cell=cell(benchmark=benchmark))
    samples, links = parsed(tmp_path, odd, record(link(PING)))
    assert [row["status"] for row in links] == ["tool_failed", "ok"]
    assert str(links[0]["reason"]).endswith(f"0.json cannot be read: {reason}")
    assert {row["status"] for row in samples if row["metric"] == "rtt"} == {"ok"}


def test_a_link_that_failed_and_cannot_be_read_keeps_its_status(tmp_path: Path) -> None:
    lost = link(command("{"), status=Status.TIMEOUT, reason="not finished within 9 s")
    samples, [row] = parsed(tmp_path, record(lost, cell=cell(benchmark="tcp")))
    assert {sample["status"] for sample in samples} == {"timeout"}
    assert (row["status"], row["reason"]) == ("timeout", "not finished within 9 s")


def test_a_record_of_an_unknown_benchmark_stops_no_other(tmp_path: Path) -> None:
    odd = record(link(PING), cell=cell(benchmark="no_such"))
    _, links = parsed(tmp_path, odd, record(link(PING)))
    assert [row["status"] for row in links] == ["tool_failed", "ok"]


def test_output_of_an_unexpected_kind_stops_no_other_link(tmp_path: Path) -> None:
    odd = {"start": {"test_start": {}}, "end": {"sum_sent": None, "sum_received": []}}
    broken = record(
        link(command(json.dumps(odd))),
        other(command(making.text("iperf3-forward.json"))),
        cell=cell(benchmark="tcp"),
        options={"modes": ["forward"]},
    )
    samples, links = parsed(tmp_path, broken, record(link(PING)))
    assert [row["status"] for row in links] == ["tool_failed", "ok", "ok"]
    assert "0.json cannot be read: " in str(links[0]["reason"])
    goodput = [row for row in samples if row["metric"] == "goodput" and row["t_s"] is None]
    assert [(row["source"], row["value"] is None, row["status"]) for row in goodput] == [
        ("yuki", False, "ok"), ("lom", True, "tool_failed")
    ]  # fmt: skip


def test_a_headline_that_an_ok_link_lacks_was_not_reported_by_its_tool(tmp_path: Path) -> None:
    counts = command("3 packets transmitted, 3 received, 0% packet loss, time 1ms\n")
    samples, _ = parsed(tmp_path, record(link(counts)))
    lacking = {row["metric"] for row in samples if row["status"] == "tool_failed"}
    assert lacking == {"rtt_avg", "rtt_min", "rtt_max", "rtt_mdev"}
    assert {row["reason"] for row in samples if row["value"] is None} == {parse.NOT_REPORTED}


def test_a_row_leads_to_its_record(tmp_path: Path) -> None:
    path = tmp_path / "results" / "trial" / "raw" / cell().path
    records.write(record(link(PING)), path)
    samples, links = tmp_path / "samples.parquet", tmp_path / "links.parquet"
    parse.parse([path], samples, links)
    for table in (samples, links):
        assert set(pq.read_table(table)["record"].to_pylist()) == {f"raw/{cell().path}"}


def test_a_file_that_is_no_record_is_named_and_stops_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "broken.json"
    path.write_text("{")
    records.write(record(link(PING)), tmp_path / "1.json")
    parse.parse([path, tmp_path / "1.json"], tmp_path / "s", tmp_path / "l")
    assert f"left out: {path} is not a record" in caplog.text
    assert pq.read_table(tmp_path / "l").num_rows == 1


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
    kinds = {
        (r["mode"], r["direction"]) for r in samples if r["metric"] == "goodput" and r["value"]
    }
    assert kinds == {("single", "forward"), ("bidir", "forward"), ("bidir", "reverse")}


def test_the_calibration_s_expectation_is_there_even_when_it_failed(tmp_path: Path) -> None:
    of = cell(vpn="internal", benchmark=Calibration.name)
    good = record(link(command(making.text("irtt.json"), role="irtt")), cell=of)
    bad = record(link(status=Status.TOOL_FAILED, reason="irtt"), cell=of)
    samples, links = parsed(tmp_path, good, bad)
    assert [row["status"] for row in links] == ["ok", "tool_failed"]
    for status in ("ok", "tool_failed"):
        metrics = {row["metric"] for row in samples if row["status"] == status}
        assert {"expected_delay", "nominal_loss", "tolerance_delay"} <= metrics
        assert ("owd_mean" in metrics) == (status == "ok")


def test_no_records_no_rows(tmp_path: Path) -> None:
    assert parsed(tmp_path) == ([], [])
