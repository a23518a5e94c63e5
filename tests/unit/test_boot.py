"""What is progress of a boot and what is not, and the words for one that makes none."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from meshbench.testbed.lab import boot, watch
from meshbench.testbed.lab.boot import Progress, Sight
from meshbench.testbed.lab.layout import Layout
from meshbench.util.errors import TestbedError

SAID = """\
 92 graphical.target start waiting
 61 ssh.service      start waiting
130 slow.service     start running
@ units
-.mount           loaded    active     mounted  Root Mount
home.mount        not-found inactive   dead     home.mount
slow.service      loaded    activating start    /etc/systemd/system/slow.service
● broken.service  loaded    failed     failed   Something that broke
"""


def test_units_and_jobs_are_read() -> None:
    units, jobs = boot.parse(SAID)
    assert units == {
        "-.mount": "active mounted",
        "home.mount": "inactive dead",
        "slow.service": "activating start",
        "broken.service": "failed failed",
    }
    assert jobs == {
        "graphical.target": "start waiting",
        "ssh.service": "start waiting",
        "slow.service": "start running",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@ units",
        "Failed to connect to bus: No such file or directory\n@ units\nFailed to connect to bus: x",
        "\0\0 \n\n@",
        "12 x\n@ units\n\n a b\n",
    ],
)
def test_a_systemd_that_says_nothing_of_use_has_no_jobs(text: str) -> None:
    assert boot.parse(text)[1] == {}


def sight(jobs: dict[str, str] | None = None, console: str = "", **units: str) -> Sight:
    return Sight(True, {f"{name}.service": s for name, s in units.items()}, jobs or {}, console)


def advances(*sights: Sight) -> list[bool]:
    progress = Progress()
    return [progress.advanced(sight) for sight in sights]


def test_a_unit_that_changes_is_progress_once() -> None:
    starting, there = sight(a="activating start"), sight(a="active running")
    assert advances(starting, starting, there, there) == [True, False, True, False]


def test_a_job_that_begins_is_progress() -> None:
    waiting, running = sight({"a.service": "start waiting"}), sight({"a.service": "start running"})
    assert advances(waiting, running, running) == [True, True, False]


def test_a_console_that_says_more_is_progress() -> None:
    assert advances(sight(console="one\n"), sight(console="one\ntwo\n")) == [True, True]


def test_restarting_for_ever_is_none() -> None:
    there, gone = sight(a="active running"), sight(a="activating auto-restart")
    assert advances(there, gone, there, gone, there) == [True, True, False, False, False]


def test_counting_seconds_is_none() -> None:
    lines = [f"A start job is running for a ({n}s / no limit)\n" for n in range(1, 30, 9)]
    assert advances(*(sight(console="".join(lines[:n])) for n in (1, 2, 3))) == [True, False, False]


def test_what_a_stuck_host_is_doing() -> None:
    units, jobs = boot.parse(SAID)
    console = "".join(f"line {n}\n\n" for n in range(20))
    assert boot.describe(Sight(True, units, jobs, console)) == (
        "in progress: slow.service; waiting: graphical.target, ssh.service; failed: broken.service;"
        " its console ends with:\n" + "\n".join(f"line {n}" for n in range(12, 20))
    )


def test_a_long_queue_is_cut() -> None:
    jobs = {f"{letter}.service": "start waiting" for letter in "abcdefghijk"}
    assert boot.describe(sight(jobs, a="inactive dead")) == (
        "waiting: a.service, b.service, c.service, d.service, e.service, f.service, g.service, "
        "h.service and 3 more; its console says nothing"
    )


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Sight(False), "its systemd-nspawn has ended; its console says nothing"),
        (
            Sight(False, console="exec format error\n"),
            "its systemd-nspawn has ended; its console ends with:\nexec format error",
        ),
        (Sight(True), "its systemd does not say what it is doing; its console says nothing"),
        (
            sight(ssh="failed failed", a="active running"),
            "its boot has ended; failed: ssh.service; its console says nothing",
        ),
    ],
)
def test_a_host_without_jobs(seen: Sight, said: str) -> None:
    assert boot.describe(seen) == said


# --- waiting -----------------------------------------------------------------------------------

HOST = Layout("lab", "nobody: tests/unit", ("one",)).hosts[0]


class Silent:
    """A host that refuses so many logins, and how long each was waited for."""

    name = "one"

    def __init__(self, refusals: int) -> None:
        self.left = refusals
        self.logins_s: list[float] = []

    async def connect(self, limit_s: float) -> None:
        self.logins_s.append(limit_s)
        self.left -= 1
        if self.left >= 0:
            raise TestbedError("one: no SSH")


def wait(monkeypatch: pytest.MonkeyPatch, host: Any, sights: Iterator[Sight]) -> None:
    """With a limit of no time at all, so that each look has to show something new."""

    async def look(_: Any) -> Sight:
        return next(sights)

    monkeypatch.setattr(watch, "look", look)
    monkeypatch.setattr(watch, "LOOK_S", -1.0)
    monkeypatch.setattr(watch, "STALL_S", 0.0)
    asyncio.run(watch.reachable(host, HOST))


def steps() -> Iterator[Sight]:
    return (sight(console="x" * letters) for letters in range(1, 99))


def test_progress_is_waited_for_whatever_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    host = Silent(40)
    wait(monkeypatch, host, steps())
    assert len(host.logins_s) == 41
    assert host.logins_s == sorted(host.logins_s)
    assert host.logins_s[0] < host.logins_s[-1] <= 30, "a slow machine's login takes longer"


def test_no_progress_is_an_error_with_what_it_is_doing(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = sight({"slow.service": "start running"}, slow="activating start")
    with pytest.raises(TestbedError) as error:
        wait(monkeypatch, Silent(9), iter([sight(), stuck, stuck]))
    assert str(error.value) == (
        "lab host one did not come up: nothing new of it for 0 s, in progress: slow.service; "
        "its console says nothing\n(one: no SSH)"
    )


def test_a_host_that_has_ended_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TestbedError, match="up: its systemd-nspawn has ended; .*ends with:\nx"):
        wait(monkeypatch, Silent(9), iter([sight(), Sight(False, console="x")]))
