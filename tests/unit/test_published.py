import json
import shutil
import tarfile
import zipfile
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from meshbench.benchmarks import ping
from meshbench.benchmarks.tools import connect_metrics, nix_metrics, rist_metrics
from meshbench.importers.vpn_runner import importer, index, plausible, report
from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.report import State
from meshbench.importers.vpn_runner.words import Words
from meshbench.tables.schema import LINKS, SAMPLES
from meshbench.util.errors import MeshbenchError
from meshbench.util.scrub import MASK, excerpt, scrub
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
        [link] = [row for row in self.links if all(row[k] == v for k, v in where.items())]
        return link

    def values(self, metric: str, **where: Any) -> list[Any]:
        return [
            row["value"]
            for row in self.samples
            if row["metric"] == metric and all(row[k] == v for k, v in where.items())
        ]

    def whole(self, metric: str, **where: Any) -> Any:
        [value] = self.values(metric, t_s=None, stream=None, **where)
        return value


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
    imported = Imported(cut)
    assert imported.links
    assert any("damaged archive" in (entry.reason or "") for entry in imported.result.entries)


def test_an_archive_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"no archive at all")
    [entry] = Imported(tmp_path / "x.tar").result.entries
    assert entry.state is State.SET_ASIDE


def test_no_such_source_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MeshbenchError, match="no folder or archive"):
        Imported(tmp_path / "missing")


def one_test(folder: Path, system: str = "Tinc", took: float = 32.5, **other: Any) -> Path:
    """A run of one TCP test from lom to yuki."""
    about = data.meta("lom", "yuki") | {"duration_seconds": took}
    document = data.success(data.iperf3(1, **other), about)
    data.write(folder / system / "baseline" / "0_lom" / "tcp_iperf3.json", document)
    return folder


def rounds(*sources: Path) -> dict[str, tuple[str, int]]:
    facts = Imported(*sources).result.facts
    return {name: (run["tuning"], run["round"]) for name, run in facts.items()}


def test_runs_become_rounds_and_an_ending_a_tuning(tmp_path: Path) -> None:
    names = ("2025-12-18", "26.02.2026-optimized", "01.03.2026", "x")
    for number, name in enumerate(names):
        one_test(tmp_path / name, took=number, started=data.DAY + 400 * 86400)
    assert rounds(tmp_path) == {
        "2025-12-18": ("stock", 1), "01.03.2026": ("stock", 2), "x": ("stock", 3),
        "26.02.2026-optimized": ("tailscale-style", 1),
    }  # fmt: skip


def test_a_folder_without_a_date_has_that_of_its_files(tmp_path: Path) -> None:
    for number, name in enumerate(("late", "19.12.2025", "early")):
        one_test(tmp_path / name, took=number, started=data.DAY + (2 - number) * 86400)
    assert rounds(tmp_path) == {
        "early": ("stock", 1), "19.12.2025": ("stock", 2), "late": ("stock", 3)
    }  # fmt: skip


def test_a_day_without_a_time_is_not_later_than_one_with(tmp_path: Path) -> None:
    one_test(tmp_path / "a", took=1, started=0)
    one_test(tmp_path / "b", took=2)
    assert rounds(tmp_path) == {"b": ("stock", 1), "a": ("stock", 2)}


@pytest.mark.parametrize(
    ("folders", "tuning"),
    [
        ("26.02.2026-Optimized", "tailscale-style"),
        ("26.02.2026-OPTIMIZED", "tailscale-style"),
        ("26.02.2026-optimized/bench", "tailscale-style"),
        ("18.12.2025/optimized", "tailscale-style"),
        ("18.12.2025/Optimized", "tailscale-style"),
        ("18.12.2025/baseline", "stock"),
        ("18.12.2025/reorder-only", "reorder-only"),
        ("26.02.2026-Reorder-Only", "reorder-only"),
        ("unoptimized", "stock"),
    ],
)
def test_kernel_profiles_and_endings_are_tunings(tmp_path: Path, folders: str, tuning: str) -> None:
    one_test(tmp_path / "in" / folders)
    [row] = Imported(tmp_path / "in").links
    assert (row["vpn"], row["profile"], row["tuning"]) == ("tinc", "baseline", tuning)


def test_a_folder_that_says_it_is_a_kernel_profile_is_one(tmp_path: Path) -> None:
    one_test(tmp_path / "18.12.2025" / "Bbr2")
    data.write(tmp_path / "18.12.2025" / "Bbr2" / "kernel_profile.json", {"name": "bbr2"})
    imported = Imported(tmp_path)
    [row] = imported.links
    assert row["tuning"] == "bbr2"
    assert [entry.state for entry in imported.result.entries] == [State.IMPORTED] * 2


def test_kernel_profiles_of_one_run_are_two_tunings_of_it(tmp_path: Path) -> None:
    for number, name in enumerate(("baseline", "optimized")):
        one_test(tmp_path / "18.12.2025" / name, took=number)
    assert rounds(tmp_path) == {
        "18.12.2025": ("stock", 1), "optimized": ("tailscale-style", 1)
    }  # fmt: skip


def test_several_runs_in_one_folder(tmp_path: Path) -> None:
    for number, name in enumerate(("18.12.2025", "20.12.2025", "26.02.2026-optimized")):
        one_test(tmp_path / name, took=number)
    rows = {(row["tuning"], row["round"]) for row in Imported(tmp_path).links}
    assert rows == {("stock", 1), ("stock", 2), ("tailscale-style", 1)}


def test_two_runs_whose_last_folder_has_one_name_are_two(tmp_path: Path) -> None:
    for number, name in enumerate(("first", "second")):
        one_test(tmp_path / name / "bench", took=number)
    both = {"first/bench": ("stock", 1), "second/bench": ("stock", 2)}
    assert rounds(tmp_path) == both
    assert rounds(tmp_path / "first" / "bench", tmp_path / "second" / "bench") == both
    testbeds = {row["testbed"] for row in Imported(tmp_path).links}
    assert testbeds == {"published:first/bench", "published:second/bench"}


def test_the_same_measurements_under_two_names_are_one_round(tmp_path: Path) -> None:
    data.run(tmp_path / "18.12.2025")
    shutil.copytree(tmp_path / "18.12.2025", tmp_path / "backup-optimized")
    imported = Imported(tmp_path)
    assert rounds(tmp_path) == {"18.12.2025": ("stock", 1)}
    assert imported.result.notes == [
        "run backup-optimized holds the same measurements as run 18.12.2025: they are one round"
    ]
    assert len(imported.links) == len(Imported(tmp_path / "18.12.2025").links)
    copies = [entry for entry in imported.result.entries if "backup" in entry.path]
    assert {entry.state for entry in copies} == {State.IGNORED}
    assert any("the same measurement as" in (entry.reason or "") for entry in copies)


def test_an_input_given_twice_is_one_round(tmp_path: Path) -> None:
    folder = data.run(tmp_path / "18.12.2025")
    packed = shutil.make_archive(str(folder), "gztar", tmp_path, folder.name)
    for sources in ((folder, folder), (folder, Path(packed))):
        imported = Imported(*sources)
        assert {row["round"] for row in imported.links} == {1}
        assert len(imported.result.notes) == 1


def test_a_copy_that_was_measured_on_counts_what_is_new_of_it(tmp_path: Path) -> None:
    data.run(tmp_path / "18.12.2025")
    shutil.copytree(tmp_path / "18.12.2025", tmp_path / "20.12.2025")
    path = tmp_path / "20.12.2025" / "Internal" / "baseline" / "0_lom" / "tcp_iperf3.json"
    data.write(path, data.success(data.iperf3(700), data.meta("lom", "yuki")))
    imported = Imported(tmp_path)
    [new] = [row for row in imported.links if row["round"] == 2 and row["source"] != "*"]
    assert (new["vpn"], new["benchmark"]) == ("internal", "tcp")
    [note] = imported.result.notes
    assert "of run 20.12.2025 are those of run 18.12.2025: they count once" in note


def test_a_file_that_is_alike_by_chance_makes_no_repeat(tmp_path: Path) -> None:
    for number, name in enumerate(("18.12.2025", "20.12.2025")):
        data.again(data.run(tmp_path / name), longer_s=number)
        path = tmp_path / name / "Internal" / "baseline" / "0_lom" / "udp_iperf3.json"
        data.write(path, data.error(data.meta("lom", "yuki"), timeout=120))
    imported = Imported(tmp_path)
    assert not imported.result.notes
    assert {row["round"] for row in imported.links} == {1, 2}


def test_notes_are_in_the_report_and_at_a_run_s_end(tmp_path: Path) -> None:
    report.save([], tmp_path, ["run b is run a"])
    assert json.loads((tmp_path / "import.json").read_text())["notes"] == ["run b is run a"]
    assert "run b is run a" in hooks.imported(tmp_path / "import.json")
    assert "run b is run a" in report.lines([], ["run b is run a"])


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
        (b'{"status": "success", "data": {"speed": 5}, "meta": {}}', "known here: it has 'speed'"),
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
    imported = Imported(tmp_path)
    [entry] = [entry for entry in imported.result.entries if entry.state is State.SET_ASIDE]
    assert entry.path.endswith("0_lom/tcp_iperf3.json")
    assert reason in (entry.reason or "")
    assert len(imported.links) == 1
    assert any(
        "set aside" in line and reason in line for line in report.lines(imported.result.entries)
    )


def without_ends(document: Any) -> Any:
    """A file of a runner that did not yet say from where to where."""
    about = document["meta"]
    return {**document, "meta": {k: v for k, v in about.items() if k not in {"source", "target"}}}


def ends(folder: Path, benchmark: str) -> set[tuple[str, str]]:
    links = Imported(folder).links
    return {(row["source"], row["target"]) for row in links if row["benchmark"] == benchmark}


def test_the_file_itself_names_its_target(tmp_path: Path) -> None:
    here = tmp_path / "Tinc" / "baseline" / "0_lom"
    tcp = data.iperf3(1)
    tcp["start"]["connecting_to"] = {"host": "vpn.Luna", "port": 5201}
    command = ["ssh", "root@192.0.2.1", "--", "iperf --time 3 -c vpn.luna --username mario"]
    nix = data.nix(9)
    nix["results"][0]["parameters"]["url"] = "http://cache.vpn.luna"
    about = data.meta("lom", "x")
    for name, document in (
        ("tcp_iperf3", data.success(tcp, about)), ("nix_cache", data.success(nix, about)),
        ("udp_iperf3", data.error(about, stdout=data.SETUP_FAILED, command_list=command)),
    ):  # fmt: skip
        data.write(here / f"{name}.json", without_ends(document))
        assert ends(tmp_path, {"tcp_iperf3": "tcp", "nix_cache": "nix_cache"}.get(name, "udp")) == {
            ("lom", "luna")
        }


def test_another_test_of_the_host_tells_the_target(tmp_path: Path) -> None:
    one_test(tmp_path)
    here = tmp_path / "Tinc" / "baseline" / "0_lom"
    data.write(
        here / "ping.json", without_ends(data.success(data.ping([1, 2]), data.meta("a", "b")))
    )
    assert ends(tmp_path, "ping") == {("lom", "yuki")}


@pytest.mark.parametrize("layout", [True, False])
def test_folders_tell_the_target(tmp_path: Path, layout: bool) -> None:
    ping = without_ends(data.success(data.ping([1, 2]), data.meta("a", "b")))
    for number, host in enumerate(data.HOSTS):
        data.write(tmp_path / "Tinc" / "low_impairment" / f"{number}_{host}" / "ping.json", ping)
    if layout:
        machines = [{"cachine": 0, "cmachine": {"name": h}, "vpn_ip": h} for h in data.HOSTS]
        data.write(tmp_path / "Tinc" / "layout.json", machines)
    # Nothing but the layout says that nobody comes after the last folder.
    pairs = {("lom", "yuki"), ("yuki", "luna")}
    assert ends(tmp_path, "ping") == pairs | ({("luna", "lom")} if layout else set())


def test_an_address_of_the_layout_tells_the_target(tmp_path: Path) -> None:
    tcp = data.iperf3(1)
    tcp["start"]["connecting_to"] = {"host": "fd00::3"}
    data.write(tmp_path / "Tinc" / "0_lom" / "tcp_iperf3.json", tcp)
    machines = [
        {"cmachine": {"name": h}, "vpn_ip": f"fd00::{n}"} for n, h in enumerate(data.HOSTS, 1)
    ]
    data.write(tmp_path / "Tinc" / "layout.json", machines)
    [link] = Imported(tmp_path).links
    assert (link["source"], link["target"]) == ("lom", "luna")
    assert (link["vpn"], link["profile"], link["status"]) == ("tinc", "baseline", "ok")


def test_a_pair_without_ends_takes_no_other_with_it(tmp_path: Path) -> None:
    named = data.iperf3(5)
    named["start"]["connecting_to"] = {"host": "vpn.luna"}
    pairs = [
        {"source": "lom", "target": "yuki", "result": data.iperf3(5)},
        {"source": "yuki", "target": "luna", "result": {"end": {}}},
        {"result": data.iperf3(5)},
    ]
    path = tmp_path / "Tinc" / "low_impairment" / "parallel_tcp_iperf3.json"
    data.write(path, data.success({"pairs": pairs}, {}))
    links = {(row["source"], row["target"]): row["status"] for row in Imported(tmp_path).links}
    assert links == {("lom", "yuki"): "ok", ("yuki", "luna"): "tool_failed"}
    data.write(path, data.success({"pairs": [*pairs[:1], {"source": "yuki", "result": named}]}, {}))
    assert ends(tmp_path, "tcp_parallel") == {("lom", "yuki"), ("yuki", "luna")}


def test_a_file_of_which_nothing_tells_the_target_is_set_aside(tmp_path: Path) -> None:
    ping = without_ends(data.success(data.ping([1, 2]), data.meta("a", "b")))
    data.write(tmp_path / "Tinc" / "low_impairment" / "0_lom" / "ping.json", ping)
    [entry] = Imported(tmp_path).result.entries
    assert entry.state is State.SET_ASIDE
    assert "nor its folders say which host" in (entry.reason or "")


def test_connections_of_the_first_runners_asked_addresses(tmp_path: Path) -> None:
    result = {"time_took": "0:00:13.141408", "attempt": 3, "status": "success"}
    first = {**result, "time_took": "0:00:01.033107"}
    document = {
        "started": "2025-03-17T21:24:07.316321+00:00",
        "public_ips": {"192.0.2.100": "milo"}, "public_results": {"192.0.2.100": first},
        "vpn_ips": {"45a:c364::1": "milo"}, "vpn_results": {"45a:c364::1": result},
    }  # fmt: skip
    data.write(tmp_path / "Tinc" / "0_luna" / "connection_timings.json", document)
    data.write(tmp_path / "Tinc" / "connection_timings.json", {"Tinc": {"0_luna": "0:00:01"}})
    imported = Imported(tmp_path)
    [link] = imported.links
    assert (link["source"], link["target"]) == ("luna", "milo")
    assert imported.whole("vpn_added") == pytest.approx(12.108301)
    assert [entry.state for entry in imported.result.entries] == [State.IMPORTED, State.IGNORED]


def test_rist_without_the_receiver_s_numbers_is_read(tmp_path: Path) -> None:
    flat = data.rist()["encoding"]
    here = tmp_path / "Tinc" / "baseline"
    for host, target, encoding in (
        ("0_lom", "yuki", flat),
        ("1_yuki", "luna", {**flat, "fps": 31}),
    ):
        about = data.meta(host[2:], target)
        data.write(here / host / "rist_stream.json", data.success(encoding, about))
    imported = Imported(tmp_path)
    assert {row["status"] for row in imported.links} == {"ok"}
    assert imported.values("encoding_bitrate") == [pytest.approx(3_380_000)] * 2
    assert imported.values("encoding_fps", source="yuki") == [31]
    assert imported.values("rist_quality") == [None, None]
    assert all("the sender's numbers only" in row["marks"][0] for row in imported.links)


def test_quartiles_alone_are_read(tmp_path: Path) -> None:
    quartiles = {f"{key}_percentiles": value["percentiles"] for key, value in data.qperf(5).items()}
    data.write(tmp_path / "Tinc" / "0_lom" / "qperf.json", quartiles)
    one_test(tmp_path)
    imported = Imported(tmp_path)
    assert imported.values("quic_goodput_p50") == [5e6]
    assert imported.values("quic_goodput") == [None]
    assert imported.link(benchmark="quic")["status"] == "ok"


def test_a_tool_s_own_error_without_an_envelope_is_judged(tmp_path: Path) -> None:
    one_test(tmp_path)
    refused = {"start": {}, "end": {}, "intervals": [], "error": "unable to connect to server"}
    data.write(tmp_path / "Tinc" / "0_lom" / "udp_iperf3.json", refused)
    [link] = [row for row in Imported(tmp_path).links if row["benchmark"] == "udp"]
    assert (link["status"], link["reason"]) == ("failed", "unable to connect to server")


PING = {key: dict(value) for key, value in data.ping([1.0, 1.1, 1.2]).items()}


def with_average(**averages: float) -> Any:
    """A ping whose averages are these."""
    return {key: {**PING[key], "average": averages.get(key, PING[key]["average"])} for key in PING}


@pytest.mark.parametrize("bad", [-19.0, 1e307, 1e308])
def test_a_time_that_cannot_be_is_set_aside_by_name(tmp_path: Path, bad: float) -> None:
    about = data.meta("lom", "yuki")
    path = tmp_path / "Tinc" / "baseline" / "0_lom" / "ping.json"
    data.write(path, data.success(with_average(rtt_avg_ms=bad), about))
    imported = Imported(tmp_path)
    [link] = imported.links
    assert link["status"] == "tool_failed"
    assert link["reason"] == f"set aside: rtt_avg of {bad:g} ms cannot be"
    assert imported.whole("rtt_avg") is None
    [entry] = imported.result.entries
    assert any("cannot be" in problem for problem in entry.problems)


def test_another_value_that_cannot_be_takes_no_headline_with_it(tmp_path: Path) -> None:
    about = data.meta("lom", "yuki")
    path = tmp_path / "Tinc" / "baseline" / "0_lom" / "ping.json"
    data.write(path, data.success(with_average(rtt_mdev_ms=-1.0), about))
    imported = Imported(tmp_path)
    [link] = imported.links
    assert (link["status"], link["marks"]) == ("ok", ["set aside: rtt_mdev of -1 ms cannot be"])
    assert imported.whole("rtt_avg") == pytest.approx(1.1)
    assert imported.whole("rtt_mdev") is None
    [entry] = imported.result.entries
    assert entry.problems == ["lom->yuki: set aside: rtt_mdev of -1 ms cannot be"]


@pytest.mark.parametrize(
    ("kind", "document", "metric"),
    [
        ("rist_stream", data.rist() | {"network": {"quality": {"average": 250}}}, "rist_quality"),
        ("qperf", {"total_bandwidth_mbps": {"average": 1e305}}, "quic_goodput"),
        ("nix_cache", {"results": [{"mean": -3}]}, "copy_time"),
        ("ping", with_average(packet_loss_percent=-1), "ping_loss"),
    ],
)
def test_shares_rates_and_times_have_bounds(
    tmp_path: Path, kind: str, document: Any, metric: str
) -> None:
    path = tmp_path / "Tinc" / "baseline" / "0_lom" / f"{kind}.json"
    data.write(path, data.success(document, data.meta("lom", "yuki")))
    imported = Imported(tmp_path)
    assert imported.whole(metric) is None
    [entry] = imported.result.entries
    assert any(f"{metric} of " in problem for problem in entry.problems)


def test_quartiles_beyond_the_values_and_an_average_of_nothing_can_be() -> None:
    assert plausible.problem(rist_metrics.QUALITY.statistics["p25"], -0.2) is None
    assert plausible.problem(ping.RTT_AVG, 0.0) is None
    assert plausible.problem(connect_metrics.VPN_ADDED, -0.5) is None
    assert plausible.problem(nix_metrics.COPY_TIME, float("nan"))


def test_impossible_durations_are_none(tmp_path: Path) -> None:
    one_test(tmp_path, took=-5)
    assert Imported(tmp_path).links[0]["duration_s"] is None


def test_a_link_whose_file_is_broken_was_run_all_the_same(tmp_path: Path) -> None:
    here = tmp_path / "Tinc" / "baseline" / "0_lom"
    data.write(here / "tcp_iperf3.json", data.success(data.iperf3(1), data.meta("lom", "yuki")))
    (here / "ping.json").write_text("{")
    (tmp_path / "Tinc" / "baseline" / "1_yuki").mkdir()
    (tmp_path / "Tinc" / "baseline" / "1_yuki" / "ping.json").write_text("{")
    imported = Imported(tmp_path)
    [link] = [row for row in imported.links if row["benchmark"] == "ping"]
    assert (link["source"], link["target"], link["status"]) == ("lom", "yuki", "tool_failed")
    assert link["reason"].startswith("its file was set aside: not JSON")
    assert imported.values("rtt_avg") == [None]


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


def ghosts(folder: Path) -> tuple[set[str], set[str], list[str]]:
    """Systems and runs of an import, and why files were set aside."""
    imported = Imported(folder)
    reasons = [e.reason or "" for e in imported.result.entries if e.state is State.SET_ASIDE]
    return {row["vpn"] for row in imported.links}, set(imported.result.facts), reasons


def test_a_file_one_level_short_makes_no_system_of_a_folder(tmp_path: Path) -> None:
    nebula = tmp_path / "in" / "app" / "bench" / "Nebula"
    rtts = {"rtt_avg_ms": {"min": 1, "average": 1, "max": 1}}
    about = data.meta("lom", "yuki")
    data.write(nebula / "baseline" / "0_lom" / "ping.json", data.success(rtts, about))
    data.write(nebula / "timing_breakdown.json", {"total_duration_seconds": 10, "phases": []})
    systems, runs, reasons = ghosts(tmp_path / "in")
    assert (systems, runs) == ({"nebula"}, {"bench"})
    assert reasons == ["folder 'bench' holds systems and is none, though 'Nebula' lies in it"]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("app/bench/Foo/timing_breakdown.json", "'bench' is no system known here"),
        ("app/18.12.2025/baseline/0_lom/ping.json", "'18.12.2025' is no system's"),
        ("app/bench/baseline/0_lom/ping.json", "'bench' is no system known here"),
        ("bench/Foo/bar/0_lom/ping.json", "'Foo' is no system known here"),
        ("Tinc/Nebula/tc_settings.json", "'Nebula' is no profile's"),
        ("app/low_impairment/baseline/0_lom/ping.json", "'low_impairment' is no system's"),
        ("app/0_lom/baseline/1_yuki/ping.json", "'0_lom' is no system's"),
        ("0_lom/ping.json", "lies in no folder of a system"),
    ],
)
def test_words_of_a_path_are_checked_before_they_become_a_system(
    tmp_path: Path, path: str, says: str
) -> None:
    data.write(tmp_path / "in" / path, data.success(data.ping([1, 2]), data.meta("lom", "yuki")))
    systems, runs, [reason] = ghosts(tmp_path / "in")
    assert (systems, runs) == (set(), set())
    assert says in reason


def test_a_run_with_a_file_that_lacks_its_system(tmp_path: Path) -> None:
    one_test(tmp_path / "runs" / "mine")
    shutil.move(
        str(shutil.copytree(tmp_path / "runs" / "mine" / "Tinc" / "baseline", tmp_path / "x")),
        tmp_path / "runs" / "mine" / "baseline",
    )
    systems, runs, reasons = ghosts(tmp_path / "runs")
    assert (systems, runs) == ({"tinc"}, {"mine"})
    assert reasons == ["folder 'mine' holds systems and is none, though 'baseline' lies in it"]


@pytest.mark.parametrize("beside", ["Tinc/layout.json", "Foo/layout.json"])
def test_a_new_system_is_known_by_its_layout_or_by_those_beside_it(
    tmp_path: Path, beside: str
) -> None:
    one_test(tmp_path / "mine", system="Foo")
    data.write(tmp_path / "mine" / beside, [{"cmachine": {"name": "lom"}, "vpn_ip": "10.0.0.1"}])
    assert {row["vpn"] for row in Imported(tmp_path).links} == {"foo"}


def test_the_config_names_further_systems_and_profiles(tmp_path: Path) -> None:
    about = data.meta("lom", "yuki")
    path = tmp_path / "x" / "Foo" / "harsh" / "0_lom" / "ping.json"
    data.write(path, data.success(data.ping([1, 2]), about))
    assert not importer.import_runs([tmp_path], "c").rows
    words = Words.of(["FOO"], ["harsh"])
    assert list(importer.import_runs([tmp_path], "c", words).rows) == [("ping", "foo")]


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_a_parent_or_a_system_s_own_folder_may_be_given(tmp_path: Path, depth: int) -> None:
    top = one_test(tmp_path / "a" / "18.12.2025") / "Tinc"
    source = [top, top.parent, top.parent.parent, tmp_path][depth]
    [link] = Imported(source).links
    assert (link["vpn"], link["profile"]) == ("tinc", "baseline")
    assert link["testbed"] == "published:18.12.2025"


def test_what_stood_before_there_were_envelopes_and_profiles(tmp_path: Path) -> None:
    tcp = data.iperf3(5)
    tcp["start"]["connecting_to"] = {"host": "vpn.yuki"}
    nix = data.nix(9)
    nix["results"][0]["parameters"]["url"] = "http://vpn.yuki"
    data.write(tmp_path / "NoVPN" / "0_lom" / "tcp_iperf3.json", tcp)
    data.write(tmp_path / "NoVPN" / "0_lom" / "nix-cache.json", nix)
    links = {(row["vpn"], row["profile"], row["benchmark"]) for row in Imported(tmp_path).links}
    assert links == {("internal", "baseline", "tcp"), ("internal", "baseline", "nix_cache")}


def test_a_second_file_of_one_cell_is_set_aside(tmp_path: Path) -> None:
    document = data.success(data.iperf3(1), data.meta("lom", "yuki"))
    for vpn in ("Tinc", "tinc"):
        data.write(tmp_path / vpn / "baseline" / "0_lom" / "tcp_iperf3.json", document)
    imported = Imported(tmp_path)
    assert len(imported.links) == 1
    assert ["second file" in (entry.reason or "") for entry in imported.result.entries] == [
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
    imported = Imported(tmp_path)
    assert not imported.values("goodput", direction="forward", t_s=None)
    assert not imported.values("retransmit_rate", direction="forward")
    assert not imported.values("tcp_rtt_mean", direction="forward")


def test_saved_as_two_tables_and_facts(demo: Imported, tmp_path: Path) -> None:
    left = tmp_path / "samples" / "benchmark=tcp" / "vpn=gone.parquet"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"of another import")
    importer.save(demo.result, tmp_path)
    for name, schema, rows in (
        ("samples", SAMPLES, demo.samples),
        ("links", LINKS, demo.links),
    ):
        [path] = (tmp_path / name).rglob("*.parquet")
        saved = pq.read_table(path)
        assert saved.schema == schema
        assert sorted(map(str, saved.to_pylist())) == sorted(map(str, rows))
    assert json.loads((tmp_path / "published" / "facts.json").read_text())["2025-12-18"]


def test_nothing_at_all_is_saved_as_empty_tables(tmp_path: Path) -> None:
    importer.save(importer.Imported(), tmp_path)
    assert pq.read_table(tmp_path / "samples" / "all.parquet").schema == SAMPLES


def test_facts_tell_what_a_run_without_a_layout_holds(tmp_path: Path) -> None:
    for number, name in enumerate(("18.12.2025", "20.12.2025")):
        one_test(tmp_path / name, took=number)
    assert Imported(tmp_path).result.facts["20.12.2025"] == {
        "tuning": "stock", "round": 2, "vpns": ["tinc"], "profiles": ["baseline"],
        "tests": {"tcp": {"profiles": ["baseline"], "links": 1}},
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
    lines = hooks.imported(tmp_path / "import.json").splitlines()
    assert lines[0] == "1 of 9 files imported, 1 ignored"
    assert lines[1] == "  0.json: set aside: not JSON"
    assert len(lines) == 7
    assert lines[-1].startswith("  … and 2 more, see ")
    assert hooks.imported(tmp_path / "none.json") == ""
