"""Outputs of tools that went wrong for others, where they are at hand."""

from pathlib import Path

import pytest

from meshbench.benchmarks import ping
from meshbench.benchmarks.tools import iperf3
from meshbench.results.records import Status
from meshbench.tables import reading
from tests.unit.making import cell, command, link, record

CASES = Path(__file__).parents[3] / "shared" / "data" / "cases"
pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the cases are not in ../shared")

REFUSED = "iperf3: error - unable to connect to server: Connection refused"


@pytest.mark.parametrize(
    ("name", "code", "error", "status", "reason"),
    [
        ("iperf3-3.9-refused", 1, REFUSED, Status.TOOL_FAILED, REFUSED),
        ("iperf3-3.9-server-killed", 1, "", Status.TOOL_FAILED, "iperf3 ended with 1 and said nothing"),
        ("iperf3-json-twice", 0, "", Status.OK, None),
        ("iperf3-warning-first", 0, "", Status.OK, None),
    ],
)  # fmt: skip
def test_iperf3(name: str, code: int, error: str, status: Status, reason: str | None) -> None:
    text = (CASES / f"{name}.json").read_text(encoding="utf-8")
    done = command(text, code, error=error, argv=["iperf3", "-c", "10.88.0.2"])
    assert iperf3.judge(done, 9) == (status, reason)


def test_iperf3_3_9_in_both_directions() -> None:
    text = (CASES / "iperf3-3.9-bidir.json").read_text(encoding="utf-8")
    done = command(text, argv=["iperf3", "-c", "127.0.0.1", "--bidir"])
    assert iperf3.judge(done, 9) == (Status.OK, None)
    read = reading.read(record(link(done), cell=cell(benchmark="tcp")), Path("1.json"))
    assert read.record.links[0].status is Status.OK
    values = read.observations
    retransmits = {
        value.direction: value.value
        for value in values
        if value.metric.name == "retransmits" and value.t_s is None
    }
    assert retransmits == {"forward": 0, "reverse": 1}
    assert {value.mode for value in values} == {"bidir"}


def test_ping_that_truncates_and_errs() -> None:
    text = (CASES / "ping-truncated-and-errors.txt").read_text(encoding="utf-8")
    assert ping.judge(command(text), 9) == (Status.OK, None)
    values = reading.read(record(link(command(text))), Path("1.json")).observations
    assert {v.metric.name: v.value for v in values if v.t_s is None}["ping_loss"] == 0.6


def test_ping_in_another_language_is_quoted() -> None:
    """It is run in the locale C: see test_hosts."""
    text = (CASES / "ping-german.txt").read_text(encoding="utf-8")
    status, reason = ping.judge(command(text), 9)
    assert status is Status.TOOL_FAILED
    assert "2 Pakete übertragen" in str(reason)
