"""One finished campaign for all tests, and a copy of it for each."""

from pathlib import Path

import pytest
from tests.workflow.checkout import Checkout


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A campaign on the fake testbed with everything done. Not to be changed: copy it."""
    made = Checkout.make(tmp_path_factory.mktemp("workflow") / "finished")
    made.run()
    return made


@pytest.fixture
def checkout(finished: Checkout, tmp_path: Path) -> Checkout:
    """The finished campaign, to be changed."""
    return finished.copy(tmp_path / "checkout")
