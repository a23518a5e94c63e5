"""What the importer knows of one link, and what the runner's errors mean."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from meshbench.importers.vpn_runner.index import Kind
from meshbench.importers.vpn_runner.reading import (
    UnreadableError,
    at,
    count,
    from_epoch,
    items,
    mapping,
    number,
    seconds,
    text,
)
from meshbench.importers.vpn_runner.values import Value
from meshbench.results import imported_metrics as m
from meshbench.results.records import Status
from meshbench.util.scrub import excerpt, scrub

EVERYWHERE = "*"
"""Source and target of what belongs to no link: settings and the runner's own time."""
REASON_LENGTH = 300
_UNIT_MISTAKE_MS = 5000
"""The runner means seconds by its connect time-out; iperf3 takes milliseconds."""


@dataclass(frozen=True)
class Refused:
    """A whole-run value that cannot be, and why."""

    value: Value
    reason: str


@dataclass
class LinkOutcome:
    """One link of one file: its row in the links table, and its values.

    Source and target are empty as long as nothing says which hosts they were; `address` is then
    where the file says that its test went.
    """

    source: str
    target: str
    status: Status = Status.OK
    reason: str | None = None
    attempts: int = 1
    limit_s: float | None = None
    started: datetime | None = None
    duration_s: float | None = None
    measuring_s: float | None = None
    tunnel_mtu: int | None = None
    marks: list[str] = field(default_factory=list)
    values: list[Value] = field(default_factory=list)
    log: str | None = None
    address: str = ""
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True)
class Envelope:
    """A test file: its data or its error, and what the runner says about the test."""

    data: Any
    error: dict[str, Any] | None
    limit_s: float | None
    meta: dict[str, Any]


_BARE = ("intervals", "end", "results", "total_bandwidth_mbps_percentiles", "total_bandwidth_mbps")
"""Keys of iperf3's, hyperfine's and qperf's results, which the runner's first versions kept as they came."""


def open_envelope(document: Any) -> Envelope:
    """The envelope of a test file, or a tool's own document as one that has no meta object.

    Raises:
        UnreadableError: it is neither.
    """
    status = at(document, "status")
    if status == "success":
        return Envelope(at(document, "data"), None, None, mapping(document, "meta"))
    if status == "error":
        error = mapping(document, "error")
        return Envelope(None, error, seconds(document, "timeout"), mapping(document, "meta"))
    if isinstance(document, dict) and status is None and any(key in document for key in _BARE):
        if text(document, "error"):
            return Envelope(None, {"stdout": json.dumps(document)}, None, {})
        return Envelope(document, None, None, {})
    raise UnreadableError("no envelope: status is neither 'success' nor 'error'")


def no_value(data: Any, noun: str = "value") -> UnreadableError:
    """What a success that gave no value is refused with: it holds none, or none that is known here."""
    if not _any_number(data):
        return UnreadableError(f"says success and holds no {noun}")
    keys = ", ".join(sorted(map(repr, mapping(data)))[:_KEYS]) or f"a {type(data).__name__}"
    return UnreadableError(
        f"says success, but holds no {noun} under a key known here: it has {keys}"
    )


_KEYS = 8


def _any_number(node: Any) -> bool:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if number(here) is not None:
            return True
        waiting += here.values() if isinstance(here, dict) else items(here)
    return False


@dataclass(frozen=True)
class Judgement:
    """What an error means."""

    status: Status
    reason: str
    limit_s: float | None = None


def judge(kind: Kind, envelope: Envelope) -> Judgement:
    """The status of a failed test, by what its error says; never by which system it was."""
    error = envelope.error or {}
    message = text(error, "msg") or ""
    limit_s = envelope.limit_s or _limit_in(message)
    if limit_s is not None:
        return Judgement(Status.TIMEOUT, f"not finished within {limit_s:g} s", limit_s)
    duration = seconds(envelope.meta, "duration_seconds")
    command = " ".join(part for part in items(error, "command_list") if isinstance(part, str))
    if document := embedded_json(text(error, "stdout") or ""):
        return judge_iperf3(document, command, duration)
    if description := text(error, "description"):
        return _crashed(kind, description, text(envelope.meta, "service_logs") or "")
    last = _last_line(text(error, "stderr") or text(error, "stdout") or message)
    return Judgement(Status.FAILED, _short(last or "no reason given"))


def judge_pair(error: str) -> Judgement:
    """The same for one pair of the parallel test, whose error is a text with everything in it."""
    if limit_s := _limit_in(error):
        return Judgement(Status.TIMEOUT, f"not finished within {limit_s:g} s", limit_s)
    if document := embedded_json(error):
        return judge_iperf3(document, error, None)
    return Judgement(Status.FAILED, _short(_last_line(error) or "no reason given"))


def judge_iperf3(document: dict[str, Any], command: str, duration_s: float | None) -> Judgement:
    """What an iperf3 error means: the tool's own failures are not held against the VPN.

    Judged as the tool's: its UDP set-up, which is one datagram without a retry; its exchange of
    results after a complete run; and a connect limit of a fraction of a second, which is a
    mistaken unit. A connection refused or timed out under a sensible limit is the VPN's failure.
    """
    error = text(document, "error") or "ended without a result"
    short = _short(error)
    took = f" after {duration_s:.1f} s" if duration_s is not None else ""
    if "unable to read from stream socket" in error:
        return Judgement(Status.TOOL_FAILED, f"iperf3's UDP set-up failed: {short}")
    wanted, done = _wanted_s(command), len(items(document, "intervals"))
    if wanted and done >= wanted - 1:
        return Judgement(
            Status.TOOL_FAILED,
            f"iperf3's exchange of results failed after {done} s of data: {short}",
        )
    limit_ms = _connect_limit_ms(command)
    if "unable to connect" in error and limit_ms is not None and limit_ms < _UNIT_MISTAKE_MS:
        return Judgement(
            Status.TOOL_FAILED,
            f"iperf3 may connect for {limit_ms / 1000:g} s only: {short}",
            limit_ms / 1000,
        )
    return Judgement(Status.FAILED, f"{short}{took}")


def _crashed(kind: Kind, description: str, logs: str) -> Judgement:
    if "message too long" in logs.lower():
        reason = "payload larger than the tunnel's MTU (server log: Message too long)"
        return Judgement(Status.UNSUPPORTED, reason)
    return Judgement(
        Status.TOOL_FAILED, f"the runner broke on the output of {kind.value}: {_short(description)}"
    )


_LIMIT = re.compile(r"timed out after (\d+(?:\.\d+)?) seconds")
_CONNECT_LIMIT = re.compile(r"--connect-timeout[ =](\d+)")
_WANTED = re.compile(r"--time[ =](\d+)")


def _limit_in(message: str) -> float | None:
    match = _LIMIT.search(message[-REASON_LENGTH * 10 :])
    return seconds(float(match[1])) if match else None


def _connect_limit_ms(command: str) -> int | None:
    match = _CONNECT_LIMIT.search(command)
    return int(match[1][:9]) if match else None


def _wanted_s(command: str) -> int | None:
    match = _WANTED.search(command)
    return int(match[1][:9]) if match else None


def embedded_json(message: str) -> dict[str, Any] | None:
    """The JSON object that starts a line inside an error text, or None."""
    start = 0 if message.startswith("{") else message.find("\n{") + 1
    if start == 0 and not message.startswith("{"):
        return None
    try:
        document, _ = json.JSONDecoder(parse_constant=lambda _: None).raw_decode(message, start)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


_ONLY_THAT_IT_FAILED = "Error: Command terminated with"
"""What hyperfine says after whatever the command itself had to say."""
_LONG_NAME = re.compile(r"'[^' ]{40,}'")
"""An address of a single file tells nothing, and makes two like failures look different."""


def _last_line(message: str) -> str:
    lines = [line.strip() for line in message.replace("\r", "\n").splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:")]
    causes = [line for line in errors if not line.startswith(_ONLY_THAT_IT_FAILED)]
    chosen = causes or errors or lines
    return chosen[-1] if chosen else ""


def _short(message: str) -> str:
    clean = _LONG_NAME.sub("'…'", scrub(" ".join(message.split())))
    return clean if len(clean) <= REASON_LENGTH else f"{clean[:REASON_LENGTH]} …"


def started(document: Any) -> datetime | None:
    """When an iperf3 run began, by the client's clock."""
    return from_epoch(number(document, "start", "timestamp", "timesecs"))


_META = (
    (m.RESTART_ATTEMPTS, "vpn_restart_attempts"),
    (m.RESTART_TIME, "vpn_restart_duration_seconds"),
    (m.CONNECTIVITY_WAIT, "connectivity_wait_duration_seconds"),
)


def around(meta: dict[str, Any]) -> list[Value]:
    """What the runner did before the test: restarting the VPN and waiting for its tunnels."""
    return [
        Value(metric, value) for metric, key in _META if (value := number(meta, key)) is not None
    ]


def measured(link: LinkOutcome) -> bool:
    """Whether a link has any whole-run value of its test, besides what was around it."""
    others = {metric for metric, _ in _META}
    return any(
        value.t_s is None and value.value is not None and value.metric not in others
        for value in link.values
    )


def from_meta(envelope: Envelope, host: str, kind: Kind) -> LinkOutcome:
    """A link with what the meta object says; judged when the envelope is an error.

    Its target is empty where neither that object nor the rest of the file names it.
    """
    meta = envelope.meta
    address = _address(envelope)
    target = text(meta, "target") or named_host(address)
    link = LinkOutcome((text(meta, "source") or host).lower(), target.lower(), address=address)
    link.attempts = count(meta, "test_attempts", least=1) or 1
    link.duration_s = seconds(meta, "duration_seconds")
    link.values.extend(around(meta))
    if envelope.error is not None:
        judgement = judge(kind, envelope)
        link.status, link.reason, link.limit_s = (
            judgement.status,
            judgement.reason,
            judgement.limit_s,
        )
        link.log = excerpt(text(meta, "service_logs") or "") or None
    return link


_PEER = re.compile(r"(?<![\w.-])(?:cache\.)?vpn\.(?P<host>[A-Za-z][A-Za-z0-9-]*)")
"""What the runner's hosts call each other inside the VPN."""


def named_host(words: str) -> str:
    """The host that a command, URL or address names as ``vpn.<host>``; empty for none."""
    match = _PEER.search(words)
    return match["host"] if match else ""


def _address(envelope: Envelope) -> str:
    """Where a test went by its own words: an address, a URL or a command line."""
    results = items(envelope.data, "results")
    command = items(envelope.error, "command_list")
    return next(
        filter(
            None,
            (
                destination(envelope.data),
                text(results[0], "parameters", "url") if results else None,
                text(results[0], "command") if results else None,
                " ".join(part for part in command if isinstance(part, str)),
            ),
        ),
        "",
    )


def destination(run: Any) -> str:
    """Where an iperf3 client connected to, by its document."""
    return text(run, "start", "connecting_to", "host") or ""
