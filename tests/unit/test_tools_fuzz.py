"""Whatever tools, daemons and records say, it is a value or a reason: never a traceback.

`HYPOTHESIS_PROFILE=thorough` tries a thousand of each.
"""

import asyncio
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meshbench import vpns
from meshbench.benchmarks import ping
from meshbench.benchmarks.base import Observation
from meshbench.benchmarks.tools import iperf3, quicperf, versions
from meshbench.results.records import LinkRecord, Status
from meshbench.tables import parse, reading
from meshbench.util import foreign
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common import lifecycle
from meshbench.vpns.common.lifecycle import Mesh
from tests.unit import making
from tests.unit.making import cell, command, link, record
from tests.unit.test_published_fuzz import ODD, paths, replaced

PING = making.text("ping.txt")
LINES = st.one_of(
    st.sampled_from(PING.splitlines()),
    st.sampled_from([
        "64 bytes from 10.88.0.2: icmp_seq=5 ttl=64 (truncated)",
        "[1795416431.217077] 64 bytes from 10.88.0.2: icmp_seq=99999 ttl=64 time=1.2.3 ms",
        "[1795416431.217077] 64 bytes from 10.88.0.2: icmp_seq=0 ttl=64 time=999999999999 ms (DUP!)",
        "[1.1] 64 bytes from x: icmp_seq=\u0661 ttl=64 time=2 ms",
        "0 packets transmitted, 0 received, 0% packet loss, time 0ms",
        "1 packets transmitted, 9 received, -800% packet loss, time 0ms",
        "99999999999999999999 packets transmitted, 1 received",
        "rtt min/avg/max/mdev = ..../1/1/1 ms", "rtt min/avg/max/mdev = 1.7/19.1/53.0/13.5 ms",
    ]),
    st.text(max_size=60),
)  # fmt: skip
IPERF3 = {name: making.document(f"iperf3-{name}.json") for name in ("forward", "reverse", "bidir")}
FLAGS = {"forward": [], "reverse": ["-R"], "bidir": ["--bidir"]}
BEFORE_AFTER = st.sampled_from(["", "warning: x\n", "{}\n", "null\n", "[1]\n", "{", "-nan\n"])
CODES = st.sampled_from([None, 0, 1, 2, 126, 127])


def changed(document: Any, choice: st.DataObject, most: int = 3) -> Any:
    """A document with a few odd things in it, or without a few of its parts."""
    for _ in range(choice.draw(st.integers(1, most))):
        path = choice.draw(st.sampled_from(paths(document)))
        value = choice.draw(ODD)
        if path and choice.draw(st.booleans()):
            document = without(document, path)
        else:
            document = replaced(document, path, value)
    return document


def without(document: Any, path: Sequence[Any]) -> Any:
    """A document without what is at a place."""
    gone = object()
    document = replaced(document, tuple(path), gone)

    def kept(node: Any) -> Any:
        if isinstance(node, dict):
            return {key: kept(value) for key, value in node.items() if value is not gone}
        return [kept(x) for x in node if x is not gone] if isinstance(node, list) else node

    return kept(document)


def said(document: Any) -> str:
    return json.dumps(document).encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def read(benchmark: str, *commands: Any) -> tuple[LinkRecord, Sequence[Observation]]:
    """A link of these commands is read, or has a reason; its values are numbers."""
    of = record(link(*commands), cell=cell(benchmark=benchmark))
    cell_reading = reading.read(of, Path("1.json"))
    [link_record] = cell_reading.record.links
    assert link_record.status is Status.OK or (
        link_record.status is Status.TOOL_FAILED and link_record.reason
    )
    assert all(math.isfinite(v.value) for v in cell_reading.observations if v.value is not None)
    assert link_record.status is not Status.OK or cell_reading.observations
    return link_record, cell_reading.observations


@given(lines=st.lists(LINES, max_size=12), code=CODES, error=st.text(max_size=20))
def test_ping(lines: list[str], code: int | None, error: str) -> None:
    done = command("\n".join(lines), code, error=error)
    status, reason = ping.judge(done, 9.0)
    assert status is Status.OK or reason
    link_record, values = read("ping", done)
    if status is Status.OK:
        whole = {v.metric.name: v.value for v in values if v.t_s is None}
        assert link_record.status is Status.OK
        assert 0 <= (whole["ping_loss"] or 0) <= 1
        shown = len(ping.replies(done.stdout))
        assert (reason is None) == (shown == whole["ping_received"])


@pytest.mark.parametrize("mode", list(IPERF3))
@given(choice=st.data(), before=BEFORE_AFTER, after=BEFORE_AFTER, code=CODES)
def test_iperf3(
    mode: str, choice: st.DataObject, before: str, after: str, code: int | None
) -> None:
    text = before + said(changed(IPERF3[mode], choice)) + after
    error = choice.draw(st.sampled_from(["", "iperf3: error - unable to connect to server", "x"]))
    done = command(text, code, error=error, argv=["iperf3", "-c", "x", *FLAGS[mode]])
    status, reason = iperf3.judge(done, 9.0)
    assert status is Status.OK or reason
    assert status is not Status.OK or code == 0
    link_record, values = read("tcp", done)
    if status is Status.OK:
        assert link_record.status is Status.OK, link_record.reason
        directions = {v.direction for v in values if v.metric.name == "goodput"}
        assert directions == ({"forward", "reverse"} if mode == "bidir" else {mode})


@given(choice=st.data(), before=BEFORE_AFTER, after=BEFORE_AFTER, code=CODES)
def test_iperf3_over_udp(choice: st.DataObject, before: str, after: str, code: int | None) -> None:
    text = before + said(changed(making.document("iperf3-udp-forward.json"), choice)) + after
    done = command(text, code, argv=["iperf3", "-c", "x", "-b", "10"], role="overload forward")
    status, reason = iperf3.judge(done, 9.0)
    assert status is Status.OK or reason
    link_record, values = read("udp", done, done.in_role("search-1 forward"))
    if status is Status.OK:
        assert link_record.status is Status.OK, link_record.reason
        losses = [v.value for v in values if v.metric.name == "udp_loss"]
        assert all(loss is None or 0 <= loss <= 1 for loss in losses)


@given(text=st.text(max_size=80), code=CODES, error=st.text(max_size=20))
def test_iperf3_that_says_anything(text: str, code: int | None, error: str) -> None:
    status, reason = iperf3.judge(command(text, code, error=error), 9.0)
    assert status is not Status.OK
    assert reason
    assert not reason.endswith(": ")
    read("tcp", command(text, code, error=error))


QUICPERF = [
    {**line, "settings": {"connections": 1}} if line["event"] == "start" else line
    for line in map(json.loads, making.text("quicperf.jsonl").splitlines())
    if line["connection"] == 0 and line.get("start_s", 0) == 0
]


@given(choice=st.data(), before=BEFORE_AFTER, after=BEFORE_AFTER, code=CODES)
def test_quicperf(choice: st.DataObject, before: str, after: str, code: int | None) -> None:
    document = changed(QUICPERF, choice)
    lines = map(said, document if isinstance(document, list) else [document])
    done = command(before + "\n".join(lines) + after, code, role="quic")
    status, reason = quicperf.judge(done, 9.0)
    assert status is Status.OK or reason
    assert status is not Status.OK or code == 0
    link_record, values = read("quic", done)
    if status is Status.OK and link_record.status is Status.OK:
        whole = {v.metric.name: v.value for v in values if v.t_s is None}
        assert all(value is None or value >= 0 for value in whole.values())


@given(text=st.text(max_size=80), code=CODES)
def test_quicperf_that_says_anything(text: str, code: int | None) -> None:
    status, reason = quicperf.judge(command(text, code), 9.0)
    assert status is not Status.OK
    assert reason


@given(choice=st.data())
def test_irtt(choice: st.DataObject) -> None:
    document = making.document("irtt.json")
    document["round_trips"] = document["round_trips"][:4]
    probe = command(said(changed(document, choice)), role="irtt")
    read("calibration", probe, command(PING, role="ping"))


@given(text=st.text(max_size=80), code=CODES)
def test_versions(text: str, code: int | None) -> None:
    for tool in (versions.IPERF3, versions.PING, versions.IRTT):
        answers = {name: {tool.name: command(text, code)} for name in ("lom", "yuki")}
        assert list(versions.objections(tool, answers)) or versions.version(
            tool, answers["lom"][tool.name]
        )


# Daemons

NODES = tuple(Node(i, name, f"198.19.0.{i}") for i, name in enumerate(("lom", "yuki", "luna"), 1))
NETWORK = Network(NODES)
PEERS = {"ab": "yuki", "cd": "luna"}
STATUS: dict[str, Any] = {
    "zerotier": [{
        "address": "ab", "latency": 1, "role": "LEAF", "version": "1.14.1", "tunneled": False,
        "paths": [{"address": "198.19.0.2/9993", "active": True, "expired": False, "preferred": True}],
    }],
    "yggdrasil": {"peers": [
        {"key": "ab", "remote": "tls://198.19.0.2:6384", "up": True, "inbound": True, "uptime": 2.5},
        {"key": "ef", "remote": "tls://198.19.0.3:6384", "up": False},
    ]},
    "nebula": [
        {"vpnIp": "10.88.0.2", "currentRemote": "192.0.2.2:4242", "currentRelaysToMe": []},
        {"vpnAddrs": ["10.88.0.3"], "currentRemote": {"ip": "192.0.2.3", "port": 4242}},
    ],
    "headscale": {"Peer": {
        "nodekey:x": {"TailscaleIPs": ["100.64.0.2"], "CurAddr": "198.19.0.2:41641", "Active": True},
        "nodekey:y": {"TailscaleIPs": ["100.64.0.3"], "CurAddr": "", "PeerRelay": "", "Active": True},
    }},
    "mycelium": [
        {"subnet": "4d2:1::/64", "nextHop": "TCP 198.19.0.1:1 <-> 198.19.0.2:9651", "metric": 16},
        {"subnet": "4d3:1::/64", "nextHop": "QUIC -> [::ffff:198.19.0.2]:9651", "metric": "Infinite"},
    ],
    "easytier": [{
        "route": {"hostname": "yuki", "cost": 1, "version": "2.4.5"},
        "peer": {"conns": [{"tunnel": {"tunnel_type": "tcp", "remote_addr": {"url": "tcp://198.19.0.2:46161"}}}]},
    }],
}  # fmt: skip
OURS = {
    "zerotier": PEERS,
    "yggdrasil": {"yuki": "ab", "luna": "cd"},
    "mycelium": {"yuki": "4d2:1::1", "luna": "4d3:1::1"},
}
TEXTS: dict[str, str] = {
    "wireguard": "own\tkey\t6666\toff\nkey2\t(none)\t192.0.2.2:6666\t10.88.0.2/32\t17\t348\t404\toff\n",
    "tinc": " n2 at 192.0.2.2 port 655 cipher 427 digest 672 nexthop n2 via n2 pmtu 1451\nEnd of nodes.\n",
    "vpncloud": "INFO - Added peer 198.19.0.2:3210\n",
    "hyprspace": "    @yuki (1ms) /ip4/198.19.0.2/tcp/8001/p2p/Qm\n",
    "openvpn": "HEADER\tCLIENT_LIST\tCommon Name\tReal Address\nCLIENT_LIST\tyuki\t192.0.2.2:1\nEND\n",
    "vxlan": "00:00:00:00:00:00 dst 192.0.2.2 self permanent\n",
    "easytier": making.text("easytier-peers.txt"),
}  # fmt: skip


def told(name: str, answer: Callable[[Sequence[str]], Any]) -> dict[str, Any]:
    """What is found out of the paths of the first host, and of nothing besides."""
    host = making.ScriptedHost(answer=answer)
    keys = {node.name: {"address": node.overlay, "public": "1"} for node in NODES}
    mesh = Mesh(vpns.load(name)(name), NETWORK, (host,), keys, {})
    states = asyncio.run(lifecycle.paths(mesh))
    assert set(states) == {("lom", "yuki"), ("lom", "luna")}
    for state in states.values():
        state.model_validate_json(state.model_dump_json())
        assert state.known or "unknown" in state.details or name == "headscale"
    return {peer: state for (_, peer), state in states.items()}


def daemon(name: str, text: str) -> Callable[[Sequence[str]], Any]:
    """A host whose daemon says this; what we put there ourselves is as we put it."""

    def answer(argv: Sequence[str]) -> Any:
        if argv[0] == "cat" and str(argv[-1]).endswith((".json", "/mtu")):
            return "1400" if argv[-1].endswith("/mtu") else json.dumps(OURS[name])
        if name == "easytier" and argv[-1] == "-v" and not text.startswith("[\n"):
            return 2, "", "error: unexpected argument '-v' found"
        return text

    return answer


@pytest.mark.parametrize("name", list(STATUS))
def test_the_daemons_answers_are_true_to_shape(name: str) -> None:
    states = told(name, daemon(name, json.dumps(STATUS[name])))
    assert (states["yuki"].kind, states["yuki"].known) == ("direct", True)


@pytest.mark.parametrize("name", list(STATUS))
@given(choice=st.data())
def test_daemons_json(name: str, choice: st.DataObject) -> None:
    told(name, daemon(name, said(changed(STATUS[name], choice))))


@pytest.mark.parametrize("name", list(STATUS))
@pytest.mark.parametrize(
    "text", ["", "null", "[]", "{}", "[null]", "[[]]", "1", '"x"', "[" * 100_000]
)
def test_daemons_that_say_little(name: str, text: str) -> None:
    assert not any(state.kind == "direct" for state in told(name, daemon(name, text)).values())


@pytest.mark.parametrize("name", list(TEXTS))
@given(choice=st.data())
def test_daemons_text(name: str, choice: st.DataObject) -> None:
    text = TEXTS[name]
    for _ in range(choice.draw(st.integers(1, 3))):
        at = choice.draw(st.integers(0, len(text)))
        until = choice.draw(st.integers(at, len(text)))
        text = text[:at] + choice.draw(st.text(max_size=8)) + text[until:]
    # Without its last line tinc's dump is waited for.
    told(name, daemon(name, text + ("\nEnd of nodes.\n" if name == "tinc" else "")))


@pytest.mark.parametrize("name", vpns.names())
@given(text=st.text(max_size=60))
def test_programs_that_say_anything_have_a_version_or_a_reason(name: str, text: str) -> None:
    host = making.ScriptedHost(answer=lambda _: text)
    mesh = Mesh(vpns.load(name)(name), NETWORK, (host,), {}, {})
    assert isinstance(asyncio.run(lifecycle.version(mesh, host)), str)


# Records

GOOD = record(link(command(PING)), link(command(PING), status=Status.FAILED, reason="x"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(choice=st.data())
def test_records(tmp_path: Path, choice: st.DataObject) -> None:
    odd, good = tmp_path / "odd.json", tmp_path / "good.json"
    document = changed(GOOD.model_dump(mode="json"), choice)
    odd.write_text(said(document), encoding="utf-8")
    good.write_text(GOOD.model_dump_json(), encoding="utf-8")
    samples, links = tmp_path / "samples.parquet", tmp_path / "links.parquet"
    parse.parse([odd, good], samples, links)
    rows = pq.read_table(links).to_pylist()
    assert [row["status"] for row in rows[-2:]] == ["ok", "failed"]
    assert all(row["reason"] for row in rows if row["status"] == "tool_failed")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=100))
def test_files_that_are_no_records(tmp_path: Path, content: bytes) -> None:
    odd, good = tmp_path / "odd.json", tmp_path / "good.json"
    odd.write_bytes(content)
    good.write_text(GOOD.model_dump_json(), encoding="utf-8")
    parse.parse([odd, good], tmp_path / "samples.parquet", tmp_path / "links.parquet")
    assert pq.read_table(tmp_path / "links.parquet").num_rows == 2


@given(text=st.text(max_size=60))
def test_quotes_are_one_line_and_never_empty(text: str) -> None:
    quote = foreign.quoted(text)
    assert quote
    assert "\n" not in quote


def test_halves_of_characters_can_be_written_again() -> None:
    for text in ('{"a": "\\ud800", "\\uDFFF": ["x\\ud83d\\ude00"]}', '["\\ud800"]'):
        read = foreign.document(text)
        json.dumps(read, ensure_ascii=False).encode()
        assert text.startswith("[") or read["?"] == ["x\N{GRINNING FACE}"]
