"""One lab for all tests of this folder, and the proof that nothing of any lab is left."""

import asyncio
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from meshbench.testbed.lab import machine
from meshbench.testbed.lab.lab import Lab
from meshbench.testbed.lab.layout import LABS
from tests.lab import facts, support

_NO_LAB_NEEDED = {"test_host_netem.py", "test_linkem.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip, one by one and by name, what this machine cannot run."""
    here = Path(__file__).parent
    mine = [i for i in items if i.path.parent == here and i.path.name not in _NO_LAB_NEEDED]
    if mine and (problems := machine.problems(support.definition())):
        for item in mine:
            item.add_marker(pytest.mark.skip(reason=f"no lab here: {'; '.join(problems)}"))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    facts.report(config, terminalreporter)


@pytest.fixture(scope="session")
def machine_is_ours() -> Iterator[None]:
    """One session of these tests at a time: a second one in the same checkout waits here."""
    LABS.mkdir(parents=True, exist_ok=True)
    owner = support.lab_named(support.NAME, support.TESTBED.hosts, None).layout.id
    with (LABS / f"{owner}.tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="session")
def lab(machine_is_ours: None) -> Iterator[Lab]:
    """The lab that the tests share: three hosts, 1 Gbit/s. Tests that break hosts make their own."""
    del machine_is_ours
    with support.shared_lab(support.NAME, support.TESTBED) as lab:
        yield lab


MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab(machine_is_ours: None) -> Iterator[MakeLab]:
    """Labs of a test's own, not yet up; taken away at its end, with the proof that they are gone."""
    del machine_is_ours
    labs: list[Lab] = []

    def maker(
        name: str, hosts: tuple[str, ...] = ("one", "two"), rate_bps: int | None = None
    ) -> Lab:
        lab = support.lab_named(name, hosts, rate_bps)
        asyncio.run(lab.down())
        labs.append(lab)
        return lab

    yield maker
    for lab in labs:
        asyncio.run(lab.down())
    assert [left for lab in labs for left in support.leftovers(lab.layout.id)] == []


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the VPNs' keys are kept, made once for all tests."""
    return tmp_path_factory.mktemp("keys") / "secrets"


@pytest.fixture(autouse=True)
def _own_attempt(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A VPN that failed to come up in one test is tried again in the next."""
    monkeypatch.setenv("MESHBENCH_RUN", f"{request.node.name}/{os.getpid()}")
