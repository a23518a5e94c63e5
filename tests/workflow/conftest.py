"""One finished campaign for all tests, and a copy of it for each."""

from pathlib import Path

import pytest

from tests.workflow.checkout import Checkout, Ran


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Ran]:
    """A campaign on the fake testbed, and the run that made everything of it."""
    fresh = Checkout.make(tmp_path_factory.mktemp("workflow") / "finished")
    return fresh, fresh.run()


@pytest.fixture(scope="session")
def finished(first: tuple[Checkout, Ran]) -> Checkout:
    """The campaign with everything done. Not to be changed: copy it."""
    return first[0]


@pytest.fixture(scope="session")
def evaluation(first: tuple[Checkout, Ran]) -> set[str]:
    """Everything that follows from tidy rows: tables, checks, figures."""
    before = ("deploy ", "calibrate ", "measure ", "parse ", "the figures' shared JavaScript")
    return {job for job in first[1].jobs if not job.startswith(before)}


@pytest.fixture
def checkout(finished: Checkout, tmp_path: Path) -> Checkout:
    """The finished campaign, to be changed."""
    return finished.copy(tmp_path / "checkout")
