"""What decides a number besides the VPN is a column of the links and cells, and stands on every figure."""

import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
import yaml

from meshbench.figures.drawing import circumstances, render
from meshbench.results.records import PathState, Record
from meshbench.tables import circumstances as columns
from meshbench.testbed import state
from tests.unit import making, synthetic
from tests.unit.making import command, link

STOCK = Path(__file__).parents[2] / "config" / "tunings" / "stock.yaml"
STATE: dict[str, Any] = {
    "kernel": "Linux 6.12.57+deb13-amd64 #1 SMP x86_64",
    "cpu_model": "AMD EPYC",
    "sysctls": {columns.CONGESTION: "cubic"},
    "tools": {"iperf3": "iperf 3.18 (cJSON 1.7.15)", "ping": "ping from iputils 20240905"},
    "qdiscs": [
        {"kind": "tbf", "dev": "data0", "root": True},
        {"kind": "pfifo_fast", "dev": "mb0", "root": True},
        {"kind": "mq", "dev": "mb1", "root": True},
        {"kind": "fq_codel", "dev": "mb1", "parent": ":1"},
        {"kind": "fq_codel", "dev": "mb1", "parent": ":2"},
    ],
}
OTHER = {**STATE, "kernel": "Linux 6.1.0 #1", "sysctls": {columns.CONGESTION: "bbr"}}
IPERF3 = command(argv=("iperf3", "-c", "192.0.2.2"))
UNDER = {
    "kernel": "Linux 6.12.57", "cpu_model": "AMD EPYC", "congestion_control": "cubic",
    "qdisc": "tbf", "tool": "iperf 3.18",
}  # fmt: skip


def record(*hosts: dict[str, Any]) -> Record:
    recorded = making.record(link(IPERF3))
    recorded.testbed.after = dict(zip(("lom", "yuki"), hosts, strict=False))
    return recorded


def of(*hosts: dict[str, Any], interface: str = "data0", **changes: Any) -> dict[str, str | None]:
    path = PathState(interface=interface)
    return columns.of(record(*hosts), link(*changes.pop("commands", [IPERF3]), path_after=path))


def test_both_hosts_speak_for_a_link() -> None:
    values = of(STATE, STATE)
    assert values == {**UNDER, "kernel": "Linux 6.12.57+deb13-amd64"}
    values = of(STATE, OTHER)
    assert values["congestion_control"] == "cubic, bbr"
    assert values["kernel"] == "Linux 6.12.57+deb13-amd64, Linux 6.1.0"


@pytest.mark.parametrize(
    ("interface", "qdisc"),
    [("data0", "tbf"), ("mb0", "pfifo_fast"), ("mb1", "mq of fq_codel"), ("mb9", None)],
)
def test_the_queue_is_that_of_the_interface_which_sends(interface: str, qdisc: str | None) -> None:
    assert of(STATE, STATE, interface=interface)["qdisc"] == qdisc


def test_a_benchmark_may_ask_its_tools_for_their_versions_itself() -> None:
    asked = command("nix (Nix) 2.26.3\nhyperfine 1.19.0\n", role=columns.VERSIONS)
    assert of(STATE, STATE, commands=[asked])["tool"] == "nix 2.26.3, hyperfine 1.19.0"


def test_what_no_command_tells_is_what_was_asked_before_the_cell() -> None:
    recorded = record(STATE, STATE)
    recorded.tools = {"lom": {"ffmpeg": "7.1.1", "ristsender": "0.2.11"}, "yuki": {"ffmpeg": "6.0"}}
    values = columns.of(recorded, link(command(argv=("ffmpeg", "-re"))))
    assert values["tool"] == "ffmpeg 7.1.1, ristsender 0.2.11"


def test_a_congestion_control_that_the_tool_was_given_is_the_one_in_force() -> None:
    chosen = command(argv=("iperf3", "-c", "192.0.2.2", "-C", "reno"))
    assert of(STATE, STATE, commands=[chosen])["congestion_control"] == "reno"


def test_the_tools_are_those_that_ran() -> None:
    ran = [command(argv=("env", "LC_ALL=C", "ping", "-n", "192.0.2.2")), command(argv=("odd",))]
    assert of(STATE, STATE, commands=ran)["tool"] == "ping from iputils 20240905"


def test_what_an_older_record_does_not_hold_is_null() -> None:
    assert set(columns.of(making.record(link(IPERF3)), link(IPERF3)).values()) == {None}


def test_every_setting_of_stock_is_recorded_and_so_is_what_a_namespace_cannot_change() -> None:
    script = (files("meshbench.testbed") / "state.sh").read_text()
    for key in yaml.safe_load(STOCK.read_text())["sysctls"]:
        assert key.removeprefix("net.ipv4.") in script.split(), key
    assert {"rmem_max", "wmem_max", "default_qdisc"} <= set(script.split())


def test_this_machine_s_circumstances_are_read() -> None:
    script = files("meshbench.testbed") / "state.sh"
    done = subprocess.run(
        ["sh", "-s", "lo"], input=script.read_bytes(), capture_output=True, check=True
    )
    sections = state.parse(done.stdout.decode())
    kernel = Path("/proc/sys/net/ipv4/tcp_congestion_control").read_text().strip()
    assert sections["sysctls"][columns.CONGESTION] == kernel
    assert sections["sysctls"]["net.ipv4.tcp_rmem"].split()[1:]
    assert sections["cpu_model"]
    assert sections["tools"].keys() <= {"iperf3", "ping", "irtt"}


# --- on figures and the report -------------------------------------------------------------------


def cells(folder: Path, *changes: dict[str, Any]) -> Path:
    links = [synthetic.link(**{**UNDER, **change}) for change in changes]
    return synthetic.write(folder, [], links, ["impairment", "links", "cells"])["cells"]


def lines(folder: Path, *changes: dict[str, Any], **planned: Any) -> list[str]:
    rows = circumstances.read(cells(folder, *changes))
    return circumstances.lines(rows, synthetic.context(**planned), ("tcp",))


def test_they_are_said_in_a_line(tmp_path: Path) -> None:
    assert lines(tmp_path, {}, {"source": "yuki", "qdisc": "pfifo_fast"}) == [
        "TCP cubic", "Linux 6.12.57", "AMD EPYC", "iperf 3.18", "queued by pfifo_fast and tbf"
    ]  # fmt: skip


def test_tunings_that_differ_are_told_apart(tmp_path: Path) -> None:
    statements = lines(
        tmp_path, {}, {"tuning": "bbr", "congestion_control": "bbr"}, tunings=("stock", "bbr")
    )
    assert statements[0] == "TCP cubic (stock) and bbr (bbr)"


def test_what_is_not_recorded_is_said_to_be_missing(tmp_path: Path) -> None:
    statements = lines(tmp_path, {"congestion_control": None, "qdisc": None})
    assert statements[0] == "Linux 6.12.57"
    assert statements[-1] == "not recorded: congestion control and queueing discipline"


def test_only_the_figure_s_own_cells_are_meant(tmp_path: Path) -> None:
    statements = lines(tmp_path, {}, {"benchmark": "ping", "tool": "ping from iputils 20240905"})
    assert statements[3] == "iperf 3.18"


@pytest.mark.parametrize("testbed", ["fake", "published"])
def test_nothing_is_said_where_nothing_was_measured_here(tmp_path: Path, testbed: str) -> None:
    assert lines(tmp_path, {}, testbed=testbed) == []


def _under(row: dict[str, Any]) -> dict[str, str]:
    tool = "ping from iputils 20240905" if row["benchmark"] == "ping" else "iperf 3.18"
    return {**UNDER, "tool": tool}


def test_charts_tables_and_the_report_say_them(tmp_path: Path) -> None:
    samples, links = synthetic.campaign()
    tables = synthetic.write(tmp_path, samples, [{**row, **_under(row)} for row in links])
    for name, kinds in (("rtt", ("html", "svg")), ("throughput_table", ("tex",))):
        outputs = {kind: tmp_path / f"{name}.{kind}" for kind in kinds}
        render.render(
            name, tables, synthetic.context(), outputs, tmp_path / "v.js", None, tables["cells"]
        )
        for path in outputs.values():
            text = path.read_text("utf-8")
            assert "TCP cubic" in text, path
            assert "Linux 6.12.57" in text, path
    assert "iperf" not in (tmp_path / "rtt.html").read_text("utf-8").partition("<script")[0]
