"""Packet sizes: what ping says of one, what a link is asked, and what becomes of a path that breaks."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from meshbench.benchmarks import mtu
from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.mtu import Mtu
from meshbench.benchmarks.tools import sized_ping
from meshbench.benchmarks.tools.sized_ping import Answer, Fate
from meshbench.results.records import LinkRecord, Status
from meshbench.runner import groups
from tests.unit import making

HEAD = "PING 198.18.2.2 (198.18.2.2) from 198.18.1.1 : 1472(1500) bytes of data.\n"
PASSED = (
    f"{HEAD}[1795716402.366861] 1380 bytes from 198.18.2.2: icmp_seq=1 ttl=63 time=0.103 ms\n\n"
    "--- 198.18.2.2 ping statistics ---\n"
    "1 packets transmitted, 1 received, 0% packet loss, time 0ms\n"
    "rtt min/avg/max/mdev = 0.103/0.103/0.103/0.000 ms\n"
)
ERROR = "\n--- 198.18.2.2 ping statistics ---\n1 packets transmitted, 0 received, +1 errors, 100% packet loss, time 0ms\n\n"
ICMP = f"{HEAD}[1795716402.373742] From 198.18.1.2 icmp_seq=1 Frag needed and DF set (mtu = 1400)\n{ERROR}"
TOO_BIG = "PING fd02::2 (fd02::2) from fd01::1 : 1452 data bytes\n[1795716404.947463] From fd01::2 icmp_seq=1 Packet too big: mtu=1400\n"
LOCAL = "ping: sendmsg: Message too long\n"
SILENT = f"{HEAD}\n--- 198.18.2.2 ping statistics ---\n4 packets transmitted, 0 received, 100% packet loss, time 1539ms\n\n"
NOBODY = f"{HEAD}[1795716402.37] From 198.18.1.1 icmp_seq=1 Destination Host Unreachable\n{ERROR}"


@pytest.mark.parametrize(
    ("out", "error", "expected"),
    [
        (PASSED, "", Answer(Fate.PASSED)),
        (ICMP, "", Answer(Fate.ICMP, 1400, "198.18.1.2")),
        (TOO_BIG + ERROR, "", Answer(Fate.ICMP, 1400, "fd01::2")),
        (HEAD + ERROR, LOCAL, Answer(Fate.LOCAL)),
        (HEAD + ERROR, "ping: local error: message too long, mtu=1420\n", Answer(Fate.LOCAL, 1420)),
        (SILENT, "", Answer(Fate.SILENT)),
        (NOBODY, "", Answer(Fate.SILENT, words="198.18.1.1 says: Destination Host Unreachable")),
    ],
)  # fmt: skip
def test_what_ping_says_of_a_size(out: str, error: str, expected: Answer) -> None:
    assert sized_ping.answer(making.command(out, 1, error=error)) == expected


@pytest.mark.parametrize("text", ["", "PING", "\x00\xff", "1 packets"])
def test_what_is_no_summary_is_an_error_that_quotes_it(text: str) -> None:
    with pytest.raises(ValueError, match="ping ended with 2: no such device"):
        sized_ping.answer(making.command(text, 2, error="no such device\n"))


@given(st.text(), st.text())
def test_no_output_breaks_the_reader(out: str, error: str) -> None:
    command = making.command(f"{out}\n1 packets transmitted, 0 received,", 1, error=error)
    assert sized_ping.answer(command).fate is not Fate.PASSED


@pytest.mark.parametrize(
    ("address", "size"), [("10.0.0.1", 68), ("10.0.0.1", 65_535), ("fd00::1", 1280)]
)
def test_a_size_is_that_of_the_whole_packet(address: str, size: int) -> None:
    row = sized_ping.request(address, size, "probe", "mesh0", "-D")
    headers = 48 if ":" in address else 28
    assert int(row[row.index("-s") + 1]) == size - headers
    assert sized_ping.size_of(row) == size


Path = Callable[[int, bool], str | tuple[int, str, str]]


def path(mtu_: int = 1420, inner: int = 1420, too_large: str = ICMP) -> Path:
    """An interface of one MTU over a path of another, which carries fragments."""

    def answer(size: int, with_df: bool) -> str | tuple[int, str, str]:
        if with_df and size > mtu_:
            return 1, HEAD + ERROR, LOCAL
        return (1, too_large, "") if with_df and size > inner else PASSED

    return answer


def measure(
    answer: Path, tunnel_mtu: str = "1420", **options: Any
) -> tuple[Outcome, list[list[str]]]:
    """The outcome of a link, and what its source was asked."""

    def said(argv: Sequence[str]) -> str | tuple[int, str, str]:
        if argv[0] == "ping":
            return answer(sized_ping.size_of(argv), argv[argv.index("-M") + 1] == "probe")
        if argv[:3] == ["ip", "-j", "route"]:
            return '[{"dst":"10.88.0.2","from":"10.88.0.1","dev":"mesh0","flags":[],"uid":0}]'
        return f"{tunnel_mtu}\n" if argv == ["cat", "/sys/class/net/mesh0/mtu"] else ""

    here, there = making.ScriptedHost("lom", said), making.ScriptedHost("yuki", said)
    link = Link(here, there, "10.88.0.1", "10.88.0.2", "mesh0", delay_s=0.04)
    return making.measured("mtu", link, options), here.asked


def values(outcome: Outcome, **options: Any) -> list[Observation]:
    link = making.link(*outcome.commands, status=outcome.status)
    again = LinkRecord.model_validate_json(link.model_dump_json())
    return list(Mtu(mtu.Options(**options)).parse_link(again))


def whole(observations: list[Observation]) -> dict[tuple[str, str], float | None]:
    return {(v.metric.name, v.direction): v.value for v in observations if v.t_s is None}


def by_size(
    observations: list[Observation], mode: str, metric: str = "packet_passed"
) -> dict[int, float]:
    return {
        v.stream: v.value
        for v in observations
        if (v.metric.name, v.mode, v.direction) == (metric, mode, "forward")
        and v.stream is not None
        and v.value is not None
    }


def test_a_path_as_its_interface_says_is_no_black_hole() -> None:
    outcome, _ = measure(path())
    assert (outcome.status, outcome.reason) == (Status.OK, None)
    observations = values(outcome)
    for direction in ("forward", "reverse"):
        assert whole(observations)["tunnel_mtu", direction] == 1420
        assert whole(observations)["largest_whole", direction] == 1420
        assert whole(observations)["largest_any", direction] == 9000
        assert whole(observations)["black_hole", direction] == 0
    assert by_size(observations, "whole") == {
        576: 1, 1280: 1, 1360: 1, 1400: 1, 1420: 1, 1450: 0, 1500: 0, 2800: 0, 9000: 0,
    }  # fmt: skip
    assert by_size(observations, "local", "packet_refused") == {
        1421: 1,
        1450: 1,
        1500: 1,
        2800: 1,
        9000: 1,
    }
    assert by_size(observations, "any") == {1450: 1, 1500: 1, 2800: 1, 9000: 1}
    assert all(value.t_s is None or value.t_s >= 0 for value in observations)


def test_a_router_s_word_names_its_mtu_and_the_search_finds_it_to_the_byte() -> None:
    outcome, _ = measure(path(1420, 1403))
    observations = values(outcome)
    assert whole(observations)["largest_whole", "forward"] == 1403
    assert whole(observations)["black_hole", "forward"] == 0
    assert by_size(observations, "icmp", "mtu_named")[1420] == 1400
    assert by_size(observations, "search")[1403] == 1
    assert by_size(observations, "search")[1404] == 0


def test_without_a_word_it_is_a_black_hole() -> None:
    observations = values(measure(path(1420, 1390, SILENT))[0])
    assert whole(observations)["black_hole", "forward"] == 1
    assert whole(observations)["largest_whole", "forward"] == 1390
    assert by_size(observations, "icmp", "mtu_named") == {}


def test_without_a_search_only_the_sizes_and_the_interface_s_edges_are_asked_for() -> None:
    options: dict[str, Any] = {"sizes_bytes": (600, 1400), "exact": False}
    outcome, _ = measure(path(1420, 1390), **options)
    observations = values(outcome, **options)
    assert by_size(observations, "whole") == {600: 1, 1400: 0}
    assert by_size(observations, "search") == {68: 1, 1420: 0, 1421: 0}
    assert whole(observations)["largest_whole", "forward"] == 600


def test_the_exact_command_is_kept() -> None:
    outcome, asked = measure(path(), sizes_bytes=(1400,), exact=False)
    rows = [row for row in asked if row[0] == "ping"]
    assert rows[1] == [
        "ping", "-n", "-D", "-w", "3", "-i", "0.2", "-c", "1", "-M", "probe", "-s", "1372",
        "-I", "10.88.0.1", "10.88.0.2",
    ]  # fmt: skip
    assert [c.argv for c in outcome.commands if c.role == "forward"] == rows


def test_what_the_kernel_learned_is_forgotten_before_fragments_and_at_the_end() -> None:
    _, asked = measure(path(1420, 1400), sizes_bytes=(1410,))
    flush = ["ip", "-4", "route", "flush", "cache"]
    first = asked.index(flush)
    assert all("dont" not in row for row in asked[:first])
    assert any("dont" in row for row in asked[first:])
    assert asked[-1] == flush


def test_nothing_there_is_a_failure_after_one_size() -> None:
    outcome, asked = measure(lambda *_: (1, SILENT, ""))
    assert outcome.status is Status.FAILED
    assert outcome.reason == "forward: no echo request of 68 bytes was answered within 3 s"
    assert sum(row[0] == "ping" for row in asked) == 1
    assert whole(values(outcome)) == {}


def test_a_path_that_broke_meanwhile_is_no_black_hole() -> None:
    asked: list[int] = []

    def breaks(size: int, _with_df: bool) -> str | tuple[int, str, str]:
        asked.append(size)
        return PASSED if len(asked) < 8 else (1, SILENT, "")

    outcome, _ = measure(breaks)
    assert outcome.status is Status.FAILED
    assert "were not answered any more at the end within 3 s" in str(outcome.reason)
    assert values(outcome)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        ((1, "", "ping: no\n"), Status.TOOL_FAILED, "forward: ping ended with 1: ping: no"),
        ("garbage", Status.TOOL_FAILED, "forward: ping ended with 0: 'garbage'"),
    ],
)
def test_a_tool_that_breaks_is_the_tool_s_failure(said: Any, status: Status, reason: str) -> None:
    outcome, _ = measure(lambda *_: said)
    assert (outcome.status, outcome.reason) == (status, reason)
    assert outcome.commands
    values(outcome)


def test_a_hanging_ping_keeps_what_was_found_by_then() -> None:
    def hangs(size: int, with_df: bool) -> Any:
        return (None, "", "") if size == 1400 else path()(size, with_df)

    outcome, _ = measure(hangs)
    assert outcome.status is Status.TIMEOUT
    assert outcome.reason == "forward: ping of 1400 bytes did not end within 8 s"
    assert by_size(values(outcome), "whole") == {576: 1, 1280: 1, 1360: 1}


def test_an_interface_without_an_mtu_is_not_reported() -> None:
    outcome, _ = measure(path(), tunnel_mtu="")
    assert outcome.status is Status.OK
    assert ("tunnel_mtu", "forward") not in whole(values(outcome))


@pytest.mark.parametrize("wrong", [(), (67,), (65_536,), ("x",)])
def test_sizes_that_cannot_be_are_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError, match="sizes_bytes"):
        mtu.Options(sizes_bytes=wrong)


def test_links_that_ask_different_questions_later_started_together() -> None:
    """Only the first command of a role says when a link started."""
    later = timedelta(seconds=3)
    first, second = (making.command(role="forward", start_s=0.01 * n) for n in range(2))
    more = first.model_copy(update={"started": first.started + later})
    outcomes = [Outcome(Status.OK, None, [first, more], 9), Outcome(Status.OK, None, [second], 9)]
    assert groups.spread_s(outcomes) == 0.01


def test_halving_asks_for_few_sizes() -> None:
    asked: list[int] = []

    async def passes(size: int) -> bool:
        asked.append(size)
        return size <= 1403

    assert asyncio.run(sized_ping.largest(passes, 1400, 1450)) == 1403
    assert len(asked) <= 6
