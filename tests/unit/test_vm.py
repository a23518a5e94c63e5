"""What surrounds the virtual machine: its clock is compared, and two engines' calibrations are a table."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.vm import engines, machine


def calibration(folder: Path, campaign: str, received: int, delay_ms: float) -> None:
    values = {
        "probe_sent": 1000, "probe_received": received, "owd_mean": delay_ms, "expected_delay": 4.3,
        "owd_sd": 2.5, "expected_delay_sd": 2.6, "expected_loss": 0.01, "reordered": 0.25,
    }  # fmt: skip
    rows = [
        {"campaign": campaign, "profile": "medium", "metric": metric, "value": float(value), "t_s": t_s}
        for metric, value in values.items()
        for t_s in (None, None, 1.0)
    ]  # fmt: skip
    (folder / campaign / "calibration").mkdir(parents=True)
    columns = pa.schema(
        [
            ("campaign", "string"),
            ("profile", "string"),
            ("metric", "string"),
            ("value", "double"),
            ("t_s", "double"),
        ]
    )
    parquet.write_table(
        pa.Table.from_pylist(rows, columns), folder / campaign / "calibration/samples.parquet"
    )


def test_engines_are_compared_over_all_their_probes(tmp_path: Path) -> None:
    calibration(tmp_path, "vm-netem", 990, 4.31)
    calibration(tmp_path, "vm-linkem", 985, 4.4)
    lines = engines.table(["vm-netem", "vm-linkem"], tmp_path).splitlines()
    assert len(lines) == 4
    assert lines[2] == "| vm-linkem | medium | 2000 | 1.5 | 1 | 4.4 | 4.3 | 2.5 | 2.6 | 25 |"
    assert lines[3].startswith("| vm-netem | medium | 2000 | 1 | 1 | 4.31 |")


def test_a_guest_whose_clock_is_wrong_measures_nothing() -> None:
    machine._compare([(100.0, 20.0), (200.0, 119.0)])
    with pytest.raises(machine.VmError, match="clock runs at 0.270"):
        machine._compare([(100.0, 20.0), (200.0, 47.0)])


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo Kernel panic", "ended before its job did; the last it said: Kernel panic"),
        ("sleep 0.2; echo late", "not done within 0 s; the last it said: late"),
    ],
)
def test_a_machine_that_does_not_do_its_job_is_told_of(script: str, reason: str) -> None:
    with pytest.raises(machine.VmError, match=reason):
        machine._watched(["sh", "-c", script], 0.0 if "late" in script else 60.0)


def test_a_jobs_status_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that may be too busy for the clocks of half a second to agree."""
    monkeypatch.setattr(machine, "CLOCK_OFF", 1.0)
    script = (
        "echo meshbench-vm clock 1.00; sleep 0.5; echo meshbench-vm clock 1.50; "
        "echo meshbench-vm status 3"
    )
    assert machine._watched(["sh", "-c", script], 60.0) == 3
