"""Work that is handed to a process that stays, and what becomes of it when something breaks."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from meshbench.workflow import workers

WORK = "tests.unit.worker_tasks"
JOB = (
    "import json, sys; from meshbench.workflow import workers;"
    "workers.run(sys.argv[1], sys.argv[2], **json.loads(sys.argv[3]))"
)
LIMIT_S = 60


class Run:
    """A process that stands for a run; its jobs are processes of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.shell: list[str] = []
        self.main = subprocess.Popen(["sleep", "300"])
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "TMPDIR": str(folder),
            workers.RUN: "trial",
            workers.MAIN: str(self.main.pid),
        }

    def start(self, function: str, **arguments: Any) -> subprocess.Popen[str]:
        """Start one job."""
        words = [str(self.folder / "log"), f"{WORK}.{function}", json.dumps(arguments)]
        return subprocess.Popen(
            [*self.shell, sys.executable, "-c", JOB, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )

    def job(self, function: str, **arguments: Any) -> tuple[int, int, str]:
        """A job's process id, its exit status and what it said."""
        job = self.start(function, **arguments)
        stderr = job.communicate(timeout=LIMIT_S)[1]
        return job.pid, job.returncode, stderr

    def tell(self, name: str = "told") -> tuple[int, int]:
        """Which process was the job, and which one did the work."""
        pid, status, stderr = self.job("tell", file=str(self.folder / name))
        assert status == 0, stderr
        return pid, self.told(name)

    def told(self, name: str) -> int:
        return int((self.folder / name).read_text())

    def workers(self) -> list[Path]:
        return sorted(self.folder.glob("meshbench-*/*.socket"))

    def end(self) -> None:
        self.main.kill()
        self.main.wait()

    def until_there(self, path: Path) -> None:
        end = time.monotonic() + LIMIT_S
        while not (path.exists() and path.read_text()):
            assert time.monotonic() < end, f"{path} is not there"
            time.sleep(0.01)

    def until_gone(self, *pids: int) -> None:
        end = time.monotonic() + LIMIT_S
        while any(Path(f"/proc/{pid}/exe").exists() for pid in pids):
            assert time.monotonic() < end, f"one of {pids} is still there"
            time.sleep(0.01)


@pytest.fixture
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    # A socket's path has at most 108 characters.
    stand_in = Run(tmp_path_factory.mktemp("w"))
    yield stand_in
    stand_in.end()


def test_jobs_one_after_another_have_one_worker(run: Run) -> None:
    (first_job, first), (second_job, second) = run.tell(), run.tell()
    assert first == second
    assert first not in {first_job, second_job, os.getpid()}


def test_jobs_at_the_same_time_have_a_worker_each(run: Run) -> None:
    gate = run.folder / "gate"
    waits = [
        run.start("tell", file=str(run.folder / name), wait_for=str(gate)) for name in ("a", "b")
    ]
    end = time.monotonic() + LIMIT_S
    while len(run.workers()) < 2:
        assert time.monotonic() < end
        time.sleep(0.01)
    gate.touch()
    assert [job.wait(LIMIT_S) for job in waits] == [0, 0]
    assert run.told("a") != run.told("b")
    assert run.tell()[1] in {run.told("a"), run.told("b")}


def test_a_worker_ends_with_its_run_and_leaves_nothing(run: Run) -> None:
    _, worker = run.tell()
    run.end()
    run.until_gone(worker)
    assert list(run.folder.glob("meshbench-*")) == []


def test_without_a_run_a_job_does_its_work_itself(run: Run) -> None:
    run.environment.pop(workers.MAIN)
    pid, worker = run.tell()
    assert worker == pid
    assert run.workers() == []


def test_after_its_run_a_job_does_its_work_itself(run: Run) -> None:
    run.end()
    pid, worker = run.tell()
    assert worker == pid


def test_a_worker_that_vanishes_is_made_up_for(run: Run) -> None:
    _, first = run.tell()
    pid, status, stderr = run.job("vanish", file=str(run.folder / "made"))
    assert (status, run.told("made")) == (0, pid), stderr
    run.until_gone(first)
    assert run.tell()[1] not in {first, pid}


def test_work_apart_is_done_by_children_of_one_worker(run: Run) -> None:
    here = run.tell()[1]
    children, parents = [], []
    for number in range(2):
        status = run.job("tell", apart=True, file=str(run.folder / f"child{number}"))[1]
        assert status == run.job("parent", apart=True, file=str(run.folder / f"of{number}"))[1] == 0
        children.append(run.told(f"child{number}"))
        parents.append(run.told(f"of{number}"))
    assert children[0] != children[1]
    assert parents[0] == parents[1]
    assert here not in {*children, *parents}


def test_work_apart_is_told_for_how_long_nothing_was_done(run: Run) -> None:
    for name in ("first", "second"):
        assert run.job("idle", apart=True, file=str(run.folder / name))[1] == 0
    assert (run.folder / "first").read_text() == "unknown"
    assert float((run.folder / "second").read_text()) > 0


@pytest.mark.parametrize("ignored", [False, True])
def test_work_apart_is_interrupted_when_its_job_goes(
    run: Run, monkeypatch: pytest.MonkeyPatch, ignored: bool
) -> None:
    """Also of a run that a shell started in the background, which does not hear Ctrl-C."""
    if ignored:
        monkeypatch.setattr(run, "shell", ["sh", "-c", 'trap "" INT; exec "$@"', "sh"])
    begun, ended = run.folder / "begun", run.folder / "ended"
    job = run.start("linger", apart=True, begun=str(begun), file=str(ended))
    run.until_there(begun)
    job.kill()
    job.wait(LIMIT_S)
    run.until_there(ended)
    assert ended.read_text() == "interrupted"
    run.until_gone(run.told("begun"))
    assert run.job("tell", apart=True, file=str(run.folder / "next"))[1] == 0


def test_work_apart_whose_process_vanishes_is_made_up_for(run: Run) -> None:
    pid, status, stderr = run.job("vanish", apart=True, file=str(run.folder / "made"))
    assert (status, run.told("made")) == (0, pid), stderr


@pytest.mark.parametrize("warmed", [True, False])
@pytest.mark.parametrize("apart", [True, False])
def test_what_goes_wrong_is_told_alike(run: Run, warmed: bool, apart: bool) -> None:
    if not warmed:
        run.environment.pop(workers.MAIN)
    _, status, stderr = run.job("refuse", apart=apart)
    assert (status, stderr) == (1, "there is no such thing\n")
    assert "there is no such thing" in (run.folder / "log").read_text()
    _, status, stderr = run.job("crash", apart=apart)
    assert status == 1
    log = run.folder / "log"
    assert stderr == f"unexpected ZeroDivisionError: a defect; its traceback is in {log}\n"
    assert "Traceback" in log.read_text()
    assert run.tell()[1]


def test_a_place_of_somebody_else_is_not_used(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(workers.RUN, "trial")
    monkeypatch.setenv(workers.MAIN, str(run.main.pid))
    monkeypatch.setattr("tempfile.tempdir", str(run.folder))
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    workers.run(tmp_path / "log", f"{WORK}.tell", file=str(tmp_path / "told"))
    assert (tmp_path / "told").read_text() == str(os.getpid())
    assert run.workers() == []
