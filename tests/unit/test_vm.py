"""What surrounds the virtual machine: its clock is compared, and two engines' calibrations are a table."""

import asyncio
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.chance import loss_within
from tests.vm import engines, machine

ASKED = {
    "baseline": {"expected_delay": 0.0, "expected_delay_sd": 0.0, "expected_loss": 0.0},
    "medium": {"expected_delay": 4.3, "expected_delay_sd": 2.6, "expected_loss": 0.01},
}


def calibration(folder: Path, campaign: str, received: int, delay_ms: float) -> None:
    """Two links; a machine that holds each probe up for 2 ms."""
    seen = {
        "baseline": {"probe_received": 12_000, "owd_mean": 2.0, "owd_sd": 1.0, "reordered": 0.0},
        "medium": {
            "probe_received": received, "owd_mean": delay_ms, "owd_sd": 2.5, "reordered": 0.25,
        },
    }  # fmt: skip
    rows = [
        {"campaign": campaign, "profile": profile, "metric": metric, "value": float(value), "t_s": t_s}
        for profile, values in seen.items()
        for metric, value in {"probe_sent": 12_000, **values, **ASKED[profile]}.items()
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
    calibration(tmp_path, "vm-netem", 11_880, 6.31)
    calibration(tmp_path, "vm-linkem", 11_820, 6.4)
    rows = engines.compare(["vm-netem", "vm-linkem"], tmp_path)
    lines = engines.table(rows).splitlines()
    assert len(lines) == 6
    assert lines[2] == "| vm-linkem | baseline | 24000 | 0 | 0 | 2 | 2 | 0 | 1 | 0 | 0 | yes |"
    assert lines[4] == (
        "| vm-linkem | medium | 24000 | 1.5 | 1 | 6.4 | 2 | 4.3 | 2.5 | 2.6 | 25 | no: loss |"
    )
    assert lines[5] == (
        "| vm-netem | medium | 24000 | 1 | 1 | 6.31 | 2 | 4.3 | 2.5 | 2.6 | 25 | yes |"
    )


@pytest.mark.parametrize(
    ("changed", "outside"),
    [
        ({"sent": 19_999}, "fewer than 20000 probes"),
        ({"delay_ms": 5.7}, "mean delay"),
        ({"delay_ms": 8.9}, "mean delay"),
        ({"deviation_ms": 1.6}, "deviation"),
        ({"reordered": 0.0}, "reordering"),
    ],
)
def test_a_calibration_outside_its_bounds_is_told(
    tmp_path: Path, changed: dict[str, float], outside: str
) -> None:
    calibration(tmp_path, "vm-netem", 11_880, 6.31)
    clear, impaired = engines.compare(["vm-netem"], tmp_path)
    assert [*engines.deviations(clear), *engines.deviations(impaired)] == []
    assert list(engines.deviations({**impaired, **changed})) == [outside]


@pytest.mark.parametrize(("lost", "within"), [(100, True), (120, True), (50, False), (150, False)])
def test_chance_has_bounds(lost: int, within: bool) -> None:
    assert loss_within(lost, 10_000, 0.01) is within


def test_a_guest_whose_clock_is_wrong_measures_nothing() -> None:
    machine._compare([(100.0, 20.0), (200.0, 119.0)])
    with pytest.raises(machine.VmError, match="clock runs at 0.270"):
        machine._compare([(100.0, 20.0), (200.0, 47.0)])


@pytest.mark.parametrize(
    ("script", "limit_s", "reason"),
    [
        ("echo Kernel panic", 60.0, "ended before its job did; the last it said: Kernel panic"),
        ("echo init; exec sleep 60", 1.0, "not done within 1 s; the last it said: init"),
        ("while echo init; do sleep 0.1; done", 1.0, "not done within 1 s; the last it said: init"),
    ],
)
def test_a_machine_that_does_not_do_its_job_is_told_of(
    script: str, limit_s: float, reason: str
) -> None:
    with pytest.raises(machine.VmError, match=reason):
        asyncio.run(machine._watched(["sh", "-c", script], limit_s))


def test_a_jobs_status_is_the_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine that may be too busy for the clocks of half a second to agree."""
    monkeypatch.setattr(machine, "CLOCK_OFF", 1.0)
    script = (
        "echo meshbench-vm clock 1.00; sleep 0.5; echo meshbench-vm clock 1.50; "
        "echo meshbench-vm status 3"
    )
    assert asyncio.run(machine._watched(["sh", "-c", script], 60.0)) == 3
