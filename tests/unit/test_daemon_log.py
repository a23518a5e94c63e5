"""What the VPN's units logged beside a measurement: asked in bounds, without secrets, laid on one axis."""

import asyncio
import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from meshbench import collectors
from meshbench.benchmarks.ping import Ping
from meshbench.collectors import daemon_log
from meshbench.collectors.daemon_log import LOG, NO_UNIT, Beside, DaemonLog, Line
from meshbench.results import records
from meshbench.results.records import Command, Record
from meshbench.tables import parse, schema
from meshbench.util.errors import TestbedError
from meshbench.vpns.base import Network, Node
from meshbench.vpns.common.lifecycle import Mesh
from tests.unit import making

AT_S = 1_700_000_000
UNIT = "meshbench-vpn-nebula.service"
FACTS = {"implementation": "go"}
PING = [
    f"[{AT_S}.500000] 64 bytes from 10.88.0.2: icmp_seq=1 ttl=64 time=500 ms",
    f"[{AT_S + 1}.250000] 64 bytes from 10.88.0.2: icmp_seq=2 ttl=64 time=50.0 ms",
    "2 packets transmitted, 2 received, 0% packet loss, time 1ms",
]


def line(at_s: float, message: object = "Handshake", unit: str = UNIT, **more: object) -> str:
    """As journalctl says it."""
    fields = {"__REALTIME_TIMESTAMP": str(round(at_s * 1e6)), "__CURSOR": "s=1", "MESSAGE": message}
    return json.dumps({**fields, "_SYSTEMD_UNIT": unit, "PRIORITY": "4", **more})


def said(*lines: str, asked_s: float = AT_S + 60, end: str = "end 0", **more: object) -> Command:
    text = "".join(f"{line}\n" for line in (f"{asked_s:.9f}", *lines, *([end] if end else [])))
    return making.command(text, role=LOG, measuring=False, **more)  # type: ignore[arg-type]


def clock(host: str, ahead_s: float, took_s: float = 0.02) -> Command:
    stamp = making.START.timestamp() + took_s / 2 + ahead_s
    return making.command(f"{stamp:.9f}\n", host=host, role="clock", took_s=took_s)


def record(*commands: Command, kind: str = "ssh") -> Record:
    recorded = making.record(making.link(making.command("\n".join(PING))))
    testbed = recorded.testbed.model_copy(update={"kind": kind})
    return recorded.model_copy(
        update={"testbed": testbed, "collected": {DaemonLog.name: list(commands)}}
    )


def ends(*commands: Command, kind: str = "ssh") -> dict[str, Beside]:
    recorded = record(*commands, kind=kind)
    [link] = recorded.links
    start_s = Ping().series_start_s(link)
    assert start_s == AT_S, "when the first request was sent"
    return {end.host: end for end in daemon_log.beside(recorded, {link.pair: start_s})}


def test_lines_of_both_ends_have_their_times_on_the_axis_of_the_rtts() -> None:
    by_host = ends(
        clock("lom", 2.0), clock("yuki", -3.0),
        said(line(AT_S + 0.25)),
        said(line(AT_S - 5 + 1.5), asked_s=AT_S + 55, host="yuki"),
    )  # fmt: skip
    assert {host: [at_s for at_s, _ in end.lines] for host, end in by_host.items()} == {
        "lom": [0.25], "yuki": [pytest.approx(1.5)]
    }  # fmt: skip
    assert by_host["lom"].clock_error_s == 0, "ping stamps by that very clock"
    assert by_host["yuki"].clock_error_s == pytest.approx(0.02)
    assert by_host["yuki"].until_s == pytest.approx(60)
    assert by_host["lom"].lines[0][1] == Line(round((AT_S + 0.25) * 1e6), UNIT, 4, "Handshake")


def test_hosts_of_one_kernel_have_one_clock() -> None:
    stamps = clock("lom", 9.0), clock("yuki", -3.0)
    by_host = ends(*stamps, said(), said(line(AT_S + 1), host="yuki"), kind="lab")
    assert [at_s for at_s, _ in by_host["yuki"].lines] == [1.0]
    assert by_host["lom"].lines == ()
    assert by_host["lom"].until_s == 60


def test_a_clock_that_was_not_told_leaves_only_the_source() -> None:
    by_host = ends(said(line(AT_S)), said(line(AT_S), host="yuki"))
    assert by_host["lom"].reason is None
    assert by_host["yuki"].reason == "its clock against the other host's is not known"
    assert by_host["yuki"].lines == ()


def test_a_log_that_was_cut_off_is_known_until_its_last_line() -> None:
    by_host = ends(said(line(AT_S + 1), line(AT_S + 7), '{"MESS', end=""))
    assert (by_host["lom"].until_s, len(by_host["lom"].lines)) == (7.0, 2)


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (said(end="end 1", error="journalctl: no such file"), "journalctl: no such file"),
        (said(code=None, end=""), "no answer"),
        (making.command("garbage", role=LOG), "no answer"),
        (making.command("", role=LOG, error="gone"), "gone"),
    ],
)
def test_a_log_that_could_not_be_read_is_not_known(command: Command, why: str) -> None:
    assert ends(command)["lom"].reason == f"the log could not be read: {why}"


def test_a_host_without_units_and_a_record_without_logs() -> None:
    none = making.command(role=NO_UNIT)
    assert ends(none)["lom"].reason == "the system has no unit there"
    assert ends() == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line(AT_S, [72, 105, 255]), "Hi\ufffd"),
        (line(AT_S, ["first", "second"]), "first"),
        (line(AT_S, None), ""),
        (line(AT_S, {"a": 1}), ""),
    ],
)
def test_messages_of_all_forms_are_text(text: str, message: str) -> None:
    entry = Line.read(text)
    assert entry is not None
    assert entry.message == message
    assert Line.read(entry.text()) == entry


@pytest.mark.parametrize(
    "text", ["", "end 0", "[]", "3", "null", '{"MESSAGE": "x"}', line(-1), line(AT_S, PRIORITY="x")]
)
def test_what_is_no_line_is_left_out(text: str) -> None:
    assert Line.read(text) is None


def test_what_systemd_says_of_a_unit_is_of_that_unit() -> None:
    entry = Line.read(line(AT_S, "Started", unit="init.scope", UNIT=UNIT, PRIORITY=None))
    assert entry is not None
    assert (entry.unit, entry.priority) == (UNIT, 6)


class Closed(making.ScriptedHost):
    async def run(self, *argv: object, **more: object) -> Command:
        raise TestbedError(f"{self.name}: SSH broke")


def mesh(driver: str, answer: making.Answer, **options: object) -> Mesh:
    hosts = tuple(making.ScriptedHost(name, answer, n) for n, name in enumerate(("lom", "yuki")))
    nodes = tuple(Node(n, host.name, host.address.data_address) for n, host in enumerate(hosts))
    loaded, network = making.driver(driver, options), Network(nodes)
    material = asyncio.run(loaded.material(network, hosts))
    return Mesh(loaded, network, hosts, material, {host.name: FACTS for host in hosts})


def asked(built: Mesh) -> list[Command]:
    async def both() -> list[Command]:
        collector = DaemonLog()
        await collector.start(built)
        return list(await collector.stop(built))

    return asyncio.run(both())


def journal(*lines: str) -> making.Answer:
    def answer(argv: Sequence[str]) -> str:
        return said(*lines).stdout if "journalctl" in argv else f"{AT_S}.5\n"

    return answer


def test_every_host_is_asked_for_its_clock_once_and_for_the_log_once() -> None:
    built = mesh("wireguard", journal(line(AT_S)))
    commands = asked(built)
    assert [(c.host, c.role, c.measuring) for c in commands] == [
        ("lom", "clock", False), ("yuki", "clock", False), ("lom", LOG, False), ("yuki", LOG, False),
    ]  # fmt: skip
    argv = commands[-1].argv
    assert argv[argv.index("-u") + 1] == "meshbench-vpn-wireguard.service"


def test_units_beside_the_main_one_are_asked_for_too() -> None:
    built = mesh("wireguard", journal())
    units = ("meshbench-vpn-x:control.service", "meshbench-vpn-x.service")
    object.__setattr__(built, "units", lambda _host: units)
    argv = asked(built)[-1].argv
    assert [argv[n + 1] for n, word in enumerate(argv) if word == "-u"] == list(units)


def test_the_bare_link_is_asked_nothing() -> None:
    built = mesh("internal", journal())
    commands = asked(built)
    assert [(c.host, c.role) for c in commands] == [("lom", NO_UNIT), ("yuki", NO_UNIT)]
    assert not any(host.asked for host in built.hosts)  # type: ignore[attr-defined]


def test_a_host_that_is_gone_is_told_and_stops_nothing() -> None:
    built = mesh("wireguard", journal(line(AT_S)))
    gone = Mesh(
        built.driver, built.network, (built.hosts[0], Closed("yuki")), built.material, built.facts
    )

    async def stopped() -> Sequence[Command]:
        return await DaemonLog().stop(gone)

    commands = asyncio.run(stopped())
    assert [(c.host, c.returncode) for c in commands] == [("lom", 0), ("yuki", 255)]
    assert commands[1].stderr == "yuki: SSH broke"


def test_secrets_do_not_get_into_the_record() -> None:
    hidden = "hush-hush-hush-hush"
    key = "QFk1Yk9nWm1hS2dGTm5hZ2h0c1ZkQ2hOTkJ0a0E9PT0="[:43] + "="
    command = said(
        line(AT_S, f"my identity {hidden}."), line(AT_S, f"auth_key={key} of yuki"),
        line(AT_S, "-----BEGIN NEBULA PRIVATE KEY-----\nabc"), line(AT_S, "x" * 1000),
    )  # fmt: skip
    kept = daemon_log.kept(command, {hidden})
    texts = [read.message for read in map(Line.read, kept.stdout.splitlines()[1:-1]) if read]
    assert texts[:3] == ["my identity [masked].", "auth_key=[masked] of yuki", "[masked]"]
    assert len(texts[3]) == daemon_log.LONGEST
    assert not any(secret in kept.stdout for secret in (hidden, key, "abc", "__CURSOR"))
    assert kept.stdout.endswith("\nend 0\n")


def test_messages_are_one_plain_line() -> None:
    odd = "\x1b[0;31mred\x1b[0m one\ntwo\u2028three\0"
    kept = daemon_log.kept(said(line(AT_S, odd), line(AT_S, "\ud800")), ())
    texts = [read.message for read in map(Line.read, kept.stdout.split("\n")) if read]
    assert texts == ["red one two three ", "?"]
    kept.model_dump_json().encode()


def test_keys_of_the_mesh_are_secret_and_public_ones_are_not() -> None:
    keys: list[str] = []
    answer = journal(line(AT_S, "nothing"))
    built = mesh("wireguard", lambda argv: _leaking(argv, keys) or str(answer(argv)))
    keys += [node["private"] for node in built.material.values()]
    assert built.secrets() == set(keys)
    texts = "".join(command.stdout for command in asked(built))
    assert "mine is [masked]x" in texts, "which does not look like a key"
    assert not any(key in texts for key in keys)


def _leaking(argv: Sequence[str], keys: Sequence[str]) -> str:
    return (
        said(*(line(AT_S, f"mine is {key}x") for key in keys)).stdout
        if "journalctl" in argv
        else ""
    )


def test_the_script_keeps_to_its_bounds_and_says_how_it_ended() -> None:
    def run(lines: int, size: int, *argv: str) -> list[str]:
        words = ["sh", "-c", daemon_log._SCRIPT, "sh", str(lines), str(size), *argv]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        stamp, *rest = done.stdout.splitlines()
        assert float(stamp) > AT_S
        return rest

    printed = "printf 'one\\ntwo\\nthree\\n'"
    assert run(9, 900, "sh", "-c", printed) == ["one", "two", "three", "end 0"]
    assert run(2, 900, "sh", "-c", printed) == ["one", "two"]
    assert run(9, 5, "sh", "-c", printed) == ["one", "t"]
    assert run(9, 900, "sh", "-c", "exit 3") == ["end 3"]


def test_it_is_found_and_has_no_values() -> None:
    assert DaemonLog in collectors.every()
    assert list(DaemonLog().parse(record(said(line(AT_S))))) == []


def test_tidy_events_have_a_row_per_line_and_one_of_a_silent_end(tmp_path: Path) -> None:
    logs = said(line(AT_S + 1), line(AT_S + 2)), said(host="yuki")
    for name, recorded in (("new", record(*logs, kind="lab")), ("old", record())):
        path = tmp_path / "raw" / f"{name}.json"
        records.write(recorded, path)
        files = [tmp_path / f"{table}.parquet" for table in ("samples", "links", name)]
        parse.parse([path], *files)
    new, old = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("new", "old"))
    assert new.schema.equals(schema.EVENTS)
    assert [(row["host"], row["t_s"], row["until_s"]) for row in new.to_pylist()] == [
        ("lom", 1.0, 60.0), ("lom", 2.0, 60.0), ("yuki", None, 60.0)
    ]  # fmt: skip
    assert old.num_rows == 0
