import json
import tarfile
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meshbench.importers.vpn_runner import importer, index, report
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.report import State
from meshbench.importers.vpn_runner.scrub import MASK, excerpt, scrub
from meshbench.tables.schema import LINKS, SAMPLES
from meshbench.util.errors import MeshbenchError
from meshbench.workflow import hooks
from tests.unit import published_data as data

Row = dict[str, Any]


class Imported:
    """An import's tables as plain rows."""

    def __init__(self, *sources: Path) -> None:
        self.result = importer.import_runs(list(sources), "c")
        self.samples: list[Row] = []
        self.links: list[Row] = []
        for rows in self.result.rows.values():
            self.samples += rows.samples().to_pylist()
            self.links += rows.links().to_pylist()

    def link(self, **where: Any) -> Row:
        [found] = [row for row in self.links if all(row[k] == v for k, v in where.items())]
        return found

    def values(self, metric: str, **where: Any) -> list[Any]:
        return [
            row["value"]
            for row in self.samples
            if row["metric"] == metric and all(row[k] == v for k, v in where.items())
        ]

    def whole(self, metric: str, **where: Any) -> Any:
        [found] = self.values(metric, t_s=None, stream=None, **where)
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return data.run(tmp_path_factory.mktemp("runs") / "2025-12-18")


@pytest.fixture(scope="module")
def demo(folder: Path) -> Imported:
    return Imported(folder)


LOW: Row = {"vpn": "demo", "profile": "low"}


def test_every_file_is_accounted_for(folder: Path, demo: Imported) -> None:
    files = sum(path.is_file() for path in folder.rglob("*"))
    states = Counter(entry.state for entry in demo.result.entries)
    assert len(demo.result.entries) == files
    assert states == {State.IMPORTED: files - 1, State.IGNORED: 1}


def test_tables_have_the_schemas(demo: Imported) -> None:
    for rows in demo.result.rows.values():
        assert rows.samples().schema == SAMPLES
        assert rows.links().schema == LINKS
        rows.samples().validate(full=True)


def test_names_become_the_campaigns(demo: Imported) -> None:
    assert {row["vpn"] for row in demo.links} == {"internal", "demo"}
    assert {row["profile"] for row in demo.links} == {"baseline", "low"}
    assert {(row["tuning"], row["round"]) for row in demo.links} == {("stock", 1)}
    assert {row["placement"] for row in demo.links} == {"egress"}


def test_tcp_both_directions_whole_run_and_intervals(demo: Imported) -> None:
    where: Row = {"vpn": "internal", "profile": "low", "benchmark": "tcp", "source": "lom"}
    assert demo.whole("send_rate", direction="forward", **where) == 900e6
    assert demo.whole("goodput", direction="forward", **where) == pytest.approx(891e6)
    assert demo.whole("goodput", direction="reverse", **where) == pytest.approx(891e6)
    assert demo.values("goodput", direction="reverse", t_s=1.0, **where) == [900e6]
    assert demo.values("cwnd", t_s=2.0, **where) == [100_000]
    modes = {row["mode"] for row in demo.samples if row["metric"] in {"send_rate", "udp_goodput"}}
    assert modes == {"bidir"}


def test_rtts_of_tcp_are_corrected_from_microseconds(demo: Imported) -> None:
    where: Row = {"vpn": "internal", "profile": "low", "benchmark": "tcp", "source": "lom"}
    assert demo.whole("tcp_rtt_mean", direction="forward", **where) == pytest.approx(2.8)
    assert demo.values("tcp_rtt", t_s=0.0, **where) == pytest.approx([2.5])


def test_the_windows_of_the_receiving_socket_are_no_sender_s(demo: Imported) -> None:
    assert demo.values("cwnd_max", direction="forward")
    assert not demo.values("cwnd_max", direction="reverse")
    assert set(demo.values("tcp_rtt_mean", direction="reverse")) == {1.0}


def test_a_dead_stream_stays_a_success_with_its_zero(demo: Imported) -> None:
    where: Row = {**LOW, "benchmark": "tcp", "source": "lom"}
    assert demo.link(**where)["status"] == "ok"
    assert demo.whole("goodput", direction="forward", **where) == 0
    assert not demo.values("retransmit_rate", **where)


def test_udp_failures_are_told_apart(demo: Imported) -> None:
    links = {row["source"]: row for row in demo.links if row["benchmark"] == "udp" and row["vpn"] == "demo"
             and row["profile"] == "low"}  # fmt: skip
    assert links["lom"]["status"] == "tool_failed"
    assert "UDP set-up failed: unable to read" in links["lom"]["reason"]
    assert links["lom"]["started"] == datetime(2025, 12, 18, 0, 1, tzinfo=UTC)
    assert (links["yuki"]["status"], links["yuki"]["limit_s"]) == ("timeout", 120)
    assert links["luna"]["status"] == "tool_failed"
    assert "exchange of results failed after 3 s" in links["luna"]["reason"]


def test_a_failed_link_has_an_empty_headline_and_keeps_what_it_measured(demo: Imported) -> None:
    where: Row = {**LOW, "benchmark": "udp", "source": "luna"}
    assert demo.whole("udp_goodput", **where) is None
    assert len([v for v in demo.values("udp_send_rate", **where) if v]) == 3
    assert {
        row["status"] for row in demo.samples if all(row[k] == v for k, v in where.items())
    } == {"tool_failed"}


def test_a_payload_beyond_the_mtu_is_unsupported_a_crash_is_the_tools(demo: Imported) -> None:
    where: Row = {"vpn": "demo", "profile": "baseline", "benchmark": "quic"}
    assert demo.link(source="lom", **where)["status"] == "tool_failed"
    assert demo.link(source="yuki", **where)["status"] == "unsupported"
    assert demo.link(source="luna", **where)["status"] == "ok"


def test_ping_runs_are_told_from_their_statistics(demo: Imported) -> None:
    plain: Row = {"vpn": "internal", "profile": "low", "benchmark": "ping", "source": "lom"}
    assert [demo.values("rtt_avg", stream=i, **plain) for i in range(3)] == [[1.0], [1.1], [1.2]]
    assert demo.whole("rtt_avg", **plain) == pytest.approx(1.1)
    assert demo.whole("rtt_max", **plain) == pytest.approx(2.4)
    lost: Row = {**LOW, "benchmark": "ping", "source": "lom"}
    assert [demo.values("ping_loss", stream=i, **lost) for i in range(3)] == [[0], [0], [1]]
    assert [demo.values("rtt_avg", stream=i, **lost) for i in range(3)] == [[2.0], [3.0], []]


def test_nix_keeps_limits_and_how_far_it_came(demo: Imported) -> None:
    where: Row = {**LOW, "benchmark": "nix_cache"}
    assert demo.link(source="lom", **where)["limit_s"] == 700
    assert demo.link(source="yuki", **where)["limit_s"] == 1800
    failed = demo.link(source="luna", **where)
    assert failed["status"] == "failed"
    assert failed["reason"] == "error: unable to download '…': Timeout was reached"
    assert demo.whole("copies_started", source="lom", **where) == 2
    assert demo.whole("paths_wanted", source="lom", **where) == 370
    plain: Row = {"vpn": "internal", "profile": "low", "benchmark": "nix_cache", "source": "lom"}
    assert demo.values("copy_time", stream=1, **plain) == [10.1]


def test_parallel_pairs_speak_for_themselves(demo: Imported) -> None:
    where: Row = {**LOW, "benchmark": "tcp_parallel"}
    refused = demo.link(source="yuki", **where)
    assert (refused["status"], refused["limit_s"]) == ("tool_failed", 0.6)
    assert demo.link(source="lom", **where)["status"] == "timeout"
    assert demo.link(source="luna", **where)["status"] == "ok"


def test_a_restart_before_simultaneous_links_counts_once(demo: Imported) -> None:
    where: Row = {"vpn": "internal", "profile": "low"}
    assert len(demo.values("restart_time", benchmark="tcp", **where)) == 3
    assert len(demo.values("restart_time", benchmark="tcp_parallel", **where)) <= 1


def test_a_missing_file_is_a_missing_link(demo: Imported) -> None:
    links = [row for row in demo.links if row["benchmark"] == "rist"]
    assert len(links) == 2 * 2 * 3 - 1


def test_the_vpn_s_share_is_known_only_where_the_first_phase_avoids_it(demo: Imported) -> None:
    where: Row = {**LOW, "benchmark": "reboot"}
    assert demo.whole("vpn_added", source="yuki", target="lom", **where) == pytest.approx(6.1)
    assert demo.whole("host_wait", source="yuki", target="luna", **where) == pytest.approx(51.2)
    assert not demo.values("vpn_added", source="lom", **where)
    assert demo.whole("first_phase_wait", source="lom", target="yuki", **where) == pytest.approx(
        10.06
    )
    assert demo.link(source="lom", target="yuki", **where)["marks"] == [
        "first phase asked through the VPN"
    ]


def test_doubled_impairment_is_halved_and_kept_as_stated(demo: Imported) -> None:
    where: Row = {**LOW, "benchmark": "netem"}
    assert demo.whole("netem_delay", **where) == 2
    assert demo.whole("netem_delay_stated", **where) == 4
    assert demo.whole("netem_loss", **where) == 0.0025
    assert demo.whole("netem_reorder_correlation", **where) == 0.25
    assert demo.whole("netem_delay", vpn="demo", profile="baseline", benchmark="netem") == 0


def test_a_timing_file_gives_its_own_profile(demo: Imported) -> None:
    where: Row = {**LOW, "benchmark": "timing"}
    assert demo.whole("benchmarking_time", **where) == 200
    assert demo.whole("stabilisation_time", **where) == 30
    assert demo.whole("operation_install_vpn_config", **where) == 9
    assert demo.link(**where)["marks"] == ["unknown operation 'make_coffee'"]


def test_facts_are_kept_beside_the_tables(demo: Imported) -> None:
    facts = demo.result.facts["2025-12-18"]
    assert facts["layout"]["demo"]["yuki"] == "192.168.2.2"
    assert facts["hardware"]["hosts"]["lom"]["cpu"]["cores"] == 4


def test_no_password_gets_into_any_output(demo: Imported, tmp_path: Path) -> None:
    importer.save(demo.result, tmp_path)
    report.save(demo.result.entries, tmp_path / "published")
    for path in tmp_path.rglob("*.*"):
        assert data.PASSWORD.encode() not in path.read_bytes(), path
    logs = [text for entry in demo.result.entries for text in entry.logs]
    assert any(MASK in text and "last line" in text for text in logs)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("export IPERF3_PASSWORD=abc; exec", f"export IPERF3_PASSWORD={MASK}; exec"),
        ('{"token": "abc"}', f'{{"token": "{MASK}"}}'),
        ("http://me:pw@host/x", f"http://{MASK}@host/x"),
        ("--authkey tskey-123", f"--authkey {MASK}"),
        ("a password prompt", "a password prompt"),
        ("PrivateKey = " + "A" * 42 + "A=", f"PrivateKey = {MASK}"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc", MASK),
        ("secretary at 192.0.2.1", "secretary at 192.0.2.1"),
    ],
)
def test_scrub(text: str, clean: str) -> None:
    assert scrub(text) == clean


def test_an_excerpt_never_starts_inside_a_key() -> None:
    key = "-----BEGIN PRIVATE KEY-----\n" + "QUJD\n" * 2000 + "-----END PRIVATE KEY-----\nend"
    assert excerpt(key) == f"{MASK}\nend"


def values_of(imported: Imported) -> list[str]:
    """Its samples without the files they come from."""
    return sorted(str({**row, "record": None}) for row in imported.samples)


def test_archives_hold_the_same(folder: Path, demo: Imported, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "run.tar.xz", "w:xz") as archive:
        archive.add(folder, "2025-12-18")
    with zipfile.ZipFile(tmp_path / "run.zip", "w") as zipped:
        for path in folder.rglob("*.json"):
            zipped.write(path, Path("2025-12-18") / path.relative_to(folder))
    for name in ("run.tar.xz", "run.zip"):
        assert values_of(Imported(tmp_path / name)) == values_of(demo)


@pytest.mark.parametrize("beyond", [0, 100, 512, 520])
def test_a_damaged_archive_gives_what_can_be_read(
    folder: Path, tmp_path: Path, beyond: int
) -> None:
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w") as archive:
        archive.add(folder, "run")
    with tarfile.open(whole) as archive:
        files = [member for member in archive.getmembers() if member.isfile()]
    cut = tmp_path / "cut.tar"
    # Before a header, within it, after it, within the file.
    cut.write_bytes(whole.read_bytes()[: files[len(files) // 2].offset + beyond])
    found = Imported(cut)
    assert found.links
    assert any("damaged archive" in (entry.reason or "") for entry in found.result.entries)


def test_an_archive_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"no archive at all")
    [entry] = Imported(tmp_path / "x.tar").result.entries
    assert entry.state is State.SET_ASIDE


def test_no_such_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MeshbenchError, match="no folder or archive"):
        Imported(tmp_path / "missing")


def test_runs_become_rounds_and_an_ending_a_tuning() -> None:
    runs = index.runs(
        ["2025-12-18", "26.02.2026-optimized", "01.03.2026", "x"], index.DEFAULT_TUNINGS
    )
    assert runs["2025-12-18"] == index.Run("stock", 1)
    assert runs["01.03.2026"] == index.Run("stock", 2)
    assert runs["x"] == index.Run("stock", 3)
    assert runs["26.02.2026-optimized"] == index.Run("tailscale-style", 1)


def test_several_runs_in_one_folder(tmp_path: Path) -> None:
    document = data.success(data.iperf3(1), data.meta("lom", "yuki"))
    for name in ("18.12.2025", "20.12.2025", "26.02.2026-optimized"):
        data.write(tmp_path / name / "Tinc" / "baseline" / "0_lom" / "tcp_iperf3.json", document)
    rows = {(row["tuning"], row["round"]) for row in Imported(tmp_path).links}
    assert rows == {("stock", 1), ("stock", 2), ("tailscale-style", 1)}


def test_a_run_named_by_its_own_folder(tmp_path: Path) -> None:
    path = tmp_path / "18.12.2025-optimized" / "Tinc" / "baseline" / "0_lom" / "tcp_iperf3.json"
    data.write(path, data.success(data.iperf3(1), data.meta("lom", "yuki")))
    [row] = Imported(tmp_path / "18.12.2025-optimized").links
    assert (row["tuning"], row["testbed"]) == ("tailscale-style", "published:18.12.2025-optimized")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"status": "succ', "not JSON"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no envelope"),
        (b'{"status": "success", "data": {}, "meta": {"target": "yuki"}}', "no whole-run value"),
        (b'{"status": "success", "data": {}}', "meta.target is missing"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_a_broken_file_is_named_and_set_aside(tmp_path: Path, content: bytes, reason: str) -> None:
    good = tmp_path / "Tinc" / "baseline" / "1_yuki" / "tcp_iperf3.json"
    data.write(good, data.success(data.iperf3(1), data.meta("yuki", "luna")))
    bad = tmp_path / "Tinc" / "baseline" / "0_lom" / "tcp_iperf3.json"
    bad.parent.mkdir()
    bad.write_bytes(content)
    found = Imported(tmp_path)
    [entry] = [entry for entry in found.result.entries if entry.state is State.SET_ASIDE]
    assert entry.path.endswith("0_lom/tcp_iperf3.json")
    assert reason in (entry.reason or "")
    assert len(found.links) == 1
    assert any(
        "set aside" in line and reason in line for line in report.lines(found.result.entries)
    )


def test_a_link_whose_file_is_broken_was_run_all_the_same(tmp_path: Path) -> None:
    here = tmp_path / "Tinc" / "baseline" / "0_lom"
    data.write(here / "tcp_iperf3.json", data.success(data.iperf3(1), data.meta("lom", "yuki")))
    (here / "ping.json").write_text("{")
    (tmp_path / "Tinc" / "baseline" / "1_yuki").mkdir()
    (tmp_path / "Tinc" / "baseline" / "1_yuki" / "ping.json").write_text("{")
    found = Imported(tmp_path)
    [link] = [row for row in found.links if row["benchmark"] == "ping"]
    assert (link["source"], link["target"], link["status"]) == ("lom", "yuki", "tool_failed")
    assert link["reason"].startswith("its file was set aside: not JSON")
    assert found.values("rtt_avg") == [None]


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("Tinc/baseline/0_lom/new_test.json", State.SET_ASIDE),
        ("Tinc/baseline/lom/ping.json", State.SET_ASIDE),
        ("Ti nc/baseline/0_lom/ping.json", State.SET_ASIDE),
        ("ping.json", State.SET_ASIDE),
        ("Tinc/notes.txt", State.IGNORED),
        ("General/comparison/x.json", State.IGNORED),
    ],
)
def test_an_unknown_file_is_never_silent(tmp_path: Path, path: str, state: State) -> None:
    data.write(tmp_path / path, {})
    [entry] = Imported(tmp_path).result.entries
    assert entry.state is state
    assert entry.reason


def test_a_second_file_of_one_cell_is_set_aside(tmp_path: Path) -> None:
    document = data.success(data.iperf3(1), data.meta("lom", "yuki"))
    for vpn in ("Tinc", "tinc"):
        data.write(tmp_path / vpn / "baseline" / "0_lom" / "tcp_iperf3.json", document)
    found = Imported(tmp_path)
    assert len(found.links) == 1
    assert ["second file" in (entry.reason or "") for entry in found.result.entries] == [
        False,
        True,
    ]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "Tinc").mkdir()
    (tmp_path / "Tinc" / "layout.json").symlink_to("/etc/passwd")
    [entry] = Imported(tmp_path).result.entries
    assert entry.reason == "a symbolic link, not followed"


def test_missing_values_are_left_out_not_zero(tmp_path: Path) -> None:
    document = data.iperf3(5)
    del document["end"]["sum_received"]
    document["end"]["sum_sent"]["retransmits"] = "many"
    document["end"]["streams"][0]["sender"]["mean_rtt"] = float("nan")
    path = tmp_path / "Tinc" / "baseline" / "0_lom" / "tcp_iperf3.json"
    data.write(path, data.success(document, data.meta("lom", "yuki")))
    found = Imported(tmp_path)
    assert not found.values("goodput", direction="forward", t_s=None)
    assert not found.values("retransmit_rate", direction="forward")
    assert not found.values("tcp_rtt_mean", direction="forward")


def test_saved_as_two_tables_and_facts(demo: Imported, tmp_path: Path) -> None:
    left = tmp_path / "samples" / "benchmark=tcp" / "vpn=gone.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of another import")
    importer.save(demo.result, tmp_path)
    for name, schema, found in (
        ("samples", SAMPLES, demo.samples),
        ("links", LINKS, demo.links),
    ):
        [path] = (tmp_path / name).rglob("*.parquet")
        saved = pq.read_table(path)
        assert saved.schema == schema
        assert sorted(map(str, saved.to_pylist())) == sorted(map(str, found))
    assert json.loads((tmp_path / "published" / "facts.json").read_text())["2025-12-18"]


def test_nothing_at_all_is_saved_as_empty_tables(tmp_path: Path) -> None:
    importer.save(importer.Imported(), tmp_path)
    assert pq.read_table(tmp_path / "samples" / "all.parquet").schema == SAMPLES


def test_facts_tell_what_a_run_without_a_layout_holds(tmp_path: Path) -> None:
    document = data.success(data.iperf3(1), data.meta("lom", "yuki"))
    for name in ("18.12.2025", "20.12.2025"):
        data.write(tmp_path / name / "Tinc" / "baseline" / "0_lom" / "tcp_iperf3.json", document)
    assert Imported(tmp_path).result.facts["20.12.2025"] == {
        "tuning": "stock", "round": 2, "vpns": ["tinc"], "profiles": ["baseline"],
    }  # fmt: skip


def test_summary_counts(demo: Imported) -> None:
    summary = report.summary(demo.result.entries)
    assert summary["links"] == len(demo.links)
    assert list(Kind)


def test_a_run_s_end_names_the_files_that_were_set_aside(tmp_path: Path) -> None:
    where = index.Place("r", Kind.PING, "tinc", "low", "lom")
    entries = [
        report.Entry("a", report.State.IMPORTED, None, 1, where),
        report.Entry("General/x.json", report.State.IGNORED, "an aggregate", 1),
        *(report.Entry(f"{n}.json", report.State.SET_ASIDE, "not JSON", 1) for n in range(7)),
    ]
    report.save(entries, tmp_path)
    said = hooks.imported(tmp_path / "import.json").splitlines()
    assert said[0] == "1 of 9 files imported, 1 ignored"
    assert said[1] == "  0.json: set aside: not JSON"
    assert len(said) == 7
    assert said[-1].startswith("  … and 2 more, see ")
    assert hooks.imported(tmp_path / "none.json") == ""
