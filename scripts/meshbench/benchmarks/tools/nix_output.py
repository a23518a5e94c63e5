"""What Nix, hyperfine and nginx say of copies from a binary cache (pure)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, zip_longest

from pydantic import ValidationError

from meshbench.results.records import Command, Status
from meshbench.util import foreign
from meshbench.util.foreign import Told

_COPY = re.compile(r"copying (\d{1,6}) paths")
_PATH = "copying path '"
_MOST = 300
"""Characters of an error that is quoted."""


@dataclass(frozen=True)
class Begun:
    """How far copies came by Nix's own log.

    Attributes:
        copies: begun, the warm-up included.
        wanted: store paths of the last one.
        paths: begun in the last one.
    """

    copies: int
    wanted: int
    paths: int


def begun(log: str) -> Begun | None:
    """What the log of one copy after another says; None where none began."""
    copies = list(_COPY.finditer(log))
    if not copies:
        return None
    last = copies[-1]
    return Begun(len(copies), int(last[1]), log.count(_PATH, last.end()))


class Result(Told):
    """hyperfine's export of one command, in seconds."""

    mean: float
    user: float | None = None
    system: float | None = None
    times: tuple[float, ...] = ()


class _Export(Told):
    results: tuple[Result, ...] = ()


def export(text: str) -> Result:
    """The one result of hyperfine's JSON. Raises ValueError where there is none."""
    try:
        results = _Export.model_validate(foreign.document(text)).results
    except ValidationError as error:
        raise ValueError(foreign.why(error)) from None
    if len(results) != 1:
        raise ValueError(f"hyperfine exported {len(results)} results and not one")
    return results[0]


_CODE = re.compile(r"terminated with non-zero exit code:? (\d{1,3})")
_CUT_OFF = {124, 137}
"""How timeout(1) ends a copy at its limit; the second where it had to kill it."""
_OF_THE_PATH = (
    "could not connect", "couldn't connect", "timeout was reached", "timed out", "no route to host",
    "unreachable", "connection reset", "recv failure", "send failure", "partial file",
    "connection died", "empty reply", "nothing was returned", "ssl connection timeout",
)  # fmt: skip
"""What curl says in Nix's errors when the path to the server is to blame (libcurl-errors(3))."""


def judge(copies: Command, copy_limit_s: float) -> tuple[Status, str | None]:
    """What the end of hyperfine's copies means: what Nix said of its downloads, or that it broke."""
    if copies.returncode == 0:
        return Status.OK, None
    log = copies.stderr + copies.stdout
    far = _far(begun(log))
    if copies.returncode is None:
        return Status.TOOL_FAILED, f"hyperfine did not end within {copies.duration_s:.0f} s; {far}"
    code = _CODE.search(log)
    if code and int(code[1]) in _CUT_OFF:
        return Status.TIMEOUT, f"a copy was cut off at its limit of {copy_limit_s:g} s; {far}"
    error = _last_error(log)
    if code and any(phrase in error.lower() for phrase in _OF_THE_PATH):
        return Status.FAILED, f"{error}; {far}"
    ended = f"nix ended with {code[1]}" if code else f"hyperfine ended with {copies.returncode}"
    return Status.TOOL_FAILED, f"{ended}: {error or 'it said nothing'}"


def _far(progress_: Begun | None) -> str:
    if progress_ is None:
        return "no copy had begun"
    return (
        f"copy {progress_.copies} had begun {progress_.paths} of its {progress_.wanted} paths"
    )  # fmt: skip


def _last_error(log: str) -> str:
    """Nix's last error, else the last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("error: ")]
    return " ".join((errors or lines or [""])[-1].split())[:_MOST]


def judge_result(exported: str, copied: int, wanted: int) -> tuple[Status, str | None]:
    """Whether copies that ended well were also timed, and copied all store paths that they should."""
    try:
        export(exported)
    except ValueError as error:
        return Status.TOOL_FAILED, f"hyperfine exported nothing that can be read: {error}"
    if copied < wanted:
        return Status.TOOL_FAILED, f"nix ended well and copied {copied} of {wanted} paths"
    return Status.OK, None


@dataclass(frozen=True)
class Look:
    """How far copies were when they were looked at, by the client's clock.

    Attributes:
        at_s: since the epoch.
        paths: in the target of the copy that runs.
        received_bytes: TCP payload on each connection to the cache, by its port here.
    """

    at_s: float
    paths: int
    received_bytes: Mapping[str, int]


_LOOK = re.compile(
    r"^(\d{1,12}\.\d{1,9}) (\d{1,6})((?: \d{1,5}=\d{1,18})*)$", re.MULTILINE | re.ASCII
)
_START = re.compile(r"^\d{1,12}\.\d{1,9}$", re.MULTILINE | re.ASCII)


def looks(log: str) -> list[Look]:
    """The looks in a log: time, paths, and by the client's port the bytes received on it."""
    return [
        Look(float(time), int(paths), {
            port: int(size) for port, size in (word.split("=") for word in connections.split())
        })
        for time, paths, connections in _LOOK.findall(log)
    ]  # fmt: skip


def starts(log: str) -> list[float]:
    """When copies were begun (s since the epoch), a line each."""
    return [float(line) for line in _START.findall(log)]


@dataclass
class Progress:
    """How far a copy had come when.

    Attributes:
        points: since its start (s), bytes received, paths done; in their order.
    """

    points: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def rates(self) -> Iterator[tuple[float, float]]:
        """Between two looks: since the copy's start (s), bit/s."""
        for (since, before, _), (until, after, _) in pairwise(self.points):
            if until > since:
                yield since, 8 * (after - before) / (until - since)


def progress(begun_s: Sequence[float], seen: Sequence[Look], most_s: float) -> list[Progress]:
    """Of each copy that was begun.

    Args:
        begun_s: when each was, as in `starts`.
        seen: in their order.
        most_s: how long a copy may have lasted.
    """
    ends = zip_longest(begun_s, begun_s[1:], fillvalue=float("inf"))
    return [_of_copy(start, min(end, start + most_s), seen) for start, end in ends]


def _of_copy(start: float, end: float, seen: Sequence[Look]) -> Progress:
    earlier = [look for look in seen if look.at_s <= start]
    # Connections of the copy before may be seen once more.
    others = dict(earlier[-1].received_bytes) if earlier else {}
    points, received = [(0.0, 0, 0)], dict[str, int]()
    for look in seen:
        if start < look.at_s <= end:
            if look.paths < points[-1][2]:  # the next one's target is being prepared
                break
            for port, size in look.received_bytes.items():
                if size < others.get(port, 0):
                    del others[port]
                if port not in others:
                    received[port] = max(size, received.get(port, 0))
            points.append((look.at_s - start, sum(received.values()), look.paths))
    return Progress(points)
