"""The README's commands set everything up on a machine that has only what the README asks for."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fresh import machines
from tests.fresh.machines import Machine, Store

DEBIAN = ("trixie", "bookworm")
"""Stable and oldstable."""
UBUNTU = "resolute"
"""The current LTS."""
SET_UP = "cd {0}; make setup"
"""What `make figures` and `make test` do first."""
DRY_RUN = "cd {0}; . .venv/bin/activate; pip check; snakemake -n"


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    if os.geteuid() != 0:
        pytest.skip("only root can make a machine")
    if lacking := [program for program in machines.PROGRAMS if not shutil.which(program)]:
        pytest.skip(f"no machine can be made here without {', '.join(lacking)}")
    with machines.store() as store:
        yield store


@pytest.fixture(scope="module", params=[*DEBIAN, UBUNTU])
def system(store: Store, request: pytest.FixtureRequest) -> Path:
    if request.param in DEBIAN:
        return store.debian(request.param)
    try:
        return store.ubuntu(request.param, made_on=DEBIAN[0])
    except ConnectionError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def machine(store: Store, system: Path) -> Iterator[Machine]:
    """A machine on which root has typed one command."""
    with store.machine(system) as machine:
        machine.clone("/srv/root")
        machine.must(SET_UP.format("/srv/root"))
        yield machine


def test_without_root_one_sentence_says_which_package_is_lacking(
    store: Store, system: Path
) -> None:
    with store.machine(system) as new:
        new.clone("/srv/mine", "nobody")
        done = new.run(SET_UP.format("/srv/mine"), user="nobody")
        listing = new.must("ls --almost-all /srv/mine")
    assert done.returncode != 0
    assert "python3 cannot make the environment yet; as root: apt-get install" in done.stdout
    assert "Traceback" not in done.stdout
    assert ".venv" not in listing


def test_root_sets_everything_up_with_one_command(machine: Machine) -> None:
    planned = machine.must(DRY_RUN.format("/srv/root"))
    assert "This was a dry-run" in planned
    assert "measure " in planned


@pytest.mark.parametrize("system", DEBIAN[:1], indirect=True)
def test_without_root_without_a_home_and_with_a_strict_umask(machine: Machine) -> None:
    machine.clone("/srv/mine", "nobody")
    script = f"umask 077; {SET_UP} plan".format("/srv/mine")
    planned = machine.run(script, user="nobody", environment={})
    assert planned.returncode == 0, planned.stdout
    assert "campaign quick" in planned.stdout
    assert "WARNING" not in planned.stdout


@pytest.mark.parametrize("system", DEBIAN[:1], indirect=True)
def test_an_environment_that_does_not_work_here_is_made_anew(machine: Machine) -> None:
    would = "cd {0}; make --dry-run setup"
    assert "-m venv" not in machine.must(would.format("/srv/root"))
    machine.must("cp --archive --link /srv/root /srv/copy")
    assert "-m venv" in machine.must(would.format("/srv/copy"))
    machine.must("ln --symbolic --force /gone/python3 /srv/root/.venv/bin/python3")
    machine.must(SET_UP.format("/srv/root"))
    assert "This was a dry-run" in machine.must(DRY_RUN.format("/srv/root"))
