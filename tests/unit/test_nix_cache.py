"""Nix copies: what hyperfine, Nix and the looks at a client say, and whose fault an error is."""

import asyncio
import shlex
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from meshbench import benchmarks
from meshbench.benchmarks.base import Link, Observation, Outcome
from meshbench.benchmarks.nix_cache import NixCache, Options
from meshbench.benchmarks.tools import binary_cache, closures, nix_output
from meshbench.benchmarks.tools.closures import Closure
from meshbench.config.strict import Strict
from meshbench.results.records import Command, LinkRecord, Status
from meshbench.util.errors import ToolError
from tests.unit import making

TOP = "/nix/store/cqfggf471cxpk9v6g9pbwr7mabjbww5f-closure"
ABOUT = f"{TOP} 8 1001304\n"
REFUSED = (
    "error: unable to download 'http://192.0.2.2:5201/nix-cache-info': Could not connect to server "
    "(7) Failed to connect to 192.0.2.2 port 5201 after 3 ms: Could not connect to server\n"
    "Error: Command terminated with non-zero exit code 1 in the first warmup run. Use the\n"
)


def recorded(kind: str = "", **changes: str) -> list[Command]:
    """The commands of a link as they were recorded: 1 MB at 4 Mbit/s."""
    texts = {
        role: making.text(f"nix-{kind}{role}.txt")
        for role in (binary_cache.STARTS, binary_cache.LOOKS)
    }
    if not kind:
        texts["export"] = making.text("nix-export.json")
    texts |= {binary_cache.CLOSURE: ABOUT, **changes}
    log = making.command("", 1 if kind else 0, error=making.text(f"nix-{kind}log.txt"))
    return [log.in_role("copies"), *(making.command(text, role=r) for r, text in texts.items())]


def values(link: LinkRecord, **options: Any) -> list[Observation]:
    return list(NixCache(Options(**options)).parse_link(link))


def whole(observations: Sequence[Observation]) -> dict[str, float | None]:
    mine = [v for v in observations if v.t_s is None and v.stream is None]
    names = [value.metric.name for value in mine]
    assert len(set(names)) == len(names)
    return {value.metric.name: value.value for value in mine}


def series(
    observations: Sequence[Observation], metric: str, stream: int, mode: str | None = None
) -> list[tuple[float, float]]:
    return [
        (v.t_s, v.value)
        for v in observations
        if v.t_s is not None and v.value is not None
        and (v.metric.name, v.stream, v.mode) == (metric, stream, mode)
    ]  # fmt: skip


def test_times_and_rate_of_the_copies() -> None:
    export, observations = (
        making.document("nix-export.json")["results"][0],
        values(making.link(*recorded())),
    )
    assert whole(observations) == {
        "closure_bytes": 1_001_304, "copy_time": export["mean"], "copy_user": export["user"],
        "copy_system": export["system"], "copy_rate": pytest.approx(8 * 1_001_304 / export["mean"]),
        "bytes_done": 1_001_304, "paths_done": 8,
    }  # fmt: skip
    each = {
        v.stream: v.value
        for v in observations
        if v.metric.name == "copy_time" and v.stream is not None
    }
    assert each == dict(enumerate(export["times"]))
    # The link carried 4 Mbit/s.
    assert 3.4e6 < (whole(observations)["copy_rate"] or 0) < 4e6


def test_progress_of_each_copy_grows_to_the_whole_closure_and_not_faster_than_the_link() -> None:
    observations = values(making.link(*recorded()))
    times = making.document("nix-export.json")["results"][0]["times"]
    for stream, took_s in enumerate(times):
        come = series(observations, "bytes_done", stream)
        assert come == sorted(come)
        assert [size for _, size in come] == sorted(size for _, size in come)
        assert come[0] == (0, 0)
        # With HTTP's heads a little more than the closure.
        assert come[-1][0] == pytest.approx(took_s, abs=1e-3)
        assert come[-1][1] == pytest.approx(1_001_304, rel=0.02)
        assert series(observations, "paths_done", stream)[-1][1] == 8
        rates = [rate for _, rate in series(observations, "copy_rate", stream)]
        assert len(rates) == len(come) - 1 > 5
        assert min(rates) >= 0
        # What came out of order is received at once, so a single rate may be beyond the link's 4
        # Mbit/s; its burst is 20 kB, and a look takes a moment.
        assert all(size <= 4e6 / 8 * at_s + 40_000 for at_s, size in come)
    warm_up = series(observations, "bytes_done", 0, "warm_up")
    assert 0.8e6 < warm_up[-1][1] <= 1.02e6
    assert (
        series(observations, "bytes_done", 2)
        == series(observations, "bytes_done", 1, "warm_up")
        == []
    )


def test_a_connection_of_the_copy_before_is_not_the_next_one_s() -> None:
    looks = "10.0 0 7=100\n11.0 1 7=900\n12.0 0 7=950\n13.0 0 8=40\n14.0 1 8=50 9=5\n15.0 1 9=6\n"
    first, second = nix_output.progress([9.5, 11.5], nix_output.looks(looks), 60)
    assert first.points == [(0, 0, 0), (0.5, 100, 0), (1.5, 900, 1)]
    assert second.points == [(0, 0, 0), (0.5, 0, 0), (1.5, 40, 0), (2.5, 55, 1), (3.5, 56, 1)]
    assert list(second.rates)[:2] == [(0, 0), (0.5, 320)]


def test_a_port_that_is_used_again_is_another_connection() -> None:
    looks = "10.0 0 7=900\n12.0 0 7=40\n13.0 0 7=50\n"
    [copy] = nix_output.progress([11.0], nix_output.looks(looks), 60)
    assert copy.points[1:] == [(1, 40, 0), (2, 50, 0)]


def test_a_copy_that_was_cut_off_keeps_what_was_done_by_then() -> None:
    link = making.link(*recorded("cut-"), status=Status.TIMEOUT, reason="x")
    observations = values(link, copy_limit_s=1)
    assert whole(observations) == {
        "closure_bytes": 1_001_304, "copies_started": 1, "paths_wanted": 8, "paths_started": 6,
        "bytes_done": 436_500 + 30_973, "paths_done": 4,
    }  # fmt: skip
    come = series(observations, "bytes_done", 0, "warm_up")
    assert come[-1][1] == 467_473
    assert come[-1][0] < 1
    # At 4 Mbit/s no more can have come.
    assert come[-1][1] < 4e6 / 8


def test_a_copy_that_never_came_to_anything_has_done_nothing() -> None:
    commands = [making.command("", 1, error=REFUSED, role="copies")]
    observations = values(making.link(*commands, status=Status.FAILED))
    assert whole(observations) == {"bytes_done": 0, "paths_done": 0}


def test_an_export_that_cannot_be_read_is_an_error_of_a_good_link_only() -> None:
    for text in ("", "[]", "{}", '{"results": [{"mean": "x"}]}', '{"results": []}'):
        with pytest.raises(ValueError, match=r"."):
            values(making.link(*recorded(export=text)))
        assert values(making.link(*recorded("cut-", export=text), status=Status.TIMEOUT))


@pytest.mark.parametrize(
    ("code", "log", "status", "reason"),
    [
        (0, "", Status.OK, None),
        (None, "", Status.TOOL_FAILED, "hyperfine did not end within 1 s; no copy had begun"),
        (1, making.text("nix-cut-log.txt"), Status.TIMEOUT,
         "a copy was cut off at its limit of 7 s; copy 1 had begun 6 of its 8 paths"),
        (1, REFUSED, Status.FAILED,
         f"{REFUSED.splitlines()[0]}; no copy had begun"),
        (1, "error: getting status of '/x': Permission denied\nError: Command terminated with non-zero exit code: 1.\n",
         Status.TOOL_FAILED, "nix ended with 1: error: getting status of '/x': Permission denied"),
        (1, "", Status.TOOL_FAILED, "hyperfine ended with 1: it said nothing"),
        (2, "\x00garbage", Status.TOOL_FAILED, "hyperfine ended with 2: \x00garbage"),
    ],
)  # fmt: skip
def test_what_an_end_means(code: int | None, log: str, status: Status, reason: str | None) -> None:
    assert nix_output.judge(making.command("", code, error=log), 7) == (status, reason)


class World:
    """Two hosts on which copies end as one likes."""

    def __init__(
        self, code: int | None = 0, log: str = "", *, serves: bool = True, copied: int = 8
    ) -> None:
        self.commands: list[Sequence[str]] = []
        self._end = code, "", log
        self._serves = serves
        self._copied = copied
        hosts = [
            making.ScriptedHost(name, self._answer, index)
            for index, name in enumerate(("lom", "yuki"), 1)
        ]
        here, there = (host.address.data_address for host in hosts)
        self.link = Link(hosts[0], hosts[1], here, there, "data0")

    def _answer(self, argv: Sequence[str]) -> Any:
        if "hyperfine" in argv:
            self.commands.append(argv)
            return self._end
        if argv[0] == "ss":
            # It listens when it was started, but perhaps not when the copies have ended.
            return "LISTEN\n" if self._serves or not self.commands else ""
        if argv[0] == "sh" and "narinfo" in argv[2] and "target" in argv[2]:
            return str(self._copied)
        if argv[0] == "cat":
            name = argv[-1].rpartition("/")[2]
            texts = {"about": ABOUT, "export.json": making.text("nix-export.json")}
            return texts.get(name) or making.text(f"nix-{name}.txt")
        return ""

    def measure(self, **options: Any) -> Outcome:
        return making.measured("nix_cache", self.link, options)


def test_the_command_is_the_reference_s_with_a_limit_for_each_copy() -> None:
    world = World()
    outcome = world.measure(thesis=True)
    assert (outcome.status, outcome.limit_s) == (Status.OK, 700)
    [argv] = world.commands
    words = argv[argv.index("hyperfine") :]
    assert words[1:6] == ["-w", "1", "-r", "2", "--show-output"]
    copy = shlex.split(words[-4])
    assert copy[:4] == ["timeout", "-k", "5", "700"]
    assert copy[-1] == TOP
    assert copy[copy.index("copy") : -2] == ["copy", "--from", "{url}", "--to"]
    assert copy[-2].endswith("/target?compression=none")
    assert words[-3:] == ["-L", "url", "http://192.0.2.2:5201"]
    record = making.link(*outcome.commands)
    assert whole(values(record))["copy_time"]


def test_an_ipv6_address_is_a_url() -> None:
    link = World().link
    six = Link(link.source, link.target, "fd00::1", "fd00::2", "tun0", port=5211)
    caches = binary_cache.BinaryCaches([six], Closure(None, 8, 20_000, 1), https=True)
    assert caches.url(six) == "https://[fd00::2]:5211"


def test_a_server_that_ended_is_the_tool_s_failure() -> None:
    outcome = World(1, REFUSED, serves=False).measure()
    assert outcome.status is Status.TOOL_FAILED
    assert "nginx on the target ended" in str(outcome.reason)
    outcome = World(1, REFUSED).measure()
    assert outcome.status is Status.FAILED


def test_copies_that_end_well_and_copy_nothing_are_the_tool_s_failure() -> None:
    outcome = World(copied=3).measure()
    assert (outcome.status, outcome.reason) == (
        Status.TOOL_FAILED, "nix ended well and copied 3 of 8 paths",
    )  # fmt: skip


def test_hyperfine_that_hangs_is_the_tool_s_failure_at_the_limit_of_all_copies() -> None:
    outcome = World(None).measure(copy_limit_s=20)
    assert outcome.status is Status.TOOL_FAILED
    assert outcome.limit_s > 3 * 20
    assert World(1, making.text("nix-cut-log.txt")).measure(copy_limit_s=20).limit_s == 20


def test_a_server_that_does_not_start_is_the_tool_s_failure() -> None:
    answers: dict[str, Any] = {"cat": ABOUT, "systemctl": (3, "inactive", "")}
    host = making.ScriptedHost("yuki", lambda argv: answers.get(argv[0], ""))
    link = Link(making.ScriptedHost(), host, "192.0.2.1", "192.0.2.2", "data0")
    caches = binary_cache.BinaryCaches([link], Closure(None, 8, 20_000, 1), https=False)

    async def enter() -> None:
        async with caches.running():
            pass

    with pytest.raises(ToolError, match="yuki: nginx does not listen: journal"):
        asyncio.run(enter())


def test_https_trusts_our_certificate_only() -> None:
    world = World()
    world.measure(https=True)
    [argv] = world.commands
    [trusted] = [word for word in argv if word.startswith("NIX_SSL_CERT_FILE=")]
    source, target = world.link.source, world.link.target
    assert isinstance(source, making.ScriptedHost)
    assert isinstance(target, making.ScriptedHost)
    public = source.files[trusted.partition("=")[2]].content
    served = {path.rpartition("/")[2]: file for path, file in target.files.items()}
    assert served["certificate.pem"].content == public
    assert served["key.pem"].secret
    assert b"ssl_certificate" in served["nginx.conf"].content


# --- the closure --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("paths", "total"), [(2, 20_000), (370, 50_000_000), (370, 1_000_000_000)])
def test_sizes_are_seeded_lognormal_and_add_up(paths: int, total: int, seed: int) -> None:
    sizes = Closure(None, paths, total, seed).sizes()
    assert len(sizes) == paths - 1
    assert sum(sizes) == total
    assert min(sizes) >= 1
    assert sizes == Closure(None, paths, total, seed).sizes()
    other = Closure(None, paths, total, seed + 1).sizes()
    assert sorted(other) == sorted(sizes)
    if paths > 2:
        assert other != sizes
        # As of a distribution: a few large paths and many small ones.
        assert max(sizes) / total == pytest.approx(0.16, abs=0.02)
        assert sorted(sizes)[paths // 2] / (total / paths) == pytest.approx(0.15, abs=0.03)


def test_a_closure_s_folder_is_named_by_what_defines_it() -> None:
    ours = Closure(None, 370, 50_000_000, 1)
    others = [
        Closure(None, 371, 50_000_000, 1), Closure(None, 370, 50_000_001, 1),
        Closure(None, 370, 50_000_000, 2), Closure(TOP, 370, 50_000_000, 1),
    ]  # fmt: skip
    assert len({closure.folder for closure in (ours, *others)}) == 5
    assert ours.folder == Closure(None, 370, 50_000_000, 1).folder


def test_a_closure_that_cannot_be_made_names_host_path_and_nix_s_words() -> None:
    host = making.ScriptedHost(
        "yuki", lambda argv: (1, "", f"error: path '{TOP}' is not valid") if argv[0] == "sh" else ""
    )
    with pytest.raises(ToolError) as error:
        asyncio.run(closures.provide(host, Closure(TOP, 2, 20_000, 1)))
    assert str(error.value) == (
        f"yuki: no binary cache of {TOP}: error: path '{TOP}' is not valid"
    )  # fmt: skip


def test_a_closure_that_is_there_is_not_made_again() -> None:
    host = making.ScriptedHost("yuki", lambda _: ABOUT)
    _, held = asyncio.run(closures.provide(host, Closure(None, 8, 1_000_000, 1)))
    assert (held.top, held.paths, held.nar_bytes) == (TOP, 8, 1_001_304)
    assert [argv[0] for argv in host.asked] == ["cat"]


# --- options ------------------------------------------------------------------------------------


def test_thesis_mode_is_the_reference_s_parameters_and_no_others() -> None:
    options = Options.model_validate({"thesis": True})
    assert (options.paths, options.warm_up_copies, options.copies) == (370, 1, 2)
    assert options.copy_limit_s == 700
    with pytest.raises(ValidationError, match="leave out total_bytes, or thesis"):
        Options.model_validate({"thesis": True, "total_bytes": 30_000})
    again: Strict = Options.model_validate(options.model_dump(mode="json"))
    assert again == options


@pytest.mark.parametrize(
    "wrong",
    [
        {"closure": "/tmp/x"}, {"closure": f"{TOP} --store x"}, {"closure": f"{TOP}/bin"},
        {"paths": 1}, {"total_bytes": 10}, {"copies": 1}, {"copy_limit_s": 0}, {"limit_s": 5},
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Options.model_validate(wrong)


def test_the_network_stays_impaired_for_as_long_as_copies_may_take() -> None:
    slow = benchmarks.make("nix_cache", {"copy_limit_s": 700})
    assert slow.longest_s() >= 3 * 700
    assert slow.duration_s() < slow.longest_s()
