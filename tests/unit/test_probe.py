"""The probe of outages: what ping says becomes requests, and requests become an outage."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshbench.benchmarks.tools import probe
from meshbench.benchmarks.tools.probe import INTERVAL_S, Request, outage, requests
from meshbench.testbed.host import CommandError
from tests.unit import making

HEAD = "PING 10.88.0.2 (10.88.0.2) 56(84) bytes of data."


def reply(at_s: float, sequence: int, rtt_ms: float = 1.0) -> str:
    return f"[{at_s:.6f}] 64 bytes from 10.88.0.2: icmp_seq={sequence} ttl=64 time={rtt_ms} ms"


def missing(at_s: float, sequence: int) -> str:
    return f"[{at_s:.6f}] no answer yet for icmp_seq={sequence}"


def text(*lines: str) -> str:
    return "\n".join([HEAD, *lines, ""])


def row(fates: str, start_s: float = 100.0) -> list[Request]:
    """A request every 50 ms: '.' answered after 1 ms, 'x' lost, 'L' answered a second late."""
    delays = {".": 0.001, "x": None, "L": 1.0}
    return [
        Request(n, sent_s, None if (delay := delays[fate]) is None else sent_s + delay)
        for n, fate in enumerate(fates)
        for sent_s in (start_s + n * INTERVAL_S,)
    ]


# --- reading ---------------------------------------------------------------------------------------


def test_a_reply_gives_both_times() -> None:
    [request] = requests(text(reply(100.5, 1, 250)))
    assert request.sent_s == pytest.approx(100.25)
    assert request.replied_s == 100.5
    assert request.rtt_s == pytest.approx(0.25)


def test_a_missing_answer_was_sent_an_interval_before_it_is_said() -> None:
    [request] = requests(text(missing(100.05, 1)))
    assert request.sent_s == pytest.approx(100.0)
    assert request.replied_s is None


def test_an_answer_that_came_late_is_no_loss_and_the_first_one_counts() -> None:
    lines = (missing(100.05, 1), reply(100.4, 1, 400), reply(100.5, 1, 500) + " (DUP!)")
    [request] = requests(text(*lines))
    assert request.replied_s == 100.4


def test_errors_are_not_replies() -> None:
    lines = (
        "ping: sendmsg: Network is unreachable",
        "[100.020000] From 10.88.0.1 icmp_seq=1 Destination Host Unreachable",
        missing(100.05, 1),
        "[100.100000] 64 bytes from 10.88.0.2: icmp_seq=2 ttl=64 time=1 ms (BAD CHECKSUM!)",
    )
    assert [request.replied_s for request in requests(text(*lines))] == [None]


def test_sequence_numbers_are_counted_on_over_16_bits_and_over_runs() -> None:
    first = text(reply(100.0, 65535), reply(100.05, 0), reply(100.1, 1))
    second = text(reply(101.0, 1), reply(101.05, 2))
    numbers = [request.number for request in requests(first + second)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == 5
    assert numbers[1] == numbers[0] + 1 == numbers[2] - 1


def test_what_could_not_be_sent_is_lost() -> None:
    lines = (
        "ping: connect: Network is unreachable",
        "[100.100000000] nothing sent: ping ended with 2",
        "ping: connect: Network is unreachable",
        "[100.150000000] nothing sent: ping ended with 2",
    )
    parsed = requests("\n".join(lines) + "\n" + text(reply(100.201, 1)))
    assert [request.replied_s for request in parsed] == [None, None, 100.201]
    seen = outage(parsed, 100.0, 101.0)
    assert seen.noticed
    assert seen.first_after_s == 100.201
    assert seen.lost == 2


@given(st.text(max_size=400))
def test_garbage_is_no_request_and_no_traceback(garbage: str) -> None:
    for request in requests(f"{HEAD}\n{garbage}"):
        assert request.replied_s is None or request.replied_s > 0


@given(st.lists(st.sampled_from("ax["), max_size=30).map("".join))
def test_only_ten_replies_at_the_end_are_steady(start: str) -> None:
    ten = "\n".join(reply(100 + n / 20, n) for n in range(1, 11))
    assert probe.steady(f"{start}\n{ten}")
    assert not probe.steady(f"{ten}\n{missing(101, 11)}")
    assert not probe.steady(ten.partition("\n")[2])


# --- outages ---------------------------------------------------------------------------------------


def test_the_stages_of_an_outage() -> None:
    seen = outage(row("." * 40 + "xxxx" + "..x" + "." * 20), since_s=102.0, until_s=104.0)
    assert seen.noticed
    assert seen.last_before_s == pytest.approx(100 + 39 * INTERVAL_S + 0.001)
    assert seen.first_after_s == pytest.approx(100 + 44 * INTERVAL_S + 0.001)
    assert seen.steady_s == pytest.approx(100 + 47 * INTERVAL_S + 0.001)
    assert seen.lost == 5


def test_one_lost_request_is_no_outage_but_is_counted() -> None:
    seen = outage(row("." * 40 + "x" + "." * 20), since_s=102.0, until_s=103.0)
    assert (seen.noticed, seen.first_after_s, seen.lost) == (False, None, 1)


def test_what_was_queued_counts_from_when_it_came() -> None:
    """Four requests that a VPN kept until it was up again arrive at once."""
    sent = row("." * 40)
    held = [Request(40 + n, 102 + n * INTERVAL_S, 102.3) for n in range(4)]
    sent += [*held, *row("." * 20, start_s=102.301)]
    seen = outage(sent, since_s=102.0, until_s=104.0)
    assert seen.noticed
    assert seen.first_after_s == seen.steady_s == 102.3
    assert seen.lost == 0


def test_a_long_path_is_not_late() -> None:
    sent = [Request(n, 100 + n * INTERVAL_S, 100.6 + n * INTERVAL_S) for n in range(80)]
    assert not outage(sent, since_s=102.0, until_s=103.5).noticed


def test_many_requests_that_were_held_before_are_not_usual() -> None:
    """Nebula keeps what is sent to a peer that is down, and sends all of it when that is back."""
    held = [Request(60 + n, 103 + n * INTERVAL_S, 106.0) for n in range(60)]
    sent = [*row("." * 60), *held, *row("." * 40, start_s=106.05)]
    assert outage(sent, since_s=105.0, until_s=108.0).first_after_s == 106.0


def test_what_never_comes_back_is_censored() -> None:
    seen = outage(row("." * 40 + "x" * 40), since_s=102.0, until_s=103.9)
    assert seen.noticed
    assert (seen.first_after_s, seen.steady_s) == (None, None)
    assert 35 <= seen.lost <= 38
    assert seen.lost == seen.sent - 1, "the one before it was answered"


def test_a_reply_after_the_end_is_not_known() -> None:
    sent = row("." * 40 + "x" * 10 + "LLL")
    assert outage(sent, since_s=102.0, until_s=103.0).first_after_s is None
    assert outage(sent, since_s=102.0, until_s=110.0).first_after_s is not None


def test_flapping_is_not_steady() -> None:
    seen = outage(row("." * 40 + "xx" + ("." * 9 + "x") * 3), since_s=102.0, until_s=110.0)
    assert seen.first_after_s is not None
    assert seen.steady_s is None


def test_what_was_before_is_not_charged_to_the_event() -> None:
    seen = outage(row("." * 10 + "xxxx" + "." * 60), since_s=102.0, until_s=103.5)
    assert not seen.noticed
    assert seen.lost == 0


def test_nothing_sent_is_nothing_noticed() -> None:
    assert not outage([], 100.0, 101.0).noticed


@given(st.text(alphabet=".xL", max_size=120), st.floats(100, 106), st.floats(0, 6))
def test_stages_are_in_their_order(fates: str, since_s: float, window_s: float) -> None:
    seen = outage(row(fates), since_s, since_s + window_s)
    assert seen.lost >= 0
    times = [
        time for time in (seen.last_before_s, seen.first_after_s, seen.steady_s) if time is not None
    ]
    assert seen.noticed or times == []
    if seen.first_after_s is not None and seen.steady_s is not None:
        assert seen.first_after_s <= seen.steady_s
    assert all(time <= since_s + window_s for time in times[1:])


# --- running ---------------------------------------------------------------------------------------


def two(answer: making.Answer) -> tuple[making.ScriptedHost, making.ScriptedHost, probe.Probe]:
    a, b = making.ScriptedHost("lom", answer, 1), making.ScriptedHost("yuki", answer, 2)
    return a, b, probe.of([a, b], {"lom": "10.88.0.1", "yuki": "10.88.0.2"}, limit_s=60)


def test_every_ordered_pair_has_its_command_and_output() -> None:
    def answer(argv: Sequence[str]) -> str:
        return text(reply(100, 1)) if argv[0] == "cat" else ""

    a, b, probing = two(answer)
    asyncio.run(probing.start())
    [unit] = a.started
    assert unit.properties["RuntimeMaxSec"] == "60"
    assert unit.argv[-1] == "yuki=10.88.0.2"
    by_pair = asyncio.run(probing.stop())
    assert by_pair.keys() == {("lom", "yuki"), ("yuki", "lom")}
    assert by_pair["lom", "yuki"].argv == probe.command("10.88.0.2")
    assert by_pair["lom", "yuki"].role == f"{probe.ROLE}/yuki"
    assert probe.UNIT in a.stopped
    assert ["rm", "-rf", "--", str(probe.FOLDER)] in b.asked


def test_looking_tells_which_pairs_are_steady() -> None:
    ten = "\n".join(reply(100 + n / 20, n) for n in range(1, 11))

    def answer(argv: Sequence[str]) -> str:
        return f"==> {probe.FOLDER}/{'yuki' if 'yuki' in argv[-1] else 'lom'}.log <==\n{ten}\n"

    _, _, probing = two(answer)
    looked = asyncio.run(probing.look())
    assert {pair: probe.steady(tail) for pair, tail in looked.items()} == {
        ("lom", "yuki"): True,
        ("yuki", "lom"): True,
    }


def test_a_host_that_is_away_is_not_steady() -> None:
    def answer(argv: Sequence[str]) -> str:
        raise CommandError(making.command(code=255, argv=argv))

    _, _, probing = two(answer)
    assert set(asyncio.run(probing.look()).values()) == {""}


@pytest.mark.parametrize(
    ("text", "whether"),
    [
        ("PING 10.88.0.2 (10.88.0.2) 56(84) bytes of data.", True),
        ("ping: connect: Network is unreachable\n[1.0] nothing sent: ping ended with 2", True),
        ("{\ufffd [not json\n[1.0] nothing sent: ping ended with 0", False),
        ("", False),
    ],
)
def test_what_is_no_ping_is_known(text: str, whether: bool) -> None:
    assert probe.ran(text) is whether
