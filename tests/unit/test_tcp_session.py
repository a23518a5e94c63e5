"""iperf3 over TCP is asked for what the options say, and did it: flows, congestion control, window, thesis."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from meshbench import benchmarks
from meshbench.benchmarks.base import Link, Outcome
from meshbench.benchmarks.tools.tcp_session import TcpOptions
from meshbench.results.records import Status
from tests.unit import making

LISTENS = "LISTEN 0 4096 *:5201 *:*\n"
THESIS = "-i 1.0 --connect-timeout 600 -l 131072 -Z --username"
"""Of the reference's command, after the addresses; interval and block size are iperf3's own defaults."""


def measured(document: Any, kind: str = "tcp", **options: Any) -> tuple[Outcome, list[str]]:
    """What measuring one link comes to when iperf3 prints this, and its last command line."""
    asked: list[list[str]] = []

    def answer(argv: Sequence[str]) -> str:
        if argv[0] == "iperf3":
            asked.append(list(argv))
            return json.dumps(document)
        return LISTENS if argv[0] == "ss" else ""

    host = making.ScriptedHost(answer=answer)
    link = Link(host, host, "10.88.0.1", "10.88.0.2", "mesh0")
    return making.measured(kind, link, options), asked[-1]


FORWARD, BIDIR = making.document("iperf3-forward.json"), making.document("iperf3-bidir.json")


def changed(document: Any, part: str, **keys: Any) -> dict[str, Any]:
    """A document with these keys in `end`, or in `start.test_start`."""
    copy: dict[str, Any] = json.loads(json.dumps(document))
    (copy["end"] if part == "end" else copy["start"]["test_start"]).update(keys)
    return copy


@pytest.mark.parametrize(
    "document",
    [
        changed(BIDIR, "test", num_streams=2),
        changed(BIDIR, "end", streams=BIDIR["end"]["streams"][:1]),
        changed(BIDIR, "end", streams=BIDIR["end"]["streams"] * 2),
    ],
)
def test_a_run_with_other_flows_than_asked_for_is_the_tool_s_failure(document: Any) -> None:
    outcome, _ = measured(document, modes=["bidir"])
    assert outcome.status is Status.TOOL_FAILED
    assert str(outcome.reason).startswith("bidir: asked for one stream bidir; iperf3 tells of")


def test_a_run_in_another_direction_is_the_tool_s_failure() -> None:
    outcome, _ = measured(changed(FORWARD, "test", reverse=1), modes=["forward"])
    assert outcome.status is Status.TOOL_FAILED
    assert "mode reverse" in str(outcome.reason)


def test_a_congestion_control_that_was_not_used_is_unsupported() -> None:
    names = {"sender_tcp_congestion": "reno", "receiver_tcp_congestion": "cubic"}
    outcome, argv = measured(changed(FORWARD, "end", **names), modes=["forward"], congestion="reno")
    assert argv[argv.index("-C") + 1] == "reno"
    assert outcome.status is Status.UNSUPPORTED
    assert outcome.reason == "forward: asked for reno, and a kernel used cubic"
    names["receiver_tcp_congestion"] = "reno"
    outcome, _ = measured(changed(FORWARD, "end", **names), modes=["forward"], congestion="reno")
    assert (outcome.status, outcome.reason) == (Status.OK, None)


def test_which_congestion_control_the_kernel_chose_is_its_own_matter() -> None:
    outcome, argv = measured(changed(FORWARD, "end", sender_tcp_congestion="x"), modes=["forward"])
    assert outcome.status is Status.OK
    assert "-C" not in argv


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("unable to set TCP_CONGESTION: Supplied congestion control algorithm not supported on this host",
         "(net.ipv4.tcp_available_congestion_control says which there are)"),
        ("socket buffer size not set correctly",
         "(net.core.rmem_max and wmem_max of both hosts must allow it)"),
    ],
)  # fmt: skip
def test_what_a_kernel_does_not_let_iperf3_set_is_unsupported(error: str, advice: str) -> None:
    outcome, argv = measured({"error": error}, modes=["forward"], window_bytes=8_388_608)
    assert argv[argv.index("-w") + 1] == "8388608"
    assert outcome.status is Status.UNSUPPORTED
    assert outcome.reason == f"forward: {error} {advice}"


@pytest.mark.parametrize(("kind", "seconds"), [("tcp", "30"), ("tcp_parallel", "60")])
def test_thesis_is_the_reference_runner_s_command(kind: str, seconds: str) -> None:
    _, argv = measured(BIDIR, kind, thesis=True)
    assert THESIS in " ".join(argv)
    assert argv[-3:] == ["-t", seconds, "--bidir"]
    assert not {"-O", "-C", "-w", "-P"} & set(argv)


@pytest.mark.parametrize(
    ("key", "value"), [("duration_s", 31), ("modes", ["forward"]), ("zero_copy", False), ("warm_up", True)]
)  # fmt: skip
def test_nothing_is_said_otherwise_beside_thesis(key: str, value: Any) -> None:
    with pytest.raises(ValidationError, match=f"thesis: true sets {key} .* leave out {key}"):
        TcpOptions.model_validate({"thesis": True, key: value})


def test_what_thesis_sets_may_be_spelt_out_and_its_record_is_read_again() -> None:
    for kind in ("tcp", "tcp_parallel"):
        options = benchmarks.make(kind, {"thesis": True, "zero_copy": True, "attempts": 2}).options
        assert benchmarks.make(kind, options.model_dump(mode="json")).options == options
        assert options.attempts == 2


@pytest.mark.parametrize("value", ["yes", 1, "true", None])
def test_thesis_is_true_or_false(value: Any) -> None:
    with pytest.raises(ValidationError, match="thesis"):
        TcpOptions.model_validate({"thesis": value})


@pytest.mark.parametrize(
    "options", [{"congestion": "vegas9"}, {"window_bytes": 1}, {"window_bytes": 2**40}]
)
def test_options_have_limits(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(options))):
        TcpOptions.model_validate(options)
