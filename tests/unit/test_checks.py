"""Each sanity rule has a case that fires and one that does not; and what the real data must trip."""

import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from rich.console import Console

from meshbench.checks import pages, rules
from meshbench.cli import main
from meshbench.importers.vpn_runner import importer
from meshbench.tables import schema
from meshbench.util.errors import MeshbenchError
from tests.unit import published_data as data

Row = dict[str, Any]
START = datetime(2026, 1, 1, tzinfo=UTC)
UNITS = {
    "goodput": "bit/s", "send_rate": "bit/s", "udp_send_rate": "bit/s", "encoding_bitrate_max": "bit/s",
    "test_duration": "s", "omitted": "s", "copy_time": "s", "connect_time": "s", "host_wait": "s", "first_phase_wait": "s",
    "mss": "byte", "sent": "byte", "cwnd_max": "byte",
    "tcp_rtt_mean": "ms", "rtt_avg": "ms", "netem_delay_stated": "ms",
}  # fmt: skip
CELL: Row = {
    "campaign": "c", "round": 1, "vpn": "tinc", "tuning": "stock", "profile": "low", "placement": "egress",
    "benchmark": "tcp", "source": "lom", "target": "yuki",
}  # fmt: skip


class Tables:
    """Samples and links put together by hand."""

    def __init__(self) -> None:
        self.samples: list[Row] = []
        self.links: list[Row] = []

    def value(self, metric: str, value: float | None, **other: Any) -> "Tables":
        row = {
            **CELL,
            "direction": "forward",
            "status": "ok",
            "metric": metric,
            "value": value,
            **other,
        }
        self.samples.append({**row, "unit": UNITS.get(metric, "1")})
        return self

    def link(self, **other: Any) -> "Tables":
        row = {**CELL, "status": "ok", "attempts": 1, "marks": [], **other}
        self.links.append(row)
        return self

    def each(self, metric: str, values: Iterable[float], **other: Any) -> "Tables":
        """One value and one link for each of the ring's links, in order."""
        for (source, target), value in zip(data.LINKS, values, strict=False):
            self.value(metric, value, source=source, target=target, **other)
            cell = {key: val for key, val in other.items() if key in CELL}
            self.link(source=source, target=target, **cell)
        return self

    def run(self, *names: str) -> list[Row]:
        table = rules.run(
            schema.table(self.samples, schema.SAMPLES),
            schema.table(self.links, schema.LINKS),
            names or None,
        )
        rows: list[Row] = table.to_pylist()
        return rows


Case = Callable[[], Tables]
FIRES: dict[str, Case] = {
    "dead_stream": lambda: Tables().each("goodput", [8e6, 9e6, 1e4]),
    "incomplete_sum": lambda: (
        Tables().each("send_rate", [8e6, 9e6, 7e6], benchmark="tcp_parallel", vpn="nebula")
        .value("send_rate", 5e6, benchmark="tcp_parallel").link(benchmark="tcp_parallel")
        .link(benchmark="tcp_parallel", source="yuki", target="luna", status="timeout")
    ),
    "survivor_mean": lambda: (
        Tables().link().link(source="yuki", target="luna", status="failed", reason="broken")
    ),
    "unequal_limits": lambda: (
        Tables().link(status="timeout", limit_s=700, benchmark="nix_cache")
        .link(vpn="nebula", duration_s=1600, limit_s=None, benchmark="nix_cache")
    ),
    "tool_failure": lambda: Tables().link(status="tool_failed", reason="the tool broke after 1.9 s"),
    "tool_fails_on_bare_link": lambda: Tables().link(vpn="internal", status="failed", reason="x"),
    "censored": lambda: (
        Tables().link(status="timeout", limit_s=700)
        .value("copies_started", 3, status="timeout").value("paths_started", 369, status="timeout")
        .value("paths_wanted", 370, status="timeout")
    ),
    "faster_than_bare_link": lambda: (
        Tables().each("send_rate", [41e6, 42e6, 43e6]).each("send_rate", [29e6, 30e6, 31e6], vpn="internal")
    ),
    "beyond_scaling": lambda: (
        Tables().each("send_rate", [300e6] * 3, mode="bidir")
        .each("send_rate", [270e6] * 3, mode="bidir", benchmark="tcp_parallel")
        .each("send_rate", [900e6] * 3, mode="bidir", vpn="internal")
        .each("send_rate", [450e6] * 3, mode="bidir", vpn="internal", benchmark="tcp_parallel")
    ),
    "other_flows": lambda: flows([1, 2, 1]),
    "counter_wrap": lambda: (
        Tables().value("rist_packets_dropped_max", 55_500).value("encoding_bitrate_max", 3.4e6)
    ),
    "constant_count": lambda: many_counts([14, 15, 16, 15]),
    "lost_run": lambda: losses([0, 0, 1]),
    "mss_differs": lambda: Tables().each("mss", [1353, 1353, 1428]),
    "patchwork": lambda: Tables().link(started=START).link(started=START + timedelta(hours=60), vpn="nebula"),
    "boot_included": lambda: rebooted(10.07, 10.06),
    "method_differs": lambda: Tables().value("host_wait", 1.0).value("first_phase_wait", 1.0, round=2),
    "standstill": lambda: rates([5e6, 0, 0, 0, 4e6]),
    "polling_steps": lambda: times([4.03, 6.04, 8.02, 10.06] * 4),
    "reordering_groups": lambda: reordering({"nebula": 0.32, "internal": 0.015}),
    "impossible_unit": lambda: (
        Tables().value("send_rate", 368e6).value("tcp_rtt_mean", 2800).value("cwnd_max", 200_000)
    ),
    "beyond_the_wire": lambda: Tables().value("goodput", 0.95e9).value("udp_send_rate", 5.4e9),
    "within_spread": lambda: (
        Tables().each("send_rate", [790e6, 800e6, 810e6]).each("send_rate", [690e6, 795e6, 880e6], vpn="nebula")
    ),
    "attempts_do_not_fit": lambda: Tables().link(status="timeout", limit_s=700, attempts=3, duration_s=708),
    "receiver_above_sender": lambda: Tables().value("goodput", 420e6).value("send_rate", 368e6),
    "uneven_links": lambda: Tables().each("goodput", [122e6, 275e6, 379e6]),
    "single_round": lambda: Tables().link(),
    "tool_cpu_only": lambda: Tables().value("iperf3_cpu_client", 0.12),
}  # fmt: skip
SILENT: dict[str, Case] = {
    "dead_stream": lambda: Tables().each("goodput", [8e6, 9e6, 1e6]),
    "incomplete_sum": lambda: Tables().each("send_rate", [8e6, 9e6, 7e6], benchmark="tcp_parallel"),
    "survivor_mean": lambda: Tables().link(status="failed").link(status="failed", source="yuki", target="luna"),
    "unequal_limits": lambda: (
        Tables().link(status="timeout", limit_s=700, benchmark="nix_cache")
        .link(vpn="nebula", duration_s=690, benchmark="nix_cache")
        .link(vpn="nebula", duration_s=1600, benchmark="rist")
        .link(vpn="tinc", duration_s=1600, limit_s=700, benchmark="nix_cache")
    ),
    "tool_failure": lambda: Tables().link(status="failed"),
    "tool_fails_on_bare_link": lambda: Tables().link(status="failed").link(vpn="internal"),
    "censored": lambda: Tables().link(status="failed", limit_s=700),
    "faster_than_bare_link": lambda: (
        Tables().each("send_rate", [29e6, 30e6, 31e6]).each("send_rate", [30e6] * 3, vpn="internal")
    ),
    "beyond_scaling": lambda: (
        Tables().each("send_rate", [900e6] * 3, mode="bidir")
        .each("send_rate", [450e6] * 3, mode="bidir", benchmark="tcp_parallel")
    ),
    "other_flows": lambda: flows([1, 1, 1]),
    "counter_wrap": lambda: (
        Tables().value("rist_packets_dropped_max", 300).value("encoding_bitrate_max", 3.4e6)
    ),
    "constant_count": lambda: many_counts([0, 15, 40, 3]),
    "lost_run": lambda: losses([0.3, 0.4, 0.5]),
    "mss_differs": lambda: Tables().each("mss", [1353] * 3).each("mss", [1228] * 3, vpn="nebula"),
    "patchwork": lambda: Tables().link(started=START).link(started=START + timedelta(hours=5)),
    "boot_included": lambda: rebooted(68, 2),
    "method_differs": lambda: (
        Tables().value("host_wait", 1.0).value("host_wait", 2.0, round=2)
        .value("first_phase_wait", 1.0, vpn="nebula").value("streams", 1).value("streams", 1, round=2)
    ),
    "standstill": lambda: rates([5e6, 0, 0, 3e6, 0, 0]),
    "polling_steps": lambda: times([4.3, 6.47, 8.81, 10.56] * 4),
    "reordering_groups": lambda: reordering({"nebula": 0.32, "internal": 0.31}),
    "impossible_unit": lambda: (
        Tables().value("send_rate", 368e6).value("tcp_rtt_mean", 2.8).value("cwnd_max", 200_000)
        .value("ping_loss", 1.0)
    ),
    "beyond_the_wire": lambda: Tables().value("goodput", 0.95e9).value("udp_send_rate", 1e9),
    "within_spread": lambda: (
        Tables().each("send_rate", [800e6, 801e6, 802e6]).each("send_rate", [700e6, 701e6, 702e6], vpn="nebula")
    ),
    "attempts_do_not_fit": lambda: Tables().link(status="timeout", limit_s=700, attempts=2, duration_s=1410),
    "receiver_above_sender": lambda: (
        Tables().value("goodput", 420e6, direction="reverse").value("send_rate", 368e6).value("goodput", 367e6)
        .value("goodput", 5.3e6, profile="high").value("send_rate", 5e6, profile="high")
        .value("omitted", 1, profile="high").value("test_duration", 5, profile="high")
    ),
    "uneven_links": lambda: Tables().each("goodput", [250e6, 275e6, 379e6]),
    "single_round": lambda: Tables().link().link(round=2),
    "tool_cpu_only": lambda: Tables().value("iperf3_cpu_client", 0.12).value("daemon_cpu", 0.9),
}  # fmt: skip


def test_more_than_a_buffer_is_too_much_to_have_been_sent_before() -> None:
    tables = Tables().value("goodput", 420e6).value("send_rate", 368e6).value("omitted", 1)
    assert len(tables.value("test_duration", 5).run("receiver_above_sender")) == 1


def rebooted(took: float, wait: float, benchmark: str = "reboot") -> Tables:
    return (
        Tables()
        .value("connect_time", took, benchmark=benchmark)
        .value("host_wait", wait, benchmark=benchmark)
    )


def rates(values: list[float], step_s: float = 1.0, **other: Any) -> Tables:
    """The intervals of one stream."""
    tables = Tables().link()
    for index, value in enumerate(values):
        tables.value("send_rate", value, t_s=index * step_s, **other)
    return tables


def many_counts(values: list[float], metric: str = "encoding_dropped_frames") -> Tables:
    tables = Tables()
    for vpn in ("tinc", "nebula", "internal"):
        for profile in ("baseline", "low"):
            for index, value in enumerate(values):
                tables.value(metric, value, vpn=vpn, profile=profile, source=f"h{index}")
    return tables


def losses(runs: list[float]) -> Tables:
    tables = Tables()
    for stream, loss in enumerate(runs):
        tables.value("ping_loss", loss, stream=stream)
    return tables


def times(values: list[float]) -> Tables:
    tables = Tables()
    for index, value in enumerate(values):
        tables.value("connect_time", value, source=f"h{index}")
    return tables


def flows(streams: list[float]) -> Tables:
    """Sessions of all links at once, both directions in each, with so many streams in each direction."""
    tables, hosts = Tables(), ("lom", "yuki", "luna")
    for source, target, count in zip(hosts, (*hosts[1:], hosts[0]), streams, strict=True):
        of = {"benchmark": "tcp_parallel", "mode": "bidir", "source": source, "target": target}
        tables.value("streams", count, **of)
        for direction in ("forward", "reverse"):
            tables.value("goodput", 9e6, **of, direction=direction)
    return tables


def reordering(shares: dict[str, float]) -> Tables:
    tables = Tables().value("netem_reorder", 0.005, source="*", target="*")
    for vpn, share in shares.items():
        tables.value("reordering_seen", share * 10_000, vpn=vpn).value(
            "sent", 10_000 * 1400, vpn=vpn
        )
        tables.value("mss", 1400, vpn=vpn).value("goodput", 1e8, vpn=vpn)
    return tables


def test_every_rule_has_both_cases() -> None:
    assert set(FIRES) == set(SILENT) == set(rules.names())


@pytest.mark.parametrize("name", sorted(FIRES))
def test_fires(name: str) -> None:
    rows = FIRES[name]().run(name)
    assert rows
    for row in rows:
        assert row["rule"] == name
        assert row["says"]


@pytest.mark.parametrize("name", sorted(SILENT))
def test_is_silent(name: str) -> None:
    assert not SILENT[name]().run(name)


@pytest.mark.parametrize("name", rules.names())
def test_is_silent_without_any_data(name: str) -> None:
    assert not Tables().run(name)


@pytest.mark.parametrize("name", rules.names())
def test_is_documented(name: str) -> None:
    rule = rules.load(name)
    assert rule.sentence.endswith(".")
    assert rule.title


@pytest.mark.parametrize("name", rules.names())
def test_names_no_system_but_the_bare_link(name: str) -> None:
    systems = ("wireguard", "zerotier", "headscale", "yggdrasil", "nebula", "easytier", "vpncloud",
               "hyprspace", "tinc", "mycelium", ".json", "lom", "yuki", "luna")  # fmt: skip
    text = rules.load(name).sql.lower()
    assert not [word for word in systems if f"'{word}'" in text or f" {word} " in text]


def test_a_session_in_one_direction_only_has_another_number_of_flows() -> None:
    tables = flows([1, 1, 1])
    tables.samples = [row for row in tables.samples if row["direction"] == "forward"]
    [row] = tables.run("other_flows")
    assert (row["value"], row["reference"]) == (3, 6)


def test_variants_of_simultaneous_tcp_scale_each_by_its_own() -> None:
    def tables(variant: str) -> Tables:
        return (
            Tables().each("send_rate", [300e6] * 3, mode="bidir", benchmark=f"tcp{variant}")
            .each("send_rate", [150e6] * 3, mode="bidir", benchmark="tcp_parallel")
            .each("send_rate", [310e6] * 3, mode="bidir", benchmark="tcp_parallel@reno")
        )  # fmt: skip

    [row] = tables("@reno").run("beyond_scaling")
    assert (row["benchmark"], row["value"]) == ("tcp_parallel@reno", pytest.approx(3.1))
    assert tables("").run("beyond_scaling") == []


def test_first_phase_of_two_kinds_is_a_patchwork() -> None:
    tables = Tables().value("host_wait", 1.0, benchmark="reboot")
    tables.value("first_phase_wait", 1.0, vpn="nebula", benchmark="reboot")
    [row] = tables.run("patchwork")
    assert "two methods in one round" in row["says"]


def test_no_boot_where_nothing_was_rebooted() -> None:
    assert rebooted(10.07, 10.06, "bootstrap").run("boot_included") == []
    # Up already when it was asked for the first time.
    assert rebooted(0.05, 0.04).run("boot_included") == []
    own = rebooted(10.07, 10.06).value("reboot_first_packet", 11.0, benchmark="reboot")
    assert own.run("boot_included") == [], "each stage has its own clock"


def test_a_fixed_sleep_is_no_polling() -> None:
    assert times([30.01 + index / 1000 for index in range(16)]).run("polling_steps") == []
    assert (
        times([30.01 + index / 1000 for index in range(8)] + [31.0] * 8).run("polling_steps") == []
    )


def test_a_boot_of_about_a_second_is_no_polling() -> None:
    """Nor is one value that lies anywhere near a third whole second."""
    boots = [0.9 + index / 100 for index in range(20)]
    assert times([*boots, 2.45, 2.5, 2.95, 2.97]).run("polling_steps") == []


@pytest.mark.parametrize(
    ("metric", "first", "second", "says"),
    [
        ("test_duration", 10, 30, "test duration differs: 10 s in round 1, 30 s in round 2"),
        ("streams", 1, 4, "streams differs: 1 in round 1, 4 in round 2"),
    ],
)
def test_how_methods_differ(metric: str, first: float, second: float, says: str) -> None:
    [row] = Tables().value(metric, first).value(metric, second, round=2).run("method_differs")
    assert (row["vpn"], row["round"]) == ("tinc", None)
    assert row["says"] == says


def test_limits_and_directions_are_methods_too() -> None:
    tables = Tables().link(status="timeout", limit_s=700)
    tables.link(status="timeout", limit_s=1800, round=2)
    assert "700 s in round 1, 1800 s in round 2" in tables.run("method_differs")[0]["says"]
    tables = Tables().value("test_duration", 30, mode="bidir")
    [row] = tables.value("test_duration", 30, mode="single", round=2).run("method_differs")
    assert row["says"] == "direction differs: both at once in round 1, one at a time in round 2"


def test_a_standstill_is_told_with_its_length_and_start() -> None:
    [row] = rates([5e6, *[0.0] * 4, 1e6, *[0.0] * 3]).run("standstill")
    assert row["value"] == 4
    assert "stood at zero for 4.00 s from 1.00 s on, the longest of 2 such stops" in row["says"]
    assert [r["value"] for r in rates([5e6, 0, 0, 1e6], step_s=2).run("standstill")] == [4]
    assert rates([0.0] * 9).run("standstill") == []
    assert rates([5e6, *[0.0] * 9], stream=1).run("standstill") == []


def test_links_are_expected_of_the_rounds_that_have_them() -> None:
    tables = Tables().each("goodput", [8e6, 9e6, 8e6]).each("goodput", [8e6], round=2)
    assert tables.run("survivor_mean") == []


def test_a_finding_names_its_round_where_there_are_several() -> None:
    tables = FIRES["dead_stream"]()
    once = rules.run(*both(tables), ["dead_stream"])
    assert "round" not in pages.findings_html(once).partition("luna")[2]
    twice = rules.run(*both(tables.each("goodput", [8e6, 9e6, 1e4], round=2)), ["dead_stream"])
    text = pages.findings_html(twice)
    assert "tinc, low, tcp, luna-&gt;lom, round 1" in text
    assert "tinc, low, tcp, luna-&gt;lom, round 2" in text
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(pages.findings_table(twice))
    assert "luna->lom, round 2" in console.export_text()


def both(tables: Tables) -> tuple[pa.Table, pa.Table]:
    return schema.table(tables.samples, schema.SAMPLES), schema.table(tables.links, schema.LINKS)


def test_numbers_too_large_for_a_count_break_no_rule() -> None:
    tables = FIRES["counter_wrap"]().value("rist_packets_dropped_max", 1e300, source="yuki")
    tables.value("encoding_bitrate_max", 3.4e6, source="yuki").each("mss", [1e300, 5, 5])
    assert {row["rule"] for row in tables.run()} >= {"counter_wrap", "mss_differs"}


def test_a_stated_delay_that_is_the_sum_of_both_ends() -> None:
    tables = Tables().value("netem_delay_stated", 4, source="*", target="*")
    for profile, rtt in (("baseline", 0.6), ("low", 4.8)):
        tables.value("rtt_avg", rtt, vpn="internal", profile=profile, benchmark="ping")
    [row] = tables.run("impossible_unit")
    assert "sum of both ends" in row["says"]


def test_a_window_that_was_hardly_looked_at_says_nothing() -> None:
    tables = FIRES["impossible_unit"]()
    for second in range(1, 5):
        tables.value("cwnd", 200_000, t_s=second)
    assert tables.run("impossible_unit") == []
    tables.value("cwnd", 200_000, t_s=5)
    assert len(tables.run("impossible_unit")) == 1


def test_what_arrived_of_a_chosen_number_is_no_reading_artefact() -> None:
    assert many_counts([24, 25, 25, 24], "ping_received").run("constant_count") == []


def test_a_smallest_rtt_counts_only_where_all_links_agree() -> None:
    def found(tunnel: list[float]) -> list[Row]:
        tables = Tables().each("rtt_min", tunnel).each("rtt_min", [0.6, 0.65, 0.7], vpn="internal")
        return tables.run("faster_than_bare_link")

    assert found([0.4, 0.5, 0.66]) == []
    assert len(found([0.4, 0.5, 0.55])) == 1


def test_worst_first_and_places_kept() -> None:
    tables = FIRES["dead_stream"]()
    tables.link(status="tool_failed", reason="x", vpn="nebula")
    severities = [row["severity"] for row in tables.run()]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)
    dead = next(row for row in tables.run() if row["rule"] == "dead_stream")
    assert (dead["vpn"], dead["source"], dead["value"], dead["reference"]) == (
        "tinc",
        "luna",
        1e4,
        9e6,
    )


def test_an_unknown_rule_names_the_known() -> None:
    with pytest.raises(MeshbenchError, match=r"known: .*dead_stream"):
        rules.load("nonsense")


@pytest.fixture(scope="module")
def findings() -> pa.Table:
    tables = FIRES["dead_stream"]()
    samples = schema.table(tables.samples, schema.SAMPLES)
    return rules.run(samples, schema.table(tables.links, schema.LINKS))


def test_html_says_title_sentence_and_place(findings: pa.Table) -> None:
    text = pages.findings_html(findings)
    assert "Dead stream counted as success" in text
    assert rules.load("dead_stream").sentence in text
    assert "tinc, low, tcp, luna-&gt;lom" in text
    assert "Without a finding:" in text


def test_terminal(findings: pa.Table) -> None:
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(pages.findings_table(findings))
    assert "dead_stream" in console.export_text()


def test_command_line(tmp_path: Path) -> None:
    tables = FIRES["dead_stream"]()
    schema.write(schema.table(tables.samples, schema.SAMPLES), tmp_path / "samples" / "x.parquet")
    schema.write(schema.table(tables.links, schema.LINKS), tmp_path / "links" / "x.parquet")
    assert main(["rules", str(tmp_path)]) == 0
    assert main(["rules", str(tmp_path), "--strict"]) == 1
    assert main(["rules", "no-such-campaign"]) == 2


@pytest.fixture(scope="module")
def published() -> list[Row]:
    if not data.ARCHIVE.exists():
        pytest.skip("the published data are not in ../shared")
    imported = importer.import_runs([data.ARCHIVE], "published")
    samples = pa.concat_tables(
        [rows.samples() for rows in imported.rows.values()], promote_options="none"
    )
    links = pa.concat_tables([rows.links() for rows in imported.rows.values()])
    rows: list[Row] = rules.run(samples, links).to_pylist()
    return rows


EXPECTED = [
    ("dead_stream", {"vpn": "tinc", "profile": "medium", "source": "luna"}),
    ("dead_stream", {"vpn": "headscale", "profile": "high", "source": "lom"}),
    ("dead_stream", {"vpn": "vpncloud", "profile": "high", "source": "lom"}),
    ("dead_stream", {"vpn": "internal", "profile": "high", "benchmark": "tcp_parallel"}),
    ("dead_stream", {"vpn": "zerotier", "profile": "high", "benchmark": "tcp_parallel"}),
    ("incomplete_sum", {"vpn": "nebula", "profile": "baseline"}),
    ("incomplete_sum", {"vpn": "internal", "profile": "low"}),
    ("incomplete_sum", {"vpn": "hyprspace", "profile": "low"}),
    ("unequal_limits", {"vpn": "nebula", "benchmark": "nix_cache"}),
    ("unequal_limits", {"vpn": "tinc", "benchmark": "nix_cache"}),
    ("tool_failure", {"vpn": "internal", "benchmark": "udp"}),
    ("tool_fails_on_bare_link", {"benchmark": "udp", "profile": "low"}),
    ("censored", {"vpn": "internal", "profile": "high", "benchmark": "nix_cache"}),
    ("faster_than_bare_link", {"vpn": "headscale", "profile": "medium", "benchmark": "tcp"}),
    ("faster_than_bare_link", {"vpn": "headscale", "profile": "low", "benchmark": "tcp_parallel"}),
    ("beyond_scaling", {"vpn": "hyprspace", "profile": "baseline"}),
    ("beyond_scaling", {"vpn": "mycelium", "profile": "baseline"}),
    ("counter_wrap", {"benchmark": "rist"}),
    ("constant_count", {"metric": "encoding_dropped_frames"}),
    ("lost_run", {"vpn": "hyprspace", "profile": "low"}),
    ("lost_run", {"vpn": "mycelium", "profile": "high"}),
    ("mss_differs", {"vpn": "tinc", "profile": "high", "source": "luna"}),
    ("patchwork", {"vpn": None, "benchmark": None}),
    ("patchwork", {"vpn": None, "benchmark": "reboot"}),
    ("boot_included", {"vpn": "yggdrasil", "benchmark": "reboot"}),
    ("boot_included", {"vpn": "wireguard", "benchmark": "reboot"}),
    ("polling_steps", {"benchmark": "reboot", "metric": "connect_time"}),
    ("reordering_groups", {"profile": "low"}),
    ("reordering_groups", {"profile": "baseline"}),
    ("impossible_unit", {"metric": "netem_delay_stated"}),
    ("beyond_the_wire", {"vpn": "wireguard", "benchmark": "udp"}),
    ("within_spread", {"benchmark": "tcp", "profile": "baseline"}),
    ("attempts_do_not_fit", {"vpn": "internal", "benchmark": "nix_cache"}),
]


@pytest.mark.parametrize(("rule", "where"), EXPECTED)
def test_published_artefacts_are_found_unaided(published: list[Row], rule: str, where: Row) -> None:
    mine = [row for row in published if row["rule"] == rule]
    assert any(all(row[key] == value for key, value in where.items()) for row in mine)


def test_exactly_one_link_has_another_mss(published: list[Row]) -> None:
    assert len([row for row in published if row["rule"] == "mss_differs"]) == 1
    assert len([row for row in published if row["rule"] == "lost_run"]) == 4


@pytest.mark.parametrize("name", rules.names())
def test_campaigns_in_the_same_files_do_not_mix(name: str) -> None:
    """A second campaign changes nothing that is found in the first."""
    first, second = FIRES[name](), FIRES[name]()
    both = Tables()
    both.samples = first.samples + [{**row, "campaign": "d"} for row in second.samples]
    both.links = first.links + [{**row, "campaign": "d"} for row in second.links]

    def says(tables: Tables) -> list[str]:
        return sorted(row["says"] for row in tables.run(name))

    assert says(both) == sorted(says(first) + says(second))
