"""The aggregate tables against values worked out by hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from scipy import stats

from meshbench.tables import aggregate, schema
from meshbench.util.errors import MeshbenchError
from tests.unit import synthetic
from tests.unit.synthetic import link, sample

Rows = list[dict[str, Any]]


def table(folder: Path, name: str, samples: Rows, links: Rows) -> Rows:
    return synthetic.read(synthetic.write(folder, samples, links, [name])[name])


def test_tables_come_after_those_they_need() -> None:
    names = aggregate.names()
    assert set(names) >= {
        "cells",
        "throughput",
        "retransmits",
        "latency",
        "impairment",
        "links",
    }
    assert aggregate.needs("cells") == ("impairment", "links")
    assert names.index("impairment") < names.index("cells")


def test_an_unknown_table_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(MeshbenchError, match="no table 'cell'; known: brackets, calibrations"):
        aggregate.aggregate("cell", [], [], tmp_path / "x.parquet")


def test_a_needed_table_that_is_not_given_is_named(tmp_path: Path) -> None:
    with pytest.raises(MeshbenchError, match="'cells' needs the tables impairment"):
        aggregate.aggregate("cells", [], [], tmp_path / "x.parquet")


@pytest.mark.parametrize("name", aggregate.names())
def test_each_file_says_its_grain_and_each_column_it_makes(name: str) -> None:
    text = aggregate.source(name).read_text(encoding="utf-8")
    assert "-- Grain: " in text
    assert "ORDER BY" in text


@pytest.mark.parametrize("name", aggregate.names())
def test_no_input_files_give_an_empty_table_of_the_same_columns(name: str, tmp_path: Path) -> None:
    nothing = synthetic.tables(tmp_path / "nothing", [], [], [name])
    full = synthetic.write(tmp_path / "full", *synthetic.campaign(), [name])
    empty, wanted = pq.read_table(nothing[name]), pq.read_schema(full[name])
    assert empty.num_rows == 0
    assert empty.column_names == wanted.names


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    samples, links = synthetic.campaign()
    first = synthetic.write(tmp_path / "a", samples, links)
    second = synthetic.write(tmp_path / "b", samples, links)
    for name, path in first.items():
        assert path.read_bytes() == second[name].read_bytes(), name


def test_nothing_is_left_behind_when_a_query_fails(tmp_path: Path) -> None:
    broken = tmp_path / "broken.parquet"
    schema.write(schema.table([], schema.SAMPLES), broken)
    out = tmp_path / "out" / "overhead.parquet"
    with pytest.raises(MeshbenchError, match=r"overhead\.sql"):
        aggregate.aggregate("overhead", [], [broken], out)
    assert not list(tmp_path.glob("out/*"))


def test_links_are_all_there(tmp_path: Path) -> None:
    _, links = synthetic.campaign()
    calibrated = [row for row in links if row["benchmark"] == "calibration"]
    assert len(table(tmp_path, "links", [], links)) == len(links) - len(calibrated)
    (tmp_path / "calibrations").mkdir()
    rows = table(tmp_path / "calibrations", "calibrations", [], links)
    assert sum(row["n_links"] for row in rows) == len(calibrated)


def cells_of(folder: Path, links: Rows, samples: Rows | None = None) -> Rows:
    return table(folder, "cells", samples or [], links)


def test_a_cell_sums_its_links(tmp_path: Path) -> None:
    later = synthetic.START + timedelta(minutes=1)
    links = [
        link(duration_s=10.0, measuring_s=8.0, path="direct", marks=["b", "a"], ready_s=0.5),
        link(
            source="yuki",
            duration_s=12.5,
            measuring_s=8.0,
            path="relay",
            marks=["a"],
            started=later,
        ),
    ]
    (cell,) = cells_of(tmp_path, links)
    assert (cell["n_links"], cell["n_ok"], cell["status"], cell["reasons"]) == (2, 2, "ok", None)
    assert (cell["duration_s"], cell["measuring_s"], cell["ready_s"]) == (22.5, 16.0, 0.8)
    assert (cell["path"], cell["transport"], cell["vpn_version"]) == ("direct, relay", "udp", "1.0")
    assert cell["marks"] == ["a", "b"]
    assert cell["started"] == datetime(2026, 1, 1, tzinfo=UTC)
    assert cell["shared_cpu"] is True
    assert cell["impairment_ok"] is None


def test_links_measured_side_by_side_share_their_time(tmp_path: Path) -> None:
    """Three pings of 30 s, begun a moment after each other, are a cell of about 30 s, not 90."""
    begun = [synthetic.START + timedelta(milliseconds=step) for step in (0, 1, 500)]
    links = [
        link(source=source, started=at, duration_s=30.0, measuring_s=29.0)
        for source, at in zip(("lom", "yuki", "luna"), begun, strict=True)
    ]
    assert sum(row["own_s"] for row in table(tmp_path, "links", [], links)) == pytest.approx(30.5)
    (cell,) = cells_of(tmp_path, links)
    assert cell["duration_s"] == pytest.approx(30.5)
    assert cell["measuring_s"] == pytest.approx(29.5)


def test_a_duration_that_is_not_known_for_every_link_is_not_known(tmp_path: Path) -> None:
    (cell,) = cells_of(tmp_path, [link(), link(source="yuki", duration_s=None)])
    assert cell["duration_s"] is None
    assert cell["measuring_s"] == 60


@pytest.mark.parametrize(
    ("statuses", "worst"),
    [
        (["ok", "unsupported"], "unsupported"),
        (["unsupported", "tool_failed"], "tool_failed"),
        (["tool_failed", "timeout", "ok"], "timeout"),
        (["timeout", "failed", "ok"], "failed"),
    ],
)
def test_a_cell_is_as_bad_as_its_worst_link(
    tmp_path: Path, statuses: list[str], worst: str
) -> None:
    links = [
        link(source=f"h{index}", status=status, reason=None if status == "ok" else f"why {status}")
        for index, status in enumerate(statuses)
    ]
    (cell,) = cells_of(tmp_path, links)
    assert cell["status"] == worst
    assert cell["n_ok"] == statuses.count("ok")
    assert cell["reasons"] == "; ".join(sorted(f"why {s}" for s in statuses if s != "ok"))


def test_calibrations_are_no_cells(tmp_path: Path) -> None:
    assert cells_of(tmp_path, [link(benchmark="calibration")]) == []


def probe(**changes: float | None) -> Rows:
    """A calibration of one link that is within tolerance unless a value is changed."""
    values: dict[str, float | None] = {
        "nominal_delay": 2, "nominal_jitter": 2, "nominal_loss": 0.01, "nominal_reorder": 0.005,
        "expected_delay": 2.0, "expected_delay_sd": 1.15, "expected_loss": 0.01,
        "tolerance_delay": 0.5, "tolerance_loss": 0.001,
        "owd_mean": 2.4, "owd_sd": 1.2, "owd_p50": 2.1, "owd_p99": 4.0,
        "probe_sent": 20_000, "probe_received": 19_800, "probe_loss": 0.01, "reordered": 0.3, "duplicated": 0,
        **changes,
    }  # fmt: skip
    return [
        sample(name, value, profile="low", benchmark="calibration")
        for name, value in values.items()
        if value is not None
    ]


CALIBRATED = link(profile="low", benchmark="calibration")


def judged(folder: Path, samples: Rows, links: Rows | None = None) -> dict[str, Any]:
    rows = table(folder, "impairment", samples, links or [CALIBRATED])
    return next(row for row in rows if row["profile"] == "low")


def test_impairment_within_tolerance(tmp_path: Path) -> None:
    row = judged(tmp_path, probe())
    assert row["verdict"] == "within"
    assert (row["delay_ms"], row["base_owd_ms"], row["n_probes"]) == (2.4, None, 20_000)
    assert (row["nominal_jitter_ms"], row["expected_jitter_sd_ms"]) == (2, 1.15)
    assert row["why"] == (
        "delay 2.40 ms, expected 2.00 ± 0.50 ms; loss 1.00 % of 20,000; of all 20,000 probes 1.00 %, "
        "expected 1.00 % ± 0.10 %; told from it: less than 0.71 % or more than 1.37 %"
    )


LINE = {
    "nominal_rate": 20e6, "line_rate": 19.9e6, "tolerance_rate": 1e6,
    "nominal_queue": 200.0, "queue_wait": 199.0, "tolerance_queue": 21.0,
}  # fmt: skip


def test_a_bottleneck_is_judged_by_its_rate_and_its_full_queue(tmp_path: Path) -> None:
    assert judged(tmp_path, probe())["line_ok"] is None
    row = judged(tmp_path, probe(**LINE))
    assert (row["line_ok"], row["verdict"], row["rate_bps"]) == (True, "within", 19.9e6)
    for wrong, words in (
        ({"line_rate": 18e6}, "bottleneck 18 Mbit/s, expected 20 ± 1"),
        ({"queue_wait": 400.0}, "full queue 400 ms, expected 200 ± 21 ms"),
    ):
        row = judged(tmp_path, probe(**(LINE | wrong)))
        assert (row["line_ok"], row["verdict"]) == (False, "outside")
        assert words in row["why"]
    row = judged(tmp_path, probe(**(LINE | {"line_rate": None})))
    assert (row["line_ok"], row["verdict"]) == (None, "unknown")


def test_losses_that_differ_by_link_are_not_pooled(tmp_path: Path) -> None:
    other = [
        {**row, "target": "luna"}
        for row in probe(expected_loss=0.05, probe_received=19_000, probe_loss=0.05)
    ]
    samples = [*probe(), *other]
    links = [
        {**CALIBRATED, "emulator_offered": 90_000, "emulator_lost": 3_000},
        {**CALIBRATED, "target": "luna", "emulator_offered": 90_000, "emulator_lost": 3_000},
    ]
    rows = table(tmp_path, "impairment", samples, links)
    assert {row["target"]: row["pooled_loss"] for row in rows} == {
        CALIBRATED["target"]: pytest.approx(0.01), "luna": pytest.approx(0.05)
    }  # fmt: skip
    assert {row["verdict"] for row in rows} == {"within"}
    assert {row["counted_loss"] for row in rows} == {None}


def test_added_delay_is_counted_from_the_same_rounds_baseline(tmp_path: Path) -> None:
    def base(round_: int, delay: float) -> Rows:
        return [
            sample("owd_mean", delay, profile="baseline", benchmark="calibration", round=round_)
        ]

    links = [CALIBRATED, *(link(benchmark="calibration", round=n) for n in (1, 2))]
    row = judged(tmp_path, [*probe(owd_mean=2.7), *base(1, 0.3), *base(2, 1.0)], links)
    assert row["delay_ms"] == pytest.approx(2.4)
    assert row["base_owd_ms"] == 0.3


def test_impairment_outside_by_delay(tmp_path: Path) -> None:
    row = judged(tmp_path, probe(owd_mean=2.51))
    assert (row["verdict"], row["delay_ok"], row["loss_ok"]) == ("outside", False, True)


@pytest.mark.parametrize(
    ("received", "verdict"),
    [
        (19_800, "within"),
        (19_850, "within"),
        (19_755, "within"),
        (19_600, "outside"),
        (20_000, "outside"),
    ],
)
def test_loss_may_differ_by_chance(tmp_path: Path, received: int, verdict: str) -> None:
    lost = 20_000 - received
    row = judged(tmp_path, probe(probe_received=received, probe_loss=lost / 20_000))
    interval = stats.binomtest(lost, 20_000).proportion_ci(0.999, method="wilson")
    assert row["loss_low"] == row["pooled_low"] == pytest.approx(interval.low, abs=1e-6)
    assert row["loss_high"] == row["pooled_high"] == pytest.approx(interval.high, abs=1e-6)
    near = interval.low - 0.001 <= 0.01 <= interval.high + 0.001
    assert near == (verdict == "within")
    assert row["verdict"] == verdict


def probes(
    loss: float, sent: int, received: int, *, rounds: int = 1, **columns: Any
) -> tuple[Rows, Rows]:
    """Calibrations of all links in both directions and several rounds, with as many probes each."""
    samples: Rows = []
    links: Rows = []
    values = {
        "probe_sent": sent, "probe_received": received, "probe_loss": 1 - received / sent,
        "expected_loss": loss, "tolerance_loss": max(loss / 10, 1e-4),
    }  # fmt: skip
    for round_ in range(1, rounds + 1):
        for source, target in synthetic.LINKS:
            at = {"round": round_, "source": source, "target": target}
            links.append({**CALIBRATED, **at, **columns})
            samples += [
                {**row, **at, "direction": direction}
                for direction in ("forward", "reverse")
                for row in probe(**values)
            ]
    return samples, links


def verdicts(folder: Path, samples: Rows, links: Rows) -> set[str]:
    return {row["verdict"] for row in table(folder, "impairment", samples, links)}


def test_an_emulator_that_drops_nothing_is_found_out_by_all_probes_together(tmp_path: Path) -> None:
    """3 s of probes every ms: each row alone is no proof against a loss of 0.25 %."""
    nothing = probes(0.0025, 3000, 3000)
    assert verdicts(tmp_path / "nothing", *nothing) == {"outside"}
    assert judged(tmp_path / "one", *nothing)["loss_high"] > 0.0025
    right = probes(0.0025, 3000, 2993, rounds=2)
    assert verdicts(tmp_path / "right", *right) == {"within"}


def test_too_few_probes_tell_nothing(tmp_path: Path) -> None:
    samples, links = probes(0.0025, 1310, 1307)
    row = judged(tmp_path, samples, links)
    assert (row["verdict"], row["loss_ok"], row["n_pooled"]) == ("cannot tell", None, 6 * 1310)
    assert row["told_below"] < 0.00125
    assert f"told from it: less than {row['told_below']:.2%}".replace("%", " %") in row["why"]
    (cell,) = cells_of(tmp_path / "cell", [link(profile="low"), *links], samples)
    assert cell["impairment_ok"] is None


def test_the_emulator_s_counters_are_the_second_witness(tmp_path: Path) -> None:
    """Of the calibrations and of every cell under the profile, each cell's once."""
    samples, links = probes(0.0025, 1310, 1307, emulator_offered=16_000, emulator_lost=40)

    def cell_links(lost: int) -> Rows:
        counters = {"emulator_offered": 500_000, "emulator_lost": lost}
        return [link(profile="low", source=source, **counters) for source in ("lom", "yuki")]

    row = judged(tmp_path / "good", samples, [*links, *cell_links(1250)])
    assert (row["verdict"], row["n_counted"]) == ("within", 516_000)
    assert row["counted_loss"] == pytest.approx(1290 / 516_000)
    assert "of 516,000 packets counted by the emulators 0.25 %" in row["why"]
    assert judged(tmp_path / "bad", samples, [*links, *cell_links(0)])["verdict"] == "outside"


def test_correlated_losses_tell_less(tmp_path: Path) -> None:
    samples, links = probes(0.0025, 3000, 2993, rounds=2)
    more = [
        {**row, "metric": "loss_variance", "value": 3.0}
        for row in samples
        if row["metric"] == "owd_mean"
    ]
    assert verdicts(tmp_path, [*samples, *more], links) == {"cannot tell"}


def test_one_stray_probe_at_baseline_is_no_verdict(tmp_path: Path) -> None:
    samples, links = probes(0, 3000, 3000)
    stray = next(row for row in samples if row["metric"] == "probe_received")
    stray["value"] = 2999
    assert verdicts(tmp_path, samples, links) == {"within"}


def test_probes_that_were_never_sent_are_told(tmp_path: Path) -> None:
    row = judged(tmp_path, probe(probe_planned=30_000))
    assert row["n_planned"] == 30_000
    assert row["why"].endswith("; irtt sent 20,000 of 30,000 probes")


@pytest.mark.parametrize(
    ("testbed", "owd", "delay_ok", "verdict"),
    [
        ("lab:lab", 0.2, True, "within"),
        ("lab:lab", 7.4, False, "outside"),
        ("ssh:mine", 7.4, None, "cannot tell"),
    ],
)
def test_the_bare_link_is_not_judged_by_itself(
    tmp_path: Path, testbed: str, owd: float, delay_ok: bool | None, verdict: str
) -> None:
    """A lab's own link adds nothing to speak of; of hosts of one's own neither clock nor distance is known."""
    samples = [
        {**row, "profile": "baseline"}
        for row in probe(
            owd_mean=owd,
            expected_delay=0,
            expected_loss=0,
            tolerance_loss=1e-4,
            probe_received=20_000,
            probe_loss=0,
        )
    ]
    links = [link(benchmark="calibration", testbed=testbed)]
    (row,) = table(tmp_path, "impairment", samples, links)
    assert (row["delay_ms"], row["delay_ok"], row["verdict"]) == (owd, delay_ok, verdict)


def test_a_cell_says_what_its_own_emulators_lost(tmp_path: Path) -> None:
    counters = {"emulator_offered": 1000, "emulator_lost": 25}
    bare, low = cells_of(
        tmp_path, [link(), *(link(profile="low", source=s, **counters) for s in ("lom", "yuki"))]
    )
    assert (bare["emulator_offered"], bare["emulator_loss"]) == (None, None)
    assert (low["emulator_offered"], low["emulator_lost"], low["emulator_loss"]) == (
        1000,
        25,
        0.025,
    )


@pytest.mark.parametrize("missing", ["owd_mean", "expected_delay", "tolerance_loss", "probe_sent"])
def test_a_calibration_that_lacks_a_value_is_not_judged(tmp_path: Path, missing: str) -> None:
    row = judged(tmp_path, probe(**{missing: None}))
    assert (row["verdict"], row["why"]) == ("unknown", "no complete calibration")


def test_a_calibration_that_is_outside_anyhow_is_judged_with_a_value_missing(
    tmp_path: Path,
) -> None:
    row = judged(tmp_path, probe(owd_mean=9, tolerance_loss=None))
    assert row["verdict"] == "outside"
    assert row["why"].startswith("delay 9.00 ms, expected 2.00")


def test_a_calibration_that_failed_says_why(tmp_path: Path) -> None:
    failed = {**CALIBRATED, "status": "failed", "reason": "no echo"}
    row = judged(tmp_path, [], [failed])
    assert (row["verdict"], row["why"], row["direction"]) == (
        "unknown",
        "failed: no echo",
        "forward",
    )


@pytest.mark.parametrize(
    ("owd", "second", "expected"),
    [(2.4, 2.4, True), (2.4, 9.0, False), (2.4, None, None), (None, 9.0, False)],
)
def test_a_cell_says_whether_its_network_was_as_asked(
    tmp_path: Path, owd: float | None, second: float | None, expected: bool | None
) -> None:
    other = [{**row, "source": "yuki"} for row in probe(owd_mean=second)]
    links = [
        link(profile="low"),
        CALIBRATED,
        {**CALIBRATED, "source": "yuki"},
        link(profile="low", round=2),
    ]
    cells = cells_of(tmp_path, links, [*probe(owd_mean=owd), *other])
    assert [cell["impairment_ok"] for cell in cells] == [expected, None]
    marks = ["the network without a VPN was outside its tolerance"] if expected is False else []
    assert [cell["marks"] for cell in cells] == [marks, []]


def test_every_table_of_values_has_the_mark_of_its_network(tmp_path: Path) -> None:
    files = synthetic.write(tmp_path, *synthetic.campaign(rounds=2))
    for name in ("throughput", "retransmits", "latency", "measures", "links"):
        rows = [row for row in synthetic.read(files[name]) if row.get("benchmark") != "calibration"]
        outside = {
            (row["profile"], row["round"])
            for row in rows
            if "the network without a VPN was outside its tolerance" in row["marks"]
        }
        assert outside == {("high", 2)}, name


def run(mode: str, direction: str, value: float, **changes: Any) -> Rows:
    key = {"mode": mode, "direction": direction, **changes}
    return [
        sample("goodput", value, "bit/s", **key),
        sample("goodput", value * 0.5, "bit/s", t_s=0.0, **key),
        sample("goodput", value * 1.5, "bit/s", t_s=1.0, **key),
        sample("goodput", value / 3, "bit/s", stream=1, **key),
        sample("send_rate", value * 1.1, "bit/s", **key),
        sample("retransmits", 12.0, **key),
        sample("retransmits", 5.0, t_s=0.0, **key),
        sample("retransmit_rate", 0.02, **key),
        sample("mss", 1400.0, "byte", **key),
        sample("sent", 840_000.0, "byte", **key),
    ]


def test_throughput_is_the_whole_run_and_knows_its_intervals(tmp_path: Path) -> None:
    (row,) = table(
        tmp_path, "throughput", run("single", "forward", 100.0), [link(marks=["slow clock"])]
    )
    assert (row["goodput_bps"], row["send_rate_bps"]) == (100, pytest.approx(110))
    assert (row["interval_min_bps"], row["interval_max_bps"], row["n_intervals"]) == (50, 150, 2)
    assert (row["status"], row["reason"], row["marks"]) == ("ok", None, ["slow clock"])
    assert (row["mode"], row["direction"], row["engine"]) == ("single", "forward", "linkem")


def test_retransmits_are_the_whole_run(tmp_path: Path) -> None:
    (row,) = table(tmp_path, "retransmits", run("single", "forward", 100.0), [link()])
    assert (row["retransmits"], row["retransmit_rate"]) == (12, 0.02)
    assert (row["mss_bytes"], row["sent_bytes"], row["status"]) == (1400, 840_000, "ok")


@pytest.mark.parametrize("name", ["throughput", "retransmits"])
def test_a_failed_link_has_a_row_for_each_mode_and_direction(tmp_path: Path, name: str) -> None:
    bad = {**synthetic.cell(), "vpn": "tinc", "status": "failed", "reason": "no route to host"}
    samples = [
        *run("single", "forward", 9.0),
        *run("bidir", "forward", 8.0),
        *run("bidir", "reverse", 7.0),
        *synthetic.empty(**bad),
    ]
    links = [
        link(),
        link(**bad),
        link(vpn="tinc", benchmark="ping", status="failed", reason="none was answered"),
    ]
    rows = [row for row in table(tmp_path, name, samples, links) if row["vpn"] == "tinc"]
    assert [(row["mode"], row["direction"]) for row in rows] == [
        ("bidir", "forward"),
        ("bidir", "reverse"),
        ("single", "forward"),
        ("single", "reverse"),
    ]
    for row in rows:
        assert (row["status"], row["reason"]) == ("failed", "no route to host")
        assert row["goodput_bps" if name == "throughput" else "retransmits"] is None


def test_a_link_that_failed_half_way_keeps_what_was_measured(tmp_path: Path) -> None:
    samples = [
        *run("single", "forward", 9.0),
        *run("single", "reverse", 8.0, vpn="tinc"),
        *run("single", "forward", 7.0, vpn="tinc", status="timeout", reason="too late"),
        *run("single", "reverse", 6.0),
    ]
    links = [link(), link(vpn="tinc", status="timeout", reason="too late")]
    rows = [row for row in table(tmp_path, "throughput", samples, links) if row["vpn"] == "tinc"]
    assert [(row["direction"], row["goodput_bps"], row["status"]) for row in rows] == [
        ("forward", None, "timeout"),
        ("reverse", 8.0, "ok"),
    ]


def test_benchmarks_without_goodput_are_not_in_the_throughput(tmp_path: Path) -> None:
    assert table(tmp_path, "throughput", [], [link(benchmark="ping")]) == []


PING = link(benchmark="ping")


def ping(metric: str, value: float | None, **changes: Any) -> dict[str, Any]:
    return sample(metric, value, **{"benchmark": "ping", **changes})


def test_latency_has_percentiles_of_the_single_replies(tmp_path: Path) -> None:
    samples = [ping("rtt", float(n), t_s=n / 5) for n in range(1, 101)]
    summary = {"rtt_min": 1, "rtt_avg": 50.5, "rtt_max": 100, "rtt_mdev": 29, "ping_sent": 125}
    samples += [ping(name, value) for name, value in summary.items()]
    samples += [ping("ping_received", 100), ping("ping_loss", 0.2)]
    (row,) = table(tmp_path, "latency", samples, [PING])
    assert (row["n_sent"], row["n_received"], row["loss"], row["status"]) == (125, 100, 0.2, "ok")
    assert (row["rtt_min_ms"], row["rtt_avg_ms"], row["rtt_max_ms"]) == (1, 50.5, 100)
    assert row["rtt_p50_ms"] == 50.5
    assert row["rtt_p90_ms"] == pytest.approx(90.1)
    assert row["rtt_p99_ms"] == pytest.approx(99.01)


def test_latency_without_single_replies_has_no_percentiles(tmp_path: Path) -> None:
    (row,) = table(tmp_path, "latency", [ping("rtt_avg", 3.0)], [PING])
    assert (row["rtt_avg_ms"], row["rtt_p50_ms"], row["n_sent"], row["loss"]) == (
        3,
        None,
        None,
        None,
    )


def test_a_ping_that_got_no_answer_still_knows_its_loss(tmp_path: Path) -> None:
    failed = {**PING, "status": "failed", "reason": "none of 9 echo requests was answered"}
    bad = {"status": "failed", "reason": failed["reason"]}
    samples = [
        ping("ping_sent", 9, **bad),
        ping("ping_received", 0, **bad),
        ping("ping_loss", 1, **bad),
        ping("rtt_avg", None, **bad),
    ]
    (row,) = table(tmp_path, "latency", samples, [failed])
    assert (row["n_sent"], row["n_received"], row["loss"], row["rtt_avg_ms"]) == (9, 0, 1, None)
    assert (row["status"], row["reason"]) == ("failed", failed["reason"])


def test_the_synthetic_campaign_adds_up(tmp_path: Path) -> None:
    files = synthetic.write(tmp_path, *synthetic.campaign(rounds=2))
    cells = synthetic.read(files["cells"])
    # 5 systems x 4 profiles x 2 benchmarks x 2 rounds, less one missing cell
    assert len(cells) == 79
    bad = {
        (c["vpn"], c["profile"], c["benchmark"], c["round"], c["status"])
        for c in cells
        if c["status"] != "ok"
    }
    assert bad == {
        ("tinc", "medium", "tcp", 2, "timeout"),
        ("nebula", "high", "ping", 1, "unsupported"),
        ("wireguard", "high", "tcp", 1, "tool_failed"),
        ("nebula", "low", "tcp", 2, "failed"),
        ("mycelium", "high", "tcp", 1, "failed"),
        ("mycelium", "high", "tcp", 2, "failed"),
    }
    assert {
        c["round"] for c in cells if c["profile"] == "high" and c["impairment_ok"] is False
    } == {2}
    throughput = synthetic.read(files["throughput"])
    assert len(throughput) == 4 * sum(c["n_links"] for c in cells if c["benchmark"] == "tcp")


def test_campaigns_in_the_same_files_do_not_mix(tmp_path: Path) -> None:
    """Each table over two campaigns is the tables over each of them."""
    campaigns = synthetic.campaign(rounds=1), synthetic.campaign(rounds=1, all_failed=True)
    samples, links = ([*a, *_renamed(b)] for a, b in zip(*campaigns, strict=True))
    apart = [
        synthetic.write(tmp_path / "1", *campaigns[0]),
        synthetic.write(tmp_path / "2", _renamed(campaigns[1][0]), _renamed(campaigns[1][1])),
    ]
    for name, path in synthetic.write(tmp_path / "both", samples, links).items():
        rows = [str(row) for files in apart for row in synthetic.read(files[name])]
        assert sorted(map(str, synthetic.read(path))) == sorted(rows), name


def _renamed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "campaign": "another"} for row in rows]


@pytest.mark.parametrize(
    ("links", "worst", "reason"),
    [
        ([("ok", None), ("unavailable", "no binary")], "unavailable", "no binary"),
        ([("tool_failed", "iperf3 broke"), ("timeout", "60 s")], "timeout", "60 s"),
        ([("failed", "b"), ("failed", "a"), ("timeout", "60 s")], "failed", "b"),
        ([("ok", None)], "ok", None),
    ],
)
def test_a_cell_has_the_worst_status_with_its_own_reason(
    tmp_path: Path, links: list[tuple[str, str | None]], worst: str, reason: str | None
) -> None:
    rows = [
        link(source=f"host{place}", target="luna", status=status, reason=why)
        for place, (status, why) in enumerate(links)
    ]
    [cell] = table(tmp_path, "cells", [], rows)
    assert (cell["status"], cell["reason"]) == (worst, reason)
