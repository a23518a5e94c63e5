"""RIST: what ffmpeg and librist say becomes values, and what it means becomes a status."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from meshbench import benchmarks
from meshbench.benchmarks import rist
from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.rist import Rist
from meshbench.benchmarks.tools import kernel_counters, librist, rist_values, stream
from meshbench.benchmarks.tools.rist_values import Expected, Role
from meshbench.results.records import Command, LinkRecord, Status
from tests.unit import making

RECEIVER, SENDER = making.text("rist-receiver.log"), making.text("rist-sender.log")
OLD_RECEIVER, OLD_SENDER = (making.text(f"rist-{end}-0.2.7.log") for end in ("receiver", "sender"))
PROGRESS, FRAMES = making.text("rist-progress.txt"), making.text("rist-frames.txt")
LIVE = making.text("rist-live.txt")
CAPTURED = 12_303_284
"""Bytes of the stream that these frames are of."""
CLIP = '{"format": {"bit_rate": "24609200"}}'
SNMP = (
    "Ip: Forwarding FragFails FragCreates\nIp: 2 {fails} {creates}\n"
    "Udp: InDatagrams RcvbufErrors\nUdp: 10 {dropped}\n"
    "Ip6FragCreates                  \t1\n"
)
SIZE = 1316
EXPECTED = Expected(4, 25_000_000, 400)


Changes = Mapping[Role, Any]
NOTHING: Changes = {}


def snmp(creates: int = 0, fails: int = 0, dropped: int = 0) -> str:
    return SNMP.format(creates=creates, fails=fails, dropped=dropped)


def run(changes: Changes = NOTHING, size: int = SIZE) -> list[Command]:
    """The commands of one stream; a change is another output, a whole command, or None for none."""
    outputs: dict[Role, Any] = {
        Role.BEFORE: snmp(), Role.FEED: PROGRESS, Role.ALIVE: "active\n", Role.AFTER: snmp(),
        Role.RECEIVER: RECEIVER, Role.SENDER: SENDER, Role.CAPTURED: f"{CAPTURED}\n",
        Role.FRAMES: FRAMES, **changes,
    }  # fmt: skip
    commands = []
    for role, output in outputs.items():
        if output is not None:
            command = output if isinstance(output, Command) else making.command(output)
            commands.append(command.in_role(rist_values.role(role, size)))
    return commands


def sent(packets: float, size: int = SIZE) -> str:
    """Ffmpeg's progress with so many packets."""
    return PROGRESS.replace("total_size=12304600", f"total_size={packets * size:.0f}")


def clip(text: str = CLIP, code: int | None = 0) -> Command:
    return making.command(text, code, role=Role.CLIP, argv=("ffprobe",))


def observed(*commands: Command, expected: Expected = EXPECTED) -> list[Observation]:
    link = making.link(clip(), *commands)
    return list(rist_values.observations(link, expected))


def whole(values: Sequence[Observation], mode: str | None = None) -> dict[str, float | None]:
    return {v.metric.name: v.value for v in values if v.t_s is None and v.mode == mode}


def series(values: Sequence[Observation], metric: str) -> list[tuple[float | None, float | None]]:
    return [(v.t_s, v.value) for v in values if v.t_s is not None and v.metric.name == metric]


def judged(changes: Changes) -> tuple[Status, str | None]:
    return rist_values.judge_all([clip(), *run(changes)], EXPECTED)


# --- values --------------------------------------------------------------------------------------


def test_both_ends_are_counted() -> None:
    """Of 9,350 packets, nearly half of which were dropped on their way, one never came: the first."""
    values = whole(observed(*run()))
    assert values["rist_packets_sent"] == 12_304_600 / SIZE == 9350
    assert values["rist_packets_delivered"] == 9349
    assert values["rist_packets_lost"] == 1
    assert values["rist_quality_recovered"] == pytest.approx(9349 / 9350)
    assert (values["rist_frames_sent"], values["rist_frames_received"]) == (120, 119)
    assert values["rist_frames_damaged"] == 0
    assert values["rist_frame_loss"] == pytest.approx(1 / 120)
    assert values["encoding_bitrate"] == 24_609_200
    took_s = max(4, 4.033333 / 1.14)
    assert values["rist_source_bitrate"] == pytest.approx(8 * 12_304_600 / took_s)
    assert values["rist_delivered_bitrate"] == pytest.approx(8 * CAPTURED / took_s)


def test_the_seconds_are_librists() -> None:
    values = whole(observed(*run()))
    assert values["rist_quality"] == pytest.approx((1 + 0.6948 + 0.6833 + 0.6914 + 0.692) / 5)
    assert values["rist_quality_min"] == 0.6833
    assert values["rist_packets_dropped_max"] == 0
    assert values["rist_packets_recovered_max"] == 1265
    assert values["rist_retries"] == 2326 + 2498 + 1960 + 1398
    assert values["rist_packets_retransmitted"] == 2229 + 2433 + 1810 + 1373
    assert values["rist_rtt_max"] == pytest.approx(4.555954388)
    # The first and the last second are cut short.
    assert values["rist_bitrate_max"] == 37_462_296
    assert values["rist_wrapped_seconds"] == 0
    assert (values["rist_buffer"], values["rist_packet"]) == (400, SIZE)


def test_every_second_has_its_time() -> None:
    values = observed(*run())
    times = [t_s for t_s, _ in series(values, "rist_quality")]
    assert times == pytest.approx([0, 0.759614, 1.763788, 2.763812, 3.759645])
    assert [value for _, value in series(values, "rist_quality_recovered")] == [1] * 5
    retransmitted = series(values, "rist_packets_retransmitted")
    assert [value for _, value in retransmitted] == [0, 0, 2229, 2433, 1810, 1373, 0]


def test_an_older_librist_is_read_and_named() -> None:
    old = run({Role.RECEIVER: OLD_RECEIVER, Role.SENDER: OLD_SENDER, Role.FEED: sent(1600)})
    values = whole(observed(*old, expected=Expected(4, 4_000_000, 400)))
    assert values["rist_quality_min"] == 0.9344
    assert values["rist_packets_recovered_max"] == 13
    assert values["rist_rtt_max"] == 16
    link = making.link(clip(), *old)
    assert "librist 0.2.7 tells the RTT in whole ms" in list(rist_values.marks(link, EXPECTED))
    assert not any("librist" in mark for mark in Rist().marks(making.link(clip(), *run())))


def lines(**changes: float) -> str:
    """The receiver's log with another last second."""
    *before, last = [line for line in RECEIVER.splitlines() if '"received":0,' not in line]
    for key, value in changes.items():
        head, _, tail = last.partition(f'"{key}":')
        last = f'{head}"{key}":{value}{tail[tail.index(",") :]}'
    return "\n".join([*before, last, ""])


@pytest.mark.parametrize("lost", [55_485, 65_536, 2 * 65_536])
def test_a_count_that_went_around_the_ring_is_no_loss(lost: int) -> None:
    values = observed(*run({Role.RECEIVER: lines(lost=lost)}))
    by_metric = whole(values)
    assert by_metric["rist_wrapped_seconds"] == 1
    assert by_metric["rist_packets_dropped_max"] == 0
    assert by_metric["rist_packets_lost"] == 1
    assert len(series(values, "rist_packets_dropped")) == 4
    assert len(series(values, "rist_quality")) == 5


def test_losses_that_were_really_missing_are_counted() -> None:
    """More than half of the ring, of a stream of which so much never came."""
    commands = run({
        Role.RECEIVER: lines(lost=40_000), Role.CAPTURED: f"{9350 * SIZE}", Role.FEED: sent(49_400),
        Role.SENDER: SENDER.replace('"sent":5000', '"sent":50000'),
    })  # fmt: skip
    values = whole(observed(*commands))
    assert values["rist_wrapped_seconds"] == 0
    assert values["rist_packets_dropped_max"] == 40_000


def test_without_a_count_at_both_ends_half_the_ring_is_the_limit() -> None:
    assert librist.is_wrap(55_485, None)
    assert not librist.is_wrap(20_000, None)


def test_gaps_in_the_stream_damage_its_frames() -> None:
    flags = ["K__", "___", "__C", "K_C", "_D_"]
    text = "".join(f"packet|size=10{n}|flags={flag}|\n" for n, flag in enumerate(flags))
    assert stream.frames(text) == stream.Frames(5, 2)
    values = whole(observed(*run({Role.FRAMES: text})))
    assert values["rist_frame_loss"] == pytest.approx((120 - 3) / 120)
    # Before ffmpeg 6.1 ffprobe does not say it.
    assert stream.frames("packet|size=10|flags=K_\npacket|size=10|flags=__\n") == stream.Frames(
        2, None
    )


def test_fragments_and_refusals_are_the_kernels() -> None:
    counted = [making.command(snmp(c, f), host="lom", role=rist_values.role(r, SIZE)) for r, c, f in ((Role.BEFORE, 10, 1), (Role.AFTER, 18_710, 4))]  # fmt: skip
    values = whole(observed(*counted, *run({Role.BEFORE: None, Role.AFTER: None})))
    assert (values["rist_fragments"], values["rist_refused"]) == (18_700, 3)
    assert kernel_counters.grown("", snmp(), "IpFragCreates") is None


def test_receive_buffers_that_were_too_small_are_counted() -> None:
    after = making.command(snmp(dropped=7), host="yuki")
    before = making.command(snmp(), host="yuki")
    values = whole(observed(*run({Role.AFTER: after, Role.BEFORE: before})))
    assert values["rist_unread"] == 7


SOCKET = (
    "UNCONN 0 0 127.0.0.1:5205 0.0.0.0:*\n\t skmem:(r0,rb212992,t0,tb212992,f0,w0,o0,bl0,d{})\n"
)


def test_packets_dropped_between_programs_of_one_host_are_no_loss() -> None:
    """But then nobody knows which frames the network lost."""
    commands = run({Role.CAPTURED: f"{9270 * SIZE}", Role.DROPS: SOCKET.format(79)})
    values = observed(*commands)
    by_metric = whole(values)
    assert by_metric["rist_packets_lost"] == 1
    assert by_metric["rist_quality_recovered"] == pytest.approx(9349 / 9350)
    [frames] = [v for v in values if v.metric.name == "rist_frame_loss"]
    assert (frames.value, frames.status) == (None, Status.TOOL_FAILED)
    assert frames.reason == "79 packets were dropped between programs of one host"
    assert judged({Role.DROPS: SOCKET.format(0)}) == (Status.OK, None)
    status, reason = judged({Role.DROPS: SOCKET.format(5000)})
    assert (status, reason) == (
        Status.TOOL_FAILED, "5000 packets were dropped between programs of one host",
    )  # fmt: skip


def test_each_packet_size_has_its_values_and_its_own_reason() -> None:
    """One whose packets never came takes nothing from the others."""
    lost = run({Role.FEED: sent(9350, 1128), Role.CAPTURED: "0\n", Role.FRAMES: None, Role.RECEIVER: OLD_RECEIVER.split("\n")[0]}, 1128)  # fmt: skip
    commands = [clip(), *run(), *lost]
    assert rist_values.judge_all(commands, EXPECTED) == (Status.OK, None)
    values = observed(*run(), *lost)
    assert whole(values)["rist_quality_recovered"] == pytest.approx(9349 / 9350)
    other = [v for v in values if v.mode == "1128 byte"]
    assert {v.metric for v in other} == set(rist_values.HEADLINES)
    assert {(v.value, v.status) for v in other} == {(None, Status.FAILED)}
    assert {v.reason for v in other} == {"none of 9350 packets came through"}
    benchmark = Rist(rist.Options(packet_bytes=(1316, 1128)))
    headlines = {(h.metric, h.mode) for h in benchmark.headlines()}
    assert {(v.metric, v.mode) for v in other} < headlines
    assert rist_values.judge_all([clip(), *lost], EXPECTED)[0] is Status.FAILED


# --- how it ended ---------------------------------------------------------------------------------

START = RECEIVER.splitlines()[0] + "\n"
NOT_CONNECTED = SENDER.splitlines()[0] + "\n"


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({}, Status.OK, None),
        ({Role.SENDER: NOT_CONNECTED, Role.FEED: None, Role.RECEIVER: START, Role.CAPTURED: "0", Role.FRAMES: None}, Status.FAILED, "no RIST session: the receiver did not answer the sender's handshake"),
        ({Role.RECEIVER: START, Role.CAPTURED: "0", Role.FRAMES: None}, Status.FAILED, "none of 9350 packets came through"),
        ({Role.CAPTURED: "0", Role.FRAMES: None}, Status.TOOL_FAILED, "ristreceiver got 9392 packets and none was kept"),
        ({Role.CAPTURED: making.command("", 1)}, Status.TOOL_FAILED, "ffmpeg kept no file of what came"),
        ({Role.FRAMES: "garbage"}, Status.TOOL_FAILED, "ffprobe found no frame in what came"),
        ({Role.RECEIVER: "boo"}, Status.TOOL_FAILED, "ristreceiver did not start: 'boo'"),
        ({Role.RECEIVER: ""}, Status.TOOL_FAILED, "ristreceiver did not start: nothing"),
        ({Role.SENDER: ""}, Status.TOOL_FAILED, "ristsender did not start: nothing"),
        ({Role.FEED: making.command("", 1, error="no such file")}, Status.TOOL_FAILED, "ffmpeg ended with 1: 'no such file'"),
        ({Role.FEED: making.command("", None, took_s=9)}, Status.TOOL_FAILED, "ffmpeg did not end within 9 s"),
        ({Role.FEED: "garbage"}, Status.TOOL_FAILED, "ffmpeg does not say what it sent: 'garbage'"),
        ({Role.FEED: PROGRESS.replace("speed=1.14x", "speed=0.4x")}, Status.TOOL_FAILED, "ffmpeg sent 9.76 of 25 Mbit/s: 4 s took it 10.1 s"),
        ({Role.SENDER: "\n".join(SENDER.splitlines()[:6])}, Status.TOOL_FAILED, "ristsender got 5500 of 9350 packets from ffmpeg on its own host"),
    ],
)  # fmt: skip
def test_how_a_stream_ended_is_judged(changes: Changes, status: Status, reason: str | None) -> None:
    assert judged(changes) == (status, reason)


def test_a_program_that_ended_is_the_tools_failure() -> None:
    status, reason = judged({Role.ALIVE: making.command("failed\n", 3)})
    assert status is Status.TOOL_FAILED
    assert reason
    assert reason.startswith("a program ended while the stream ran: '")


def test_statistics_that_cannot_be_read_are_the_tools_failure() -> None:
    spoilt = RECEIVER.replace('"quality":', '"qualitaet":')
    status, reason = judged({Role.RECEIVER: spoilt})
    assert status is Status.TOOL_FAILED
    assert reason == "librist's statistics cannot be read: receiver-stats: quality: Field required"


def test_a_session_that_broke_is_not_the_senders_fault() -> None:
    gone = "1795717565.3|0.0|[INFO] Connection Status changed for Peer 1, new status is 1, peer connected count is 0\n"
    log = "\n".join(SENDER.splitlines()[:6]) + "\n" + gone
    assert judged({Role.SENDER: log})[0] is Status.OK


@pytest.mark.parametrize(
    ("clip_said", "reason"),
    [
        (clip('{"format": {"bit_rate": "3300000"}}'), "the encoder made 3.30 of 25 Mbit/s"),
        (clip("{}"), "lom: ffprobe: no bit rate in '{}': there is no 'format'"),
        (clip("", 1), "lom: ffprobe ended with 1 while the stream was made: nothing"),
        (clip("", None), "lom: ffprobe did not end while the stream was made: nothing"),
        (clip(), None),
    ],
)
def test_the_source_reaches_its_bit_rate_or_is_a_failure_of_the_tool(
    clip_said: Command, reason: str | None
) -> None:
    assert rist_values.source_problem(clip_said, 25_000_000) == reason


# --- as in the thesis ------------------------------------------------------------------------------

THESIS = Expected(4, 25_000_000, 400, thesis=True)
LIVE_SENT = 1520 * 1024


def live(code: int | None = 187) -> list[Command]:
    feed = making.command("", code, error=LIVE, took_s=16.8)
    return run({Role.FEED: feed, Role.SENDER: None})


def test_the_thesis_source_is_told_as_the_thesis_did() -> None:
    """A pattern that encodes to an eighth of what was asked for, on cores that are too slow for it."""
    values = observed(*live(), expected=THESIS)
    by_metric = whole(values)
    assert by_metric["rist_frames_sent"] == 120
    assert by_metric["encoding_dropped_frames"] == 0
    assert by_metric["encoding_fps_max"] == pytest.approx(8.3)
    assert by_metric["rist_packets_sent"] == pytest.approx(LIVE_SENT / SIZE)
    assert by_metric["rist_source_bitrate"] == pytest.approx(8 * LIVE_SENT / 16.8)
    [mark] = rist_values.marks(making.link(*live()), THESIS)
    assert mark == "as in the thesis the source made 3.1 of 25 Mbit/s on lom->yuki"


def test_the_thesis_takes_ffmpegs_failure_and_its_limit() -> None:
    assert rist_values.judge_all(live(), THESIS) == (Status.OK, None)
    status, reason = rist_values.judge_all(live(None), THESIS)
    assert status is Status.TIMEOUT
    assert reason == "ffmpeg had not sent 4 s within 17 s"
    assert whole(observed(*live(None), expected=THESIS))["rist_frames_sent"] == 120


# --- what is run ----------------------------------------------------------------------------------


SHORT: dict[str, Any] = {"duration_s": 4, "buffer_ms": 20}


def answer(argv: Sequence[str]) -> str | tuple[int, str, str]:
    """A host on which all goes well."""
    outputs = {"stat": f"{CAPTURED}\n", "ss": "UNCONN", "systemctl": "active\n"}
    if argv[0] == "cat":
        path = str(argv[-1])
        return snmp() if path.startswith("/proc") else RECEIVER if "receiver" in path else SENDER
    if argv[0] == "ffprobe":
        return CLIP if "json" in argv else FRAMES
    if "-progress" in argv:
        return PROGRESS
    return (1, "", LIVE) if argv[0] == "ffmpeg" and "-re" in argv else outputs.get(argv[0], "")


def measure(
    answers: making.Answer = answer, **options: Any
) -> tuple[Outcome, making.ScriptedHost, making.ScriptedHost]:
    source = making.ScriptedHost("lom", answers)
    target = making.ScriptedHost("yuki", answers, 2)
    link = Link(source, target, "10.88.0.1", "10.88.0.2", "mesh0")

    async def inner() -> Outcome:
        benchmark = benchmarks.make("rist", options)
        async with benchmark.serving(making.arena(link)):
            [outcome] = await benchmark.measure([link], making.arena(link))
            return outcome

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rist, "STATISTICS_S", 0.0)
        return asyncio.run(inner()), source, target


def test_the_programs_are_started_with_the_options() -> None:
    outcome, source, target = measure(**SHORT, profile="simple", packet_bytes=[1504])
    assert outcome.status is Status.OK, outcome.reason
    [capture, receiver], [sender] = target.started, source.started
    assert capture.argv[0] == "ffmpeg"
    assert list(receiver.argv) == [
        "ristreceiver", "-i", "rist://@10.88.0.2:5202?buffer=20", "-o", "udp://127.0.0.1:5206",
        "-p", "0", "-S", "1000", "-v", "6",
    ]  # fmt: skip
    assert list(sender.argv) == [
        "ristsender", "-i", "udp://@127.0.0.1:5205", "-o", "rist://10.88.0.2:5202?buffer=20",
        "-p", "0", "-S", "1000", "-v", "6",
    ]  # fmt: skip
    [feed] = [command for command in outcome.commands if command.role == "feed 1504"]
    assert feed.argv[-1].startswith("udp://127.0.0.1:5205?pkt_size=1504&")
    kept = {command.role: command for command in outcome.commands}
    assert kept["receiver 1504"].argv == list(receiver.argv)
    assert {unit.name for unit in (capture, receiver)} <= set(target.stopped)
    assert sender.name in source.stopped


def test_the_thesis_is_followed_to_the_letter() -> None:
    """But for the ports, which no two links share (reference-runner.md section 5.7)."""
    outcome, source, target = measure(thesis=True)
    assert outcome.status is Status.OK, outcome.reason
    assert not source.started
    receiver = target.started[1]
    assert list(receiver.argv) == [
        "ristreceiver", "-i", "rist://@[::]:5202?buffer=400", "-o", "udp://127.0.0.1:5206",
        "-p", "1", "-S", "1000", "-v", "6",
    ]  # fmt: skip
    [feed] = [command for command in outcome.commands if command.role == "feed 1316"]
    clip = "/var/lib/meshbench/rist/" + stream.clip_name(stream.encode_thesis(PurePosixPath("x")))
    assert " ".join(feed.argv) == (
        f"ffmpeg -hide_banner -nostdin -re -stream_loop -1 -i {clip} -t 30 -map 0 -c copy -f mpegts "
        "-stats -stats_period 1 rist://10.88.0.2:5202"
    )


def without_a_clip() -> making.Answer:
    """A host on which all goes well, and which has no clip before it has made one."""
    missing = {"clip"}

    def said(argv: Sequence[str]) -> str | tuple[int, str, str]:
        if argv[0] == "ffprobe" and "json" in argv and missing:
            return 1, "", "No such file or directory"
        missing.difference_update({"clip"} if argv[0] == "mv" else ())
        return answer(argv)

    return said


def test_the_thesis_pattern_is_encoded_as_it_was() -> None:
    """Once, before anything is sent: a source on a slow machine is no failure of the way."""
    argv = " ".join(stream.encode_thesis(PurePosixPath("clip.ts")))
    assert argv.endswith(
        "-f lavfi -i testsrc=size=3840x2160:rate=30:duration=10 "
        "-f lavfi -i sine=frequency=1000:duration=10 -c:v libx264 -preset ultrafast "
        "-tune zerolatency -b:v 25M -maxrate 25M -bufsize 2M -g 50 -pix_fmt yuv420p -c:a aac "
        "-b:a 128k -f mpegts clip.ts"
    )
    outcome, source, _ = measure(without_a_clip(), thesis=True)
    assert outcome.status is Status.OK, outcome.reason
    assert sum("libx264" in argv for argv in source.asked) == 1


def test_the_clip_is_encoded_once() -> None:
    outcome, source, target = measure(without_a_clip(), **SHORT)
    assert outcome.status is Status.OK, outcome.reason
    assert sum("libx264" in argv for argv in source.asked) == 1
    assert not any("libx264" in argv for argv in target.asked)
    _, source, _ = measure(**SHORT)
    assert not any("libx264" in argv for argv in source.asked)


def test_a_source_that_cannot_be_made_starts_nothing() -> None:
    def broken(argv: Sequence[str]) -> str | tuple[int, str, str]:
        return (1, "", "Unknown encoder 'libx264'") if argv[0].startswith("ff") else answer(argv)

    outcome, source, target = measure(broken)
    assert outcome.status is Status.TOOL_FAILED
    assert outcome.reason
    assert "lom: ffmpeg ended with 1 while the stream was made" in outcome.reason
    assert not source.started
    assert not target.started


def test_ipv6_addresses_are_in_brackets() -> None:
    assert librist.url("fd00::1", 5202, buffer=400) == "rist://[fd00::1]:5202?buffer=400"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"packet_bytes": [1300]}, "1300 is not a multiple of 188"),
        ({"packet_bytes": [1316, 1316]}, "a size stands there twice"),
        ({"packet_bytes": []}, "at least 1 item"),
        ({"profile": "advanced"}, "'simple' or 'main'"),
        ({"thesis": True, "bitrate_mbit": 10}, "leave out bitrate_mbit, or thesis"),
        ({"duration_s": 0.5}, "greater than or equal to 1"),
    ],
)
def test_wrong_options_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        rist.Options.model_validate(options)


def test_the_plan_counts_every_packet_size() -> None:
    single, double = (Rist(rist.Options(packet_bytes=sizes)) for sizes in ((1316,), (1316, 1128)))
    assert single.duration_s() > 30
    assert double.duration_s() == 2 * single.duration_s()


# --- anything -------------------------------------------------------------------------------------

PARTS = (RECEIVER, SENDER, PROGRESS, FRAMES, CLIP, SNMP, "", '{"receiver-stats":{}}', "[" * 5000)


@given(
    choice=st.data(), role=st.sampled_from([r for r in Role if r is not Role.CLIP]),
    code=st.sampled_from([None, 0, 1, 127]),
)  # fmt: skip
def test_whatever_a_program_says_there_is_a_value_or_a_reason(
    choice: st.DataObject, role: Role, code: int | None
) -> None:
    text = choice.draw(st.sampled_from(PARTS)) + choice.draw(st.text(max_size=30))
    at = choice.draw(st.integers(0, len(text)))
    command = making.command(text[at:] + choice.draw(st.text(max_size=8)) + text[:at], code)
    commands = [clip(), *run({role: command})]
    status, reason = rist_values.judge_all(commands, EXPECTED)
    assert status is Status.OK or reason
    link = LinkRecord(source="lom", target="yuki", status=status, reason=reason, commands=commands)
    values = list(rist_values.observations(link, EXPECTED))
    list(rist_values.marks(link, EXPECTED))
    assert all(v.value is None or v.value >= 0 for v in values)
    if status is Status.OK:
        assert "rist_quality_recovered" in whole(values)


@pytest.mark.parametrize("broken", ["sender", "receiver"])
def test_a_session_without_both_of_its_programs_is_not_waited_for(broken: str) -> None:
    """And the program is to blame, not the path."""

    def said(argv: Sequence[str]) -> str | tuple[int, str, str]:
        if argv[0] == "systemctl" and f"meshbench-rist-{broken}-5201" in argv:
            return 3, "inactive\n", ""
        if argv[0] == "grep":
            return 1, "", ""
        if argv[0] == "cat" and str(argv[-1]).endswith(f"{broken}.log"):
            return "exec format error"
        return answer(argv)

    outcome, source, _ = measure(said, **SHORT)
    assert outcome.status is Status.TOOL_FAILED
    assert f"rist{broken} did not start: 'exec format error'" in str(outcome.reason)
    assert sum(argv[0] == "grep" for argv in source.asked) == 2
