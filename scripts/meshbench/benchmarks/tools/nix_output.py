"""What Nix, hyperfine and nginx say of copies from a binary cache (pure)."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

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
        return Status.TIMEOUT, f"hyperfine did not end within {copies.duration_s:.0f} s; {far}"
    code = _CODE.search(log)
    if code and int(code[1]) in _CUT_OFF:
        return Status.TIMEOUT, f"a copy was cut off at its limit of {copy_limit_s:g} s; {far}"
    said = _last_error(log)
    if code and any(phrase in said.lower() for phrase in _OF_THE_PATH):
        return Status.FAILED, f"{said}; {far}"
    what = f"nix ended with {code[1]}" if code else f"hyperfine ended with {copies.returncode}"
    return Status.TOOL_FAILED, f"{what}: {said or 'it said nothing'}"


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


def judge_export(text: str) -> tuple[Status, str | None]:
    """Whether copies that ended well were also timed."""
    try:
        export(text)
    except ValueError as error:
        return Status.TOOL_FAILED, f"hyperfine exported nothing that can be read: {error}"
    return Status.OK, None


@dataclass(frozen=True)
class Request:
    """A request as nginx logged it when it was answered, or when the client went away.

    Attributes:
        end_s: by the server's clock, since the epoch.
        took_s: from its first byte to the last one of the answer.
        sent_bytes: of the answer, its head included.
        whole: whether the answer was sent to its end.
        path: of the URL.
    """

    end_s: float
    took_s: float
    status: int
    sent_bytes: int
    whole: bool
    path: str

    @property
    def is_nar(self) -> bool:
        """Whether it brought the contents of a store path."""
        return self.whole and self.status == 200 and self.path.startswith("/nar/")  # noqa: PLR2004

    @property
    def begins_a_copy(self) -> bool:
        """Nix asks for it first, and once, as its memory of caches is cleared before each copy."""
        return self.path == "/nix-cache-info"


_REQUEST = re.compile(
    r'^(\d{1,12}\.\d{3}) (\d{1,9}\.\d{3}) (\d{3}) (\d{1,18}) "(OK)?" \w+ (/\S*)$',
    re.MULTILINE | re.ASCII,
)
_LOOK = re.compile(
    r"^(\d{1,12}\.\d{1,9})((?: \d{1,5}=\d{1,18})*)$", re.MULTILINE | re.ASCII
)  # fmt: skip


def requests(log: str) -> list[Request]:
    """The requests in nginx's log of our format, in the order of their ends."""
    return [
        Request(float(end), float(took), int(status), int(size), bool(whole), path)
        for end, took, status, size, whole, path in _REQUEST.findall(log)
    ]


def acknowledged(log: str) -> list[tuple[float, int]]:
    """When the connections were looked at (s since the epoch), and the bytes acknowledged until then
    on all of them together, those that have ended included.
    """
    total, last = 0, dict[str, int]()
    looks = []
    for time, connections in _LOOK.findall(log):
        for port, size in (word.split("=") for word in connections.split()):
            before = last.get(port, 0)
            # A smaller number is another connection from the same port.
            total += int(size) - (before if int(size) >= before else 0)
            last[port] = int(size)
        looks.append((float(time), total))
    return looks


@dataclass
class Progress:
    """How far a copy had come when.

    Attributes:
        points: since its start (s), bytes acknowledged, paths delivered whole; in their order.
    """

    points: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def rates(self) -> Iterator[tuple[float, float]]:
        """Between two looks: since the copy's start (s), bit/s."""
        for (since, before, _), (until, after, _) in pairwise(self.points):
            if until > since:
                yield since, 8 * (after - before) / (until - since)


def progress(access: str, looks: str, *, cut_off: bool) -> list[Progress]:
    """Of each copy that reached the server, from nginx's log and from looks at its connections.

    Args:
        access: nginx's log.
        looks: of the connections, as `acknowledged` reads them.
        cut_off: whether the last copy did not end by itself: then it lasted as long as was looked.
    """
    asked, seen = requests(access), acknowledged(looks)
    starts = sorted(r.end_s - r.took_s for r in asked if r.begins_a_copy)
    copies = []
    for start, end in zip(starts, [*starts[1:], float("inf")], strict=True):
        mine = [request for request in asked if start <= request.end_s < end]
        last = max(request.end_s for request in mine)
        if cut_off and end == float("inf"):
            last = max([last, *(time for time, _ in seen)])
        copies.append(_of_copy(start, last, mine, seen))
    return copies


def _of_copy(
    start: float, last: float, mine: Sequence[Request], seen: Sequence[tuple[float, int]]
) -> Progress:
    done = sorted(request.end_s for request in mine if request.is_nar)
    before = max((total for time, total in seen if time < start), default=0)
    points = [(0.0, 0, 0)]
    for time, total in seen:
        if start < time < last:
            points.append((time - start, total - before, sum(at <= time for at in done)))
    # A connection ends with its copy and is not looked at again; the log has all that was sent whole.
    sent = max(points[-1][1], sum(request.sent_bytes for request in mine if request.whole))
    points.append((last - start, sent, len(done)))
    return Progress(points)
